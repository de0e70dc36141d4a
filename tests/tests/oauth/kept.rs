//! A deployment that makes no tokens: the OAuth2 tokens themselves are kept, refreshed in time and after a refusal, and
//! ended at logout.

use std::time::Duration;

use aigw_gateway::{Practice, Reply};
use aigw_tests::eventually::eventually;
use aigw_tests::machine::{Machine, Running, told};
use aigw_tests::{machine, raw};

use crate::begun::Begun;
use crate::{MESSAGES, browser, deployment};

struct Kept {
    gateway: Practice,
    machine: Machine,
    daemon: Running,
}

impl Kept {
    /// Logged in, with access tokens of this life.
    async fn with(access_lifetime: Duration) -> Self {
        let gateway = deployment(&["client_secret_post"]).await;
        gateway.change(|b| {
            b.minting_refused = true;
            b.oauth.as_mut().unwrap().access_lifetime = access_lifetime;
        });
        let machine = machine!();
        let daemon = machine.start();
        let kept = Kept { gateway, machine, daemon };
        kept.log_in();
        kept
    }

    fn log_in(&self) {
        let login = Begun::at(&self.machine, &[&self.gateway.url()]);
        assert_eq!(
            browser::open(&browser::press(&login.page, "allow")).status,
            200,
            "{}",
            self.machine.log()
        );
        let output = login.end();
        assert!(output.status.success(), "{}", told(&output));
        let said = told(&output);
        assert!(said.contains("The deployment makes no token for this machine"), "{said}");
    }

    fn ask(&self) -> raw::Answer {
        let address = &self.daemon.address;
        let key = self.machine.key("env");
        raw::exchange(address, raw::post(address, "/anthropic/v1/messages", &key, &[], MESSAGES))
    }

    /// The id of the one token that the deployment knows.
    fn token(&self) -> String {
        let alive = self.gateway.tokens_alive("ada");
        assert!(alive.len() <= 1, "{alive:?}");
        alive.first().map(|token| token.id.clone()).unwrap_or_default()
    }

    /// Waits until another token is kept. A crash before that loses the login: the deployment has forgotten the old ones.
    fn refreshed_since(&self, before: &str) {
        let file = self.machine.home().join("state/credentials/default.json");
        eventually("the token is refreshed and stored", || {
            let now = self.token();
            let stored = std::fs::read_to_string(&file).ok()?;
            (now != before && !now.is_empty() && stored.contains(&now)).then_some(())
        });
    }

    fn status(&self) -> serde_json::Value {
        self.machine.ask(&["status"])["gateways"][0]["token"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_refreshed_before_it_ends_and_ended_at_logout() {
    let mut kept = Kept::with(Duration::from_secs(6)).await;
    let first = kept.token();
    assert_eq!(kept.status()["lasting"], "oauth", "{}", kept.status());
    assert_eq!(kept.ask().status, 200);
    kept.refreshed_since(&first);
    assert_eq!(kept.ask().status, 200);
    assert_eq!(kept.gateway.refused_tokens(), 0);
    // What was stored is what is used after a crash.
    kept.gateway.change(|b| b.oauth.as_mut().unwrap().access_lifetime = Duration::from_secs(3600));
    let second = kept.token();
    kept.refreshed_since(&second);
    kept.daemon.signal("KILL");
    kept.daemon.ended();
    kept.daemon = kept.machine.start();
    assert_eq!(kept.ask().status, 200, "{}", kept.machine.log());

    let output = kept.machine.ctl(&["logout"]);
    assert!(told(&output).contains("The deployment has deleted it, too (aigw"), "{}", told(&output));
    assert_eq!(kept.token(), "");
    assert_eq!(kept.gateway.oauth_clients(), 0);

    // Every secret that went to the token endpoint stayed between us and it.
    let log = kept.machine.log();
    for seen in kept.gateway.requests().iter().filter(|seen| seen.path.starts_with("/oauth2/")) {
        let body = seen.body_text();
        for name in ["code", "code_verifier", "refresh_token", "client_secret", "token"] {
            let values = body.split('&').filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            values.for_each(|secret| assert!(!log.contains(secret), "{name} in the log"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_refused_is_refreshed_at_once_and_by_one() {
    let kept = Kept::with(Duration::from_secs(3600)).await;
    kept.gateway.advance_clock(Duration::from_secs(3601));
    kept.gateway.forget_requests();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let asks: Vec<_> = (0..8).map(|_| scope.spawn(|| kept.ask())).collect();
        asks.into_iter().map(|ask| ask.join().unwrap()).collect()
    });
    for answer in &answers {
        let said = (answer.status, answer.error(), answer.field("retry-after"));
        assert!([(503, Some("token-renewed"), Some("1")), (200, None, None)].contains(&said), "{said:?}");
    }
    assert!(answers.iter().any(|answer| answer.status == 503));
    assert_eq!(kept.ask().status, 200);
    let refreshed = kept.gateway.requests().iter().filter(|seen| seen.path == "/oauth2/tokens").count();
    assert_eq!(refreshed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_cannot_refresh_now_has_not_refused() {
    let kept = Kept::with(Duration::from_secs(3600)).await;
    kept.gateway.advance_clock(Duration::from_secs(3601));
    let answer = |reply: Option<Reply>| {
        kept.gateway.change(|b| b.oauth.as_mut().unwrap().answer_tokens = reply);
        kept.ask()
    };
    let away = answer(Some(Reply::load_balancer_502()));
    assert_eq!((away.status, away.error()), (503, Some("gateway-unreachable")), "{}", away.text());
    assert!(!kept.machine.findings().contains(&"login-refused".to_owned()));
    assert_eq!(answer(None).error(), Some("token-renewed"));
    assert_eq!(kept.ask().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_ended_there_is_told_of() {
    let kept = Kept::with(Duration::from_secs(3600)).await;
    kept.gateway.revoke(&kept.token());
    let answer = kept.ask();
    assert_eq!((answer.status, answer.error()), (403, Some("token-rejected")), "{}", answer.text());
    assert!(answer.text().contains("aigwctl login"), "{}", answer.text());
    assert!(kept.machine.findings().contains(&"login-refused".to_owned()));
    kept.log_in();
    assert_eq!(kept.ask().status, 200);
    assert!(!kept.machine.findings().contains(&"login-refused".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_login_ends_the_tokens_of_the_one_before() {
    let kept = Kept::with(Duration::from_secs(3600)).await;
    let first = kept.token();
    kept.log_in();
    eventually("the old client is gone", || (kept.gateway.oauth_clients() == 1).then_some(()));
    assert_ne!(kept.token(), first);
    assert_eq!(kept.ask().status, 200);
    // A token of this machine's own, where it is made after all.
    kept.gateway.change(|b| b.minting_refused = false);
    let login = Begun::at(&kept.machine, &[&kept.gateway.url()]);
    assert_eq!(browser::open(&browser::press(&login.page, "allow")).status, 200);
    assert!(login.end().status.success());
    eventually("all clients are gone", || (kept.gateway.oauth_clients() == 0).then_some(()));
    let alive = kept.gateway.tokens_alive("ada");
    assert!(alive.len() == 1 && alive[0].name.starts_with("aigw-"), "{alive:?}");
    assert_eq!(kept.ask().status, 200);
}
