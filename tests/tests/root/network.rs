//! The machine's network changes while connections to the gateway lie ready: they lead nowhere any more, and nobody says so.

use std::fs;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use aigw_gateway::{Practice, Setup};
use aigw_tests::machine::{Running, told};
use aigw_tests::raw::{Answer, exchange, post};

use crate::net::Net;
use crate::stage::{How, Stage};
use crate::{HELLO, MESSAGES};

/// What a tool may have to wait for (SECURITY.md), and what a busy machine needs besides.
const PATIENCE: Duration = Duration::from_secs(3);

/// A daemon in one network, and its gateway in another; a name leads from one to the other.
struct Scene {
    ours: Net,
    theirs: Net,
    gateway: Practice,
    stage: Stage,
    daemon: Running,
    key: String,
}

const NAME: &str = "gateway.test";

impl Scene {
    /// This thread is in the daemon's network afterwards.
    async fn set() -> Self {
        let (ours, theirs) = (Net::new(), Net::new());
        ours.plug(&theirs, 0);
        theirs.enter();
        let gateway = Practice::start(Setup {
            tls: true,
            names: vec![NAME.to_owned()],
            address: Ipv4Addr::UNSPECIFIED.into(),
            ..Setup::default()
        })
        .await
        .unwrap();
        ours.enter();
        let stage =
            Stage::new(&How { mounts: "mount --bind \"$FOLDER/hosts\" /etc/hosts", ..How::default() });
        lead(&stage, 0);
        let daemon = stage.machine.start();
        let url = format!("https://{NAME}:{}", gateway.url().rsplit(':').next().unwrap());
        let ca = stage.machine.home().join("ca.pem");
        fs::write(&ca, gateway.ca_pem()).unwrap();
        let token = gateway.issue_token("ada", Duration::from_secs(86_400));
        let words = ["login", &url, "--token-stdin", "--ca-file", ca.to_str().unwrap()];
        let output = stage.machine.ctl_with_input(&words, &token);
        assert!(output.status.success(), "{}", told(&output));
        let key = stage.machine.key("env");
        Self { ours, theirs, gateway, stage, daemon, key }
    }

    fn ask(&self) -> (Answer, Duration) {
        let begun = Instant::now();
        let address = &self.daemon.address;
        let answer = exchange(address, post(address, MESSAGES, &self.key, &[], HELLO));
        (answer, begun.elapsed())
    }

    /// A request that has to succeed at once; whether it took a new connection.
    #[track_caller]
    fn connects_anew(&self) -> bool {
        let before = self.gateway.connections();
        let (answer, took) = self.ask();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(took < PATIENCE, "{took:?}");
        self.gateway.connections() != before
    }
}

/// The name leads to the other end of this cable. The file stays the same one, which is mounted elsewhere.
fn lead(stage: &Stage, cable: u8) {
    fs::write(stage.folder().join("hosts"), format!("127.0.0.1 localhost\n10.9.{cable}.1 {NAME}\n")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_another_network_the_first_request_succeeds() {
    let scene = Scene::set().await;
    scene.connects_anew();
    assert!(!scene.connects_anew(), "one connection serves many");

    // Another cable, another network, another address of the gateway; the old one is dead, and nobody says so.
    scene.ours.ip("link del c0");
    scene.ours.plug(&scene.theirs, 1);
    lead(&scene.stage, 1);
    assert!(scene.connects_anew(), "the old connection leads nowhere");
    assert!(!scene.connects_anew());

    // The same network, in which we are given another address.
    scene.ours.ip("addr del 10.9.1.2/24 dev c1");
    scene.ours.ip("addr add 10.9.1.3/24 dev c1");
    assert!(scene.connects_anew());

    // What harms no connection costs none.
    scene.ours.ip("addr add 10.9.1.4/24 dev c1");
    assert!(!scene.connects_anew());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_network_a_request_fails_in_words_and_the_first_one_with_it_succeeds() {
    let scene = Scene::set().await;
    scene.connects_anew();
    scene.ours.ip("link set c0 down");
    let (answer, took) = scene.ask();
    assert_eq!((answer.status, answer.error()), (503, Some("gateway-unreachable")), "{}", answer.text());
    // It has waited for the gateway as long as it should.
    assert!(took < PATIENCE * 2, "{took:?}");
    scene.ours.ip("link set c0 up");
    assert!(scene.connects_anew());
}
