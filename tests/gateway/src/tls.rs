//! A throw-away certificate authority and the leaf it signs, so that clients exercise a private CA.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use time::OffsetDateTime;
use tokio_rustls::TlsAcceptor;

use crate::practice::Certificate;

/// What the listener needs for TLS, made once at start.
pub(crate) struct Identity {
    pub(crate) ca_pem: String,
    pub(crate) acceptor: TlsAcceptor,
}

/// Makes the authority and a leaf for loopback and `names`.
pub(crate) fn make(names: &[String], http2: bool, certificate: Certificate) -> io::Result<Identity> {
    let now = OffsetDateTime::now_utc();
    let day = time::Duration::DAY;

    let ca_key = KeyPair::generate().map_err(io::Error::other)?;
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, "Practice gateway CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (ca.not_before, ca.not_after) = (now - 30 * day, now + 365 * day);
    let ca_certificate = ca.self_signed(&ca_key).map_err(io::Error::other)?;

    let leaf_key = KeyPair::generate().map_err(io::Error::other)?;
    let mut all = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    all.extend(names.iter().cloned());
    let mut leaf = CertificateParams::new(all).map_err(io::Error::other)?;
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
    let chain = if certificate == Certificate::SelfSigned {
        vec![leaf.self_signed(&leaf_key).map_err(io::Error::other)?.der().clone()]
    } else {
        let signed = leaf.signed_by(&leaf_key, &Issuer::from_params(&ca, &ca_key));
        vec![signed.map_err(io::Error::other)?.der().clone(), ca_certificate.der().clone()]
    };

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, PrivatePkcs8KeyDer::from(leaf_key.serialize_der()).into())
        .map_err(io::Error::other)?;
    config.alpn_protocols =
        if http2 { vec![b"h2".to_vec(), b"http/1.1".to_vec()] } else { vec![b"http/1.1".to_vec()] };
    Ok(Identity { ca_pem: ca_certificate.pem(), acceptor: TlsAcceptor::from(Arc::new(config)) })
}
