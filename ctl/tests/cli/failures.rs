//! What is printed and returned when something does not work.

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::hello::Hello;
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::Build;

use super::fake::{Fake, Home};

const NEED_A_DAEMON: &[&[&str]] = &[
    &["status"],
    &["login", "https://coder.example.com"],
    &["logout"],
    &["env"],
    &["keys"],
    &["keys", "revoke", "env"],
    &["config", "show"],
    &["reload"],
];

#[test]
fn without_a_daemon_every_command_names_the_one_that_starts_it() {
    let home = Home::new();
    for line in NEED_A_DAEMON {
        let ran = home.run(line);
        assert_eq!((ran.code, ran.stdout.as_str()), (69, ""), "{line:?}");
        assert!(ran.stderr.starts_with("error: "), "{line:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("cure:  run `aigwctl start`"), "{line:?}: {}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 2, "{line:?}: {}", ran.stderr);

        let ran = home.run(&[line, &["--json"][..]].concat());
        assert_eq!((ran.code, ran.stderr.as_str()), (69, ""), "{line:?}");
        assert!(
            ran.stdout.starts_with(r#"{"schema":1,"error":{"code":"daemon-not-running","text":""#),
            "{line:?}: {}",
            ran.stdout
        );
        assert!(ran.stdout.ends_with("\"cure\":\"run `aigwctl start`\"}}\n"), "{line:?}: {}", ran.stdout);
    }
}

#[test]
fn without_a_daemon_the_rest_works() {
    let home = Home::new();
    let alone = home.run(&[]);
    assert_eq!(alone.code, 0);
    assert!(alone.stdout.starts_with("daemon    not running\n"), "{}", alone.stdout);
    assert!(alone.stdout.ends_with("\nNext: aigwctl start\n"), "{}", alone.stdout);
    assert_eq!(
        home.run(&["--json"]).stdout,
        "{\"schema\":1,\"daemon\":null,\"gateway\":null,\"findings\":[],\"tools_to_set_up\":[],\"next\":\"aigwctl start\"}\n"
    );
    assert!(home.run(&["version"]).stdout.ends_with("aigwd    not running\n"));
    assert_eq!(home.run(&["stop"]).stdout, "aigwd is not running.\n");
    assert_eq!(
        home.run(&["stop", "--json"]).stdout,
        "{\"schema\":1,\"was_running\":false,\"stopped\":true,\"socket_kept\":false}\n"
    );
    assert!(home.run(&["completions", "zsh"]).stdout.contains("#compdef aigwctl"));
    assert!(home.run(&["env", "--unset"]).stdout.contains("unset OPENAI_API_KEY\n"));
}

#[test]
fn a_stale_socket_is_no_daemon() {
    let home = Home::new();
    let place = home.paths().socket();
    place.prepare().unwrap();
    std::fs::write(&place.address, "").unwrap();
    assert_eq!(home.run(&["status"]).code, 69);
    assert_eq!(home.run(&["stop"]).code, 0);
}

#[test]
fn what_the_daemon_refuses_has_its_own_exit_code() {
    for kind in [Kind::NotLoggedIn, Kind::GatewayUnreachable, Kind::BadConfiguration, Kind::Impossible] {
        let fake = Fake::new(move |_| Response::Failed(Fault::new(kind, "It did not work.").into()));
        let ran = fake.run(&["status", "--json"]);
        let face = kind.face();
        assert_eq!(ran.code, i32::from(face.exit));
        let cure = face.cure;
        assert_eq!(
            ran.stdout,
            format!(
                "{{\"schema\":1,\"error\":{{\"code\":\"{}\",\"text\":\"It did not work.\",\"cure\":\"{cure}\"}}}}\n",
                face.code
            )
        );
        assert_eq!(fake.run(&["status"]).stderr, format!("error: It did not work.\ncure:  {cure}\n"));
    }
}

#[test]
fn a_failure_that_is_too_new_for_us_is_shown_and_never_a_success() {
    let failure = Failure { code: "new".into(), text: "New.".into(), cure: "update".into(), exit: 0 };
    let fake = Fake::new(move |_| Response::Failed(failure.clone()));
    assert_eq!(fake.run(&["status"]).code, 1);
}

#[test]
fn versions_with_nothing_in_common_name_the_older_side() {
    let fake = Fake::greeting(Hello { newest: 9, oldest: 8 }, |request| match request {
        Request::Describe => Response::Described(Build { version: "9.0.0".into(), pid: 4711, protocol: 9 }),
        Request::Stop => Response::Done,
        other => panic!("{other:?}"),
    });
    let ran = fake.run(&["status"]);
    assert_eq!(ran.code, 76);
    assert!(ran.stderr.contains("aigwctl is older than aigwd"), "{}", ran.stderr);
    assert_eq!(fake.run(&["keys", "--json"]).code, 76);
    // What is frozen works all the same.
    assert!(fake.run(&["version"]).stdout.contains("aigwd    9.0.0, protocol 9, pid 4711"));
    let alone = fake.run(&[]);
    assert!(alone.stdout.ends_with("\nNext: aigwctl stop && aigwctl start\n"), "{}", alone.stdout);
    assert!(fake.run(&["start"]).stdout.contains("already running"));
    assert_eq!(fake.run(&["stop"]).code, 0);
}

#[test]
fn an_answer_to_something_else_is_a_fault() {
    let fake = Fake::new(|_| Response::Done);
    assert_eq!(fake.run(&["status"]).code, 1);
}

#[test]
fn a_command_line_that_makes_no_sense_exits_2() {
    let home = Home::new();
    for line in [
        &["nonsense"][..],
        &["login", "--nonsense"],
        &["keys", "derive"],
        &["env", "--shell", "x"],
        &["config"],
    ] {
        let ran = home.run(line);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{line:?}");
        assert!(!ran.stderr.is_empty());
        let ran = home.run(&[line, &["--json"][..]].concat());
        assert_eq!((ran.code, ran.stderr.as_str()), (2, ""), "{line:?}");
        assert!(ran.stdout.starts_with(r#"{"schema":1,"error":{"code":"usage","text":""#), "{}", ran.stdout);
        assert_eq!(ran.stdout.lines().count(), 1);
    }
    let ran = home.run(&["--help", "--json"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.contains("Exit codes:"));
}

/// `chown` needs to be root, and a system that has it; elsewhere there is nothing to try.
#[test]
fn a_socket_of_another_user_is_told_nothing() {
    let fake = Fake::new(|_| Response::Done);
    let place = fake.home.paths().socket();
    let changed = std::process::Command::new("chown").arg("12345").arg(&place.address).output();
    if !changed.is_ok_and(|output| output.status.success()) {
        return;
    }
    let mut command = fake.home.aigwctl(&["login", "https://coder.example.com", "--token-stdin"]);
    let ran = super::fake::run(&mut command, "hush-hush");
    assert_eq!(ran.code, 77, "{}", ran.stderr);
    assert!(fake.seen().is_empty());
}
