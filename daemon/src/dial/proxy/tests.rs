//! Which proxy is taken, what is read of its answers, and how its refusals are put.

use proptest::prelude::*;

use super::*;

fn variables(rows: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    rows.iter().map(|(name, text)| (OsString::from(name), OsString::from(text))).collect()
}

fn taken(rows: &[(&str, &str)], proxy: ProxyChoice, secure: bool, host: &str) -> Option<String> {
    let here = Here::new(&variables(rows));
    let way = Way::new(&Leaving { proxy, ..Leaving::default() }, &here);
    let wanted = Wanted { host, port: if secure { 443 } else { 80 }, block_private: false };
    way.proxy_for(secure, &wanted).unwrap().map(ToString::to_string)
}

#[test]
fn the_environment_counts_only_when_it_is_asked() {
    let rows: &[_] =
        &[("HTTPS_PROXY", "http://a:1"), ("ALL_PROXY", "http://c:3"), ("no_proxy", "inside.example")];
    let fixed = || ProxyChoice::Fixed(UpstreamProxy::parse("http://f:9").unwrap());
    for (proxy, secure, host, expected) in [
        (ProxyChoice::Direct, true, "x.example", None),
        (fixed(), true, "x.example", Some("http://f:9")),
        (fixed(), false, "inside.example", Some("http://f:9")),
        (ProxyChoice::Environment, true, "x.example", Some("http://a:1")),
        (ProxyChoice::Environment, false, "x.example", Some("http://c:3")),
        (ProxyChoice::Environment, true, "www.inside.example", None),
        // What no proxy would reach.
        (fixed(), true, "localhost", None),
        (fixed(), true, "127.1", None),
        (fixed(), true, "::1", None),
        (fixed(), true, "::ffff:127.0.0.1", None),
        (fixed(), true, "2130706433", None),
        (fixed(), true, "10.0.0.1", Some("http://f:9")),
        (fixed(), true, "%", Some("http://f:9")),
    ] {
        assert_eq!(taken(rows, proxy, secure, host).as_deref(), expected, "{secure} {host}");
    }
    let environment =
        |rows: &[(&str, &str)], secure| taken(rows, ProxyChoice::Environment, secure, "x.example");
    assert_eq!(environment(&[], true), None);
    let both = [("HTTPS_PROXY", "http://a:1"), ("https_proxy", "b:2")];
    assert_eq!(environment(&both, true).as_deref(), Some("http://b:2"));
    assert_eq!(
        environment(&[("https_proxy", ""), ("HTTPS_PROXY", "http://a:1")], true).as_deref(),
        Some("http://a:1")
    );
    assert_eq!(environment(&[("http_proxy", "http://a:1")], true), None);
    assert_eq!(environment(&[("https_proxy", "http://a:1"), ("NO_PROXY", "*")], true), None);
}

#[test]
fn a_variable_of_no_use_is_told_of_and_not_passed_over() {
    for bad in
        ["socks5://ada:s3cret@proxy:1080", "http://ada:s3cret@proxy/path", "http://@proxy", "ftp://s3cret"]
    {
        let here = Here::new(&variables(&[("ALL_PROXY", bad)]));
        let leaving = Leaving { proxy: ProxyChoice::Environment, ..Leaving::default() };
        let way = Way::new(&leaving, &here);
        let wanted = Wanted { host: "x.example", port: 443, block_private: false };
        let fault = way.proxy_for(true, &wanted).unwrap_err().of_target();
        assert_eq!(fault.kind, Kind::UpstreamProxyFailed);
        let found = findings("tunnel.upstream_proxy", &leaving, &here, |_| false);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].code, "upstream-proxy-unusable");
        for said in [fault.to_string(), found[0].text.clone()] {
            assert!(said.contains("ALL_PROXY") && !said.contains("s3cret"), "{said}");
        }
        // Not asked for, not looked at.
        assert_eq!(findings("tunnel.upstream_proxy", &Leaving::default(), &here, |_| true), []);
    }
}

