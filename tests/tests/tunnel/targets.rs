//! The addresses that are reached for nobody, in every spelling, and those that the settings forbid.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};

use aigw_gateway::{Practice, Setup};
use aigw_tests::machine;
use aigw_tests::raw::{self, Answer, Raw};
use aigw_tests::scene::Scene;

use crate::{ask, is_refusal, is_well, listener, scene, scene_with, untouched, web};

/// What both doors for others say to a host: a tunnel, and a plain page.
fn both(scene: &Scene, host: &str, port: u16) -> [Answer; 2] {
    let tunnel = scene.tunnel(&format!("{host}:{port}"));
    let tunnel = tunnel.err().unwrap_or_else(|| panic!("a tunnel to {host}:{port}"));
    [tunnel, ask(scene, "GET", &format!("http://{host}:{port}/latest/meta-data/"), &[], "")]
}

/// Metadata services, link-local, unspecified, multicast, broadcast, and their disguises.
const NEVER: [&str; 47] = [
    "169.254.169.254",
    "169.254.169.254.",
    "169.254.170.2",
    "169.254.0.1",
    "2852039166",
    "0xa9fea9fe",
    "0XA9FEA9FE",
    "025177524776",
    "0251.0376.0251.0376",
    "0xa9.0xfe.0xa9.0xfe",
    "0xa9.254.0251.254",
    "169.254.43518",
    "169.16689662",
    "[::ffff:169.254.169.254]",
    "[::FFFF:a9fe:a9fe]",
    "[0:0:0:0:0:ffff:a9fe:a9fe]",
    "[::169.254.169.254]",
    "[::ffff:0:169.254.169.254]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::a9fe:a9fe]",
    "[2002:a9fe:a9fe::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:a9fe:a9fe::1]",
    "[2001:0:1:2:3:4:5601:5601]",
    "[fd00:ec2::254]",
    "[fd00:0ec2:0:0:0:0:0:0254]",
    "[fd20:ce::254]",
    "100.100.100.200",
    "168.63.129.16",
    "[fe80::1]",
    "[febf::1]",
    "0.0.0.0",
    "0",
    "0x0",
    "0.1.2.3",
    "[::]",
    "[::ffff:0.0.0.0]",
    "[64:ff9b::]",
    "224.0.0.1",
    "239.255.255.250",
    "[ff02::1]",
    "[ff0e::1]",
    "[::ffff:224.0.0.251]",
    "255.255.255.255",
    "4294967295",
    "240.0.0.1",
];

