//! The certificate authority of this machine: a root that signed one intermediate and whose key is gone, and the
//! intermediate, which can sign for a fixed list of names and nothing else.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256,
    SerialNumber,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

/// Lifetime of both certificates. No client that was tried minds two years; some mind more.
const LIFETIME: Duration = Duration::from_secs(2 * 365 * 24 * 3600);
/// Laptop clocks are wrong, mostly backwards.
pub(super) const BACKDATED: Duration = Duration::from_secs(3600);
/// A name that no one has. "No e-mail addresses" has to be said with a name in it: Java drops the whole chain at an empty
/// one, GnuTLS refuses `.`, OpenSSL takes both and excludes nothing.
const NO_MAIL: &str = "none.invalid";
/// A PEM file of ours is longer only if it is none.
const MAX_PEM: u64 = 1024 * 1024;

/// Where the authority's files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The root certificate, which is what clients trust.
    pub root: PathBuf,
    /// The intermediate certificate.
    pub intermediate: PathBuf,
    /// The intermediate's private key, mode 0600.
    pub key: PathBuf,
}

impl Files {
    /// In this folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            root: folder.join("root.pem"),
            intermediate: folder.join("intermediate.pem"),
            key: folder.join("intermediate.key"),
        }
    }
}

/// An authority that can sign leaves.
pub struct Authority {
    /// Where it is kept.
    pub files: Files,
    /// What clients trust.
    pub root: CertificateDer<'static>,
    /// What signs leaves, and whatever stands between it and the root: what is sent along with a leaf.
    pub chain: Vec<CertificateDer<'static>>,
    /// The names it can sign for.
    pub permitted: Vec<String>,
    /// When it ends, in seconds since 1970.
    pub not_after: i64,
    pub(super) issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes one for these names. The root's key is dropped here, and was never written.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn make(folder: &Path, permitted: &[String]) -> Result<Self, Fault> {
        let trouble =
            |error: rcgen::Error| Fault::new(Kind::Internal, format!("the CA cannot be made: {error}"));
        let root_key = key_pair().map_err(trouble)?;
        let root_params =
            params("aigw root (this machine only)", IsCa::Ca(BasicConstraints::Unconstrained), None);
        let root = root_params.self_signed(&root_key).map_err(trouble)?;
        let root_issuer = Issuer::from_params(&root_params, &root_key);

        let key = key_pair().map_err(trouble)?;
        let constraints = constraints(permitted);
        let params = params(
            "aigw intermediate (named hosts only)",
            IsCa::Ca(BasicConstraints::Constrained(0)),
            Some(constraints),
        );
        let intermediate = params.signed_by(&key, &root_issuer).map_err(trouble)?;

