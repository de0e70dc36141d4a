//! The merged bundle: what the system trusts, and our root. Most variables that name a CA file *replace* the system's
//! roots, so they need a file that has both.

use std::path::Path;

use aigw_shared::fault::Fault;
use aigw_shared::files;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;

/// Writes the bundle: the system's roots as they are now, then ours. Says whether it changed.
///
/// # Errors
/// When it cannot be written.
pub fn write(file: &Path, ours: &[CertificateDer<'static>]) -> Result<bool, Fault> {
    let system = rustls_native_certs::load_native_certs().certs;
    let mut text = String::new();
    for certificate in system.iter().chain(ours) {
        push_pem(&mut text, certificate);
    }
    let old = files::read_limited(file, 64 * 1024 * 1024).ok().flatten();
    if old.as_deref() == Some(text.as_bytes()) {
        return Ok(false);
    }
    files::write_private(file, text.as_bytes())?;
    Ok(true)
}

/// RFC 7468.
fn push_pem(text: &mut String, certificate: &CertificateDer<'_>) {
    text.push_str("-----BEGIN CERTIFICATE-----\n");
    let encoded = STANDARD.encode(certificate);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END CERTIFICATE-----\n");
}
