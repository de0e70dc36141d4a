//! Every spelling of an address that must not be reached, and what the settings make of the private ones.

use aigw_shared::config::{Gateway, Tunnel};

use super::*;

fn wanted(host: &str, port: u16) -> Wanted<'_> {
    Wanted { host, port, block_private: false }
}

/// As the dialer does: looked up by the system, then judged.
async fn reach(rules: &Rules, wanted: Wanted<'_>, own: &[SocketAddr]) -> Result<Vec<SocketAddr>, Fault> {
    let addresses = tcp::resolve(wanted.host, wanted.port).await.unwrap();
    rules.allowed(&wanted, &addresses, own).await
}

fn kind<T>(result: Result<T, Fault>) -> Option<Kind> {
    result.err().map(|fault| fault.kind)
}

#[test]
fn every_network_of_the_table_can_be_read() {
    for (network, _) in NETWORKS {
        assert!(Cidr::parse(network).is_some(), "{network}");
    }
}

#[tokio::test]
async fn p1_addresses_that_are_never_reached_in_any_spelling() {
    for host in [
        // Unspecified.
        "0.0.0.0",
        "0",
        "0x0",
        "0.1.2.3",
        "::",
        "::ffff:0.0.0.0",
        "::ffff:0:0",
        // Link-local and metadata.
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "169.16689662",
        "0xA9.254.0251.254",
        "169.254.170.2",
        "169.254.0.1",
        "::ffff:169.254.169.254",
        "::ffff:a9fe:a9fe",
        "::169.254.169.254",
        "::ffff:0:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::169.254.169.254",
        "64:ff9b:1:a9fe:a9:fe00::",
        "64:ff9b:1:a9:fe:a9fe::",
        "64:ff9b:1::a9:fea9:fe00:0",
        "2002:a9fe:a9fe::",
        "2002:a9fe:a9fe:1:2:3:4:5",
        "2001:0:808:808:0:0:5601:5601",
        "2001:0:a9fe:a9fe::1",
        "2001:db8::5efe:169.254.169.254",
        "2001:db8::200:5efe:a9fe:a9fe",
        "fe80::1",
        "febf::1",
        "fe80::a9fe:a9fe",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "fd00:42::42",
        "fd00:c1::a9fe:a9fe",
        "100.100.100.200",
        "1684301000",
        "::ffff:100.100.100.200",
        "64:ff9b::100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        // Multicast, broadcast, reserved.
        "224.0.0.1",
        "239.255.255.250",
        "255.255.255.255",
        "4294967295",
        "0xffffffff",
        "240.0.0.1",
        "ff02::1",
        "ff0e::1",
        "::ffff:255.255.255.255",
        "64:ff9b::224.0.0.1",
        "2002:ffff:ffff::",
    ] {
        let said = reach(&Rules::default(), wanted(host, 80), &[]).await;
        assert_eq!(kind(said), Some(Kind::TargetRefused), "{host}");
    }
}

#[tokio::test]
async fn p1_no_setting_opens_what_is_never_reached() {
    let allow = vec![Cidr::parse("0.0.0.0/0").unwrap(), Cidr::parse("::/0").unwrap()];
    let metadata = Host::Ipv4([169, 254, 169, 254].into());
    let rules = Rules { allow, exempt: vec![(metadata, 80)], ..Rules::default() };
    for host in ["169.254.169.254", "fe80::1", "0.0.0.0", "::ffff:100.100.100.200"] {
        assert_eq!(kind(reach(&rules, wanted(host, 80), &[]).await), Some(Kind::TargetRefused), "{host}");
    }
}

#[tokio::test]
async fn the_internet_is_reached_also_through_translators() {
    let rules = Rules { block_private: true, ..Rules::default() };
    for host in [
        "8.8.8.8",
        "172.32.0.1",
        "100.128.0.1",
        "169.253.1.1",
        "223.255.255.255",
        "2606:4700::1111",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "64:ff9b:1::8.8.8.8",
        "64:ff9b:1:808:8:800::",
        "2002:808:808::1",
    ] {
        assert!(reach(&rules, wanted(host, 443), &[]).await.is_ok(), "{host}");
    }
}

