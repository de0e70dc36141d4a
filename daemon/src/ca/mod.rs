//! The CA of this machine. It is made when interception first needs it, and can sign for the intercepted hosts only.

pub mod authority;
pub mod bundle;
pub mod leaf;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use aigw_shared::fault::Fault;
use rustls::ServerConfig;

use authority::Authority;
use leaf::Leaves;

/// What the daemon knows of its authority.
pub struct Ca {
    folder: PathBuf,
    leaves: Mutex<Option<Arc<Leaves>>>,
}

impl Ca {
    /// The one in this folder, which is not looked at before it is needed.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), leaves: Mutex::default() }
    }

    /// How to speak TLS as this host. The first call makes the authority, for these names, if there is none.
    ///
    /// # Errors
    /// `CaOutgrown` when it cannot sign for this host, `CaUnsafe` when its files cannot be trusted.
    pub fn serve(
        &self,
        host: &str,
        _h2: bool,
        names: impl FnOnce() -> Vec<String>,
    ) -> Result<Arc<ServerConfig>, Fault> {
        self.leaves(names)?.serve(host, crate::now())
    }

    fn leaves(&self, names: impl FnOnce() -> Vec<String>) -> Result<Arc<Leaves>, Fault> {
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(leaves) = &*leaves {
            return Ok(leaves.clone());
        }
        let authority = match Authority::open(&self.folder)? {
            Some(authority) => authority,
            None => Authority::make(&self.folder, &names())?,
        };
        let opened = Arc::new(Leaves::new(Arc::new(authority))?);
        *leaves = Some(opened.clone());
        Ok(opened)
    }
}
