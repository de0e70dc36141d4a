//! The certificate authority of this machine: a root that signed one intermediate and whose key is gone, and the
//! intermediate, which can sign for a fixed list of names and nothing else.

use std::path::Path;
use std::time::Duration;

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
    PKCS_ECDSA_P256_SHA256, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

use super::certificates::{Certificates, Files, MAX_PEM, damaged, pem};

/// Lifetime of both certificates. No client that was tried minds two years; some mind more.
const LIFETIME: Duration = Duration::from_secs(2 * 365 * 24 * 3600);
/// Laptop clocks are wrong, mostly backwards.
pub(super) const BACKDATED: Duration = Duration::from_secs(3600);
/// A name that no one has. "No e-mail addresses" has to be said with a name in it: Java drops the whole chain at an empty
/// one, GnuTLS refuses `.`, OpenSSL takes both and excludes nothing.
const NO_MAIL: &str = "none.invalid";
const NAME_CONSTRAINTS: &[u64] = &[2, 5, 29, 30];
const ROOT: &str = "aigw root";

/// An authority that can sign leaves.
pub struct Authority {
    /// What of it is public.
    pub certificates: Certificates,
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
        let root_params = params(&root_name(&root_key), IsCa::Ca(BasicConstraints::Unconstrained), None);
        let root = root_params.self_signed(&root_key).map_err(trouble)?;
        let root_issuer = Issuer::from_params(&root_params, &root_key);

        let key = key_pair().map_err(trouble)?;
        let constraints = constraints(permitted);
        let params =
            params(&intermediate_name(&key), IsCa::Ca(BasicConstraints::Constrained(0)), Some(constraints));
        let intermediate = params.signed_by(&key, &root_issuer).map_err(trouble)?;

        Self::keep(folder, root.der(), std::slice::from_ref(intermediate.der()), &key)?;
        Self::open(folder)
    }

    /// Writes the files of one. The key goes last: without it, nothing there is taken for an authority.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn keep(
        folder: &Path,
        root: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        key: &KeyPair,
    ) -> Result<(), Fault> {
        let files = Files::in_folder(folder);
        files::create_private_dir(folder)?;
        let secret = Zeroizing::new(key.serialize_pem());
        let chain: String = chain.iter().map(|certificate| pem(certificate)).collect();
        files::write_private(&files.root, pem(root).as_bytes())?;
        files::write_private(&files.intermediate, chain.as_bytes())?;
        files::write_private(&files.key, secret.as_bytes())
    }

    /// The one in this folder.
    ///
    /// # Errors
    /// When its key cannot be trusted to be ours alone, or what belongs to it is missing or damaged.
    pub fn open(folder: &Path) -> Result<Self, Fault> {
        let certificates = Certificates::read(folder)?;
        let key = read_key(&certificates.files)?;
        let intermediate =
            certificates.chain.first().ok_or_else(|| damaged(folder, "the intermediate is missing"))?;
        let (_, parsed) = X509Certificate::from_der(intermediate)
            .map_err(|_| damaged(folder, "the intermediate cannot be read"))?;
        if parsed.public_key().raw != rcgen::PublicKeyData::subject_public_key_info(&key) {
            return Err(damaged(folder, "the key belongs to another certificate"));
        }
        let issuer = Issuer::from_ca_cert_der(intermediate, key)
            .map_err(|_| damaged(folder, "the intermediate cannot sign"))?;
        Ok(Self { certificates, issuer })
    }

    /// Whether its key is still ours alone.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), Fault> {
        check_key(&self.certificates.files)
    }
}

/// Whether we made this root, rather than a company.
pub(super) fn is_own_root(root: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(root).is_ok_and(|(_, root)| {
        root.subject().iter_common_name().any(|name| name.as_str().is_ok_and(|name| name.starts_with(ROOT)))
    })
}

/// The private key of these files, if nobody else can have it.
pub(super) fn read_key(files: &Files) -> Result<KeyPair, Fault> {
    let bytes = files::read_limited(&files.key, MAX_PEM)?.map(Zeroizing::new);
    let bytes = bytes.ok_or_else(|| damaged(&files.folder, "its key is missing"))?;
    check_key(files)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| damaged(&files.folder, "the key is no text"))?;
    KeyPair::from_pem(text).map_err(|_| damaged(&files.folder, "the key cannot be read"))
}

