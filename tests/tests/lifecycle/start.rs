//! Taking the port, the lock and the socket.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::process::Output;

use aigw_shared::paths::Paths;
use aigw_tests::machine;
use aigw_tests::machine::{Machine, told};
use aigw_tests::raw::{exchange, get};

fn run(machine: &Machine, words: &[&str]) -> Output {
    machine.aigwd(words).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_taken_port_is_exit_1_and_names_its_owner() {
    let machine = machine!();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = run(&machine, &["run", "--port", &port]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let text = stderr(&output);
    assert!(text.contains(&format!("port {port} is taken by ")), "{text}");
    assert!(text.contains(&format!("(process {})", std::process::id())), "{text}");

    // On the other address only: not passed over.
    let Ok(v6) = TcpListener::bind("[::1]:0") else { return };
    let port = v6.local_addr().unwrap().port().to_string();
    let output = run(&machine, &["run", "--port", &port]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(stderr(&output).contains(&format!("port {port} is taken by ")), "{}", told(&output));
}

#[test]
fn port_0_is_any_free_one_on_both_addresses() {
    let machine = machine!();
    let daemon = machine.start();
    assert_ne!(daemon.port, 0);
    let listen = &machine.ask(&["status"])["daemon"]["listen"];
    assert_eq!(listen[0], format!("127.0.0.1:{}", daemon.port));
    if TcpListener::bind("[::1]:0").is_ok() {
        assert_eq!(listen[1], format!("[::1]:{}", daemon.port));
        let v6 = format!("[::1]:{}", daemon.port);
        assert_eq!(exchange(&v6, get(&v6, "/healthz", "", &[])).status, 200);
    }
}

#[test]
fn a_second_aigwd_on_the_same_home_exits_and_the_first_lives() {
    let machine = machine!();
    let daemon = machine.start();
    let output = run(&machine, &["run", "--port", "0"]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(stderr(&output).contains("another aigwd is running"), "{}", told(&output));
    assert!(stderr(&output).contains("aigwctl status"), "{}", told(&output));
    assert_eq!(machine.ask(&["status"])["daemon"]["pid"], daemon.pid());
}

#[test]
fn a_stale_socket_is_replaced() {
    let machine = machine!();
    let place = Paths::under(machine.home()).socket();
    place.prepare().unwrap();
    drop(UnixListener::bind(&place.address).unwrap());
    let daemon = machine.start();
    assert_eq!(machine.ask(&["status"])["daemon"]["pid"], daemon.pid());
    assert_eq!(daemon.stop().code(), Some(0));
    assert!(!place.address.exists(), "the socket is removed at the end");
}

#[test]
fn flags_and_variables_that_make_no_sense_are_exit_64() {
    let machine = machine!();
    for flag in [["--log-level", "loud"], ["--port", "70000"]] {
        assert_eq!(run(&machine, &["run", flag[0], flag[1]]).status.code(), Some(64), "{flag:?}");
    }
    // No setting, but no command either.
    assert_eq!(run(&machine, &["walk"]).status.code(), Some(2));
    for (name, value) in
        [("AIGW_LISTEN_PORT", "many"), ("AIGW_KEY_FILE", "/nowhere"), ("AIGW_LISTEN_PROT", "1")]
    {
        let output = machine.aigwd(&["run", "--port", "0"]).env(name, value).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{name}: {}", told(&output));
        assert!(
            stderr(&output).contains(if name == "AIGW_KEY_FILE" { value } else { name }),
            "{}",
            told(&output)
        );
    }
}
