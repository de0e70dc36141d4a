//! Stopping: nothing new is taken, what is running may finish, and what is cut is seen to be cut.

use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use aigw_gateway::{Behaviour, Setup, Stream};
use aigw_tests::eventually::eventually;
use aigw_tests::live::Live;
use aigw_tests::machine;
use aigw_tests::raw::{Raw, get};
use aigw_tests::scene::Scene;

use crate::{HELLO, MESSAGES, endless};

/// Answers that take about two seconds.
fn slow() -> Setup {
    let stream = Stream { deltas: Some(20), gap: Duration::from_millis(100), ..Stream::default() };
    Setup { tls: true, behaviour: Behaviour { stream, ..Behaviour::default() }, ..Setup::default() }
}

fn begun(scene: &Scene) -> Live {
    let mut live = Live::of(scene.begin(MESSAGES, &[], HELLO));
    assert_eq!(live.head.status, 200);
    assert!(live.until("content_block_delta"));
    live
}

/// Whatever asked to stop: the stream goes on to its end and closes well, and the daemon ends with 0.
async fn drains(ask: impl Fn(&Scene)) {
    let mut scene = Scene::set(machine!(), slow()).await;
    let mut idle = Raw::connect(scene.address());
    idle.send(get(scene.address(), "/healthz", "", &[]));
    assert_eq!(idle.answer().status, 200);
    let mut stream = begun(&scene);
    ask(&scene);

    eventually("new connections are refused", || TcpStream::connect(scene.address()).is_err().then_some(()));
    assert_eq!(idle.rest(), b"", "idle connections are closed");
    // It can still be asked, and says that it is there.
    assert_eq!(scene.machine.ask(&["status"])["daemon"]["pid"], scene.daemon.pid());
    assert!(!stream.has("message_stop"), "the stream is still running");
    assert!(stream.ends_well());
    assert!(stream.has("message_stop"));
    let mut nothing = [0; 1];
    let end = stream.leave().stream().read(&mut nothing);
    assert_eq!(end.expect("a FIN, not a reset"), 0);

    assert_eq!(scene.daemon.ended().code(), Some(0), "{}", scene.machine.log());
    assert!(!scene.machine.home().join("run/control.sock").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_runs_when_sigterm_comes_finishes() {
    drains(|scene| scene.daemon.signal("TERM")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_does_the_same() {
    drains(|scene| scene.daemon.signal("INT")).await;
}

/// `aigwctl stop` returns when the daemon is gone, so that another can be started at once.
#[tokio::test(flavor = "multi_thread")]
async fn stop_waits_until_the_streams_have_finished() {
    let scene = Scene::set(machine!(), slow()).await;
    let mut stream = begun(&scene);
    let reader = std::thread::spawn(move || (stream.ends_well(), stream.has("message_stop")));
    assert_eq!(scene.machine.ask(&["stop"])["stopped"], true);
    assert!(reader.is_finished() || scene.machine.log().contains("aigwd has ended"));
    let again = scene.machine.start();
    assert_eq!(reader.join().unwrap(), (true, true));
    assert_eq!(again.stop().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_at_once_and_what_is_cut_is_seen_to_be_cut() {
    let mut scene = Scene::set(machine!(), endless()).await;
    let mut stream = begun(&scene);
    scene.daemon.signal("TERM");
    eventually("new connections are refused", || TcpStream::connect(scene.address()).is_err().then_some(()));
    stream.forget();
    assert!(stream.until("content_block_delta"), "the stream goes on meanwhile");
    let asked = Instant::now();
    scene.daemon.signal("TERM");
    assert!(!stream.ends_well(), "no last chunk");
    assert_eq!(scene.daemon.ended().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    scene
        .gateway_sees("the gateway's side is given up", |seen| seen.iter().any(|seen| seen.cancelled()))
        .await;
}

/// The second one may be a signal after the request, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_after_a_stop_request_ends_at_once() {
    let mut scene = Scene::set(machine!(), endless()).await;
    let mut stream = begun(&scene);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| scene.machine.ask(&["stop"]));
        eventually("new connections are refused", || {
            TcpStream::connect(scene.address()).is_err().then_some(())
        });
        assert!(!waiting.is_finished(), "it waits for the streams");
        scene.daemon.signal("TERM");
        assert_eq!(waiting.join().unwrap()["stopped"], true);
    });
    assert!(!stream.ends_well());
    assert_eq!(scene.daemon.ended().code(), Some(0));
}
