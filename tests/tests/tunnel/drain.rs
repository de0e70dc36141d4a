//! Tunnels when the daemon is asked to stop: silent ones end soon, one that is used may go on, and a second signal ends
//! all.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use aigw_gateway::{Corporate, CorporateSetup};
use aigw_tests::eventually::eventually;

use crate::{ends, expect, expect_end, listener, scene, scene_with};

/// A silent tunnel has a few seconds; the grace for all is half a minute.
const SOON: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread")]
async fn silent_tunnels_end_a_few_seconds_after_sigterm() {
    let mut scene = scene().await;
    let mut pairs: Vec<_> = (0..10).map(|_| ends(&scene)).collect();
    let asked = Instant::now();
    scene.daemon.signal("TERM");
    for (client, server) in &mut pairs {
        expect_end(client);
        expect_end(server);
    }
    assert_eq!(scene.daemon.ended().code(), Some(0));
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_tunnels_through_a_proxy_with_tls_end_as_soon() {
    let corporate =
        Corporate::start(CorporateSetup { tls: true, ..CorporateSetup::default() }).await.unwrap();
    let mut scene = crate::corporate::behind(&corporate).await;
    let (mut client, _server) = ends(&scene);
    let asked = Instant::now();
    scene.daemon.signal("TERM");
    expect_end(&mut client);
    assert_eq!(scene.daemon.ended().code(), Some(0));
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
}

/// Says something every moment, for this long.
fn talk(client: &mut TcpStream, server: &mut TcpStream, time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        client.write_all(b"ping").expect("room");
        expect(server, b"ping");
        server.write_all(b"pong").expect("room");
        expect(client, b"pong");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_in_use_goes_on_and_the_daemon_ends_with_it() {
    let mut scene = scene().await;
    let (mut client, mut server) = ends(&scene);
    scene.daemon.signal("TERM");
    eventually("new connections are refused", || TcpStream::connect(scene.address()).is_err().then_some(()));
    talk(&mut client, &mut server, Duration::from_secs(6));
    let left = Instant::now();
    drop(client);
    expect_end(&mut server);
    drop(server);
    assert_eq!(scene.daemon.ended().code(), Some(0));
    assert!(left.elapsed() < Duration::from_secs(3), "{:?}", left.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_cuts_a_tunnel_in_use() {
    let mut scene = scene().await;
    let (mut client, mut server) = ends(&scene);
    scene.daemon.signal("TERM");
    eventually("new connections are refused", || TcpStream::connect(scene.address()).is_err().then_some(()));
    talk(&mut client, &mut server, Duration::from_millis(500));
    let asked = Instant::now();
    scene.daemon.signal("TERM");
    scene.daemon.ended();
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    assert!(matches!(crate::read(&mut client), Ok(0) | Err(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_leaves_tunnels_alone_and_counts_for_the_next() {
    let scene = scene_with("").await;
    let (mut client, mut server) = ends(&scene);
    scene.machine.configure("[tunnel]\nports = [443]\n");
    assert!(scene.machine.ctl(&["reload"]).status.success());
    talk(&mut client, &mut server, Duration::from_millis(300));
    let (_listener, address) = listener();
    assert_eq!(scene.tunnel(&address.to_string()).unwrap_err().error(), Some("target-refused"));
}
