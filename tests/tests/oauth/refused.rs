//! Logins with the browser that come to nothing: nobody is logged in by them, and the next way is taken where there is one.

use aigw_gateway::{Behaviour, OAuth, Practice, Registration};
use aigw_tests::eventually::eventually;
use aigw_tests::machine;
use aigw_tests::machine::{Machine, told};
use serde_json::Value;

use crate::begun::Begun;
use crate::{browser, deployment};

/// Nobody is logged in, and the deployment has nothing that is left of it.
fn nothing_came_of_it(machine: &Machine, gateway: &Practice) {
    assert!(!machine.home().join("state/credentials/default.json").exists());
    assert_eq!(gateway.tokens_alive("ada"), []);
    eventually("the client is gone", || (gateway.oauth_clients() == 0).then_some(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_person_says_no() {
    let gateway = deployment(&["none"]).await;
    let machine = machine!();
    let _daemon = machine.start();
    let login = Begun::at(&machine, &[&gateway.url(), "--json"]);
    let page = browser::open(&browser::press(&login.page, "deny"));
    assert_eq!(page.status, 400);
    assert!(page.text().contains("<h1>You are not logged in</h1>"), "{}", page.text());
    assert!(page.text().contains("The person said no"), "{}", page.text());
    let output = login.end();
    assert_eq!(output.status.code(), Some(77), "{}", told(&output));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["error"]["code"], "not-logged-in");
    assert!(said["error"]["cure"].as_str().unwrap().contains("aigwctl login"), "{said}");
    nothing_came_of_it(&machine, &gateway);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_not_taken_is_no_login() {
    let gateway = deployment(&["client_secret_post"]).await;
    let machine = machine!();
    let _daemon = machine.start();
    let login = Begun::at(&machine, &[&gateway.url()]);
    let back = browser::press(&login.page, "allow");
    let (code, rest) = back.split_once("code=").unwrap().1.split_once('&').unwrap();
    let page = browser::open(&format!("http://{}/callback?code=made-up&{rest}", login.callback()));
    assert_eq!(page.status, 400);
    assert!(page.text().contains("The authorization code is invalid or expired"), "{}", page.text());
    let output = login.end();
    assert_eq!(output.status.code(), Some(77), "{}", told(&output));
    assert!(!told(&output).contains(code) && !machine.log().contains(code));
    nothing_came_of_it(&machine, &gateway);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_stops_waiting_ends_the_login() {
    let gateway = deployment(&["none"]).await;
    let machine = machine!();
    let _daemon = machine.start();
    let mut login = Begun::at(&machine, &[&gateway.url()]);
    let here = login.callback();
    std::net::TcpStream::connect(&here).unwrap();
    login.interrupt();
    eventually("nobody listens", || std::net::TcpStream::connect(&here).is_err().then_some(()));
    nothing_came_of_it(&machine, &gateway);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_login_has_a_port_and_a_state_of_its_own() {
    let gateway = deployment(&["none"]).await;
    let machine = machine!();
    let _daemon = machine.start();
    let first = Begun::at(&machine, &[&gateway.url()]);
    let second = Begun::at(&machine, &[&gateway.url()]);
    assert_ne!(first.callback(), second.callback());
    assert_ne!(first.parameter("state"), second.parameter("state"));
    let back = browser::press(&first.page, "allow");
    let (_, target) = browser::parts(&back);
    let here = second.callback();
    assert_eq!(browser::send(&here, &format!("GET {target}"), &here, &[], "").status, 403);
    assert_eq!(browser::open(&browser::press(&second.page, "allow")).status, 200);
    assert!(second.end().status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_cannot_be_the_token_page_is_next() {
    type Change = fn(&mut Behaviour);
    let elsewhere = |b: &mut Behaviour| {
        let oauth = OAuth { advertised_at: Some("http://127.0.0.1:9".to_owned()), ..OAuth::default() };
        b.oauth = Some(oauth);
    };
    let cases: [(Change, Option<&str>); 5] = [
        (|b| b.oauth = None, None),
        (|b| b.oauth.as_mut().unwrap().registration = Registration::Absent, None),
        (
            |b| b.oauth.as_mut().unwrap().registration = Registration::Refused,
            Some("it registers no client: Dynamic client registration is disabled."),
        ),
        (
            |b| b.oauth.as_mut().unwrap().auth_methods = vec!["client_secret_basic".to_owned()],
            Some("it takes neither public clients nor a secret in a form."),
        ),
        (elsewhere, Some("it names addresses at http://127.0.0.1:9 for that, and this is http://127.0.0.1:")),
    ];
    for (change, why) in cases {
        let gateway = deployment(&["none"]).await;
        gateway.change(change);
        let machine = machine!();
        let _daemon = machine.start();
        let login = Begun::at(&machine, &[&gateway.url()]);
        assert_eq!(login.page, format!("{}/cli-auth", gateway.url()));
        let output = login.end();
        // There is no terminal to paste on.
        assert_eq!(output.status.code(), Some(2), "{}", told(&output));
        let said = told(&output);
        match why {
            Some(why) => {
                let words = format!("The deployment cannot be logged in to with OAuth2: {why}");
                assert!(said.contains(&words), "{said}");
            }
            None => assert!(!said.contains("OAuth2"), "{said}"),
        }
        nothing_came_of_it(&machine, &gateway);
        assert!(gateway.requests().iter().all(|seen| seen.path != "/oauth2/tokens"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_given_or_asked_for_is_not_waited_for_in_a_browser() {
    let gateway = deployment(&["none"]).await;
    let mut machine = machine!();
    let _daemon = machine.start();
    let token = machine.log_in(&gateway);
    assert_eq!(gateway.requests().iter().filter(|seen| seen.path.contains("oauth")).count(), 0);
    assert_eq!(Begun::at(&machine, &[&gateway.url(), "--paste"]).page, format!("{}/cli-auth", gateway.url()));
    // From a terminal far away the browser would not come back to us.
    machine.set("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22");
    assert_eq!(Begun::at(&machine, &[&gateway.url()]).page, format!("{}/cli-auth", gateway.url()));
    machine.set("CODER_SESSION_TOKEN", &token);
    assert!(machine.ctl(&["login", &gateway.url()]).status.success());
    assert_eq!(gateway.requests().iter().filter(|seen| seen.path.contains("oauth")).count(), 0);
}
