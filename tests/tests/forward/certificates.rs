//! A gateway that cannot prove who it is hears nothing from us.

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use aigw_gateway::{Certificate, Practice, Setup};
use aigw_tests::machine;
use aigw_tests::raw::{self, Answer};
use aigw_tests::wire::Wire;

use crate::failures::asked;
use crate::{MESSAGES, TOKEN, tls};

/// 502 that no retry would mend.
fn will_not_pass(answer: &Answer) {
    assert_eq!((answer.status, answer.error()), (502, Some("gateway-untrusted")), "{}", answer.text());
    assert_eq!(answer.field("x-should-retry"), Some("false"));
    assert_eq!(answer.field("retry-after"), None);
    assert_eq!(answer.json()["type"], "error");
}

#[tokio::test(flavor = "multi_thread")]
async fn t8_a_certificate_that_does_not_hold_is_502_and_nothing_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let ca_of = |name: &str, gateway: &Practice| {
        let file = folder.path().join(name);
        std::fs::write(&file, gateway.ca_pem()).unwrap();
        format!("ca_file = \"{}\"\n", file.display())
    };
    let other = Practice::start(tls()).await.unwrap();
    let mut rows = vec![("issuer is not trusted here", String::new(), Practice::start(tls()).await.unwrap())];
    for (words, certificate) in [
        ("it has expired, or this machine's clock is wrong", Certificate::Expired),
        ("it is not valid yet, or this machine's clock is wrong", Certificate::NotYetValid),
        ("issuer is not trusted here", Certificate::SelfSigned),
        ("certificate had invalid extensions", Certificate::ForClients),
    ] {
        let gateway = Practice::start(Setup { certificate, ..tls() }).await.unwrap();
        rows.push((words, ca_of(&format!("{certificate:?}"), &gateway), gateway));
    }
    let elsewhere = Practice::start(Setup { address: [127, 0, 0, 2].into(), ..tls() }).await.unwrap();
    rows.push(("it is for another name", ca_of("elsewhere", &elsewhere), elsewhere));
    // An authority of the same name, and another key.
    rows.push((
        "it was not signed by the authority",
        ca_of("other", &other),
        Practice::start(tls()).await.unwrap(),
    ));
    for (words, ca, gateway) in rows {
        let (_machine, answer) = asked(&gateway.url(), &ca);
        will_not_pass(&answer);
        assert!(answer.text().contains(words), "{}", answer.text());
        assert!(gateway.requests().is_empty());
        // Trying again would not help.
        assert_eq!(gateway.connections(), 1, "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_put_right_works_without_a_restart() {
    let gateway = Practice::start(tls()).await.unwrap();
    let other = Practice::start(tls()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, other.ca_pem()).unwrap();
    let (machine, answer, _) = {
        let mut machine = machine!();
        machine.set("AIGW_TOKEN", &gateway.issue_token("ada", Duration::from_secs(3600)));
        machine.configure(&format!(
            "[gateway.default]\nurl = \"{}\"\nca_file = \"{}\"\n",
            gateway.url(),
            file.display()
        ));
        let daemon = machine.start();
        let key = machine.key("env");
        let ask = || {
            raw::exchange(
                &daemon.address,
                raw::post(&daemon.address, "/anthropic/v1/messages", &key, &[], MESSAGES),
            )
        };
        will_not_pass(&ask());
        std::fs::write(&file, gateway.ca_pem()).unwrap();
        (machine, ask(), daemon)
    };
    assert_eq!(answer.status, 200, "{}", answer.text());
    drop(machine);
}

#[test]
fn plain_text_on_a_tls_port_is_502_and_shows_no_secret() {
    for speech in ["HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", "SSH-2.0-OpenSSH_9.6\r\n"] {
        let (heard, hears) = channel();
        let heard = Mutex::new(heard);
        let wire = Wire::start(move |peer| {
            peer.send(speech);
            let mut bytes = Vec::new();
            while let Some(byte) = peer.take(1) {
                bytes.extend(byte);
            }
            let _ = heard.lock().unwrap().send(bytes);
        });
        let (_machine, answer) = asked(&wire.url().replace("http:", "https:"), "");
        will_not_pass(&answer);
        assert!(answer.text().contains("does not speak TLS"), "{}", answer.text());
        let bytes = hears.recv_timeout(Duration::from_secs(30)).unwrap();
        // A greeting of TLS, and an alert at most.
        assert_eq!(bytes[..2], [0x16, 3]);
        for secret in [TOKEN, "POST", "anthropic/v1"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
        }
    }
}
