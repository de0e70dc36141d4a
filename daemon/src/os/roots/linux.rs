//! Distributions keep one file of all roots, each elsewhere.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls_native_certs::load_certs_from_paths;

/// The first that is there is the one that OpenSSL and curl were built to read.
const FILES: &[&str] = &[
    // Debian, Arch, Gentoo, NixOS
    "/etc/ssl/certs/ca-certificates.crt",
    // Fedora, RHEL
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    // SUSE
    "/etc/ssl/ca-bundle.pem",
    // Alpine
    "/etc/ssl/cert.pem",
];
/// Where there is no such file.
const FOLDER: &str = "/etc/ssl/certs";

/// What the system trusts now; nothing if it has no store.
pub fn system() -> Vec<CertificateDer<'static>> {
    let file = FILES.iter().map(Path::new).find(|file| file.is_file());
    let folder = Some(Path::new(FOLDER)).filter(|folder| file.is_none() && folder.is_dir());
    load_certs_from_paths(file, folder).certs
}
