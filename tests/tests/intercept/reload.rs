//! The table of hosts changes while tools work: new connections see it at once, and so do new requests on old ones.

use std::time::Duration;

use aigw_gateway::{Ending, Origin, OriginSetup};
use aigw_tests::inside::{Greeting, Http};

use crate::stage::{NAME, Stage, configure, until};
use crate::{H1, H2, MESSAGES, RESPONSES};

#[tokio::test(flavor = "multi_thread")]
async fn hosts_come_move_and_go_for_new_connections_at_once() {
    let stage = Stage::set("anthropic", "").await;
    stage.scene.gateway.change(|behaviour| {
        behaviour.stream.gap = Duration::from_millis(20);
        behaviour.stream.ending = Ending::Endless;
    });
    let mut streams = Vec::new();
    for protocols in [H1, H2] {
        let mut http = stage.http(protocols).await;
        let mut response = http.begin("POST", "/v1/messages", &[], MESSAGES).await.unwrap();
        assert!(until(response.body_mut(), "content_block_delta").await);
        streams.push((http, response));
    }
    let mut second = Origin::start(OriginSetup::default()).await.unwrap();
    let further = format!("{NAME}:{}", second.port());
    let first = format!("{}=anthropic", stage.target);

    // One more. Its real host's certificate is another, so that it is not mixed up.
    assert!(through(&stage, &further, second.ca_pem()).await);
    stage.configure(&[&first, &format!("{further}=openai")], "");
    let mut http = intercepted(&stage, &further).await;
    asks(&stage, &mut http, "/v1/models", "/openai/v1/models").await;

    // It belongs to another provider.
    stage.configure(&[&first, &format!("{further}=anthropic")], "");
    let mut http = intercepted(&stage, &further).await;
    asks(&stage, &mut http, "/v1/models", "/anthropic/v1/models").await;

    // It moves: the old place is left alone.
    let moved = Origin::start(OriginSetup::default()).await.unwrap();
    let elsewhere = format!("{NAME}:{}", moved.port());
    stage.configure(&[&first, &format!("{elsewhere}=openai")], "");
    assert!(through(&stage, &further, second.ca_pem()).await);
    let mut http = intercepted(&stage, &elsewhere).await;
    asks(&stage, &mut http, "/v1/models", "/openai/v1/models").await;
    second = moved;

    // Settings that make no sense change nothing.
    let good = std::fs::read_to_string(stage.scene.machine.home().join("config/config.toml")).unwrap();
    for bad in ["hosts = [\"a b\"]", "hosts = 1", "hosts = [\"x=y=z\"]", "unmatched = \"perhaps\""] {
        stage.scene.machine.configure(&format!("[intercept]\n{bad}\n"));
        assert!(!stage.scene.machine.ctl(&["reload"]).status.success(), "{bad}");
        let mut http = intercepted(&stage, &elsewhere).await;
        asks(&stage, &mut http, "/v1/models", "/openai/v1/models").await;
    }
    stage.scene.machine.configure(&good);

    // None at all.
    stage.configure(&[], "");
    assert!(stage.is_let_through().await);
    assert!(through(&stage, &elsewhere, second.ca_pem()).await);
    // Known hosts go only when somebody says so.
    let inside = stage.scene.inside("api.openai.com", H2).await;
    assert_eq!(inside.http().await.ask("GET", "/v1/models", &[], "").await.status, 200);

    // And back.
    stage.configure(&[&first], "");
    let mut http = intercepted(&stage, &stage.target).await;
    asks(&stage, &mut http, "/v1/models", "/anthropic/v1/models").await;

    for (_http, response) in &mut streams {
        assert!(until(response.body_mut(), "content_block_delta").await, "a stream goes on");
    }
    // Endless ones have not ended.
    let cancelled = stage.scene.gateway.requests().iter().filter(|seen| seen.cancelled()).count();
    assert_eq!(cancelled, 0);
}

/// Whether the tunnel ends at the real host.
async fn through(stage: &Stage, target: &str, roots: &str) -> bool {
    let raw = stage.scene.tunnel(target).unwrap();
    Greeting::new(roots, NAME).over(raw).await.is_ok()
}

async fn intercepted(stage: &Stage, target: &str) -> Http {
    let roots = stage.scene.machine.root_pem();
    let greeting = Greeting { protocols: H2, ..Greeting::new(&roots, NAME) };
    let greeted = greeting.over(stage.scene.tunnel(target).unwrap()).await;
    let mut http = greeted.unwrap_or_else(|error| panic!("{target}: {error}")).http().await;
    target.clone_into(&mut http.authority);
    http
}