#[test]
fn answers_are_read_to_the_end_of_their_head() {
    let cut: &[u8] = b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nSSH-2.0";
    let head = cut.len() - "SSH-2.0".len();
    for length in 0..head {
        assert_eq!(parse(&cut[..length]), Ok(None), "{length}");
    }
    let (answer, length) = parse(cut).unwrap().unwrap();
    assert_eq!((answer.status, length), (StatusCode::OK, head));
    for bad in [
        "SSH-2.0-OpenSSH_9.6\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 999x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: \0\r\n\r\n",
        "<html>",
        "HTTP/1.1 000 ?\r\n\r\n",
    ] {
        assert!(parse(bad.as_bytes()).is_err(), "{bad:?}");
    }
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(MAX_FIELDS + 1));
    assert!(parse(many.as_bytes()).is_err());
}

#[test]
fn the_kinds_of_login_are_read_out_of_a_list() {
    for (field, expected) in [
        ("Basic realm=\"a, Negotiate\", charset=\"UTF-8\"", &["Basic"] as &[_]),
        ("Negotiate, NTLM", &["Negotiate", "NTLM"]),
        ("NTLM", &["NTLM"]),
        ("Digest realm=\"x\", nonce=\"y\", Basic realm=\"z\"", &["Digest", "Basic"]),
        ("Negotiate oYG2MIGz==, Basic realm=z", &["Negotiate", "Basic"]),
        ("Basic realm = \"z\", realm = \"q\"", &["Basic"]),
        ("", &[]),
        ("\"", &[]),
    ] {
        assert_eq!(schemes(field), expected, "{field}");
    }
}

#[test]
fn refusals_say_what_to_do() {
    let proxy = UpstreamProxy::parse("http://ada:s3cret@proxy:3128").unwrap();
    let open = UpstreamProxy::parse("http://proxy:3128").unwrap();
    let answer = |status, logins: &[&str]| Answer {
        status: StatusCode::from_u16(status).unwrap(),
        logins: logins.iter().map(ToString::to_string).collect(),
    };
    for (proxy, answer, kind, words) in [
        (&open, answer(407, &["Basic"]), Kind::UpstreamProxyFailed, "wants a login"),
        (&proxy, answer(407, &["NTLM", "basic"]), Kind::UpstreamProxyFailed, "does not take the login"),
        (
            &proxy,
            answer(407, &["Negotiate", "NTLM"]),
            Kind::UpstreamProxyFailed,
            "Negotiate or NTLM, which aigwd does not",
        ),
        (&proxy, answer(407, &["NTLM"]), Kind::UpstreamProxyFailed, "cntlm"),
        (&proxy, answer(407, &[]), Kind::UpstreamProxyFailed, "of no kind"),
        (&proxy, answer(403, &[]), Kind::UpstreamProxyFailed, "403 Forbidden"),
        (&proxy, answer(302, &[]), Kind::UpstreamProxyFailed, "302 Found"),
        (&proxy, answer(101, &[]), Kind::UpstreamProxyFailed, "101"),
        (&proxy, answer(502, &[]), Kind::UpstreamProxyUnavailable, "502 Bad Gateway"),
        (&proxy, answer(503, &[]), Kind::UpstreamProxyUnavailable, "cannot reach x.example:443"),
    ] {
        let fault = refusal(proxy, "x.example:443", &answer);
        let said = fault.to_string();
        assert_eq!(fault.kind, kind, "{said}");
        assert!(said.contains(words) && said.contains("http://proxy:3128"), "{said}");
        assert!(!said.contains("s3cret") && !said.contains("ada"), "{said}");
    }
}

proptest! {
    #[test]
    fn no_answer_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "[ -~\r\n]{0,200}") {
        let _ = parse(&bytes);
        let _ = parse(&[b"HTTP/1.1 407 x\r\nproxy-authenticate: ", bytes.as_slice(), b"\r\n\r\n"].concat());
        let _ = parse(format!("HTTP/1.1 {text}").as_bytes());
        let _ = schemes(&text);
    }

    #[test]
    fn a_head_is_read_alike_however_it_is_cut(fields in prop::collection::vec("[a-z]{1,8}: [a-z ]{0,8}", 0..5), rest: Vec<u8>) {
        let head: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        let head = format!("HTTP/1.1 200 Yes\r\n{head}\r\n");
        let whole = [head.as_bytes(), &rest].concat();
        for length in 0..head.len() {
            prop_assert_eq!(parse(&whole[..length]), Ok(None));
        }
        prop_assert_eq!(parse(&whole).unwrap().unwrap().1, head.len());
    }
}
