//! Where the daemon listens, and to whom: loopback, both addresses, the user's own processes in every form of address.

use aigw_tests::machine;
use aigw_tests::raw::{self, Raw};

use crate::scene;

/// Local addresses (as the kernel writes them) on which something listens at this port.
#[cfg(target_os = "linux")]
fn listening(port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let lines = read("/proc/net/tcp") + &read("/proc/net/tcp6");
    let suffix = format!(":{port:04X}");
    let mut found: Vec<String> = lines
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words.len() > 3 && words[3] == LISTEN)
        .filter_map(|words| words[1].strip_suffix(&suffix).map(str::to_owned))
        .collect();
    found.sort();
    found
}

/// Addresses of this machine other than the two loopback ones: what packets to the world would come from, if there is
/// a way there, and another one of the loopback network, which is always there.
#[cfg(target_os = "linux")]
fn other_local_addresses() -> Vec<std::net::IpAddr> {
    use std::net::{IpAddr, Ipv4Addr, UdpSocket};

    let mut found = vec![IpAddr::from(Ipv4Addr::new(127, 0, 0, 2))];
    for (from, to) in [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")] {
        // Nothing is sent: this only asks for the route.
        let socket = UdpSocket::bind(from).and_then(|socket| socket.connect(to).map(|()| socket));
        found.extend(socket.and_then(|socket| socket.local_addr()).map(|address| address.ip()));
    }
    found
}

#[cfg(target_os = "linux")]
#[test]
fn f12_the_listeners_are_loopback_and_no_setting_makes_them_others() {
    let machine = machine!();
    let daemon = machine.start();
    let loopback = ["00000000000000000000000001000000", "0100007F"];
    assert_eq!(listening(daemon.port), loopback);
    let status = machine.ask(&["status"]);
    assert_eq!(
        status["daemon"]["listen"],
        serde_json::json!([format!("127.0.0.1:{}", daemon.port), format!("[::1]:{}", daemon.port)])
    );
    for address in other_local_addresses() {
        let refused = std::net::TcpStream::connect((address, daemon.port)).expect_err("nobody listens there");
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused, "{address}");
    }
    for setting in
        ["address = \"0.0.0.0\"", "host = \"0.0.0.0\"", "bind = \"::\"", "addresses = [\"192.0.2.1\"]"]
    {
        machine.configure(&format!("[listen]\n{setting}\n"));
        assert_eq!(machine.ctl(&["reload"]).status.code(), Some(64), "{setting}");
        assert!(machine.findings().contains(&"configuration-refused".to_owned()), "{setting}");
        assert_eq!(listening(daemon.port), loopback, "{setting}");
    }
}

/// Section 3: the owner's processes are known by each form of address that a client can have, and by the key.
#[tokio::test(flavor = "multi_thread")]
async fn the_owner_comes_in_by_either_loopback_address_and_not_without_a_key() {
    let scene = scene().await;
    let port = scene.daemon.port;
    for (address, host) in [
        (format!("127.0.0.1:{port}"), format!("127.0.0.1:{port}")),
        (format!("[::1]:{port}"), format!("[::1]:{port}")),
        (format!("[::1]:{port}"), format!("localhost:{port}")),
        // As Java and other dual-stack clients connect.
        (format!("[::ffff:127.0.0.1]:{port}"), format!("127.0.0.1:{port}")),
    ] {
        for (key, status) in
            [(scene.key.clone(), 200), (crate::check::wrong(&scene.key), 403), (String::new(), 403)]
        {
            scene.gateway.forget_requests();
            let mut raw = Raw::connect(&address);
            raw.send(raw::get(&host, "/openai/v1/models", &key, &[]));
            assert_eq!(raw.answer().status, status, "{address} {host}");
            assert_eq!(scene.gateway.requests().len(), usize::from(status == 200));
        }
    }
    assert!(!scene.machine.findings().contains(&"owner-unknown".to_owned()));
}