const PRIVATE: &[&str] = &[
    "127.0.0.1",
    "127.9.9.9",
    "2130706433",
    "0177.1",
    "127.1",
    "localhost",
    "::1",
    "::ffff:127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "0xc0.168.257",
    "100.64.0.1",
    "100.127.255.255",
    "192.0.0.8",
    "198.18.0.1",
    "198.19.255.255",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
    "64:ff9b::10.0.0.1",
    "2002:a00:1::",
    "64:ff9b:1::192.168.1.1",
    "::10.0.0.1",
];

#[tokio::test]
async fn p3_private_addresses_are_the_owners_unless_they_are_blocked() {
    for host in PRIVATE {
        assert!(reach(&Rules::default(), wanted(host, 80), &[]).await.is_ok(), "{host}");
        let blocked = Rules { block_private: true, ..Rules::default() };
        let fault = reach(&blocked, wanted(host, 80), &[]).await.unwrap_err();
        assert_eq!(fault.kind, Kind::TargetRefused, "{host}");
        assert!(
            fault.what.contains("`tunnel.block_private`") && fault.cure().contains("`tunnel.allow_cidrs`")
        );
        // The caller's key says so.
        let for_key = Wanted { block_private: true, ..wanted(host, 80) };
        let fault = reach(&Rules::default(), for_key, &[]).await.unwrap_err();
        assert!(fault.what.contains("this key"), "{fault}");
        // And under a policy it is the policy's word.
        let locked = Rules { locked: vec!["tunnel.block_private".to_owned()], ..blocked };
        assert_eq!(kind(reach(&locked, wanted(host, 80), &[]).await), Some(Kind::PolicyForbids), "{host}");
    }
    let open =
        Rules { block_private: true, allow: vec![Cidr::parse("10.0.0.0/8").unwrap()], ..Rules::default() };
    assert!(reach(&open, wanted("10.1.2.3", 80), &[]).await.is_ok());
    assert!(reach(&open, wanted("::ffff:10.1.2.3", 80), &[]).await.is_ok());
    assert!(reach(&open, wanted("192.168.1.1", 80), &[]).await.is_err());
}

#[tokio::test]
async fn p3_the_gateways_stay_reachable_by_name_and_address() {
    let url = |text: &str| Some(text.parse().unwrap());
    let gateway = Gateway {
        url: url("https://localhost:8443/coder"),
        coder_url: url("https://10.0.0.7"),
        ..Gateway::default()
    };
    let tunnel = Tunnel { block_private: true, ..Tunnel::default() };
    let mut config = Config::default();
    config.tunnel = tunnel;
    config.gateways.insert("default".to_owned(), gateway);
    let rules = Rules::new(&config, &[]);
    for (host, port, open) in [
        ("localhost", 8443, true),
        ("LOCALHOST", 8443, true),
        ("127.0.0.1", 8443, true),
        ("::ffff:127.0.0.1", 8443, true),
        ("localhost", 8444, false),
        ("127.0.0.2", 8443, false),
        ("10.0.0.7", 443, true),
        ("10.0.0.7", 80, false),
        ("10.0.0.8", 443, false),
    ] {
        for block_private in [false, true] {
            let wanted = Wanted { block_private, ..wanted(host, port) };
            assert_eq!(reach(&rules, wanted, &[]).await.is_ok(), open, "{host}:{port}");
        }
    }
}

