//! The same with a real browser, which shows what a person sees.

use aigw_gateway::Practice;
use aigw_tests::browser::Browser;
use aigw_tests::machine;
use aigw_tests::machine::{Machine, Running, told};

use crate::begun::Begun;
use crate::deployment;

/// It asks nobody but this machine.
const FLAGS: [&str; 1] = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"];

/// Chromium on the deployment's page, for a login that has begun.
async fn at_the_page() -> (Practice, Machine, Running, Begun, Browser) {
    let gateway = deployment(&["none"]).await;
    let machine = machine!();
    let daemon = machine.start();
    let login = Begun::at(&machine, &[&gateway.url()]);
    let browser = Browser::start(machine.home(), &FLAGS);
    browser.open(&login.page).unwrap();
    (gateway, machine, daemon, login, browser)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_presses_allow_in_chromium_and_is_logged_in() {
    let (_gateway, _machine, _daemon, login, browser) = at_the_page().await;
    assert_eq!(browser.text("#user").as_deref(), Some("ada"));
    browser.click("#allow");
    browser.wait_for("main.good h1", "You are logged in");
    assert!(
        browser.url().starts_with(&format!("http://{}/callback?", login.callback())),
        "{}",
        browser.url()
    );
    // The style is the page's own, and its policy lets it.
    let style = "getComputedStyle(document.querySelector('.mark')).fontSize";
    let shown = browser.devtools("Runtime.evaluate", &serde_json::json!({ "expression": style }));
    assert_eq!(shown["result"]["value"], "40px", "{shown}");
    let output = login.end();
    assert!(output.status.success(), "{}", told(&output));
    assert!(told(&output).contains("as ada"), "{}", told(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_presses_deny_in_chromium_and_is_told_what_now() {
    let (_gateway, machine, _daemon, login, browser) = at_the_page().await;
    browser.click("#deny");
    browser.wait_for("main.bad h1", "");
    let output = login.end();
    assert!(!output.status.success(), "{}", told(&output));
    assert_eq!(machine.held_token("default"), None);
}
