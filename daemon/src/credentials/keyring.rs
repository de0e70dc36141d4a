//! Logins in the system's keyring. Whoever asks it waits on a thread of its own and for a limited time: it may be
//! waiting for a person, or hang.

use std::sync::Arc;
use std::time::Duration;

use aigw_shared::fault::{Fault, Kind};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use zeroize::Zeroizing;

use super::Held;
use crate::os::keyring::{self as system, NAME, Trouble};

/// How long an answer is waited for: a person may have to find the dialog and type a password. A keyring that is open
/// answers within milliseconds.
const ANSWER: Duration = Duration::from_secs(10);
/// How long an answer that is late is still used. Longer than the system's dialogs stay.
const LATE: Duration = Duration::from_secs(150);
/// Threads that may wait at once. One that hangs must not keep the next attempt from being made.
const MOST: usize = 3;

/// The way to the keyring.
#[derive(Clone, Debug)]
pub struct Keyring {
    /// What sets our items apart from those of another home.
    home: String,
    room: Arc<Semaphore>,
}

/// An answer that is waited for.
pub struct Pending<T>(oneshot::Receiver<Result<T, Trouble>>);

impl Keyring {
    /// For the daemon whose credentials are at home in this folder.
    pub fn new(home: &std::path::Path) -> Self {
        Self { home: home.display().to_string(), room: Arc::new(Semaphore::new(MOST)) }
    }

    /// Begins to read an item. `ask` lets the person be asked to unlock it.
    ///
    /// # Errors
    /// When earlier calls still hang.
    pub fn get(&self, item: &str, ask: bool) -> Result<Pending<Option<Zeroizing<Vec<u8>>>>, Fault> {
        let account = self.account(item);
        self.call(move || system::get(&account, ask))
    }

    /// Puts an item, in the place of an earlier one.
    ///
    /// # Errors
    /// When it is too long, or was not taken in time. A late call may still put it.
    pub async fn put(&self, item: &str, held: &Held) -> Result<(), Fault> {
        let bytes = to_bytes(held)?;
        fits(bytes.len(), system::MAX)?;
        let (account, label) = (self.account(item), format!("aigw: login {item}"));
        self.call(move || system::put(&account, &label, &bytes))?.answer().await
    }

    /// Removes an item.
    ///
    /// # Errors
    /// When it may still be there.
    pub async fn remove(&self, item: &str, ask: bool) -> Result<(), Fault> {
        let account = self.account(item);
        self.call(move || system::remove(&account, ask))?.answer().await
    }

    /// Puts an item that says nothing, reads it and removes it.
    ///
    /// # Errors
    /// Why the keyring is of no use.
    pub async fn probe(&self) -> Result<(), Fault> {
        let account = self.account("probe");
        let work = move || {
            system::put(&account, "aigw: probe", b"{}")?;
            let read = system::get(&account, true)?;
            system::remove(&account, true)?;
            match read {
                Some(bytes) if *bytes == *b"{}" => Ok(()),
                _ => Err(Trouble::Failed("it does not give back what it is given".to_owned())),
            }
        };
        self.call(work)?.answer().await
    }

    fn account(&self, item: &str) -> String {
        format!("{item} at {}", self.home)
    }

    fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
    ) -> Result<Pending<T>, Fault> {
        let Ok(permit) = self.room.clone().try_acquire_owned() else { return Err(silent()) };
        let (answer, answered) = oneshot::channel();
        let run = move || {
            let _permit: OwnedSemaphorePermit = permit;
            // Nobody may be waiting any more.
            let _ = answer.send(work());
        };
        std::thread::Builder::new()
            .name("keyring".to_owned())
            .spawn(run)
            .map_err(|error| Fault::new(Kind::Internal, format!("no thread for the keyring: {error}")))?;
        Ok(Pending(answered))
    }
}

impl<T> Pending<T> {
    /// The answer, if it comes in time. It can be waited for again.
    ///
    /// # Errors
    /// What is wrong with the keyring.
    pub async fn answer(&mut self) -> Result<T, Fault> {
        self.within(ANSWER).await
    }

    /// The answer after its time.
    ///
    /// # Errors
    /// What is wrong with the keyring.
    pub async fn late_answer(&mut self) -> Result<T, Fault> {
        self.within(LATE).await
    }

    /// Whether an answer may still come.
    pub fn is_open(&self) -> bool {
        !self.0.is_terminated()
    }

