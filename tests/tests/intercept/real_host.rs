//! The real host of an intercepted name fails, or is not who it says: 502 that names it, and nothing was sent.

use aigw_gateway::{Certificate, Manner, OriginSetup, Practice, Reply, Setup, Transport};
use aigw_tests::inside::Greeting;
use aigw_tests::machine;
use aigw_tests::scene::Scene;

use crate::stage::{Stage, restart};
use crate::{H1, H2, MESSAGES};

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_does_not_hold_is_502_and_nothing_is_sent() {
    for (certificate, words) in [
        (Certificate::UntrustedRoot, "not trusted"),
        (Certificate::SelfSigned, ""),
        (Certificate::Expired, "expired"),
        (Certificate::NotYetValid, "not valid yet"),
        (Certificate::WrongName, "another name"),
        (Certificate::ForClients, ""),
    ] {
        let origin = OriginSetup { certificate, ..OriginSetup::default() };
        let stage = Stage::with(origin, Setup::default(), "anthropic", "").await;
        for protocols in [H1, H2] {
            let own = "authorization: Bearer sk-ant-oat01-own";
            let answer = stage.http(protocols).await.ask("POST", "/api/oauth/profile", &[own], "{}").await;
            assert_eq!((answer.status, answer.error()), (502, Some("target-untrusted")), "{}", answer.text());
            let message = answer.json()["error"]["message"].to_string();
            assert!(message.contains("localhost") && message.contains(words), "{certificate:?} {message}");
            assert!(!message.contains("gateway"), "{message}");
            assert_eq!(answer.field("x-should-retry"), Some("false"));
            stage.nobody_saw("untrusted");
            // The gateway is as good as before.
            assert_eq!(
                stage.http(protocols).await.ask("POST", "/v1/messages", &[], MESSAGES).await.status,
                200
            );
            stage.only_the_gateway_saw();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_does_not_answer_is_502_and_comes_back_without_a_restart() {
    let stage = Stage::set("anthropic", "").await;
    for protocols in [H1, H2] {
        for transport in [None, Some(Transport::CloseAtOnce), Some(Transport::Reset)] {
            match transport {
                None => stage.origin.stop().await,
                Some(transport) => {
                    stage.origin.transport(transport);
                    stage.origin.close_connections();
                }
            }
            let answer = stage.http(protocols).await.ask("POST", "/api/x", &[], "{}").await;
            assert_eq!(
                (answer.status, answer.error()),
                (502, Some("target-unreachable")),
                "{}",
                answer.text()
            );
            let message = answer.json()["error"]["message"].to_string();
            assert!(message.contains("localhost") && !message.contains("gateway"), "{message}");
            stage.nobody_saw("unreachable");
            stage.origin.transport(Transport::Serve);
            restart(&stage.origin).await;
            assert_eq!(stage.http(protocols).await.ask("POST", "/api/x", &[], "{}").await.status, 200);
            stage.only_the_host_saw();
        }
    }
}

/// A host that no resolver knows. (Names under `invalid` exist nowhere: RFC 2606.)
#[tokio::test(flavor = "multi_thread")]
async fn a_name_without_an_address_is_502_and_ai_calls_need_none() {
    let machine = machine!();
    machine.configure("[intercept]\nhosts = [\"nowhere.invalid=anthropic\"]\n");
    let scene = Scene::set(machine, Setup { tls: true, ..Setup::default() }).await;
    let mut http = scene.inside("nowhere.invalid", H2).await.http().await;
    let answer = http.ask("GET", "/api/x", &[], "").await;
    assert_eq!((answer.status, answer.error()), (502, Some("target-unreachable")), "{}", answer.text());
    assert!(answer.text().contains("nowhere.invalid cannot be resolved"), "{}", answer.text());
    assert_eq!(http.ask("POST", "/v1/messages", &[], MESSAGES).await.status, 200);
}

/// What answers without TLS at all, or with an answer that can be read in two ways.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_tls_gets_nothing() {
    let origin = OriginSetup { tls: false, ..OriginSetup::default() };
    let machine = machine!();
    let origin = aigw_gateway::Origin::start(origin).await.unwrap();
    let target = format!("localhost:{}", origin.port());
    machine.configure(&format!("[intercept]\nhosts = [\"{target}=anthropic\"]\n"));
    let scene = Scene::set(machine, Setup { tls: true, ..Setup::default() }).await;
    let raw = scene.tunnel(&target).unwrap();
    let roots = scene.machine.root_pem();
    let mut http = Greeting::new(&roots, "localhost").over(raw).await.unwrap().http().await;
    http.authority.clone_from(&target);
    let answer = http.ask("GET", "/api/x", &["authorization: Bearer own"], "").await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(answer.text().contains("localhost"), "{}", answer.text());
    assert!(origin.requests().is_empty());
}

/// A container's key reaches no private address, not even as the real host of an intercepted name.
#[tokio::test(flavor = "multi_thread")]
async fn a_containers_key_reaches_no_real_host_on_this_machine() {
    let origin = aigw_gateway::Origin::start(OriginSetup::default()).await.unwrap();
    let target = format!("localhost:{}", origin.port());
    let mut machine = machine!();
    let secret = machine.home().join("secret");
    std::fs::write(&secret, [7; 32]).unwrap();
    machine.set("AIGW_KEY_FILE", secret.to_str().unwrap());
    let ca_file = machine.home().join("origin.pem");
    std::fs::write(&ca_file, origin.ca_pem()).unwrap();
    let intercept = format!("hosts = [\"{target}=anthropic\"]\nca_file = \"{}\"", ca_file.display());
    machine.configure(&format!("[listen]\nkeys = [\"env\"]\n[intercept]\n{intercept}\n"));
    let scene = Scene::set(machine, Setup { tls: true, ..Setup::default() }).await;
    let roots = scene.machine.root_pem();
    let greeting = Greeting { protocols: H2, ..Greeting::new(&roots, "localhost") };
    let mut http = greeting.over(scene.tunnel(&target).unwrap()).await.unwrap().http().await;
    http.authority.clone_from(&target);
    let answer = http.ask("GET", "/api/x", &[], "").await;
    assert_eq!((answer.status, answer.error()), (403, Some("target-refused")), "{}", answer.text());
    assert_eq!(origin.connections(), 0);
    assert_eq!(http.ask("POST", "/v1/messages", &[], MESSAGES).await.status, 200);
}

/// Round and round is not where a request goes.
#[tokio::test(flavor = "multi_thread")]
async fn p2_our_own_listener_is_no_real_host() {
    let stage = Stage::set("anthropic", "").await;
    let ours = format!("localhost:{}", stage.scene.daemon.port);
    stage.configure(&[&format!("{ours}=anthropic")], "");
    let roots = stage.scene.machine.root_pem();
    let greeting = Greeting { protocols: H2, ..Greeting::new(&roots, "localhost") };
    let mut http = greeting.over(stage.scene.tunnel(&ours).unwrap()).await.unwrap().http().await;
    http.authority.clone_from(&ours);
    let answer = http.ask("GET", "/healthz", &[], "").await;
    assert_eq!((answer.status, answer.error()), (403, Some("target-refused")), "{}", answer.text());
    assert_eq!(http.ask("POST", "/v1/messages", &[], MESSAGES).await.status, 200);
    stage.only_the_gateway_saw();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_taken_and_not_answered_is_502_and_never_sent_again() {
    let stage = Stage::set("anthropic", "").await;
    stage.origin.otherwise(Manner::Reply(Reply::hang_up()));
    for protocols in [H1, H2] {
        for method in ["POST", "GET"] {
            let answer = stage.http(protocols).await.ask(method, "/api/x", &[], "").await;
            assert_eq!((answer.status, answer.error()), (502, Some("upstream-failed")), "{}", answer.text());
            let message = answer.json()["error"]["message"].to_string();
            assert!(message.contains("localhost") && !message.contains("gateway"), "{message}");
            stage.only_the_host_saw();
        }
    }
}

/// The gateway itself as the real host: two doors to one server, and still two credentials.
#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_own_host_gets_no_token_through_the_real_hosts_way() {
    let gateway = Practice::start(Setup { tls: true, ..Setup::default() }).await.unwrap();
    let machine = machine!();
    std::fs::write(machine.home().join("origin.pem"), gateway.ca_pem()).unwrap();
    let target = format!("localhost:{}", gateway.port());
    let file = machine.home().join("origin.pem");
    machine.configure(&format!(
        "[intercept]\nhosts = [\"{target}=anthropic\"]\nca_file = \"{}\"\n",
        file.display()
    ));
    let daemon = machine.start();
    let token = machine.log_in(&gateway);
    let key = machine.key("env");
    gateway.forget_requests();
    let scene = Scene { gateway, machine, daemon, token, key };
    let raw = scene.tunnel(&target).unwrap();
    let roots = scene.machine.root_pem();
    let greeting = Greeting { protocols: H2, ..Greeting::new(&roots, "localhost") };
    let mut http = greeting.over(raw).await.unwrap().http().await;
    http.authority.clone_from(&target);
    assert_eq!(http.ask("POST", "/v1/messages", &[], MESSAGES).await.status, 200);
    http.ask("GET", "/api/v2/users/me", &[], "").await;
    let seen = scene.gateway.requests();
    let authorized: Vec<_> = seen.iter().filter(|seen| seen.header("authorization").is_some()).collect();
    assert_eq!((seen.len(), authorized.len()), (2, 1), "{seen:#?}");
    assert_eq!(authorized[0].path, "/anthropic/v1/messages");
}
