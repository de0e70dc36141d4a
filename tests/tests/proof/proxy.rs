//! Through the proxy: an intercepted host is answered, and nobody else is asked.

use aigw_shared::ipc::payload::{ProofAsked as Asked, ProofTunnelCame as Came};
use aigw_tests::inside::Greeting;
use aigw_tests::raw::{self, Raw};

use crate::Proving;

const BODY: &str = r#"{"model":"claude-sonnet-4-5","stream":true,"messages":[]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_intercepted_host_answers_and_the_certificate_is_noted_as_taken() {
    let mut proving = Proving::begin().await;
    let roots = proving.scene.machine.root_pem();
    for (host, protocols, path, asked) in [
        ("api.anthropic.com", &[][..], "/v1/messages", Asked::Messages),
        ("api.openai.com", &["h2"], "/v1/responses", Asked::Responses),
        ("api.openai.com", &["http/1.1"], "/v1/chat/completions", Asked::Chat),
    ] {
        let target = format!("{host}:443");
        let raw = raw::tunnel(proving.scene.address(), &target, Some(&proving.key)).unwrap();
        let greeting = Greeting { protocols, ..Greeting::new(&roots, host) };
        let mut http = greeting.over(raw).await.unwrap().http().await;
        let answer = http.ask("POST", path, &["x-api-key: sk-somebodys", "user-agent: x/1"], BODY).await;
        assert_eq!(answer.status, 200, "{host}: {}", answer.text());
        assert!(answer.text().contains("aigw-five"), "{}", answer.text());
        // Of the host itself it is told nothing.
        let answer = http.ask("POST", "/api/event_logging/batch", &[], "{}").await;
        assert_eq!((answer.status, answer.error()), (403, Some("path-refused")));
        let seen = proving.seen().await;
        let turn = &seen.requests[seen.requests.len() - 2];
        assert_eq!((turn.host.as_deref(), turn.asked, turn.status), (Some(host), asked, 200));
        assert!(turn.path.ends_with(path) && turn.whole, "{turn:?}");
        let other = seen.requests.last().unwrap();
        assert_eq!((other.path.as_str(), other.asked), ("/api/event_logging/batch", Asked::Other));
        let tunnel = seen.tunnels.last().unwrap();
        assert_eq!((tunnel.host.as_str(), tunnel.came), (target.as_str(), Came::Trusted));
        assert!(!format!("{seen:?}").contains("sk-somebodys"));
    }
    proving.nobody_else_saw();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_trust_us_is_noted_and_accused_of_nothing() {
    let mut proving = Proving::begin().await;
    proving.scene.machine.root_pem();
    let none = aigw_gateway_root(&proving);
    for _ in 0..3 {
        let raw = raw::tunnel(proving.scene.address(), "api.anthropic.com:443", Some(&proving.key)).unwrap();
        assert!(Greeting::new(&none, "api.anthropic.com").over(raw).await.is_err());
    }
    let seen =
        proving.seen_until(|seen| seen.tunnels.iter().all(|tunnel| tunnel.came == Came::Rejected)).await;
    assert_eq!((seen.tunnels.len(), seen.requests.len()), (3, 0), "{seen:?}");
    proving.nobody_else_saw();
}

/// A root that did not sign for us.
fn aigw_gateway_root(proving: &Proving) -> String {
    proving.scene.gateway.ca_pem().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_is_reached() {
    let mut proving = Proving::begin().await;
    let address = proving.scene.address().to_owned();
    let gateway = proving.scene.gateway.url().replace("https://", "");
    let refusal = raw::tunnel(&address, &gateway, Some(&proving.key)).unwrap_err();
    assert_eq!((refusal.status, refusal.error()), (403, Some("target-refused")), "{}", refusal.text());
    let login = raw::login(&proving.key);
    let mut raw = Raw::connect(&address);
    raw.send(format!(
        "GET http://{gateway}/x HTTP/1.1\r\nhost: {gateway}\r\nproxy-authorization: {login}\r\n\r\n"
    ));
    assert_eq!(raw.answer().error(), Some("target-refused"));
    let seen = proving.seen().await;
    let tunnels: Vec<_> = seen.tunnels.iter().map(|tunnel| (tunnel.host.as_str(), tunnel.came)).collect();
    assert_eq!(tunnels, [(gateway.as_str(), Came::Refused), (&gateway, Came::Refused)]);
    proving.nobody_else_saw();
}
