//! A company's proxy that does not let us through: what the tool is told, and that the gateway hears nothing.

use aigw_tests::machine::told;
use aigw_tests::raw::Answer;

use crate::corporate::Company;
use crate::gateways::{HOST, asked, hidden, settled};

fn will_not_pass(answer: &Answer, words: &[&str]) {
    assert_eq!((answer.status, answer.error()), (502, Some("upstream-proxy-failed")), "{}", answer.text());
    assert_eq!(answer.field("x-should-retry"), Some("false"));
    assert_eq!(answer.json()["type"], "error");
    words.iter().for_each(|word| assert!(answer.text().contains(word), "{word}: {}", answer.text()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_missing_wrong_or_of_another_kind_is_502_with_the_way_out() {
    let gateway = hidden().await;
    for (challenges, login, words) in [
        (vec!["Basic realm=x"], "", ["wants a login", "USER:PASSWORD"]),
        (
            vec!["Negotiate", "Basic realm=x"],
            "ada:wr0ng@",
            ["does not take the login", "right user name and password"],
        ),
        (vec!["Negotiate", "NTLM"], "ada:wr0ng@", ["Negotiate or NTLM, which aigwd does not speak", "cntlm"]),
        (vec!["NTLM"], "", ["NTLM, which aigwd does not speak", "cntlm"]),
    ] {
        let to = gateway.address();
        let proxy = Company { login: Some("ada:r1ght"), challenges, ..Company::leading_to(to) }.start().await;
        let url = proxy.url.replace("://", &format!("://{login}"));
        let (answer, printed) = asked(&settled(&gateway, HOST, &format!("upstream_proxy = \"{url}\"")));
        will_not_pass(&answer, &words);
        assert!(answer.text().contains(&proxy.url), "{}", answer.text());
        assert!(!printed.contains("wr0ng") && !printed.contains("YWRhOn"), "{printed}");
        // Once is enough.
        assert_eq!(proxy.heads().len(), 1);
    }
    assert!(gateway.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_proxy_says_is_read_strictly_and_not_repeated() {
    let gateway = hidden().await;
    let endless =
        format!("HTTP/1.1 200 OK\r\n{}", "x: 0123456789012345678901234567890123456789\r\n".repeat(2000));
    for (says, status, words) in [
        ("HTTP/1.1 403 S3CRET\r\n\r\nS3CRET".to_owned(), 502, "403 Forbidden"),
        ("HTTP/1.1 302 S3CRET\r\nlocation: http://S3CRET/\r\n\r\n".to_owned(), 502, "302 Found"),
        ("HTTP/1.1 101 S3CRET\r\n\r\n".to_owned(), 502, "101 Switching Protocols"),
        ("SSH-2.0-S3CRET\r\n\r\n".to_owned(), 502, "does not speak HTTP as it must"),
        (endless, 502, "does not speak HTTP as it must"),
        ("HTTP/1.1 502 S3CRET\r\n\r\n".to_owned(), 503, "502 Bad Gateway"),
        ("HTTP/1.1 504 S3CRET\r\n\r\n".to_owned(), 503, "504 Gateway Timeout"),
        ("HTTP/1.1 200 S3C".to_owned(), 503, "hung up"),
        (String::new(), 503, "hung up"),
    ] {
        let proxy =
            Company { says: Some(says.clone()), ..Company::leading_to(gateway.address()) }.start().await;
        let (answer, printed) =
            asked(&settled(&gateway, HOST, &format!("upstream_proxy = \"{}\"", proxy.url)));
        if status == 502 {
            will_not_pass(&answer, &[words]);
        } else {
            assert_eq!((answer.status, answer.error()), (503, Some("upstream-proxy-unavailable")), "{says}");
            assert_eq!(answer.field("retry-after"), Some("2"));
            assert!(answer.text().contains(words), "{words}: {}", answer.text());
        }
        assert!(!printed.contains("S3C"), "{printed}");
    }
    assert!(gateway.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_away_or_shows_a_strange_certificate_gets_no_login() {
    let gateway = hidden().await;
    let port = aigw_tests::port::reserved();
    let machine =
        settled(&gateway, HOST, &format!("upstream_proxy = \"http://ada:s3cret@127.0.0.1:{port}\""));
    let (answer, printed) = asked(&machine);
    assert_eq!((answer.status, answer.error()), (503, Some("upstream-proxy-unavailable")), "{printed}");
    assert!(
        answer.text().contains(&format!("http://127.0.0.1:{port} cannot be reached")),
        "{}",
        answer.text()
    );
    assert!(!printed.contains("s3cret"));

    let company = Company::leading_to(gateway.address());
    let strange = Company { tls: true, ..company.clone() }.start().await;
    let upstream = format!("upstream_proxy = \"{}\"", strange.with_login("ada:s3cret"));
    let (answer, _) = asked(&settled(&gateway, HOST, &upstream));
    will_not_pass(&answer, &["certificate that does not hold", "upstream_proxy_ca_file"]);
    let plain = company.start().await;
    let upstream =
        format!("upstream_proxy = \"{}\"", plain.with_login("ada:s3cret").replace("http:", "https:"));
    let (answer, _) = asked(&settled(&gateway, HOST, &upstream));
    assert_ne!(answer.status, 200);
    assert!(strange.heads().is_empty() && plain.heads().is_empty() && gateway.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_aigwd_itself_is_a_finding_and_502() {
    let gateway = hidden().await;
    let port = aigw_tests::port::reserved();
    for (proxy, variable) in [
        (format!("http://127.0.0.1:{port}"), None),
        (format!("http://localhost:{port}"), None),
        (format!("http://[::1]:{port}"), None),
        ("environment".to_owned(), Some(format!("http://env:s3cret@127.0.0.1:{port}"))),
    ] {
        let more = format!("upstream_proxy = \"{proxy}\"\n[listen]\nport = {port}\n");
        let mut machine = settled(&gateway, HOST, &more);
        if let Some(url) = &variable {
            machine.set("https_proxy", url);
        }
        let (answer, printed) = asked(&machine);
        will_not_pass(&answer, &["is aigwd itself"]);
        assert!(printed.contains("gateway.default.upstream_proxy"), "{printed}");
        assert!(printed.contains("\"code\":\"upstream-proxy-loop\""), "{printed}");
        assert!(!printed.contains("s3cret"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_proxy_is_refused_when_it_is_configured() {
    let gateway = hidden().await;
    for (key, bad) in [
        ("gateway.default.upstream_proxy", "\"http://@proxy:1\""),
        ("gateway.default.upstream_proxy", "\"http://:@proxy:1\""),
        ("gateway.default.upstream_proxy", "\"socks5://ada:s3cret@proxy:1\""),
        ("gateway.default.upstream_proxy", "\"http://ada%3As3cret:x@proxy:1\""),
        ("gateway.default.no_proxy", "[\"http://s3cret\"]"),
    ] {
        let leaf = key.rsplit('.').next().unwrap();
        let machine = settled(&gateway, HOST, &format!("{leaf} = {bad}"));
        let _daemon = machine.start();
        let output = machine.ctl(&["reload"]);
        let said = told(&output);
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(said.contains(key) && !said.contains("s3cret"), "{said}");
    }
}
