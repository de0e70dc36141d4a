//! The login keychain of macOS and the Credential Manager of Windows. Both ask the person themselves, if they have to.

#[cfg(target_os = "macos")]
use apple_native_keyring_store::keychain::Store;
use keyring_core::api::CredentialStoreApi;
use keyring_core::{Entry, Error};
#[cfg(windows)]
use windows_native_keyring_store::Store;
use zeroize::Zeroizing;

use super::{SERVICE, Trouble};

/// What it is called.
#[cfg(target_os = "macos")]
pub const NAME: &str = "the login keychain";
/// What it is called.
#[cfg(windows)]
pub const NAME: &str = "the Credential Manager";

/// Items may have any length.
#[cfg(target_os = "macos")]
pub const MAX: Option<usize> = None;
/// `CRED_MAX_CREDENTIAL_BLOB_SIZE`.
#[cfg(windows)]
pub const MAX: Option<usize> = Some(2560);

/// An item's bytes, if there is such an item.
///
/// # Errors
/// When it is there and cannot be had, or nobody knows.
pub fn get(account: &str, _ask: bool) -> Result<Option<Zeroizing<Vec<u8>>>, Trouble> {
    match entry(account).and_then(|entry| entry.get_secret()) {
        Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(trouble(error)),
    }
}

/// Puts an item, in the place of one of this name.
///
/// # Errors
/// When it is not kept, or nobody knows.
pub fn put(account: &str, _label: &str, bytes: &[u8]) -> Result<(), Trouble> {
    entry(account).and_then(|entry| entry.set_secret(bytes)).map_err(trouble)
}

/// Removes an item; one that is not there is removed already.
///
/// # Errors
/// When it is still there, or nobody knows.
pub fn remove(account: &str, _ask: bool) -> Result<(), Trouble> {
    match entry(account).and_then(|entry| entry.delete_credential()) {
        Ok(()) | Err(Error::NoEntry) => Ok(()),
        Err(error) => Err(trouble(error)),
    }
}

fn entry(account: &str) -> Result<Entry, Error> {
    Store::new()?.build(SERVICE, account, None)
}

fn trouble(error: Error) -> Trouble {
    match error {
        Error::NoStorageAccess(_) => Trouble::Locked,
        Error::NotSupportedByStore(_) => Trouble::Absent,
        error => Trouble::Failed(error.to_string()),
    }
}
