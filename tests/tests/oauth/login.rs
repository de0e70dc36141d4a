//! The whole way, with both kinds of client; and what is left of it afterwards.

use aigw_gateway::{Practice, Recorded, Setup};
use aigw_tests::eventually::eventually;
use aigw_tests::machine::{Machine, told};
use aigw_tests::{machine, raw};

use crate::begun::Begun;
use crate::{MESSAGES, browser, deployment};

/// The forms that the gateway's token endpoint was sent.
fn forms(gateway: &Practice) -> Vec<String> {
    let token = |seen: &Recorded| seen.path == "/oauth2/tokens";
    gateway.requests().iter().filter(|seen| token(seen)).map(Recorded::body_text).collect()
}

fn value<'a>(form: &'a str, name: &str) -> &'a str {
    let mut values = form.split('&').filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    values.next().unwrap_or_else(|| panic!("no {name} in {form}"))
}

/// A request of a tool goes through.
fn works(machine: &Machine, address: &str) {
    let answer = raw::exchange(
        address,
        raw::post(address, "/anthropic/v1/messages", &machine.key("env"), &[], MESSAGES),
    );
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), machine.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_allows_this_machine_and_is_logged_in() {
    for kind in ["none", "client_secret_post"] {
        let gateway = deployment(&["client_secret_basic", kind]).await;
        let machine = machine!();
        let daemon = machine.start();
        let login = Begun::at(&machine, &[&gateway.url()]);
        assert!(login.page.starts_with(&format!("{}/oauth2/authorize?", gateway.url())), "{}", login.page);
        assert_eq!(login.parameter("redirect_uri"), format!("http://{}/callback", login.callback()));
        assert_ne!(login.callback(), daemon.address);
        let shown = browser::open(&login.page).text();
        assert!(shown.contains("Allow aigw"), "{shown}");
        let back = browser::press(&login.page, "allow");
        let page = browser::open(&back);

        // What the browser shows at the end.
        assert_eq!(page.status, 200, "{}\n{}", page.text(), machine.log());
        assert!(page.text().contains("<h1>You are logged in</h1>"), "{}", page.text());
        assert!(page.text().contains(&format!("{} as ada.", gateway.url())), "{}", page.text());
        assert_eq!(page.field("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.field("cache-control"), Some("no-store"));
        assert!(page.field("content-security-policy").unwrap().starts_with("default-src 'none';"));

        let callback = login.callback();
        let output = login.end();
        assert!(output.status.success(), "{}", told(&output));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.starts_with(&format!("Logged in to {} as ada.", gateway.url())), "{said}");
        assert!(said.contains("This machine has a token of its own, aigw-"), "{said}");
        assert!(std::net::TcpStream::connect(&callback).is_err(), "{callback} still listens");
        works(&machine, &daemon.address);

        // The deployment is left with one token, and without the client.
        eventually("the client is gone", || (gateway.oauth_clients() == 0).then_some(()));
        let alive = gateway.tokens_alive("ada");
        assert_eq!(alive.len(), 1, "{alive:?}");
        assert!(alive[0].name.starts_with("aigw-"), "{alive:?}");

        // Nothing secret was said anywhere.
        let forms = forms(&gateway);
        assert_eq!(forms.len(), 1, "{forms:?}");
        let stored = std::fs::read_to_string(machine.home().join("state/credentials/default.json")).unwrap();
        let log = machine.log();
        let mut secrets = vec!["code", "code_verifier"];
        secrets.extend((kind != "none").then_some("client_secret"));
        for name in secrets {
            let secret = value(&forms[0], name);
            assert!(secret.len() >= 40, "{name}={secret}");
            for (place, text) in [("log", &log), ("store", &stored), ("terminal", &told(&output))] {
                assert!(!text.contains(secret), "{name} in the {place}");
            }
        }
        let verifier = value(&forms[0], "code_verifier").to_owned();
        assert!(!gateway.requests().iter().any(|seen| seen.target.contains(&verifier)));
        assert_eq!(forms[0].contains("client_secret"), kind != "none");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_is_that_of_every_other_request() {
    let setup = Setup { tls: true, path: "coder".to_owned(), ..Setup::default() };
    let gateway = Practice::start(setup).await.unwrap();
    gateway.change(|b| {
        b.oauth = Some(Default::default());
        b.front_demands = vec![("cf-access-token".to_owned(), "right".to_owned())];
    });
    let machine = machine!();
    let ca = machine.home().join("practice-ca.pem");
    std::fs::write(&ca, gateway.ca_pem()).unwrap();
    machine.configure("[gateway.default.headers]\ncf-access-token = \"right\"\n");
    let _daemon = machine.start();
    let login = Begun::at(&machine, &[&gateway.url(), "--ca-file", ca.to_str().unwrap()]);
    assert!(login.page.starts_with(&format!("{}/oauth2/authorize?", gateway.url())), "{}", login.page);
    let statuses: Vec<_> = gateway.requests().iter().filter_map(|seen| seen.status).collect();
    assert_eq!(statuses, [200, 201], "{:?}", gateway.requests());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_its_answer_does_not_end_a_login() {
    let gateway = deployment(&["none"]).await;
    let machine = machine!();
    let daemon = machine.start();
    let login = Begun::at(&machine, &[&gateway.url()]);
    let here = login.callback();
    let state = login.parameter("state");
    for (line, host, status) in [
        ("GET /", here.as_str(), 404),
        ("GET /favicon.ico", &here, 404),
        ("GET /callback", &here, 400),
        ("GET /callback?code=made-up", &here, 400),
        ("GET /callback?code=made-up&state=made-up", &here, 403),
        ("GET /callback?error=access_denied&state=made-up", &here, 403),
        (&format!("POST /callback?code=made-up&state={state}"), &here, 405),
        (&format!("HEAD /callback?code=made-up&state={state}"), &here, 405),
        (&format!("GET /callback?code=made-up&state={state}"), "page.test", 403),
        (&format!("GET /callback?code=made-up&state={state}"), "localhost:80", 403),
        (&format!("GET /callback?code=a&code=b&state={state}"), &here, 400),
    ] {
        let answer = browser::send(&here, line, host, &[], "");
        assert_eq!(answer.status, status, "{line} {host}");
        assert_eq!(answer.field("content-type"), Some("text/plain; charset=utf-8"), "{line} {host}");
    }
    // A connection that never says anything is in nobody's way.
    let _silent = std::net::TcpStream::connect(&here).unwrap();
    // Nor is any of it known at the port of the tools.
    let answer = browser::send(
        &daemon.address,
        &format!("GET /callback?code=c&state={state}"),
        &daemon.address,
        &[],
        "",
    );
    assert_eq!(answer.error(), Some("key-missing"), "{}", answer.text());

    assert_eq!(gateway.requests().iter().filter(|seen| seen.path == "/oauth2/tokens").count(), 0);
    assert_eq!(browser::open(&browser::press(&login.page, "allow")).status, 200);
    let output = login.end();
    assert!(output.status.success(), "{}", told(&output));
    works(&machine, &daemon.address);
}
