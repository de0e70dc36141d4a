//! Keeps logins from ending: replaces own tokens in time, extends sessions, and finds out what to do when the deployment
//! no longer takes a token.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aigw_shared::config;
use aigw_shared::fault::{Fault, Kind};
use aigw_shared::finding::{Finding, Severity};
use aigw_shared::secret::Secret;
use futures_util::future::join_all;

use super::own::{self, Own};
use super::{Held, Lasting, oauth};
use crate::app::App;
use crate::deployment::{self, tokens};
use crate::gateway::{Gateway, bound_to, trimmed};
use crate::now;

/// How long nothing is looked at when nothing is due. A clock that stood still while the machine slept is caught up with
/// in this time.
const ROUND: Duration = Duration::from_secs(600);
/// How often a token's file is looked at.
const FILE_ROUND: Duration = Duration::from_secs(15);
/// The first wait after a failure; each further one is twice as long, up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(15);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// A session is extended so often, and at least at a third of its life. Deployments extend once an hour at most.
const SESSION_ROUND: Duration = Duration::from_secs(3600);

/// How renewing a gateway's login goes.
#[derive(Clone, Debug, Default)]
pub struct Attempts {
    failures: u32,
    not_before: Option<Instant>,
    asked: Option<Instant>,
}

impl Attempts {
    /// One more failed.
    fn failed(&mut self, seed: u64, left: Duration) {
        let wait = wait(seed, self.failures, left);
        self.failures += 1;
        self.not_before = Some(Instant::now() + wait);
    }

    fn succeeded(&mut self) {
        *self = Self { asked: Some(Instant::now()), ..Self::default() };
    }
}

/// How long to wait after so many failures. Machines that failed together come back apart: each has waits of its own,
/// between half and one and a half of what is due. What has little time left hurries.
fn wait(seed: u64, failures: u32, left: Duration) -> Duration {
    use sha2::{Digest, Sha256};
    let due = FIRST_WAIT.saturating_mul(1 << failures.min(16)).min(LONGEST_WAIT);
    let due = due.min((left / 4).max(Duration::from_millis(500)));
    let hash = Sha256::digest([seed.to_be_bytes(), u64::from(failures).to_be_bytes()].concat());
    let fraction = f64::from(u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])) / f64::from(u32::MAX);
    due.mul_f64(0.5 + fraction)
}

/// Looks after all logins until the daemon ends.
pub async fn tend(app: Arc<App>) {
    loop {
        let gateways: Vec<Arc<Gateway>> = app.current().gateways.values().cloned().collect();
        let longest = if app.reads_token_file() { FILE_ROUND } else { ROUND };
        let soonest = gateways.iter().filter_map(|gateway| due_in(gateway)).min();
        tokio::select! {
            () = tokio::time::sleep(soonest.unwrap_or(longest).min(longest)) => {}
            () = app.logins.changed() => continue,
            () = app.ended.cancelled() => return,
            () = app.succession.left() => return,
        }
        app.read_token_file_again();
        let due = gateways.iter().filter(|gateway| due_in(gateway).is_some_and(|wait| wait.is_zero()));
        let round = join_all(due.map(|gateway| attend(&app, gateway)));
        tokio::select! {
            _ = round => {}
            () = app.ended.cancelled() => return,
        }
        gateways.iter().for_each(|gateway| warn_of_end(&app, gateway));
    }
}

/// When there is something to do for this login; never for one that is used as it is.
fn due_in(gateway: &Gateway) -> Option<Duration> {
    let attempts = gateway.attempts();
    let held = gateway.held();
    let due = match &held.lasting {
        Lasting::Given => return None,
        Lasting::Own { .. } => until(held.lasting.replaced_at()?),
        Lasting::Session { lifetime_s } => {
            let every = SESSION_ROUND.min(Duration::from_secs(lifetime_s / 3));
            attempts.asked.map_or(Duration::ZERO, |at| every.saturating_sub(at.elapsed()))
        }
        Lasting::OAuth(grant) => until(grant.refreshed_at()),
    };
    let held_back =
        attempts.not_before.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()));
    Some(due.max(held_back))
}

async fn attend(app: &Arc<App>, gateway: &Arc<Gateway>) {
    let held = gateway.held();
    let outcome = match &held.lasting {
        Lasting::Own { .. } => rotate(app, gateway, Occasion::Due).await,
        Lasting::OAuth(_) => refresh(app, gateway).await,
        Lasting::Session { .. } | Lasting::Given => extend(app, gateway).await,
    };
    drop(held);
    let name = &gateway.settings.name;
    let Err(fault) = outcome else {
        gateway.attempts().succeeded();
        app.health.clear("login-not-renewed", name);
        return;
    };
    let left = gateway.held().expires_at.map_or(LONGEST_WAIT, until);
    gateway.attempts().failed(app.logins.seed(), left);
    let text = format!("the login for the gateway {name} could not be renewed: {}", fault.what);
    let finding = Finding::new("login-not-renewed", Severity::Warning, text, fault.cure());
    app.health.note(name, finding);
}

