//! What the successor finds on no disk: keys that are lent, logins in memory, and what the old one still does.

use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use aigw_tests::live::Live;
use aigw_tests::raw::Raw;

use super::*;
use crate::endless;

/// `aigwctl run` and the conversation of its key know nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_lent_to_a_command_stays_valid_and_ends_with_it() {
    let mut line = Line::new(Setup { tls: true, ..Setup::default() }).await;
    let script = r#"echo "$ANTHROPIC_AUTH_TOKEN"; echo "$$"; exec sleep 1000"#;
    let mut ctl = line.scene.machine.ctl_begun(&["run", "--", "sh", "-c", script]);
    let mut says = BufReader::new(ctl.stdout.take().unwrap()).lines();
    let key = says.next().unwrap().unwrap();
    let command = says.next().unwrap().unwrap();
    line.answers(&key);
    for _ in 0..3 {
        line.hand_over(&["restart"]);
        line.answers(&key);
    }
    // Another one gets another name.
    let other = line.scene.machine.ctl(&["run", "--", "sh", "-c", r#"echo "$ANTHROPIC_AUTH_TOKEN""#]);
    assert_ne!(String::from_utf8_lossy(&other.stdout).trim(), key);
    line.answers(&key);
    kill("TERM", command.parse().unwrap());
    ctl.wait().unwrap();
    eventually("the key ends", || (line.status(&key) == 403).then_some(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_in_memory_only_goes_along() {
    let mut line = Line::new(Setup { tls: true, ..Setup::default() }).await;
    let token = line.scene.gateway.issue_token("ada", Duration::from_secs(86_400));
    let login = line.scene.machine.log_in_with(&line.scene.gateway, &token, &["--store", "memory"]);
    assert!(login.status.success(), "{}", told(&login));
    for _ in 0..2 {
        line.hand_over(&["restart"]);
        line.works();
    }
    // It went nowhere else.
    let words = std::fs::read(format!("/proc/{}/cmdline", line.pid())).unwrap();
    let environment = std::fs::read(format!("/proc/{}/environ", line.pid())).unwrap_or_default();
    let used =
        line.scene.gateway.provider_requests().last().unwrap().header("authorization").unwrap().to_owned();
    let used = used.trim_start_matches("Bearer ");
    for place in [words, environment, line.scene.machine.log().into_bytes()] {
        assert!(!String::from_utf8_lossy(&place).contains(used));
    }
}

/// Two of them finish what they had begun, while a third one serves.
#[tokio::test(flavor = "multi_thread")]
async fn it_hands_over_again_while_the_one_before_still_streams() {
    let mut line = Line::new(endless()).await;
    let streams = |line: &Line| {
        let mut live = Live::of(line.scene.begin(MESSAGES, &[], HELLO));
        assert!(live.until("content_block_delta"));
        live
    };
    let mut first = streams(&line);
    line.hand_over(&["restart", "--drain", "forever"]);
    let mut second = streams(&line);
    line.hand_over(&["restart", "--drain", "forever"]);
    let mut third = streams(&line);
    for live in [&mut first, &mut second, &mut third] {
        live.forget();
        assert!(live.until("content_block_delta"));
    }
    assert!(lives(line.heirs[0]));
    drop(second);
    ends(line.heirs[0]);
    first.forget();
    assert!(first.until("content_block_delta"));
    drop(first);
    assert_eq!(line.scene.daemon.ended().code(), Some(0));
    third.forget();
    assert!(third.until("content_block_delta"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_longer_than_it_may_is_cut_and_what_is_idle_is_closed() {
    let mut line = Line::new(endless()).await;
    let mut stream = Live::of(line.scene.begin(MESSAGES, &[], HELLO));
    assert!(stream.until("content_block_delta"));
    let mut idle = Raw::connect(line.scene.address());
    idle.send(raw::get(line.scene.address(), "/healthz", "", &[]));
    assert_eq!(idle.answer().status, 200);
    let asked = Instant::now();
    line.hand_over(&["restart", "--drain", "1"]);
    assert!(!stream.ends_well());
    assert_eq!(idle.rest(), b"");
    assert_eq!(line.scene.daemon.ended().code(), Some(0));
    assert!(asked.elapsed() > Duration::from_secs(1));
    // What is the successor's is still there.
    assert!(line.home().join("run/control.sock").exists() && !lock_is_free(line.home()));
}

/// Its program is another file from then on.
#[tokio::test(flavor = "multi_thread")]
async fn it_hands_over_to_another_program_which_stays() {
    let mut line = Line::new(Setup { tls: true, ..Setup::default() }).await;
    let aigwd = line.scene.machine.aigwd(&[]);
    let copy = line.home().join("copy");
    std::fs::copy(aigwd.get_program(), &copy).unwrap();
    let told = line.hand_over(&["upgrade", copy.to_str().unwrap()]);
    assert_eq!(told["program"], copy.to_str().unwrap());
    assert_eq!(
        (&told["from"]["version"], &told["to"]["version"]),
        (&env!("CARGO_PKG_VERSION").into(), &env!("CARGO_PKG_VERSION").into())
    );
    line.works();
    line.hand_over(&["restart"]);
    assert_eq!(std::fs::read_link(format!("/proc/{}/exe", line.pid())).unwrap(), copy);
    line.works();
    let plan = line.scene.machine.ask(&["service", "restart", "--dry-run"]);
    assert_eq!((&plan["dry_run"], &plan["from"]["pid"]), (&true.into(), &line.pid().into()));
}

/// The ids of the tokens that this machine has made, and that live.
fn tokens(line: &Line) -> Vec<String> {
    let alive = line.scene.gateway.tokens_alive("ada");
    alive.into_iter().filter(|token| !token.name.is_empty()).map(|token| token.id).collect()
}

fn one_is_left(line: &Line) {
    eventually("one token is left", || (tokens(line).len() == 1).then_some(()));
}

/// The successor replaces tokens, and deletes none that the old one may use.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_lives_as_long_as_a_stream_in_the_old_one() {
    let mut line = Line::new(endless()).await;
    let old = tokens(&line).remove(0);
    let mut stream = Live::of(line.scene.begin(MESSAGES, &[], HELLO));
    assert!(stream.until("content_block_delta"));
    line.hand_over(&["restart", "--drain", "forever"]);
    for _ in 0..3 {
        assert!(line.scene.machine.ctl(&["login", "--renew"]).status.success());
        assert!(tokens(&line).contains(&old));
    }
    stream.forget();
    assert!(stream.until("content_block_delta"));
    drop(stream);
    assert_eq!(line.scene.daemon.ended().code(), Some(0));
    one_is_left(&line);
    assert!(!tokens(&line).contains(&old));
}

/// One of them at a time replaces a token: whichever does, the other knows, and no request has one that is not valid.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_replaced_in_time_while_it_hands_over_again_and_again() {
    let mut setup = Setup { tls: true, ..Setup::default() };
    setup.behaviour.max_token_lifetime = Duration::from_secs(12);
    let mut line = Line::new(setup).await;
    let refused = line.scene.gateway.refused_tokens();
    let mut used = std::collections::BTreeSet::new();
    let begun = Instant::now();
    while used.len() < 3 {
        assert!(begun.elapsed() < Duration::from_secs(120), "{used:?}");
        line.hand_over(&["restart"]);
        line.works();
        used.extend(tokens(&line));
    }
    assert_eq!(line.scene.gateway.refused_tokens(), refused);
    assert_eq!(line.scene.daemon.ended().code(), Some(0));
    one_is_left(&line);
}
