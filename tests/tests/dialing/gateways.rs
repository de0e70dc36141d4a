//! A gateway that is reached through a company's proxy.

use std::time::Duration;

use aigw_gateway::{Practice, Setup};
use aigw_tests::machine;
use aigw_tests::machine::Machine;
use aigw_tests::raw::{self, Answer};

use crate::corporate::{Company, Corporate};

/// A name that only the proxy knows.
pub const HOST: &str = "gateway.company.test";
pub const MESSAGES: &str =
    r#"{"model":"claude-sonnet-4-5","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}"#;

/// A gateway of that name.
pub async fn hidden() -> Practice {
    Practice::start(Setup { tls: true, names: vec![HOST.to_owned()], ..Setup::default() }).await.unwrap()
}

/// A machine that is logged in to this gateway, at this host, with further settings of it.
pub fn settled(gateway: &Practice, host: &str, more: &str) -> Machine {
    let mut machine = machine!();
    machine.set("AIGW_TOKEN", &gateway.issue_token("ada", Duration::from_secs(3600)));
    std::fs::write(machine.home().join("gateway.pem"), gateway.ca_pem()).unwrap();
    machine.configure(&format!(
        "[gateway.default]\nurl = \"https://{host}:{}\"\nca_file = \"{}\"\nwait_s = 0\n{more}\n",
        gateway.port(),
        machine.home().join("gateway.pem").display()
    ));
    machine
}

/// What a request is answered, and everything that was printed about it.
pub fn asked(machine: &Machine) -> (Answer, String) {
    let daemon = machine.start();
    let key = machine.key("env");
    let answer = raw::exchange(
        &daemon.address,
        raw::post(&daemon.address, "/anthropic/v1/messages", &key, &[], MESSAGES),
    );
    // Unlike `status`, this asks no deployment.
    let status = String::from_utf8(machine.ctl(&["--json"]).stdout).unwrap();
    let settings = String::from_utf8(machine.ctl(&["config", "show"]).stdout).unwrap();
    let printed = format!("{}\n{status}\n{settings}\n{}", answer.text(), machine.log());
    (answer, printed)
}

fn through(machine: &Machine, gateway: &Practice, proxy: &Corporate) -> String {
    let (answer, printed) = asked(machine);
    assert_eq!(answer.status, 200, "{printed}");
    assert!(!gateway.provider_requests().is_empty());
    for request in gateway.requests() {
        assert!(request.headers.iter().all(|(name, _)| !name.eq_ignore_ascii_case("proxy-authorization")));
    }
    let asked = format!("CONNECT {HOST}:{} HTTP/1.1\r\nHost: {HOST}:{}\r\n", gateway.port(), gateway.port());
    assert!(!proxy.heads().is_empty());
    assert!(proxy.heads().iter().all(|head| head.starts_with(&asked)), "{:?}", proxy.heads());
    printed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_behind_a_proxy_is_reached_by_a_name_that_the_proxy_knows() {
    let gateway = hidden().await;
    let proxy = Company::leading_to(gateway.address()).start().await;
    let machine = settled(&gateway, HOST, &format!("upstream_proxy = \"{}\"", proxy.url));
    through(&machine, &gateway, &proxy);
    assert!(proxy.heads().iter().all(|head| !head.contains("Proxy-Authorization")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_with_tls_and_a_login_gets_both_and_nobody_sees_the_login() {
    let gateway = hidden().await;
    for (tls, login, written) in [
        (false, "ada:p@ss:w%rd", "ada:p%40ss%3Aw%25rd"),
        (true, "ada:p@ss:w%rd", "ada:p%40ss%3Aw%25rd"),
        (true, "only-a-user:", "only-a-user"),
        (false, ":only-a-password", ":only-a-password"),
    ] {
        let company = Company { tls, login: Some(login), ..Company::leading_to(gateway.address()) };
        let proxy = company.start().await;
        let roots = if tls { "upstream_proxy_ca_file = \"../proxy.pem\"\n" } else { "" };
        let machine =
            settled(&gateway, HOST, &format!("{roots}upstream_proxy = \"{}\"", proxy.with_login(written)));
        std::fs::write(machine.home().join("proxy.pem"), &proxy.pem).unwrap();
        let printed = through(&machine, &gateway, &proxy);
        for secret in ["p@ss", "p%40ss", "only-a", "YWRhOn", "b25seS", "Om9ubH"] {
            assert!(!printed.contains(secret), "{secret}: {printed}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_is_honoured_when_it_is_asked_and_only_then() {
    let gateway = hidden().await;
    let proxy = Company::leading_to(gateway.address()).start().await;
    let mut machine = settled(&gateway, HOST, "upstream_proxy = \"environment\"");
    machine.set("HTTPS_PROXY", &proxy.url);
    through(&machine, &gateway, &proxy);

    let asked_before = proxy.heads().len();
    let mut machine = settled(&gateway, "localhost", "");
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        machine.set(name, &proxy.url);
    }
    let (answer, printed) = asked(&machine);
    assert_eq!(answer.status, 200, "{printed}");

    let mut machine = settled(&gateway, HOST, "upstream_proxy = \"environment\"");
    machine.set("HTTPS_PROXY", &proxy.url);
    machine.set("NO_PROXY", "other.test,.company.test");
    let (answer, printed) = asked(&machine);
    assert_eq!((answer.status, answer.error()), (503, Some("gateway-unreachable")), "{printed}");
    assert_eq!(proxy.heads().len(), asked_before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_no_proxy_goes_past_it() {
    let gateway = hidden().await;
    let proxy = Company::leading_to(gateway.address()).start().await;
    let upstream = format!("upstream_proxy = \"{}\"\n", proxy.url);
    for (host, more, past) in [
        ("localhost", "", true),
        ("127.0.0.1", "", true),
        ("127.0.0.1", "no_proxy = []", false),
        ("localhost", "no_proxy = [\"company.test\"]", false),
        ("localhost", "no_proxy = [\"*\"]", true),
        ("127.0.0.1", "no_proxy = [\"127.0.0.0/30\"]", true),
    ] {
        let before = proxy.heads().len();
        let (answer, printed) = asked(&settled(&gateway, host, &format!("{upstream}{more}")));
        assert_eq!(answer.status, 200, "{host} {more}: {printed}");
        assert_eq!(proxy.heads().len() == before, past, "{host} {more}");
    }
}