    async fn within(&mut self, time: Duration) -> Result<T, Fault> {
        match tokio::time::timeout(time, &mut self.0).await {
            Ok(Ok(result)) => result.map_err(|trouble| fault(&trouble)),
            Ok(Err(_)) => Err(Fault::new(Kind::Internal, "the keyring's thread ended by itself")),
            Err(_) => Err(silent()),
        }
    }
}

fn silent() -> Fault {
    Fault::new(Kind::KeyringUnavailable, format!("{NAME} does not answer"))
}

fn fault(trouble: &Trouble) -> Fault {
    let what = match trouble {
        Trouble::Absent => format!("{NAME} is not there, or nobody may ask it from here"),
        Trouble::Locked => format!("{NAME} is locked"),
        Trouble::Failed(why) => format!("{NAME} does not work: {why}"),
    };
    Fault::new(Kind::KeyringUnavailable, what)
}

/// Whether an item may have so many bytes.
fn fits(length: usize, max: Option<usize>) -> Result<(), Fault> {
    match max {
        Some(max) if length > max => Err(Fault::new(
            Kind::KeyringUnavailable,
            format!("this login has {length} bytes, and {NAME} takes {max} of one item"),
        )
        .cure_with("keep it in a file: `aigwctl login --store file`")),
        _ => Ok(()),
    }
}

fn to_bytes(held: &Held) -> Result<Zeroizing<Vec<u8>>, Fault> {
    serde_json::to_vec(held)
        .map(Zeroizing::new)
        .map_err(|_| Fault::new(Kind::Internal, "the login cannot be written"))
}

/// What an item says. Its words are not repeated, since they are secret.
///
/// # Errors
/// When it is none of ours.
pub fn from_bytes(bytes: &[u8]) -> Result<Held, Fault> {
    serde_json::from_slice(bytes).map_err(|_| {
        Fault::new(Kind::KeyringUnavailable, format!("the login in {NAME} is damaged"))
            .cure_with("run `aigwctl login`")
    })
}

#[cfg(test)]
mod tests {
    use aigw_shared::secret::Secret;

    use super::*;

    #[test]
    fn an_item_that_is_too_long_is_refused_with_words() {
        let windows = Some(2560);
        for (length, max, good) in
            [(2560, windows, true), (2561, windows, false), (1 << 20, None, true), (0, windows, true)]
        {
            assert_eq!(fits(length, max).is_ok(), good, "{length} of {max:?}");
        }
        let fault = fits(2561, windows).unwrap_err();
        assert!(fault.what.contains("2561") && fault.cure().contains("--store file"), "{fault}");
    }

    /// A login has to fit where an item is smallest: a token of Coder's, and one of ten times its length.
    #[test]
    fn ordinary_logins_fit_everywhere() {
        for length in [33, 330] {
            let held = Held {
                url: "https://coder.example.com".into(),
                token: Some(Secret::new("x".repeat(length))),
                user: Some("ada".into()),
                expires_at: Some(1_796_119_200),
                scope: Some("all".into()),
                prefix: Some("/api/v2/aibridge".into()),
                ..Held::default()
            };
            let bytes = to_bytes(&held).unwrap();
            assert!(bytes.len() < 1280, "{}", bytes.len());
            assert_eq!(from_bytes(&bytes).unwrap(), held);
        }
    }

    #[test]
    fn a_damaged_item_is_not_quoted() {
        let fault = from_bytes(br#"{"token": "hush"#).unwrap_err();
        assert!(!fault.to_string().contains("hush"), "{fault}");
    }

    #[tokio::test]
    async fn calls_that_hang_do_not_pile_up_and_do_not_hold_anybody() {
        tokio::time::pause();
        let keyring = Keyring::new(std::path::Path::new("/nowhere"));
        let (release, hold) = std::sync::mpsc::channel::<()>();
        let hold = Arc::new(std::sync::Mutex::new(hold));
        let mut hanging = Vec::new();
        for _ in 0..MOST {
            let hold = hold.clone();
            let work = move || {
                let _ = hold.lock().map(|hold| hold.recv());
                Ok(7)
            };
            hanging.push(keyring.call(work).unwrap());
        }
        assert_eq!(hanging[0].answer().await.unwrap_err().kind, Kind::KeyringUnavailable);
        assert!(keyring.call(|| Ok(())).is_err());
        // A late answer counts.
        tokio::time::resume();
        drop(release);
        assert_eq!(hanging[0].late_answer().await.unwrap(), 7);
    }
}
