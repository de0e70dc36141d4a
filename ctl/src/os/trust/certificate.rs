//! A root certificate as trust stores see it, and the certificates in a text.

use std::path::{Path, PathBuf};

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// More than any bundle of the world's roots.
const LIMIT: u64 = 16 * 1024 * 1024;

/// By what a certificate is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// SHA-256 in lower case, without colons.
    pub(crate) sha256: String,
    /// SHA-1 in upper case, which is what macOS and Windows call a certificate; unknown when only the other is given.
    pub(crate) sha1: Option<String>,
}

/// A root certificate that can be installed.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    pub(crate) mark: Mark,
    /// This certificate and nothing else, in PEM.
    pub(crate) pem: String,
    /// Where programs can read it.
    pub(crate) file: PathBuf,
}

impl Mark {
    /// Of the text that `ca status` and other programs show, in either case, with colons or without.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let sha256 = text.replace([':', ' '], "").to_ascii_lowercase();
        let whole = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        whole.then_some(Self { sha256, sha1: None })
    }

    pub(super) fn of(certificate: &CertificateDer<'_>) -> Self {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        Self {
            sha256: hex(&Sha256::digest(certificate)),
            sha1: Some(hex(&Sha1::digest(certificate)).to_ascii_uppercase()),
        }
    }

    /// Enough of it to tell one root from another.
    pub(crate) fn short(&self) -> &str {
        self.sha256.get(..16).unwrap_or(&self.sha256)
    }

    /// As trust stores show it.
    pub(crate) fn shown(&self) -> String {
        let pairs =
            self.sha256.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_ascii_uppercase());
        pairs.collect::<Vec<_>>().join(":")
    }
}

impl Root {
    /// The one certificate of a text; `folder` is where programs will find it.
    ///
    /// # Errors
    /// When there is none, more than one, or a private key, which has no business in a trust store.
    pub(crate) fn of(text: &str, from: &str, folder: &Path) -> Result<Self, Fault> {
        let refused = |what: &str| {
            Fault::new(Kind::Usage, format!("{from} {what}"))
                .cure_with("name the file that `aigwctl ca status` calls the root")
        };
        if text.contains("PRIVATE KEY") {
            return Err(refused("holds a private key, which no trust store needs"));
        }
        let found = certificates(text.as_bytes());
        let [certificate] = &found[..] else { return Err(refused("does not hold exactly one certificate")) };
        let mark = Mark::of(certificate);
        let block = blocks(text).next().ok_or_else(|| refused("is no certificate in PEM"))?;
        let pem = block.lines().map(|line| format!("{}\n", line.trim())).collect();
        Ok(Self { file: folder.join(format!("{}.pem", mark.short())), mark, pem })
    }

    /// The one in this file.
    ///
    /// # Errors
    /// As [`of`](Self::of), and when it cannot be read.
    pub(crate) fn read(file: &Path, folder: &Path) -> Result<Self, Fault> {
        let content = files::read_limited(file, LIMIT)?
            .ok_or_else(|| Fault::new(Kind::File, format!("there is no {}", file.display())))?;
        Self::of(&String::from_utf8_lossy(&content), &file.display().to_string(), folder)
    }
}

/// The certificates of a text, each as it stands there, without what stands around it.
pub(super) fn blocks(text: &str) -> impl Iterator<Item = &str> {
    const END: &str = "-----END CERTIFICATE-----";
    text.match_indices("-----BEGIN CERTIFICATE-----").filter_map(move |(from, _)| {
        let to = text[from..].find(END)? + from + END.len();
        Some(&text[from..to])
    })
}

/// All certificates of a text; what is none is passed over.
pub(super) fn certificates(text: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(text).filter_map(Result::ok).collect()
}

/// The certificates of a file, or its one certificate in DER; none if it cannot be read.
pub(super) fn marks_in(file: &Path) -> Vec<Mark> {
    let content = files::read_limited(file, LIMIT).ok().flatten().unwrap_or_default();
    let found: Vec<Mark> = certificates(&content).iter().map(Mark::of).collect();
    if found.is_empty() && content.first() == Some(&0x30) {
        return vec![Mark::of(&CertificateDer::from(content))];
    }
    found
}