fn check_key(files: &Files) -> Result<(), Fault> {
    let folder =
        files::check_private_dir(&files.folder).map_err(|fault| unsafe_at(&fault, &files.folder, "700"));
    folder
        .and_then(|()| files::check_private(&files.key).map_err(|fault| unsafe_at(&fault, &files.key, "600")))
}

/// Others could have been at something that has to be ours alone.
pub(super) fn unsafe_at(fault: &Fault, place: &Path, mode: &str) -> Fault {
    Fault::new(Kind::CaUnsafe, format!("the CA's key may be known to others: {}", fault.what)).cure_with(
        format!(
            "`aigwctl ca rotate`; or, if you know that nobody else has read it, `chmod {mode} {}`",
            place.display()
        ),
    )
}

/// A request for a company's CA to sign our key, with all that we ask to be bound to.
pub(super) fn request(key: &KeyPair, permitted: &[String]) -> Result<String, rcgen::Error> {
    let mut params = params(&intermediate_name(key), IsCa::Ca(BasicConstraints::Constrained(0)), None);
    params.serial_number = None;
    params.use_authority_key_identifier_extension = false;
    let mut extension =
        CustomExtension::from_oid_content(NAME_CONSTRAINTS, encoded_constraints(key, permitted)?);
    extension.set_criticality(true);
    params.custom_extensions = vec![extension];
    params.serialize_request(key)?.pem()
}

/// rcgen encodes name constraints for certificates and refuses to for requests, so they are taken out of a certificate
/// that nobody will see.
fn encoded_constraints(key: &KeyPair, permitted: &[String]) -> Result<Vec<u8>, rcgen::Error> {
    let is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let sample = params(&intermediate_name(key), is_ca, Some(constraints(permitted))).self_signed(key)?;
    let (_, parsed) =
        X509Certificate::from_der(sample.der()).map_err(|_| rcgen::Error::CouldNotParseCertificate)?;
    let is_it = |oid: &x509_parser::oid_registry::Oid<'_>| {
        oid.iter().is_some_and(|arcs| arcs.eq(NAME_CONSTRAINTS.iter().copied()))
    };
    let found = parsed.extensions().iter().find(|extension| is_it(&extension.oid));
    found.map(|extension| extension.value.to_vec()).ok_or(rcgen::Error::CouldNotParseCertificate)
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

/// No two have the same name: while one follows another, stores hold both, and people have to tell them apart.
fn root_name(key: &KeyPair) -> String {
    format!("{ROOT} {} (this machine only)", tag(key))
}

fn intermediate_name(key: &KeyPair) -> String {
    format!("aigw intermediate {} (named hosts only)", tag(key))
}

/// What tells one key's names from another's.
fn tag(key: &KeyPair) -> String {
    let digest = Sha256::digest(rcgen::PublicKeyData::subject_public_key_info(key));
    digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
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

#[cfg(test)]
mod tests {
    use x509_parser::extensions::GeneralName;

    use super::*;

    #[test]
    fn an_authority_is_found_again_as_it_was_made() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("ca");
        assert!(Authority::open(&folder).is_err());
        let names = ["api.anthropic.com".to_owned(), "api.openai.com".to_owned()];
        let made = Authority::make(&folder, &names).unwrap();
        let opened = Authority::open(&folder).unwrap().certificates;
        assert_eq!(opened.permitted, names);
        assert_eq!(opened.root, made.certificates.root);
        assert_eq!(opened.fingerprint(), made.certificates.fingerprint());
        assert!(opened.permits("api.anthropic.com") && opened.permits("x.api.anthropic.com"));
        assert!(!opened.permits("anthropic.com") && !opened.permits("xapi.anthropic.com"));
    }

    /// T2: the shape that every client was tried with.
    #[test]
    fn t2_root_and_intermediate_have_the_tried_shape() {
        let home = tempfile::tempdir().unwrap();
        let authority = Authority::make(home.path(), &["api.openai.com".to_owned()]).unwrap();
        let Certificates { root, chain, .. } = authority.certificates;
        let (_, root) = X509Certificate::from_der(&root).unwrap();
        let (_, intermediate) = X509Certificate::from_der(&chain[0]).unwrap();
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
        let (_, intermediate) = X509Certificate::from_der(&authority.certificates.chain[0]).unwrap();
        assert_eq!(rcgen::PublicKeyData::subject_public_key_info(&keys[0]), intermediate.public_key().raw);
    }
}
