//! Gateways behind a front end that wants more than a token: fields that are set or printed by a command, and client
//! certificates; at logins, requests and WebSockets alike.

use std::path::PathBuf;
use std::time::Duration;

use aigw_gateway::{Practice, Recorded, Setup, WebSocket};
use aigw_tests::machine;
use aigw_tests::machine::{Machine, Running, told};
use aigw_tests::raw::{self, Answer, Raw};

use crate::{MESSAGES, RESPONSES, tls};

const HOUR: Duration = Duration::from_secs(3600);
const SECRET: &str = "hush-front-0123456789";

/// One that lets nothing through without this field.
async fn demanding(value: &str) -> Practice {
    let gateway = Practice::start(tls()).await.expect("a gateway");
    demand(&gateway, value);
    gateway
}

fn demand(gateway: &Practice, value: &str) {
    let wanted = vec![("x-access".to_owned(), value.to_owned())];
    gateway.change(|behaviour| behaviour.front_demands = wanted);
}

/// A command that counts its runs and prints what stands in a file.
fn command(machine: &Machine) -> (String, PathBuf) {
    let (printed, runs) = (machine.home().join("printed"), machine.home().join("runs"));
    std::fs::write(&printed, format!("X-Access={SECRET}\n")).expect("a file");
    (format!("echo run >> '{}' && cat '{}'", runs.display(), printed.display()), printed)
}

fn runs(machine: &Machine) -> usize {
    std::fs::read_to_string(machine.home().join("runs")).unwrap_or_default().lines().count()
}

fn configure(machine: &Machine, gateway: &Practice, more: &str) {
    let ca = machine.home().join("practice-ca.pem");
    std::fs::write(&ca, gateway.ca_pem()).expect("a file");
    let (url, ca) = (gateway.url(), ca.display());
    machine.configure(&format!("[gateway.default]\nurl = \"{url}\"\nca_file = \"{ca}\"\n{more}"));
}

fn log_in(machine: &Machine, gateway: &Practice) -> std::process::Output {
    machine.ctl_with_input(&["login", "--token-stdin"], &gateway.issue_token("ada", HOUR))
}

fn post(machine: &Machine, daemon: &Running, path: &str, body: &str) -> Answer {
    let key = machine.key("env");
    raw::exchange(&daemon.address, raw::post(&daemon.address, path, &key, &[], body))
}

/// The head that the daemon answers to a WebSocket's opening.
fn open_websocket(machine: &Machine, daemon: &Running) -> u16 {
    let mut raw = Raw::connect(&daemon.address);
    raw.send(format!(
        "GET /openai/v1/responses HTTP/1.1\r\nhost: {}\r\nx-api-key: {}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        daemon.address,
        machine.key("env")
    ));
    raw.head().0.status
}

