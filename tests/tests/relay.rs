//! `intercept.via = "gateway-proxy"`: calls go unread through the deployment's own AI proxy, to which the daemon logs in.

// Clippy's setting for tests covers test functions only, not what they share.
#![allow(clippy::unwrap_used)]

use aigw_gateway::{Behaviour, Fate, Practice, ProxySetup, Setup};
use aigw_tests::inside::Greeting;
use aigw_tests::machine;
use aigw_tests::machine::{Machine, Running, told};
use aigw_tests::raw;

const HOST: &str = "api.anthropic.com";
const HELLO: &str =
    r#"{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;

async fn deployment() -> Practice {
    let proxy = ProxySetup { tls: true, ..ProxySetup::default() };
    Practice::start(Setup { tls: true, proxy: Some(proxy), ..Setup::default() }).await.unwrap()
}

/// A daemon that relays, and its machine; nobody is logged in yet.
fn relaying(gateway: &Practice) -> (Machine, Running) {
    let machine = machine!();
    let proxy = gateway.proxy_address().unwrap();
    machine.configure(&format!(
        "[intercept]\nvia = \"gateway-proxy\"\n\n[gateway.default]\nurl = \"{}\"\nproxy_url = \"https://{proxy}\"\n",
        gateway.url()
    ));
    let daemon = machine.start();
    (machine, daemon)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_through_the_deployments_proxy_with_a_token_that_no_tool_has() {
    let gateway = deployment().await;
    let (machine, daemon) = relaying(&gateway);
    let token = machine.log_in(&gateway);
    gateway.forget_requests();

    let tunnel = raw::tunnel(&daemon.address, &format!("{HOST}:443"), Some(&machine.key("env"))).unwrap();
    // Its certificate is the deployment's, not ours.
    let inside = Greeting::new(gateway.proxy_ca_pem(), HOST).over(tunnel).await.unwrap();
    let mut http = inside.http().await;
    let fields = ["authorization: Bearer sk-ant-api03-own", "content-type: application/json"];
    let answer = http.ask("POST", "/v1/messages", &fields, HELLO).await;
    assert_eq!(answer.status, 200, "{}", answer.text());

    let connects = gateway.connects();
    assert_eq!(connects.len(), 1);
    assert_eq!(connects[0].login, Some(("coder".to_owned(), token.clone())));
    assert!(
        matches!(&connects[0].fate, Fate::Intercepted(provider) if provider == "anthropic"),
        "{connects:?}"
    );
    let seen = gateway.provider_requests();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].proxied.as_ref().unwrap().host, HOST);
    let variables = machine.ctl(&["env", "--proxy"]);
    assert!(!told(&variables).contains(&token) && !machine.log().contains(&token));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_hosts_do_not_go_there() {
    let gateway = deployment().await;
    let (machine, daemon) = relaying(&gateway);
    machine.log_in(&gateway);
    let port = gateway.address().port();
    drop(raw::tunnel(&daemon.address, &format!("127.0.0.1:{port}"), Some(&machine.key("env"))).unwrap());
    assert!(gateway.connects().is_empty());
    let told = machine.ask(&["explain", "https://api.openai.com/v1/responses"]);
    assert!(
        told["steps"][0]["what"].as_str().unwrap().contains("through the proxy of the gateway default"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_are_told_to_trust_the_proxys_ca_and_it_is_offered_to_install() {
    let gateway = deployment().await;
    let (machine, _daemon) = relaying(&gateway);
    machine.log_in(&gateway);
    let body = |pem: &str| pem.lines().filter(|line| !line.starts_with('-')).collect::<String>();
    let variables = machine.ask(&["env", "--proxy"]);
    for name in ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"] {
        let file = std::fs::read_to_string(variables[name].as_str().unwrap()).unwrap();
        assert!(body(&file).contains(&body(gateway.proxy_ca_pem())), "{name}");
    }
    let status = machine.ask(&["ca", "status"]);
    let relayed = status["relayed"]["root_cert"].as_str().unwrap();
    assert_eq!(body(&std::fs::read_to_string(relayed).unwrap()), body(gateway.proxy_ca_pem()));
    let plan = machine.ask(&["ca", "install", "--store", "nss", "--dry-run"]);
    let planned = plan["fingerprints_sha256"].as_array().unwrap();
    assert!(planned.contains(&status["relayed"]["fingerprint_sha256"]), "{plan}");

    // Back to our own CA alone.
    machine.configure(&format!("[gateway.default]\nurl = \"{}\"\n", gateway.url()));
    machine.ask(&["reload"]);
    assert!(machine.ask(&["ca", "status"])["relayed"].is_null());
    let bundle = std::fs::read_to_string(variables["SSL_CERT_FILE"].as_str().unwrap()).unwrap();
    assert!(!body(&bundle).contains(&body(gateway.proxy_ca_pem())));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_said_before_the_tunnel_opens() {
    let gateway = deployment().await;
    let (machine, daemon) = relaying(&gateway);
    let key = machine.key("env");
    let refused = || raw::tunnel(&daemon.address, &format!("{HOST}:443"), Some(&key)).unwrap_err();
    let answer = refused();
    assert_eq!((answer.status, answer.error()), (403, Some("not-logged-in")));

    machine.log_in(&gateway);
    gateway.change(|behaviour: &mut Behaviour| behaviour.proxy.off = true);
    let answer = refused();
    assert_eq!(
        (answer.status, answer.error()),
        (503, Some("upstream-proxy-unavailable")),
        "{}",
        answer.text()
    );
    assert!(answer.text().contains("proxy_url"), "{}", answer.text());
    // Its CA cannot be had, either.
    machine.ask(&["ca", "status"]);
    assert!(machine.findings().contains(&"gateway-proxy-ca".to_owned()), "{:?}", machine.findings());
}
