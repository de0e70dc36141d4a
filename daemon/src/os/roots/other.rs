//! The store has an interface of its own. `SSL_CERT_FILE` is heard first, if the daemon was started with it.

use rustls::pki_types::CertificateDer;

/// What the system trusts now.
pub fn system() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}