fn all_have(requests: &[Recorded], value: &str) {
    assert!(!requests.is_empty());
    for request in requests {
        assert_eq!(request.header("x-access"), Some(value), "{}", request.target);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_prints_the_field_for_every_request_once() {
    let gateway = demanding(SECRET).await;
    gateway.change(|behaviour| behaviour.websocket = WebSocket::Relay);
    let machine = machine!();
    let (line, _) = command(&machine);
    configure(&machine, &gateway, &format!("header_command = \"{line}\"\n"));
    let daemon = machine.start();
    let output = log_in(&machine, &gateway);
    assert!(output.status.success(), "{}", told(&output));
    // Many at once wait for one run.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                assert_eq!(post(&machine, &daemon, "/anthropic/v1/messages", MESSAGES).status, 200)
            });
        }
    });
    assert_eq!(open_websocket(&machine, &daemon), 101);
    let seen = gateway.requests();
    all_have(&seen, SECRET);
    for part in ["/api/v2/users/me", "/keys/tokens", "/anthropic/v1/messages", "/openai/v1/responses"] {
        assert!(seen.iter().any(|request| request.target.contains(part)), "nobody asked for {part}");
    }
    // The candidate of the login has run it, and the gateway that took its place.
    assert!(runs(&machine) <= 3, "{}", runs(&machine));
    assert!(!machine.log().contains(SECRET));
    assert!(!machine.findings().contains(&"setting-without-effect".to_owned()));
    assert!(!told(&machine.ctl(&["config", "show"])).contains(SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_front_end_refuses_is_printed_anew() {
    let gateway = demanding(SECRET).await;
    let machine = machine!();
    let (line, printed) = command(&machine);
    configure(&machine, &gateway, &format!("header_command = \"{line}\"\n"));
    let daemon = machine.start();
    assert!(log_in(&machine, &gateway).status.success());
    assert_eq!(post(&machine, &daemon, "/anthropic/v1/messages", MESSAGES).status, 200);

    // What was printed within the last second is not printed again.
    // Nothing better is printed: the front end's own answer.
    demand(&gateway, "second");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let answer = post(&machine, &daemon, "/anthropic/v1/messages", MESSAGES);
    assert_eq!((answer.status, answer.error()), (403, None), "{}", answer.text());
    // Something is: the tool comes again by itself.
    std::fs::write(&printed, "X-Access=second\n").unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let answer = post(&machine, &daemon, "/anthropic/v1/messages", MESSAGES);
    assert_eq!((answer.status, answer.error()), (503, Some("token-renewed")), "{}", answer.text());
    assert_eq!(answer.field("retry-after"), Some("1"));
    assert_eq!(post(&machine, &daemon, "/anthropic/v1/messages", MESSAGES).status, 200);
    // A request of our own is simply made again.
    demand(&gateway, "third");
    std::fs::write(&printed, "X-Access=third\n").unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let output = machine.ctl(&["login", "--renew"]);
    assert!(output.status.success(), "{}", told(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_fails_is_named_and_what_it_printed_is_not() {
    let gateway = demanding(SECRET).await;
    for (line, words) in [
        ("echo hush-1; exit 3", "failed with exit status: 3"),
        ("echo hush-2", "something else than NAME=VALUE in line 1"),
        ("echo 'Authorization=hush-3'", "sets itself, authorization"),
        ("yes X-Access=hush-4", "prints far too much"),
        ("/no/such/program", "failed with exit status: 127"),
    ] {
        let machine = machine!();
        configure(&machine, &gateway, &format!("header_command = \"{line}\"\n"));
        let _daemon = machine.start();
        let output = log_in(&machine, &gateway);
        let said = told(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("`header_command` of the gateway default") && said.contains(words), "{said}");
        assert!(!said.contains("hush-") && !machine.log().contains("hush-"), "{said}\n{}", machine.log());
    }
    assert!(gateway.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_field_goes_with_every_request_too() {
    let gateway = demanding(SECRET).await;
    let machine = machine!();
    let daemon = machine.start();
    let ca = machine.home().join("practice-ca.pem");
    std::fs::write(&ca, gateway.ca_pem()).unwrap();
    let url = gateway.url();
    let line = ["gateway", "add", "default", &url, "--ca-file", ca.to_str().unwrap()];
    machine.ask(&[&line[..], &["--header", &format!("X-Access={SECRET}")]].concat());
    assert!(log_in(&machine, &gateway).status.success());
    assert_eq!(post(&machine, &daemon, "/openai/v1/responses", RESPONSES).status, 200);
    all_have(&gateway.requests(), SECRET);
    assert!(!machine.log().contains(SECRET));
    assert!(!told(&machine.ctl(&["gateway", "show", "default"])).contains(SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_is_shown_at_logins_requests_and_websockets() {
    let mut setup = Setup { client_certificates: true, ..tls() };
    setup.behaviour.websocket = WebSocket::Relay;
    let gateway = Practice::start(setup).await.unwrap();
    let machine = machine!();
    let files = |name: &str, identity: aigw_gateway::Identity| {
        let (cert, key) =
            (machine.home().join(format!("{name}.pem")), machine.home().join(format!("{name}.key")));
        std::fs::write(&cert, identity.certificate_pem).unwrap();
        std::fs::write(&key, identity.key_pem).unwrap();
        format!("client_cert = \"{}\"\nclient_key = \"{}\"\n", cert.display(), key.display())
    };
    let (known, strange) = (
        files("known", gateway.client_identity("laptop").unwrap()),
        files("strange", gateway.strange_identity("laptop").unwrap()),
    );
    configure(&machine, &gateway, "");
    let daemon = machine.start();
    for more in ["", &strange] {
        configure(&machine, &gateway, more);
        assert!(machine.ctl(&["reload"]).status.success());
        let output = log_in(&machine, &gateway);
        assert!(!output.status.success(), "{}", told(&output));
    }
    assert!(gateway.requests().is_empty());
    configure(&machine, &gateway, &known);
    assert!(machine.ctl(&["reload"]).status.success());
    let output = log_in(&machine, &gateway);
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(post(&machine, &daemon, "/anthropic/v1/messages", MESSAGES).status, 200);
    assert_eq!(open_websocket(&machine, &daemon), 101);
}