#[tokio::test(flavor = "multi_thread")]
async fn p1_metadata_link_local_unspecified_multicast_and_broadcast_are_403_in_every_spelling() {
    // Not even where private addresses are allowed by name.
    for settings in ["", "[tunnel]\nblock_private = true\nallow_cidrs = [\"0.0.0.0/0\", \"::/0\"]\n"] {
        let scene = scene_with(settings).await;
        for host in NEVER {
            for answer in both(&scene, host, 80) {
                is_refusal(&answer, 403, "target-refused", "address");
            }
        }
        is_well(&scene);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_the_unspecified_address_reaches_no_listener_of_this_machine() {
    let scene = scene().await;
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in ["0.0.0.0", "0", "0x0", "[::]", "[::ffff:0.0.0.0]"] {
        for answer in both(&scene, host, port) {
            is_refusal(&answer, 403, "target-refused", "unspecified");
        }
    }
    untouched(&listener);
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_spellings_that_are_no_host_are_refused_before_anything_is_looked_up() {
    let scene = scene().await;
    for host in ["[fe80::1%25lo]", "[169.254.169.254]", "[::1", "::1", "169.254.169.254%00.test", "a b"] {
        let mut raw = Raw::connect(scene.address());
        raw.send(raw::connect(&format!("{host}:80"), Some(&scene.key), &[]));
        let status = raw.answer_to("CONNECT").status;
        assert!([400, 403, 502].contains(&status), "{host} {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_our_own_listeners_are_refused_by_any_name() {
    let scene = scene().await;
    let port = scene.daemon.port;
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "localhost",
        "LocalHost",
        "localhost.",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "0.0.0.0",
        "0",
        "[::]",
    ] {
        let answer = scene.tunnel(&format!("{host}:{port}")).err().unwrap_or_else(|| panic!("{host}"));
        is_refusal(&answer, 403, "target-refused", &format!(":{port}"));
    }
    // This machine's own name, where it means loopback.
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let own = (name.trim(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    if !own.is_empty()
        && own.iter().all(|address| {
            [Ipv4Addr::LOCALHOST.into(), IpAddr::from(Ipv6Addr::LOCALHOST)].contains(&address.ip())
        })
    {
        let answer = scene.tunnel(&format!("{}:{port}", name.trim())).unwrap_err();
        is_refusal(&answer, 403, "target-refused", "is aigwd itself");
    }
    // Plain HTTP to our own names is the forwarder's; by any other name it is nobody's.
    for host in ["127.1", "2130706433", "localhost.", "[::ffff:127.0.0.1]", "[0:0:0:0:0:0:0:1]", "0.0.0.0"] {
        let answer = ask(&scene, "GET", &format!("http://{host}:{port}/healthz"), &[], "");
        is_refusal(&answer, 403, "target-refused", &format!(":{port}"));
    }
    assert!(scene.gateway.requests().is_empty());
    is_well(&scene);
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_loopback_is_reached_by_default_and_refused_with_block_private() {
    let scene = scene().await;
    let origin = web().await;
    let (listener, address) = listener();
    let port = origin.port();
    let hosts = ["127.0.0.1", "localhost", "localhost.", "127.1", "2130706433", "[::ffff:127.0.0.1]"];
    for host in hosts {
        assert!(scene.tunnel(&format!("{host}:{port}")).is_ok(), "{host}");
        assert_eq!(ask(&scene, "GET", &format!("http://{host}:{port}/"), &[], "").status, 200, "{host}");
    }
    let scene = scene_with("[tunnel]\nblock_private = true\n").await;
    for host in
        hosts.into_iter().chain(["[::1]", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "[fd00::1]"])
    {
        for answer in both(&scene, host, address.port()) {
            is_refusal(&answer, 403, "target-refused", "`tunnel.block_private`");
            assert!(answer.text().contains("`tunnel.allow_cidrs`"), "{}", answer.text());
        }
    }
    untouched(&listener);
    // The daemon's own connections are no tunnels.
    assert_eq!(scene.get("/openai/v1/models", &[]).status, 200);
    is_well(&scene);
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_listed_networks_and_the_gateway_stay_reachable() {
    let scene = scene_with("[tunnel]\nblock_private = true\nallow_cidrs = [\"127.0.0.2/32\"]\n").await;
    // The gateway's host and port, by whatever name; no other port there.
    let gateway: SocketAddr = scene.gateway.address();
    for host in ["127.0.0.1", "localhost", "127.1"] {
        let opened = scene.tunnel(&format!("{host}:{}", gateway.port()));
        assert!(opened.is_ok(), "{host} {opened:?}");
    }
    let (_listener, address) = listener();
    is_refusal(&scene.tunnel(&address.to_string()).unwrap_err(), 403, "target-refused", "loopback");
    let two = TcpListener::bind("127.0.0.2:0").unwrap();
    assert!(scene.tunnel(&two.local_addr().unwrap().to_string()).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_a_containers_key_reaches_no_private_address_but_the_gateways() {
    let gateway = Practice::start(Setup::default()).await.unwrap();
    let mut machine = machine!();
    let secret = machine.home().join("secret");
    std::fs::write(&secret, [7; 32]).unwrap();
    machine.set("AIGW_KEY_FILE", secret.to_str().unwrap());
    machine.set("AIGW_URL", &gateway.url());
    machine.configure("[listen]\nkeys = [\"box\"]\n");
    let daemon = machine.start();
    let key = machine.key("box");
    let (listener, address) = listener();
    let refusal = raw::tunnel(&daemon.address, &address.to_string(), Some(&key)).unwrap_err();
    is_refusal(&refusal, 403, "target-refused", "this key");
    let plain = crate::absolute("GET", &format!("http://{address}/"), &key, &[], "");
    is_refusal(&raw::exchange(&daemon.address, plain), 403, "target-refused", "this key");
    untouched(&listener);
    assert!(raw::tunnel(&daemon.address, &gateway.address().to_string(), Some(&key)).is_ok());
    let told = machine.ask(&["explain", &address.to_string()]);
    assert_eq!(
        (&told["outcome"], &told["refusal"]["code"]),
        (&"refused".into(), &"target-refused".into()),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_ports_narrow_what_is_reached() {
    let scene = scene().await;
    let (listener, address) = listener();
    let port = address.port();
    assert!(scene.tunnel(&address.to_string()).is_ok(), "any port by default");
    listener.accept().unwrap();
    let other = web().await;
    let scene = scene_with(&format!("[tunnel]\nports = [443, {}]\n", other.port())).await;
    assert!(scene.tunnel(&other.address().to_string()).is_ok());
    assert_eq!(ask(&scene, "GET", &format!("http://{}/", other.address()), &[], "").status, 200);
    for answer in both(&scene, "127.0.0.1", port) {
        is_refusal(&answer, 403, "target-refused", "`tunnel.ports`");
    }
    untouched(&listener);
    // Before anything is looked up.
    is_refusal(
        &scene.tunnel("no-such-host.invalid:22").unwrap_err(),
        403,
        "target-refused",
        "`tunnel.ports`",
    );
    is_well(&scene);
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_malformed_targets_are_400_and_large_heads_431() {
    let scene = scene().await;
    for target in [
        "localhost",
        "localhost:",
        "localhost:0",
        "localhost:65536",
        "localhost:-1",
        "localhost:http",
        "localhost:80:80",
        "localhost:80/path",
        "/path",
        "http://localhost:80",
        "ada@localhost:80",
        "ada:secret@localhost:80",
        ":443",
        "[::1]",
        "*",
    ] {
        let login = raw::login(&scene.key);
        let request =
            format!("CONNECT {target} HTTP/1.1\r\nhost: localhost\r\nproxy-authorization: {login}\r\n\r\n");
        let answer = raw::exchange(scene.address(), request);
        assert_eq!(answer.status, 400, "{target} {}", answer.text());
    }
    let long = format!("x-long: {}", "x".repeat(70_000));
    let answer = Raw::connect(scene.address()).tunnel("localhost:80", Some(&scene.key), &[&long]);
    assert_eq!(answer.status, 431);
    let many: Vec<_> = (0..120).map(|number| format!("x-{number}: 1")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let answer = Raw::connect(scene.address()).tunnel("localhost:80", Some(&scene.key), &many);
    assert_eq!(answer.status, 431);
    is_well(&scene);
}
