//! Reading the settings again: by signal or by request, without touching a stream.

use aigw_tests::eventually::eventually;
use aigw_tests::live::Live;
use aigw_tests::machine;
use aigw_tests::machine::Machine;
use aigw_tests::scene::Scene;

use crate::{HELLO, MESSAGES, endless};

fn config(machine: &Machine) -> String {
    std::fs::read_to_string(machine.home().join("config/config.toml")).unwrap()
}

fn value(machine: &Machine, key: &str) -> Option<String> {
    let shown = machine.ask(&["config", "show"]);
    let row = shown["settings"].as_array().unwrap().iter().find(|row| row["key"] == key)?.clone();
    Some(row["value"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_by_signal_leaves_streams_alone_and_puts_new_settings_in_force() {
    let scene = Scene::set(machine!(), endless()).await;
    let mut stream = Live::of(scene.begin(MESSAGES, &[], HELLO));
    assert!(stream.until("content_block_delta"));
    let good = config(&scene.machine);
    scene.machine.configure(&format!("{good}wait_s = 1\nheaders = {{ X-Team = \"red\" }}\n"));
    scene.daemon.signal("HUP");
    eventually("the new setting is in force", || {
        (value(&scene.machine, "gateway.default.wait_s").as_deref() == Some("1")).then_some(())
    });
    stream.forget();
    assert!(stream.until("content_block_delta"), "the stream goes on");
    scene.gateway.forget_requests();
    let mut next = Live::of(scene.begin(MESSAGES, &[], HELLO));
    assert!(next.until("content_block_delta"));
    assert_eq!(scene.only_request().header("x-team"), Some("red"));
    stream.forget();
    assert!(stream.until("content_block_delta"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_configuration_is_refused_and_the_old_one_stays() {
    let scene = Scene::set(machine!(), endless()).await;
    let mut stream = Live::of(scene.begin(MESSAGES, &[], HELLO));
    assert!(stream.until("content_block_delta"));
    let good = config(&scene.machine);
    let line = good.lines().count() + 2;
    let refused = |words: &str| {
        let shown = scene.machine.ask(&["config", "show"]);
        shown["refused"].as_str().is_some_and(|why| why.contains(words)).then_some(())
    };
    for (bad, word) in [
        ("[listen]\nprot = 1\n", "prot"),
        ("[listen]\nport = \"x\"\n", "listen.port"),
        ("[listen]\n= 1\n", "config.toml"),
    ] {
        scene.machine.configure(&format!("{good}{bad}"));
        scene.daemon.signal("HUP");
        let place = format!("config.toml:{line}");
        eventually("config show names file and line", || refused(&place).and_then(|()| refused(word)));
        assert!(scene.machine.findings().contains(&"configuration-refused".to_owned()));
        // The request says so to who asked.
        let output = scene.machine.ctl(&["reload"]);
        assert_eq!(output.status.code(), Some(64));
        assert!(String::from_utf8_lossy(&output.stderr).contains(&place));
        assert_eq!(value(&scene.machine, "gateway.default.url"), Some(scene.gateway.url()));
    }
    stream.forget();
    assert!(stream.until("content_block_delta"), "the stream goes on");
    let mut next = Live::of(scene.begin(MESSAGES, &[], HELLO));
    assert!(next.until("content_block_delta"), "and requests are served");

    scene.machine.configure(&good);
    scene.machine.ask(&["reload"]);
    assert_eq!(scene.machine.ask(&["config", "show"])["refused"], serde_json::Value::Null);
    assert_eq!(scene.machine.findings(), Vec::<String>::new());
}

/// What the settings said before is not held against the new ones, and two mistakes of one kind are two findings.
#[test]
fn findings_about_settings_go_with_them() {
    let machine = machine!();
    machine.configure(
        "default_gateway = \"gone\"\n[intercept]\nhosts = [\"a.example\", \"192.0.2.1=openai\"]\n",
    );
    let _daemon = machine.start();
    let mut findings = machine.findings();
    findings.sort();
    assert_eq!(findings, ["default-gateway-missing", "intercept-host", "intercept-host"]);
    machine.configure("");
    machine.ask(&["reload"]);
    assert_eq!(machine.findings(), Vec::<String>::new());
}
