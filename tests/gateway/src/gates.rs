//! The gates before every provider route, in the order in which a real gateway asks them.

use crate::behaviour::Era;
use crate::front::Visit;
use crate::hold;
use crate::reply::Reply;
use crate::scopes::{self, Right};
use crate::upstream::{FIREWALL_SEQUENCE, FIREWALL_SESSION, token};

/// A gate says nothing, or how it refuses.
type Gate = fn(&Visit) -> Option<Reply>;

const GATES: &[Gate] = &[
    licence,
    mounted,
    capacity,
    rate,
    byok_allowed,
    token_present,
    control_plane,
    token_valid,
    budget,
    firewall_headers,
];

/// The refusal of the first closed gate.
pub(crate) fn refusal(visit: &Visit) -> Option<Reply> {
    GATES.iter().find_map(|gate| gate(visit))
}

fn product(visit: &Visit) -> &'static str {
    match visit.behaviour.era {
        Era::Old => "AI Bridge",
        Era::New => "AI Gateway",
    }
}

fn licence(visit: &Visit) -> Option<Reply> {
    let text = || format!("{} is a Premium feature. Contact sales!", product(visit));
    visit.behaviour.not_entitled.then(|| Reply::coder(403, &text(), None))
}

fn mounted(visit: &Visit) -> Option<Reply> {
    visit.behaviour.not_mounted.then(|| Reply::coder(404, "aibridged handler not mounted", None))
}

fn capacity(visit: &Visit) -> Option<Reply> {
    let max = visit.behaviour.max_concurrency;
    let full = max != 0 && visit.site.in_flight.load(std::sync::atomic::Ordering::SeqCst) > max;
    let text = || format!("{} is currently at capacity. Please try again later.", product(visit));
    (full || visit.behaviour.at_capacity).then(|| Reply::coder(503, &text(), None))
}

fn rate(visit: &Visit) -> Option<Reply> {
    let limit = visit.behaviour.rate_limit;
    let exceeded = limit != 0 && {
        let second = visit.site.tokens.clock.now().unix_timestamp();
        let key = token(&visit.head.headers)
            .map_or_else(|| visit.about.peer.ip().to_string(), |(token, _)| token.to_owned());
        let mut rates = hold(&visit.site.rates);
        let window = rates.entry(key).or_insert((second, 0));
        if window.0 != second {
            *window = (second, 0);
        }
        window.1 = window.1.saturating_add(1);
        window.1 > limit
    };
    (exceeded || visit.behaviour.rate_limited).then(|| {
        Reply::coder(429, "You've been rate limited. Please try again later.", None)
            .header("retry-after", &visit.behaviour.retry_after.to_string())
    })
}

fn byok_allowed(visit: &Visit) -> Option<Reply> {
    let asked = token(&visit.head.headers).is_some_and(|(_, byok)| byok);
    (visit.behaviour.byok_off && asked).then(|| {
        Reply::coder(
            403,
            "Bring Your Own Key (BYOK) mode is not enabled.",
            Some("Contact your administrator to enable it with --ai-gateway-allow-byok."),
        )
    })
}

fn token_present(visit: &Visit) -> Option<Reply> {
    token(&visit.head.headers).is_none().then(|| Reply::plain(400, "no authentication key provided"))
}

fn control_plane(visit: &Visit) -> Option<Reply> {
    visit.behaviour.control_plane_away.then(|| Reply::plain(503, "could not connect to coderd"))
}

fn token_valid(visit: &Visit) -> Option<Reply> {
    let good = token(&visit.head.headers).is_some_and(|(token, _)| {
        let found = visit.site.tokens.check(token);
        let asked = visit.behaviour.scopes.at_gateway;
        found.is_ok_and(|(token, _)| !asked || scopes::allow(&token.scopes, Right::Gateway))
    });
    (!good).then(|| {
        visit.site.note_refused_token();
        Reply::plain(403, "unauthorized")
    })
}

fn budget(visit: &Visit) -> Option<Reply> {
    let cents = visit.behaviour.budget_cents;
    visit.behaviour.budget_exceeded.then(|| {
        let limit = format!("US${}.{:02}", cents / 100, cents % 100);
        Reply::plain(
            403,
            &format!("AI budget of {limit} exceeded. Please contact an administrator for more details."),
        )
    })
}

/// Both or none, and both well formed.
fn firewall_headers(visit: &Visit) -> Option<Reply> {
    let value = |name| visit.head.headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let good = match (value(FIREWALL_SESSION), value(FIREWALL_SEQUENCE)) {
        (None, None) => true,
        (Some(session), Some(sequence)) => {
            is_uuid(session) && sequence.parse::<i32>().is_ok_and(|number| number >= 0)
        }
        _ => false,
    };
    (!good).then(|| Reply::plain(400, "invalid agent firewall headers"))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
