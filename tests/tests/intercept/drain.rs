//! Stopping: what runs inside tunnels may finish, and what is idle there is told to go.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use aigw_gateway::{Behaviour, Ending, OriginSetup, Setup, Stream};
use aigw_tests::eventually::eventually;

use crate::frames::{Frames, GOAWAY, PING, SETTINGS};
use crate::stage::{Stage, until};
use crate::{H1, H2, MESSAGES};

/// Answers that take about two seconds.
fn slow() -> Setup {
    let stream = Stream { deltas: Some(20), gap: Duration::from_millis(100), ..Stream::default() };
    Setup { behaviour: Behaviour { stream, ..Behaviour::default() }, ..Setup::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_finish_and_idle_connections_get_a_goodbye() {
    for protocols in [H1, H2] {
        let mut stage = Stage::with(OriginSetup::default(), slow(), "anthropic", "").await;
        let mut idle = Frames::begin(stage.inside(H2).await);
        idle.until(&[SETTINGS]).unwrap();
        idle.send(PING, 0, 0, b"12345678");
        idle.until(&[PING]).unwrap();
        let mut idle_http1 = stage.inside(H1).await;
        // A tunnel in which nothing was said yet.
        let mut silent = stage.tunnel();
        let mut http = stage.http(protocols).await;
        let mut response = http.begin("POST", "/v1/messages", &[], MESSAGES).await.unwrap();
        assert!(until(response.body_mut(), "content_block_delta").await);
        let asked = Instant::now();
        stage.scene.daemon.signal("TERM");
        eventually("new connections are refused", || {
            TcpStream::connect(stage.scene.address()).is_err().then_some(())
        });
        assert_eq!(idle.until(&[GOAWAY]).expect("a GOAWAY").payload[4..8], [0; 4]);
        // What is asked for in between is looked at; then the connection ends.
        let ping = idle.until(&[PING]).expect("a last question");
        idle.send(PING, 1, 0, &ping.payload);
        assert!(idle.until(&[SETTINGS]).is_none());
        assert!(idle_http1.rest().is_empty());
        assert!(silent.rest().is_empty());
        assert!(until(response.body_mut(), "message_stop").await, "{protocols:?}");
        let answer = aigw_tests::inside::read(response).await;
        assert!(answer.whole, "{protocols:?}");
        assert_eq!(stage.scene.daemon.ended().code(), Some(0), "{}", stage.scene.machine.log());
        assert!(asked.elapsed() < Duration::from_secs(9), "{:?}", asked.elapsed());
    }
}

/// A tool that sleeps answers nothing, and the daemon does not wait for it as long as for a stream.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_react_to_the_goodbye_holds_nobody_up() {
    let mut stage = Stage::set("anthropic", "").await;
    let mut idle = Frames::begin(stage.inside(H2).await);
    idle.send(PING, 0, 0, b"12345678");
    idle.until(&[PING]).unwrap();
    let asked = Instant::now();
    stage.scene.daemon.signal("TERM");
    assert_eq!(stage.scene.daemon.ended().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(15), "{:?}", asked.elapsed());
    assert!(idle.until(&[GOAWAY]).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_cuts_visibly() {
    for protocols in [H1, H2] {
        let mut setup = slow();
        setup.behaviour.stream.ending = Ending::Endless;
        let mut stage = Stage::with(OriginSetup::default(), setup, "anthropic", "").await;
        let mut http = stage.http(protocols).await;
        let mut response = http.begin("POST", "/v1/messages", &[], MESSAGES).await.unwrap();
        assert!(until(response.body_mut(), "content_block_delta").await);
        stage.scene.daemon.signal("TERM");
        eventually("new connections are refused", || {
            TcpStream::connect(stage.scene.address()).is_err().then_some(())
        });
        assert!(until(response.body_mut(), "content_block_delta").await, "it goes on meanwhile");
        stage.scene.daemon.signal("TERM");
        assert!(!aigw_tests::inside::read(response).await.whole, "{protocols:?}");
        assert_eq!(stage.scene.daemon.ended().code(), Some(0));
    }
}