/// Why a token is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// Its time has come.
    Due,
    /// Somebody wants it now.
    Asked,
}

/// Replaces an own token: a new one is made, tried, kept and used; the old one is deleted after the last request that
/// uses it. What an earlier rotation left is deleted first.
///
/// # Errors
/// Why there is no new one; the old one stays in use.
pub async fn rotate(app: &Arc<App>, gateway: &Arc<Gateway>, occasion: Occasion) -> Result<(), Fault> {
    let name = &gateway.settings.name;
    let _alone = app.logins.alone(name).await;
    app.succession.check()?;
    let old = gateway.held();
    let Some(token) = old.token.clone() else {
        return Err(crate::pipeline::credential::not_logged_in(name));
    };
    if occasion == Occasion::Due && due_in(gateway).is_none_or(|wait| !wait.is_zero()) {
        // A login was quicker.
        return Ok(());
    }
    sweep(app, gateway, &token).await;
    let own = own::make(gateway, &token, &app.logins.family(name), old.scope.as_deref()).await?.map_err(
        |words| {
            Fault::new(Kind::GatewayRefused, format!("the deployment makes no new token: {words}"))
                .cure_with("run `aigwctl login`")
        },
    )?;
    let was_own = matches!(old.lasting, Lasting::Own { .. });
    let held = held_of(own, (**old).clone());
    app.keep(name, None, held, None).await?;
    app.logins.change();
    if was_own {
        let unused = old.unused();
        drop(old);
        retire(app, &gateway.settings, &token, unused);
    }
    Ok(())
}

/// What is held with an own token in the place of what it was made with.
pub fn held_of(own: Own, before: Held) -> Held {
    Held {
        token: Some(own.token),
        expires_at: own.info.ends(),
        scope: own.info.scope(),
        lasting: Lasting::Own { name: own.name, made_at: now(), lifetime_s: own.lifetime.as_secs() },
        ..before
    }
}

/// Deletes a token of ours after the last request that uses it. If the daemon ends before, the next rotation does it.
pub fn retire(
    app: &Arc<App>,
    settings: &config::Gateway,
    token: &Secret,
    unused: impl Future<Output = ()> + Send + 'static,
) {
    let Some(id) = tokens::id(token).map(str::to_owned) else { return };
    app.logins.retiring(&id, true);
    // A way of its own: the gateway itself may hold the token as long as it is there.
    let way = app.candidate(settings.clone());
    let (app, token) = (app.clone(), token.clone());
    tokio::spawn(async move {
        tokio::select! {
            // A daemon before us may use it, too.
            () = async { unused.await; app.succession.alone().await } => {}
            () = app.ended.cancelled() => return,
        }
        if let Err(fault) = tokens::delete(&way, &token, &id).await {
            tracing::debug!("the old token stays until the next rotation: {fault}");
        }
        app.logins.retiring(&id, false);
    });
}

/// Deletes tokens of this machine that nobody uses: a crash left them. Not worth a failure.
async fn sweep(app: &App, gateway: &Gateway, token: &Secret) {
    if !app.succession.is_alone() {
        // A daemon before us may use one of them.
        return;
    }
    let family = app.logins.family(&gateway.settings.name);
    let Ok(all) = tokens::list(gateway, token).await else { return };
    for orphan in all.iter().filter(|it| family.has(&it.token_name)) {
        if tokens::id(token) == Some(&orphan.id) || app.logins.is_retiring(&orphan.id) {
            continue;
        }
        match tokens::delete(gateway, token, &orphan.id).await {
            Ok(()) => tracing::info!(name = orphan.token_name, "deleted a token of ours that nobody uses"),
            Err(fault) => tracing::debug!("a token of ours that nobody uses stays: {fault}"),
        }
    }
}

/// Fetches the next access token, unless somebody was quicker.
async fn refresh(app: &App, gateway: &Gateway) -> Result<(), Fault> {
    let _alone = app.logins.alone(&gateway.settings.name).await;
    app.succession.check()?;
    match due_in(gateway) {
        Some(wait) if wait.is_zero() => oauth::refresh(app, gateway).await,
        _ => Ok(()),
    }
}

/// Asks who the session belongs to, which extends it.
async fn extend(app: &App, gateway: &Gateway) -> Result<(), Fault> {
    let _alone = app.logins.alone(&gateway.settings.name).await;
    app.succession.check()?;
    let held = gateway.held();
    let Some(token) = &held.token else { return Ok(()) };
    deployment::me(gateway, token).await?;
    let ends = tokens::info(gateway, token).await?.ends();
    if ends.is_some() && ends != held.expires_at {
        let held = Held { expires_at: ends, ..(**held).clone() };
        app.keep(&gateway.settings.name, None, held, None).await?;
    }
    Ok(())
}

