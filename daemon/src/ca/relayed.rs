//! The CA of the deployment's own AI proxy: tools have to trust it when their calls go through that proxy. It was made
//! elsewhere and is bound by no constraint of ours.

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files;
use aigw_shared::ipc::payload::NextRoot;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::Ca;
use super::certificates::{fingerprint, pem};

/// A file of one certificate is longer only if it is none.
const MAX: u64 = 64 * 1024;

impl Ca {
    /// Keeps it, or forgets it.
    ///
    /// # Errors
    /// When it is no certificate, or cannot be written.
    pub fn keep_relayed(&self, text: Option<&str>) -> Result<(), Fault> {
        let _one_at_a_time = self.lock();
        let file = self.folder.join("gateway-proxy.pem");
        match text {
            Some(text) => {
                let root = CertificateDer::from_pem_slice(text.as_bytes()).map_err(|error| {
                    Fault::new(
                        Kind::UpstreamFailed,
                        format!("the deployment's proxy CA is no certificate: {error}"),
                    )
                })?;
                files::create_private_dir(&self.folder)?;
                if self.relayed_root().is_none_or(|kept| kept != root) {
                    files::write_private(&file, pem(&root).as_bytes())?;
                }
            }
            // Most often there is none.
            None if std::fs::remove_file(file).is_err() => return Ok(()),
            None => {}
        }
        if let Ok(list) = self.list() {
            self.publish(list.as_ref());
        }
        Ok(())
    }

    pub(super) fn relayed(&self) -> Option<NextRoot> {
        let root = self.relayed_root()?;
        Some(NextRoot {
            root_cert: self.folder.join("gateway-proxy.pem").display().to_string(),
            root_pem: pem(&root),
            fingerprint_sha256: fingerprint(&root),
        })
    }

    pub(super) fn relayed_root(&self) -> Option<CertificateDer<'static>> {
        let bytes = files::read_limited(&self.folder.join("gateway-proxy.pem"), MAX).ok()??;
        CertificateDer::from_pem_slice(&bytes).ok()
    }
}