        let files = Files::in_folder(folder);
        files::create_private_dir(folder)?;
        let secret = Zeroizing::new(key.serialize_pem());
        // The key goes last: without it, nothing here is taken for an authority.
        files::write_private(&files.root, root.pem().as_bytes())?;
        files::write_private(&files.intermediate, intermediate.pem().as_bytes())?;
        files::write_private(&files.key, secret.as_bytes())?;
        Self::open(folder)?.ok_or_else(|| Fault::new(Kind::File, "the CA vanished while it was being made"))
    }

    /// The one in this folder, if there is one.
    ///
    /// # Errors
    /// When there is a key, and it cannot be trusted to be ours alone, or what belongs to it is damaged.
    pub fn open(folder: &Path) -> Result<Option<Self>, Fault> {
        let files = Files::in_folder(folder);
        let Some(key) = files::read_limited(&files.key, MAX_PEM)?.map(Zeroizing::new) else {
            return Ok(None);
        };
        files::check_private(&files.key).map_err(|fault| {
            Fault::new(Kind::CaUnsafe, fault.what).cure_with(format!(
                "if you trust it still: `chmod 600 {}`; else `aigwctl ca rotate`",
                files.key.display()
            ))
        })?;
        let damaged = |what: &str| {
            Fault::new(Kind::CaUnsafe, format!("the CA in {} is damaged: {what}", folder.display()))
                .cure_with("make a new one: `aigwctl ca rotate`")
        };
        let text = std::str::from_utf8(&key).map_err(|_| damaged("the key is no text"))?;
        let key = KeyPair::from_pem(text).map_err(|_| damaged("the key cannot be read"))?;
        let root =
            certificates(&files.root)?.into_iter().next().ok_or_else(|| damaged("the root is missing"))?;
        let chain = certificates(&files.intermediate)?;
        let intermediate = chain.first().ok_or_else(|| damaged("the intermediate is missing"))?;
        let (_, parsed) = X509Certificate::from_der(intermediate)
            .map_err(|_| damaged("the intermediate cannot be read"))?;
        if parsed.public_key().raw != rcgen::PublicKeyData::subject_public_key_info(&key) {
            return Err(damaged("the key belongs to another certificate"));
        }
        let issuer = Issuer::from_ca_cert_der(intermediate, key)
            .map_err(|_| damaged("the intermediate cannot sign"))?;
        let permitted = permitted_names(&parsed);
        let not_after = parsed.validity().not_after.timestamp();
        Ok(Some(Self { files, permitted, not_after, issuer, root, chain }))
    }

    /// Whether it can sign for this host: a permitted name covers what is below it.
    pub fn permits(&self, host: &str) -> bool {
        self.permitted.iter().any(|name| {
            host.strip_suffix(name.as_str()).is_some_and(|before| before.is_empty() || before.ends_with('.'))
        })
    }

    /// SHA-256 of the root, as trust stores show it.
    pub fn fingerprint(&self) -> String {
        let hex: Vec<String> = Sha256::digest(&self.root).iter().map(|byte| format!("{byte:02X}")).collect();
        hex.join(":")
    }
}

/// A fresh key on P-256, which every client takes.
pub(super) fn key_pair() -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
}

/// 127 random bits: unpredictable, positive, and within the 20 bytes that RFC 5280 allows.
pub(super) fn serial() -> Result<SerialNumber, rcgen::Error> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|_| rcgen::Error::RingUnspecified)?;
    bytes[0] &= 0x7f;
    bytes[0] |= 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

fn params(name: &str, is_ca: IsCa, name_constraints: Option<NameConstraints>) -> CertificateParams {
    let now = OffsetDateTime::now_utc();
    let mut distinguished_name = DistinguishedName::new();
    distinguished_name.push(DnType::OrganizationName, "aigw");
    distinguished_name.push(DnType::CommonName, name);
    let mut params = CertificateParams::default();
    params.not_before = now - BACKDATED;
    params.not_after = now + LIFETIME;
    params.serial_number = serial().ok();
    params.distinguished_name = distinguished_name;
    params.is_ca = is_ca;
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.name_constraints = name_constraints;
    params.use_authority_key_identifier_extension = true;
    params
}

/// These DNS names, no address, no mail. Kinds that are not named would be free.
fn constraints(permitted: &[String]) -> NameConstraints {
    let mut names: Vec<GeneralSubtree> = permitted.iter().cloned().map(GeneralSubtree::DnsName).collect();
    names.push(GeneralSubtree::Rfc822Name(NO_MAIL.to_owned()));
    NameConstraints {
        permitted_subtrees: names,
        excluded_subtrees: vec![
            GeneralSubtree::IpAddress(CidrSubnet::V4([0; 4], [0; 4])),
            GeneralSubtree::IpAddress(CidrSubnet::V6([0; 16], [0; 16])),
            GeneralSubtree::Rfc822Name(NO_MAIL.to_owned()),
        ],
    }
}

