//! Certificates for intercepted hosts: made when a host is first asked for, kept in memory, made anew before they end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aigw_shared::fault::{Fault, Kind};
use rcgen::{CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::NoServerSessionStorage;
use time::OffsetDateTime;

use super::authority::{Authority, BACKDATED, key_pair, serial};
use crate::dial::crypto;

/// From its first second, an hour ago, to its last: below the seven days that anyone should see.
const LIFETIME: Duration = Duration::from_secs(6 * 24 * 3600);
/// A leaf is replaced so long before it ends, in seconds.
const RENEWED: i64 = 24 * 3600;

/// The leaves of one authority.
pub struct Leaves {
    authority: Arc<Authority>,
    made: Mutex<HashMap<String, Leaf>>,
}

struct Leaf {
    with_h2: Arc<ServerConfig>,
    http1: Arc<ServerConfig>,
    not_after: i64,
}

impl Leaf {
    fn config(&self, offer_h2: bool) -> Arc<ServerConfig> {
        if offer_h2 { self.with_h2.clone() } else { self.http1.clone() }
    }
}

impl Leaves {
    /// No leaves yet.
    pub fn new(authority: Arc<Authority>) -> Self {
        Self { authority, made: Mutex::default() }
    }

    /// Who signs them.
    pub fn authority(&self) -> &Arc<Authority> {
        &self.authority
    }

    /// Whether the authority's key is still ours alone.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), Fault> {
        self.authority.check()
    }

    /// How to speak TLS as this host. Made once, however many ask at the same time.
    ///
    /// # Errors
    /// When the host is none that the authority can sign for.
    pub fn serve(&self, host: &str, offer_h2: bool, now: i64) -> Result<Arc<ServerConfig>, Fault> {
        if !self.authority.certificates.permits(host) {
            return Err(Fault::new(Kind::CaOutgrown, format!("this machine's CA cannot sign for {host}")));
        }
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(leaf) = made.get(host).filter(|leaf| now < leaf.not_after - RENEWED) {
            return Ok(leaf.config(offer_h2));
        }
        let leaf = self.make(host)?;
        let config = leaf.config(offer_h2);
        made.insert(host.to_owned(), leaf);
        Ok(config)
    }

    fn make(&self, host: &str) -> Result<Leaf, Fault> {
        let key = key_pair().map_err(|error| trouble(&error))?;
        let (certificate, not_after) = self.certificate(host, &key)?;
        let chain = std::iter::once(certificate).chain(self.authority.certificates.chain.iter().cloned());
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(crypto())
            .with_safe_default_protocol_versions()
            .map_err(|error| trouble(&error))?
            .with_no_client_auth()
            .with_single_cert(chain.collect(), key)
            .map_err(|error| trouble(&error))?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        // Sessions are resumed by tickets, which cost no memory here. A ticket is good for its own host only: the name
        // in the greeting, to which rustls holds it, may be the same for several.
        config.ticketer = rustls::crypto::ring::Ticketer::new().map_err(|error| trouble(&error))?;
        let speaking = |protocols: &[&[u8]]| {
            let mut config = config.clone();
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            Arc::new(config)
        };
        Ok(Leaf { with_h2: speaking(&[b"h2", b"http/1.1"]), http1: speaking(&[b"http/1.1"]), not_after })
    }

    fn certificate(&self, host: &str, key: &KeyPair) -> Result<(CertificateDer<'static>, i64), Fault> {
        let now = OffsetDateTime::now_utc();
        let mut params = CertificateParams::new([host.to_owned()]).map_err(|error| trouble(&error))?;
        params.not_before = now - BACKDATED;
        params.not_after = now - BACKDATED + LIFETIME;
        params.serial_number = Some(serial().map_err(|error| trouble(&error))?);
        // The name is in the SAN, which rcgen marks critical where there is no subject.
        params.distinguished_name = DistinguishedName::new();
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(key, &self.authority.issuer).map_err(|error| trouble(&error))?;
        Ok((certificate.der().clone(), params.not_after.unix_timestamp()))
    }
}

fn trouble(error: &dyn std::fmt::Display) -> Fault {
    Fault::new(Kind::Internal, format!("a certificate cannot be made: {error}"))
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::{FromDer, X509Certificate};

    use super::*;

    fn leaves(home: &std::path::Path) -> Leaves {
        let authority = Authority::make(home, &["api.openai.com".to_owned()]).unwrap();
        Leaves::new(Arc::new(authority))
    }

    #[test]
    fn one_leaf_for_all_who_ask_and_a_new_one_before_it_ends() {
        let home = tempfile::tempdir().unwrap();
        let leaves = leaves(home.path());
        let now = crate::now();
        let first = leaves.serve("api.openai.com", true, now).unwrap();
        let same: Vec<bool> = std::thread::scope(|scope| {
            let ask = || Arc::ptr_eq(&leaves.serve("api.openai.com", true, now).unwrap(), &first);
            let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            asking.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(same, [true; 8]);
        let http1 = leaves.serve("api.openai.com", false, now).unwrap();
        assert_eq!((first.alpn_protocols.len(), http1.alpn_protocols.len()), (2, 1));
        assert!(!Arc::ptr_eq(&leaves.serve("api.openai.com", true, now + 5 * 24 * 3600).unwrap(), &first));
        assert_eq!(leaves.serve("api.anthropic.com", true, now).unwrap_err().kind, Kind::CaOutgrown);
    }

    /// T3: the certificate as a client gets it.
    #[test]
    fn t3_a_leaf_is_short_lived_and_for_one_name() {
        let home = tempfile::tempdir().unwrap();
        let leaves = leaves(home.path());
        let der = leaves.certificate("api.openai.com", &key_pair().unwrap()).unwrap().0;
        let (_, leaf) = X509Certificate::from_der(&der).unwrap();
        let names = &leaf.subject_alternative_name().unwrap().unwrap().value.general_names;
        assert_eq!(names.iter().map(ToString::to_string).collect::<Vec<_>>(), ["DNSName(api.openai.com)"]);
        let usage = leaf.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.server_auth && !usage.client_auth && !usage.any);
        let validity = leaf.validity();
        assert!(validity.not_after.timestamp() - validity.not_before.timestamp() <= 7 * 86_400);
        assert!(validity.not_before.timestamp() <= crate::now() - 3600);
        assert!(!leaf.basic_constraints().unwrap().unwrap().value.ca);
        assert!(leaf.raw_serial().len() >= 9);
        let (_, issuer) = X509Certificate::from_der(&leaves.authority.certificates.chain[0]).unwrap();
        leaf.verify_signature(Some(issuer.public_key())).unwrap();
        let other = leaves.certificate("api.openai.com", &key_pair().unwrap()).unwrap().0;
        assert_ne!(X509Certificate::from_der(&other).unwrap().1.raw_serial(), leaf.raw_serial());
    }
}