/// Says in time that a login ends which nothing extends.
fn warn_of_end(app: &App, gateway: &Gateway) {
    let held = gateway.held();
    let name = &gateway.settings.name;
    let Some((left, lifetime)) = held.expires_at.zip(held.token.as_ref()).map(|(end, _)| {
        let lifetime = match held.lasting {
            Lasting::Own { lifetime_s, .. } | Lasting::Session { lifetime_s } => lifetime_s,
            Lasting::OAuth(ref grant) => grant.lifetime_s,
            Lasting::Given => 4 * 86_400,
        };
        (end - now(), lifetime)
    }) else {
        return app.health.clear("login-ends", name);
    };
    // An own token is replaced long before; a session is extended well before.
    if left > i64::try_from(lifetime / 4).unwrap_or(i64::MAX) {
        return app.health.clear("login-ends", name);
    }
    let when = match left {
        ..=0 => "has ended".to_owned(),
        1..=7199 => format!("ends in {} minutes", left / 60),
        7200..=172_799 => format!("ends in {} hours", left / 3600),
        _ => format!("ends in {} days", left / 86_400),
    };
    let text = format!("the login for the gateway {name} {when}");
    app.health.note(name, Finding::new("login-ends", Severity::Warning, text, "run `aigwctl login`"));
}

/// The deployment did not take this token. Another one may be in force meanwhile, or stand in the store.
pub async fn after_refusal(app: &App, gateway: &Gateway, used: &Held) -> Fault {
    let name = &gateway.settings.name;
    let _alone = app.logins.alone(name).await;
    let is_new = |held: &Held| held.token.is_some() && held.token != used.token;
    if is_new(&gateway.held()) {
        return renewed();
    }
    let stored = app.held_for(&gateway.settings);
    if is_new(&stored) && stored.url == bound_to(&gateway.settings) {
        gateway.hold(stored);
        app.logins.change();
        return renewed();
    }
    // What comes next is the successor's to do, and the next request will be its own.
    if let Err(fault) = app.succession.check() {
        return fault;
    }
    let refreshable =
        matches!(gateway.held().lasting, Lasting::OAuth(_)) && gateway.held().token == used.token;
    let fault = if refreshable {
        match oauth::refresh(app, gateway).await {
            Ok(()) => return renewed(),
            Err(fault) if fault.kind == Kind::TokenRejected => fault,
            // Nobody has said that it cannot be refreshed.
            Err(fault) => return fault,
        }
    } else {
        let url = gateway.settings.url.as_ref().map_or("the gateway", trimmed);
        Fault::new(Kind::TokenRejected, format!("{url} does not accept the stored token any more"))
    };
    app.health.note(name, Finding::new("login-refused", Severity::Error, fault.what.clone(), fault.cure()));
    fault
}

fn renewed() -> Fault {
    Fault::new(Kind::TokenRenewed, "the login was renewed while this request was on its way")
}

/// How long it is until then, in seconds since 1970; nothing once it is over.
fn until(moment: i64) -> Duration {
    Duration::from_secs(u64::try_from(moment - now()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// 10,000 machines whose deployment went away at once, and which try again by their own seeds.
    #[test]
    fn ten_thousand_machines_do_not_come_back_together() {
        const MACHINES: u64 = 10_000;
        let month = Duration::from_secs(30 * 86_400);
        let mut clocks = vec![Duration::ZERO; MACHINES as usize];
        for failures in 0..8 {
            let mut seconds = BTreeMap::<u64, u32>::new();
            for (seed, clock) in clocks.iter_mut().enumerate() {
                *clock += wait(seed as u64, failures, month);
                *seconds.entry(clock.as_secs()).or_default() += 1;
            }
            let busiest = seconds.values().max().copied().unwrap();
            // Spread evenly, the first wait of 15 s on average would put 667 into each second; later ones fewer.
            let even = MACHINES as f64 / (FIRST_WAIT.as_secs() << failures) as f64;
            assert!(f64::from(busiest) < even * 2.0 + 40.0, "after {failures}: {busiest}, {even}");
        }
    }

    #[test]
    fn waits_grow_and_end_before_the_token_does() {
        let month = Duration::from_secs(30 * 86_400);
        for seed in 0..100 {
            assert!(wait(seed, 0, month) <= FIRST_WAIT.mul_f64(1.5));
            assert!(wait(seed, 40, month) >= LONGEST_WAIT / 2);
            assert!(wait(seed, 40, month) <= LONGEST_WAIT.mul_f64(1.5));
            assert!(wait(seed, 40, Duration::from_secs(60)) < Duration::from_secs(30));
            assert!(wait(seed, 3, Duration::ZERO) >= Duration::from_millis(250));
        }
    }
}
