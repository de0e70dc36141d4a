//! The Secret Service on the user's session bus, which GNOME Keyring, KWallet and KeePassXC offer.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use secret_service::{EncryptionType, Error, Item, SecretService};
use zeroize::Zeroizing;

use super::{SERVICE, Trouble};

/// What it is called.
pub const NAME: &str = "the keyring (Secret Service)";
/// Items may have any length.
pub const MAX: Option<usize> = None;

/// Nobody looks for the dialog any more. The thread is given back then.
const LONGEST: Duration = Duration::from_secs(120);

/// An item's bytes, if there is such an item. `ask` lets the system ask the person to unlock it.
///
/// # Errors
/// When it is there and cannot be had, or nobody knows.
pub fn get(account: &str, ask: bool) -> Result<Option<Zeroizing<Vec<u8>>>, Trouble> {
    wait_for(async {
        let service = SecretService::connect(EncryptionType::Dh).await?;
        let found = service.search_items(attributes(account)).await?;
        let Some(item) = found.unlocked.first().or(found.locked.first()) else { return Ok(None) };
        unlock(item, ask).await?;
        Ok(Some(Zeroizing::new(item.get_secret().await?)))
    })
}

/// Puts an item, in the place of one of this name.
///
/// # Errors
/// When it is not kept, or nobody knows.
pub fn put(account: &str, label: &str, bytes: &[u8]) -> Result<(), Trouble> {
    wait_for(async {
        let service = SecretService::connect(EncryptionType::Dh).await?;
        let collection = service.get_default_collection().await?;
        if collection.is_locked().await? {
            collection.unlock().await?;
        }
        collection.create_item(label, attributes(account), bytes, true, "application/json").await?;
        Ok(())
    })
}

/// Removes an item; one that is not there is removed already.
///
/// # Errors
/// When it is still there, or nobody knows.
pub fn remove(account: &str, ask: bool) -> Result<(), Trouble> {
    wait_for(async {
        let service = SecretService::connect(EncryptionType::Dh).await?;
        let found = service.search_items(attributes(account)).await?;
        for item in found.unlocked.iter().chain(&found.locked) {
            unlock(item, ask).await?;
            item.delete().await?;
        }
        Ok(())
    })
}

fn attributes(account: &str) -> HashMap<&str, &str> {
    HashMap::from([("service", SERVICE), ("username", account)])
}

async fn unlock(item: &Item<'_>, ask: bool) -> Result<(), Error> {
    match item.is_locked().await? {
        true if ask => item.unlock().await,
        true => Err(Error::Locked),
        false => Ok(()),
    }
}

/// The bus is spoken to in a small runtime on the caller's thread, so that it can be left at any point.
fn wait_for<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Trouble::Failed(error.to_string()))?;
    match runtime.block_on(async { tokio::time::timeout(LONGEST, work).await }) {
        Ok(result) => result.map_err(trouble),
        Err(_) => Err(Trouble::Locked),
    }
}

fn trouble(error: Error) -> Trouble {
    match error {
        Error::Locked | Error::Prompt | Error::PromptDisconnected => Trouble::Locked,
        Error::Unavailable => Trouble::Absent,
        Error::NoResult => Trouble::Failed("it has no default collection".to_owned()),
        error => {
            let said = error.to_string();
            // The bus has nobody of that name, or could not start it.
            let absent =
                ["ServiceUnknown", "NameHasNoOwner", "Error.Spawn."].iter().any(|name| said.contains(name));
            if absent { Trouble::Absent } else { Trouble::Failed(said) }
        }
    }
}
