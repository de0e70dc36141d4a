//! The variables of the shell that `aigwctl` was run in, which tools started from it get too. No value is shown: it may
//! hold a key.

use std::net::SocketAddr;

use aigw_shared::key;
use aigw_shared::os::listener;
use url::{Host, Url};

use super::Seen;
use super::report::Line;
use crate::commands::shell_tokens;
use crate::no_proxy::LOOPBACK;
use crate::os;

/// Through which tools find a proxy.
const PROXIES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
/// Through which they find an API, and the one that then holds the key.
const BASE_URLS: [(&str, &str); 4] = [
    ("ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN"),
    ("OPENAI_BASE_URL", "OPENAI_API_KEY"),
    ("OPENAI_API_BASE", "OPENAI_API_KEY"),
    ("GOOGLE_GEMINI_BASE_URL", "GEMINI_API_KEY"),
];

/// Whether a proxy variable would send what is meant for the daemon elsewhere.
pub(super) fn no_proxy() -> Vec<Line> {
    let set: Vec<_> = PROXIES.into_iter().filter(|name| is_set(name)).collect();
    let Some(first) = set.first() else { return vec![Line::ok("no-proxy", "no proxy variable is set")] };
    let list = ["NO_PROXY", "no_proxy"].map(|name| os::variable(name).unwrap_or_default()).join(",");
    let words: Vec<&str> = list.split(',').map(str::trim).collect();
    let covered = |name: &&str| words.iter().any(|word| word == name || *word == "*");
    let missing: Vec<_> = LOOPBACK.into_iter().filter(|name| !covered(name)).collect();
    vec![if missing.is_empty() {
        Line::ok("no-proxy", "NO_PROXY has the names of this machine")
    } else {
        let text = format!("{first} is set, and NO_PROXY lacks {}", missing.join(", "));
        Line::warning("no-proxy", text, os::shell_in_use().evaluate("aigwctl env"))
    }]
}

/// Whether a variable that `aigwctl env` has set leads nowhere by now, or one holds a deployment's token.
pub(super) fn variables(seen: &Seen) -> Vec<Line> {
    let mut lines: Vec<Line> = shell_tokens::findings()
        .map(|finding| Line::warning("environment", finding.text, finding.cure))
        .collect();
    if let Ok(status) = &seen.status {
        let listen: Vec<SocketAddr> =
            status.daemon.listen.iter().filter_map(|address| address.parse().ok()).collect();
        let proxies = PROXIES.into_iter().map(|name| (name, "env --proxy", None));
        let urls = BASE_URLS.into_iter().map(|(name, key)| (name, "env", Some(key)));
        lines.extend(proxies.chain(urls).filter_map(|(name, mends, holder)| {
            let port = port_of_ours(name, holder)?;
            let at = listen.iter().any(|address| address.port() == port);
            (!at).then(|| stray(name, port, mends))
        }));
    }
    if lines.is_empty() {
        lines.push(Line::ok("environment", "no variable leads astray"));
    }
    lines
}

fn stray(name: &str, port: u16, mends: &str) -> Line {
    let who = listener::of(port).map_or_else(
        || "where aigwd does not listen".to_owned(),
        |owner| format!("where {} listens, and not aigwd", owner.words),
    );
    Line::error(
        "environment",
        format!("{name} in this shell leads to port {port}, {who}"),
        os::shell_in_use().evaluate(&format!("aigwctl {mends}")),
    )
}

/// The port in a variable that is of our making: on this machine, with a local key in it or beside it.
fn port_of_ours(name: &str, holder: Option<&str>) -> Option<u16> {
    let value = os::variable(name)?;
    let url = Url::parse(value.trim()).ok()?;
    let here = match url.host()? {
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
        Host::Domain(name) => name == "localhost",
    };
    let beside = holder.and_then(os::variable).is_some_and(|value| is_key(&value));
    let ours = beside || url.password().is_some_and(is_key) || url.path().starts_with("/_k/");
    (here && ours).then(|| url.port_or_known_default()).flatten()
}

fn is_key(text: &str) -> bool {
    text.trim().starts_with(key::PREFIX)
}

fn is_set(name: &str) -> bool {
    os::variable(name).is_some_and(|value| !value.trim().is_empty())
}
