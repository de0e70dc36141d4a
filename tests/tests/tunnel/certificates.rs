//! The certificate that a tool sees behind a tunnel is the host's own, whatever is wrong with it.

use aigw_gateway::{Certificate, Origin, OriginSetup};
use aigw_tests::inside::Greeting;
use aigw_tests::raw::Raw;

use crate::{is_well, scene};

/// How long ago it ended changes while one looks.
fn without_numbers(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

/// What a client thinks of the origin, and the certificates that it was shown (if it likes them).
async fn seen(origin: &Origin, raw: Raw) -> Result<Vec<Vec<u8>>, String> {
    let inside = Greeting::new(origin.ca_pem(), "site.test").over(raw).await;
    let inside = inside.map_err(|error| without_numbers(&error.to_string()))?;
    Ok(inside.certificates().iter().map(|certificate| certificate.to_vec()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn t7_a_tunnelled_hosts_certificate_and_its_faults_reach_the_tool() {
    let scene = scene().await;
    for (certificate, fault) in [
        (Certificate::Good, None),
        (Certificate::Expired, Some("certificate expired")),
        (Certificate::NotYetValid, Some("not valid yet")),
        (Certificate::WrongName, Some("not valid for name")),
        (Certificate::SelfSigned, Some("UnknownIssuer")),
        (Certificate::UntrustedRoot, Some("UnknownIssuer")),
    ] {
        let names = vec!["site.test".to_owned()];
        let origin =
            Origin::start(OriginSetup { names, certificate, ..OriginSetup::default() }).await.unwrap();
        let address = origin.address().to_string();
        let direct = seen(&origin, Raw::connect(&address)).await;
        let through = seen(&origin, scene.tunnel(&address).unwrap()).await;
        assert_eq!(through, direct, "{certificate:?}");
        match fault {
            None => assert!(through.is_ok(), "{through:?}"),
            Some(fault) => {
                let said = through.unwrap_err();
                assert!(said.contains(fault), "{certificate:?}: {said}");
            }
        }
    }
    // A tool that does not like what it sees there is none of our findings.
    is_well(&scene);
}
