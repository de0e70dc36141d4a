//! Who issued a certificate that does not hold. It is looked at in a greeting of its own, which ends there whatever it is: a
//! server that is not believed is never spoken to.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::crypto;

/// Products that open TLS on its way, as their certificates name them.
const INSPECTORS: [&str; 26] = [
    "zscaler",
    "netskope",
    "palo alto",
    "fortinet",
    "fortigate",
    "blue coat",
    "bluecoat",
    "forcepoint",
    "websense",
    "umbrella",
    "sophos",
    "mcafee",
    "skyhigh",
    "barracuda",
    "check point",
    "kaspersky",
    "bitdefender",
    "avast",
    "cato networks",
    "menlo security",
    "iboss",
    "smoothwall",
    "watchguard",
    "sonicwall",
    "mitmproxy",
    "squid",
];

/// Refuses everything, and remembers who issued it.
#[derive(Debug, Default)]
struct Witness(Mutex<Option<String>>);

/// The issuer of the certificate that this server shows.
pub(super) async fn issuer<S: AsyncRead + AsyncWrite + Unpin>(name: &str, stream: S) -> Option<String> {
    let witness = Arc::new(Witness::default());
    let mut config = ClientConfig::builder_with_provider(crypto())
        .with_safe_default_protocol_versions()
        .ok()?
        // Nothing is let through: see below.
        .dangerous()
        .with_custom_certificate_verifier(witness.clone())
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let server = ServerName::try_from(name.to_owned()).ok()?;
    // It fails, always.
    let _ = TlsConnector::from(Arc::new(config)).connect(server, stream).await;
    witness.0.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// The name of whoever issued it: its common name, else all of it.
pub(super) fn issuer_of(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let issuer = certificate.issuer();
    let common = issuer.iter_common_name().find_map(|name| name.as_str().ok());
    let all = issuer.to_string();
    let inspects = if inspects(&all) { " (which opens TLS to inspect it)" } else { "" };
    Some(format!("{:?}{inspects}", common.unwrap_or(&all)))
}

/// Whether whoever has this name stands between a company's machines and the rest.
fn inspects(issuer: &str) -> bool {
    let issuer = issuer.to_ascii_lowercase();
    INSPECTORS.iter().any(|name| issuer.contains(name))
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = issuer_of(leaf);
        Err(CertificateError::UnknownIssuer.into())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(CertificateError::BadSignature.into())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(CertificateError::BadSignature.into())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        crypto().signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::inspects;

    #[test]
    fn products_that_inspect_tls_are_known_by_what_they_call_themselves() {
        for (issuer, does) in [
            ("C=US, O=Zscaler Inc., CN=Zscaler Intermediate Root CA (zscaler.net)", true),
            ("CN=caadmin.netskope.com, O=netSkope Inc", true),
            ("O=Fortinet, CN=FGVM01", true),
            ("C=US, O=Let's Encrypt, CN=R13", false),
            ("O=Example Corp, CN=Example Corp Root", false),
        ] {
            assert_eq!(inspects(issuer), does, "{issuer}");
        }
    }
}