#[tokio::test]
async fn p2_our_own_listeners_by_any_name() {
    let own: Vec<SocketAddr> = vec!["127.0.0.1:2449".parse().unwrap(), "[::1]:2449".parse().unwrap()];
    for host in ["127.0.0.1", "localhost", "2130706433", "127.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::"]
    {
        let fault = reach(&Rules::default(), wanted(host, 2449), &own).await.unwrap_err();
        assert_eq!(fault.kind, Kind::TargetRefused, "{host}");
        assert!(fault.what.contains("aigwd itself"), "{host}: {fault}");
    }
    // Somebody else's port, and somebody else's address.
    for (host, port) in [("127.0.0.1", 2450), ("127.0.0.2", 2449), ("10.0.0.1", 2449)] {
        assert!(reach(&Rules::default(), wanted(host, port), &own).await.is_ok(), "{host}:{port}");
    }
    let everywhere = ["0.0.0.0:2449".parse().unwrap()];
    for host in ["127.0.0.1", "127.0.0.2", "127.255.255.254"] {
        assert!(reach(&Rules::default(), wanted(host, 2449), &everywhere).await.is_err(), "{host}");
    }
    assert!(reach(&Rules::default(), wanted("192.0.2.1", 2449), &everywhere).await.is_ok());
}

#[tokio::test]
async fn p1_of_a_name_only_the_allowed_addresses_are_used() {
    let read = |all: &[&str]| all.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
    let all = read(&["169.254.169.254:80", "[64:ff9b::a9fe:a9fe]:80", "192.0.2.7:80", "127.0.0.1:80"]);
    let own = read(&["127.0.0.1:80"]);
    let rules = Rules::default();
    let wanted = wanted("rebinding.example", 80);
    assert_eq!(rules.allowed(&wanted, &all, &own).await.unwrap(), read(&["192.0.2.7:80"]));
    let fault = rules.allowed(&wanted, &all[..2], &own).await.unwrap_err();
    assert!(fault.what.contains("rebinding.example:80 is a link-local or metadata address"), "{fault}");
}

#[tokio::test]
async fn p4_ports_are_any_unless_they_are_narrowed() {
    for port in [1, 22, 443, 65535] {
        assert!(reach(&Rules::default(), wanted("8.8.8.8", port), &[]).await.is_ok());
    }
    let narrow = Rules { ports: vec![80, 443], ..Rules::default() };
    assert!(reach(&narrow, wanted("8.8.8.8", 443), &[]).await.is_ok());
    let fault = reach(&narrow, wanted("8.8.8.8", 22), &[]).await.unwrap_err();
    assert_eq!(fault.kind, Kind::TargetRefused);
    assert!(fault.what.contains("`tunnel.ports`") && fault.cure().contains("`tunnel.ports`"));
    let locked = Rules { locked: vec!["tunnel.ports".to_owned()], ..narrow };
    assert_eq!(kind(reach(&locked, wanted("8.8.8.8", 22), &[]).await), Some(Kind::PolicyForbids));
}

proptest::proptest! {
    #[test]
    fn what_hides_in_ipv6_is_as_bad_as_what_is_hidden(v4: u32, low: u64) {
        let v4 = Ipv4Addr::from_bits(v4);
        let [a, b, c, d] = v4.octets().map(u16::from);
        let (high, last) = (a << 8 | b, c << 8 | d);
        let clothes = [
            v4.to_ipv6_mapped(),
            Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, last),
            Ipv6Addr::new(0x2002, high, last, (low >> 48) as u16, (low >> 32) as u16, (low >> 16) as u16, low as u16, 1),
            Ipv6Addr::new(0x2001, 0, high, last, 0, 0, !0x0808, !0x0808),
            Ipv6Addr::new(0x2001, 0, 0x0808, 0x0808, 0, low as u16, !high, !last),
        ];
        for ip in clothes {
            match (class(v4.into()), class(ip.into())) {
                (Never(_), other) => assert!(matches!(other, Never(_)), "{v4} {ip} {other:?}"),
                (Private(_), other) => assert!(!matches!(other, Public), "{v4} {ip} {other:?}"),
                (Public, _) => {}
            }
        }
    }

    #[test]
    fn no_address_makes_it_panic(bits: u128) {
        let _ = class(Ipv6Addr::from_bits(bits).into());
    }
}