fn permitted_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let subtrees = certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::NameConstraints(constraints) => constraints.permitted_subtrees.as_ref(),
        _ => None,
    });
    let names = subtrees.into_iter().flatten().filter_map(|subtree| match subtree.base {
        GeneralName::DNSName(name) => Some(name.to_owned()),
        _ => None,
    });
    names.collect()
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let bytes = files::read_limited(file, MAX_PEM)?.unwrap_or_default();
    CertificateDer::pem_slice_iter(&bytes).collect::<Result<_, _>>().map_err(|error| {
        Fault::new(Kind::CaUnsafe, format!("{}: {error}", file.display()))
            .cure_with("make a new one: `aigwctl ca rotate`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_found_again_as_it_was_made() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("ca");
        assert!(Authority::open(&folder).unwrap().is_none());
        let names = ["api.anthropic.com".to_owned(), "api.openai.com".to_owned()];
        let made = Authority::make(&folder, &names).unwrap();
        let opened = Authority::open(&folder).unwrap().unwrap();
        assert_eq!(opened.permitted, names);
        assert_eq!(opened.root, made.root);
        assert_eq!(opened.fingerprint(), made.fingerprint());
        assert!(opened.permits("api.anthropic.com") && opened.permits("x.api.anthropic.com"));
        assert!(!opened.permits("anthropic.com") && !opened.permits("xapi.anthropic.com"));
    }

    /// T2: the shape that every client was tried with.
    #[test]
    fn t2_root_and_intermediate_have_the_tried_shape() {
        let home = tempfile::tempdir().unwrap();
        let authority = Authority::make(home.path(), &["api.openai.com".to_owned()]).unwrap();
        let (_, root) = X509Certificate::from_der(&authority.root).unwrap();
        let (_, intermediate) = X509Certificate::from_der(&authority.chain[0]).unwrap();
        for (certificate, pathlen) in [(&root, None), (&intermediate, Some(0))] {
            let basic = certificate.basic_constraints().unwrap().unwrap();
            assert!(basic.critical && basic.value.ca);
            assert_eq!(basic.value.path_len_constraint, pathlen);
            let usage = certificate.extended_key_usage().unwrap().unwrap().value;
            assert!(usage.server_auth && !usage.client_auth && !usage.code_signing && usage.other.is_empty());
            let days = (certificate.validity().not_after.timestamp()
                - certificate.validity().not_before.timestamp())
                / 86_400;
            assert_eq!(days, 730);
            assert!(certificate.raw_serial().len() >= 9 && certificate.raw_serial()[0] & 0x80 == 0);
        }
        let constraints = intermediate.name_constraints().unwrap().unwrap();
        assert!(constraints.critical);
        let texts = |subtrees: &Option<Vec<x509_parser::extensions::GeneralSubtree<'_>>>| -> Vec<String> {
            subtrees
                .iter()
                .flatten()
                .map(|subtree| match &subtree.base {
                    GeneralName::IPAddress(bytes) => {
                        format!("ip/{}/{}", bytes.len(), bytes.iter().all(|b| *b == 0))
                    }
                    other => other.to_string(),
                })
                .collect()
        };
        assert_eq!(
            texts(&constraints.value.permitted_subtrees),
            ["DNSName(api.openai.com)", "RFC822Name(none.invalid)"]
        );
        assert_eq!(
            texts(&constraints.value.excluded_subtrees),
            ["ip/8/true", "ip/32/true", "RFC822Name(none.invalid)"]
        );
        assert!(root.name_constraints().unwrap().is_none());
        intermediate.verify_signature(Some(root.public_key())).unwrap();
    }

    /// T1 and T2: one private key on the disk, and it is the intermediate's.
    #[test]
    fn t1_the_roots_key_is_nowhere() {
        let home = tempfile::tempdir().unwrap();
        let authority = Authority::make(home.path(), &["api.openai.com".to_owned()]).unwrap();
        let mut keys = Vec::new();
        for file in std::fs::read_dir(home.path()).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            if text.contains("PRIVATE KEY") {
                keys.push(KeyPair::from_pem(&text).unwrap());
            }
        }
        assert_eq!(keys.len(), 1);
        let (_, intermediate) = X509Certificate::from_der(&authority.chain[0]).unwrap();
        assert_eq!(rcgen::PublicKeyData::subject_public_key_info(&keys[0]), intermediate.public_key().raw);
    }
}
