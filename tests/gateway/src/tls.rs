//! Throw-away certificate authorities and the leaves they sign, so that clients exercise a private CA.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use time::OffsetDateTime;
use tokio_rustls::TlsAcceptor;

use crate::practice::Certificate;

/// Who signs, made once at start.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> io::Result<Self> {
        let now = OffsetDateTime::now_utc();
        let day = time::Duration::DAY;
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, name);
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (ca.not_before, ca.not_after) = (now - 30 * day, now + 365 * day);
        let certificate = ca.self_signed(&key).map_err(io::Error::other)?;
        let (pem, der) = (certificate.pem(), certificate.der().clone());
        Ok(Authority { issuer: Issuer::new(ca, key), certificate: der, pem })
    }

    /// The certificate to trust.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for a client of that name, with its key.
    pub(crate) fn identity(&self, name: &str) -> io::Result<Identity> {
        let now = OffsetDateTime::now_utc();
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut leaf = CertificateParams::default();
        leaf.distinguished_name.push(DnType::CommonName, name);
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        leaf.use_authority_key_identifier_extension = true;
        (leaf.not_before, leaf.not_after) = (now - time::Duration::DAY, now + 90 * time::Duration::DAY);
        let signed = leaf.signed_by(&key, &self.issuer).map_err(io::Error::other)?;
        Ok(Identity { certificate_pem: signed.pem(), key_pem: key.serialize_pem() })
    }

    /// A listener's side of TLS, with a leaf for exactly these names. No protocols means that none is negotiated; with an
    /// authority for clients, they must show a certificate of it.
    pub(crate) fn acceptor(
        &self,
        names: Vec<String>,
        protocols: &[&str],
        certificate: Certificate,
        clients: Option<&Authority>,
    ) -> io::Result<TlsAcceptor> {
        let now = OffsetDateTime::now_utc();
        let day = time::Duration::DAY;
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let names = match certificate {
            Certificate::WrongName => vec!["elsewhere.invalid".to_owned()],
            _ => names,
        };
        let mut leaf = CertificateParams::new(names).map_err(io::Error::other)?;
        leaf.distinguished_name.push(DnType::CommonName, "Practice gateway");
        leaf.extended_key_usages = match certificate {
            Certificate::ForClients => vec![ExtendedKeyUsagePurpose::ClientAuth],
            _ => vec![ExtendedKeyUsagePurpose::ServerAuth],
        };
        leaf.use_authority_key_identifier_extension = true;
        (leaf.not_before, leaf.not_after) = match certificate {
            Certificate::Expired => (now - 20 * day, now - 10 * day),
            Certificate::NotYetValid => (now + 10 * day, now + 90 * day),
            _ => (now - day, now + 90 * day),
        };
        let chain = match certificate {
            Certificate::SelfSigned => {
                vec![leaf.self_signed(&key).map_err(io::Error::other)?.der().clone()]
            }
            Certificate::UntrustedRoot => {
                let stranger = Authority::new("Practice stranger CA")?;
                let signed = leaf.signed_by(&key, &stranger.issuer).map_err(io::Error::other)?;
                vec![signed.der().clone(), stranger.certificate]
            }
            _ => {
                let signed = leaf.signed_by(&key, &self.issuer).map_err(io::Error::other)?;
                vec![signed.der().clone(), self.certificate.clone()]
            }
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let clients = match clients {
            None => WebPkiClientVerifier::no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.certificate.clone()).map_err(io::Error::other)?;
                WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
                    .build()
                    .map_err(io::Error::other)?
            }
        };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_client_cert_verifier(clients)
            .with_single_cert(chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .map_err(io::Error::other)?;
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// What a client shows in the TLS greeting.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its certificate, in PEM.
    pub certificate_pem: String,
    /// The private key, in PEM (PKCS#8).
    pub key_pem: String,
}

/// Loopback, besides which a listener has the names given to it.
pub(crate) fn loopback_and(names: &[String]) -> Vec<String> {
    let mut all = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    all.extend(names.iter().cloned());
    all
}

/// What a listener offers in the TLS greeting.
pub(crate) fn protocols(http2: bool) -> &'static [&'static str] {
    if http2 { &["h2", "http/1.1"] } else { &["http/1.1"] }
}