/// The gateway's route that it reaches.
async fn asks(stage: &Stage, http: &mut Http, path: &str, there: &str) {
    let before = stage.scene.gateway.provider_requests().len();
    let answer = http.ask("GET", path, &[], "").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = stage.scene.gateway.provider_requests();
    assert_eq!((seen.len(), seen[before].path.as_str()), (before + 1, there));
}

/// A tool keeps its connection for hours.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_on_an_old_connection_sees_the_new_table() {
    let stage = Stage::set("anthropic", "").await;
    for protocols in [H1, H2] {
        let mut http = stage.http(protocols).await;
        // A refusal ends a connection of HTTP/1.1, so another one is kept.
        let mut old = vec![stage.http(protocols).await];
        assert_eq!(http.ask("POST", "/v1/messages", &[], MESSAGES).await.status, 200);
        stage.only_the_gateway_saw();
        stage.configure(&[&format!("{}=openai", stage.target)], "");
        assert_eq!(http.ask("POST", "/v1/messages", &["x-api-key: own"], MESSAGES).await.status, 200);
        assert_eq!(stage.only_the_host_saw().header("x-api-key"), Some("own"));
        assert_eq!(http.ask("POST", "/v1/responses", &[], RESPONSES).await.status, 200);
        assert_eq!(stage.only_the_gateway_saw().path, "/openai/v1/responses");
        // Refused from now on.
        stage.configure(&[&format!("{}=openai", stage.target)], "unmatched = \"refuse\"");
        assert_eq!(http.ask("POST", "/v1/messages", &[], MESSAGES).await.status, 403);
        stage.nobody_saw("refused");
        // Not intercepted any more: the host itself, as if this had always been a tunnel.
        stage.configure(&[], "unmatched = \"refuse\"");
        let mut http = if protocols == H1 { old.pop().unwrap() } else { http };
        assert_eq!(http.ask("POST", "/v1/responses", &["x-api-key: own"], RESPONSES).await.status, 200);
        assert_eq!(stage.only_the_host_saw().header("x-api-key"), Some("own"));
        stage.configure(&[&format!("{}=anthropic", stage.target)], "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_host_that_is_excepted_is_a_tunnel_like_any_other() {
    let stage = Stage::set("anthropic", "").await;
    let target = "api.openai.com:443";
    assert!(stage.scene.tunnel(target).is_ok());
    let first = format!("{}=anthropic", stage.target);
    stage.configure(&[&first], "except = [\"api.openai.com\"]");
    // Here no resolver knows it: that it is asked for is the proof.
    let refusal = stage.scene.tunnel(target).expect_err("a tunnel to a host that is not there");
    assert_eq!(refusal.error(), Some("target-unreachable"), "{}", refusal.text());
    stage.configure(&[&first], "");
    assert!(stage.scene.tunnel(target).is_ok());
}

/// A CA signs for the names that it was made for.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_the_ca_cannot_sign_for_is_let_through_and_told_of() {
    let stage = Stage::set("anthropic", "").await;
    let _ = stage.inside(H1).await;
    let first = format!("{}=anthropic", stage.target);
    stage.configure(&[&first, "further.invalid=openai"], "");
    let refusal = stage.scene.tunnel("further.invalid:443").expect_err("no such host");
    assert_eq!(refusal.error(), Some("target-unreachable"), "{}", refusal.text());
    assert!(stage.scene.machine.findings().contains(&"ca-outgrown".to_owned()));
    stage.configure(&[&first], "");
    assert!(!stage.scene.machine.findings().contains(&"ca-outgrown".to_owned()));
}

/// A gateway that is not Coder's serves what its settings name, and the rest is none of our business.
#[tokio::test(flavor = "multi_thread")]
async fn a_generic_gateway_without_that_provider_leaves_the_host_alone() {
    let stage = Stage::set("anthropic", "").await;
    let first = format!("{}=anthropic", stage.target);
    assert!(!stage.is_let_through().await);
    for (provider, through) in [("openai", true), ("anthropic", false)] {
        configure(&stage.scene, &[&first], "");
        let file = stage.scene.machine.home().join("config/config.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.split("\n[gateway.other]").next().unwrap();
        let url = stage.scene.gateway.url();
        let other = format!(
            "[gateway.other]\nkind = \"generic\"\nurl = \"{url}\"\n[gateway.other.providers.{provider}]\nbase_url = \"{url}\"\n"
        );
        stage.scene.machine.configure(&format!("default_gateway = \"other\"\n{text}\n{other}"));
        stage.scene.machine.ask(&["reload"]);
        assert_eq!(stage.is_let_through().await, through, "{provider}");
    }
    configure(&stage.scene, &[&first], "");
    stage.scene.machine.ask(&["reload"]);
    assert!(!stage.is_let_through().await);
}
