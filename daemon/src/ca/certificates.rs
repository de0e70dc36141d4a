//! The public half of an authority: what may be read, shown and sent even where its key is of no use.

use std::path::{Path, PathBuf};

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use x509_parser::extensions::{GeneralName, GeneralSubtree, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

/// A PEM file of ours is longer only if it is none.
pub(super) const MAX_PEM: u64 = 1024 * 1024;

/// Where an authority's files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The folder that holds nothing else.
    pub folder: PathBuf,
    /// The root certificate, which is what clients trust.
    pub root: PathBuf,
    /// The intermediate certificate, and those between it and the root.
    pub intermediate: PathBuf,
    /// The intermediate's private key, mode 0600.
    pub key: PathBuf,
}

impl Files {
    /// In this folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            root: folder.join("root.pem"),
            intermediate: folder.join("intermediate.pem"),
            key: folder.join("intermediate.key"),
        }
    }
}

/// The certificates of an authority.
pub struct Certificates {
    /// Where they are kept.
    pub files: Files,
    /// What clients trust.
    pub root: CertificateDer<'static>,
    /// What signs leaves, and whatever stands between it and the root: what is sent along with a leaf.
    pub chain: Vec<CertificateDer<'static>>,
    /// The names it can sign for.
    pub permitted: Vec<String>,
    /// When what signs ends, in seconds since 1970.
    pub not_after: i64,
}

impl Certificates {
    /// Those in this folder.
    ///
    /// # Errors
    /// When one is missing or cannot be read.
    pub fn read(folder: &Path) -> Result<Self, Fault> {
        let files = Files::in_folder(folder);
        let root = read_pem(&files.root)?.into_iter().next();
        let root = root.ok_or_else(|| damaged(folder, "the root is missing"))?;
        let chain = read_pem(&files.intermediate)?;
        let intermediate = chain.first().ok_or_else(|| damaged(folder, "the intermediate is missing"))?;
        let (_, parsed) = X509Certificate::from_der(intermediate)
            .map_err(|_| damaged(folder, "the intermediate cannot be read"))?;
        let permitted = names(&permitted(&parsed));
        let not_after = parsed.validity().not_after.timestamp();
        Ok(Self { files, root, chain, permitted, not_after })
    }

    /// Whether it can sign for this host.
    pub fn permits(&self, host: &str) -> bool {
        self.permitted.iter().any(|name| covers(name, host))
    }

    /// Those of these hosts that it cannot sign for.
    pub fn outgrown_by(&self, wanted: &[String]) -> Vec<String> {
        wanted.iter().filter(|host| !self.permits(host)).cloned().collect()
    }

    /// Whether its time is over, or (with `ahead`) will be in so many seconds.
    pub fn ends_within(&self, ahead: i64, now: i64) -> bool {
        self.not_after - ahead <= now
    }

    /// SHA-256 of the root, as trust stores show it.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.root)
    }
}

/// A permitted name covers itself and what is below it.
pub fn covers(name: &str, host: &str) -> bool {
    host.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// SHA-256 as trust stores show it.
pub fn fingerprint(certificate: &[u8]) -> String {
    let hex: Vec<String> = Sha256::digest(certificate).iter().map(|byte| format!("{byte:02X}")).collect();
    hex.join(":")
}

/// What the name constraints of a certificate permit; nothing if it has none.
pub fn permitted<'a>(certificate: &'a X509Certificate<'a>) -> Vec<&'a GeneralSubtree<'a>> {
    subtrees(certificate).0
}

/// Permitted and excluded subtrees.
pub fn subtrees<'a>(
    certificate: &'a X509Certificate<'a>,
) -> (Vec<&'a GeneralSubtree<'a>>, Vec<&'a GeneralSubtree<'a>>) {
    let found = certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::NameConstraints(constraints) => Some(constraints),
        _ => None,
    });
    let Some(constraints) = found else { return Default::default() };
    let list = |subtrees: &'a Option<Vec<GeneralSubtree<'a>>>| subtrees.iter().flatten().collect();
    (list(&constraints.permitted_subtrees), list(&constraints.excluded_subtrees))
}

/// The DNS names among subtrees, in lower case.
pub fn names(subtrees: &[&GeneralSubtree<'_>]) -> Vec<String> {
    let name = |subtree: &&GeneralSubtree<'_>| match subtree.base {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    };
    subtrees.iter().filter_map(name).collect()
}

/// A certificate in PEM, after RFC 7468.
pub fn pem(certificate: &[u8]) -> String {
    let encoded = STANDARD.encode(certificate);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

/// Something here is not as we wrote it. It is kept, and never signs.
pub(super) fn damaged(place: &Path, what: &str) -> Fault {
    Fault::new(Kind::CaUnsafe, format!("the CA in {} is damaged: {what}", place.display()))
        .cure_with("make a new one: `aigwctl ca rotate`")
}

fn read_pem(file: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let bytes = files::read_limited(file, MAX_PEM)?.unwrap_or_default();
    CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| damaged(file, &error.to_string()))
}
