//! The side of the successor.

use std::io;
use std::sync::Arc;

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::payload::Build;
use zeroize::Zeroizing;

use super::estate::{Estate, Memory, Talk, Word};
use super::{Succession, lock};
use crate::app::App;
use crate::os::handed::Handed;
use crate::os::handover::{self, Handle, Link};

/// What the daemon before us has left to us, besides what it listened on.
pub struct Legacy {
    /// The lock.
    pub lock: Handle,
    /// What it had in memory only.
    pub memory: Memory,
    /// Conversations with `aigwctl`.
    pub talks: Vec<Talk>,
    elders: Vec<Handle>,
    /// To it.
    link: Arc<Link>,
}

impl Legacy {
    /// Receives it from the daemon that has started us.
    ///
    /// # Errors
    /// When none has, or it ended before all was here.
    pub async fn receive() -> Result<(Handed, Self), Fault> {
        let link = handover::inherited().map_err(|error| nothing(&error))?;
        let (words, handles) = link.receive().await.map_err(|error| nothing(&error))?;
        let words = Zeroizing::new(words);
        let estate: Estate = serde_json::from_slice(&words).map_err(|error| nothing(&error))?;
        let mut handles = handles.into_iter();
        let mut next = || handles.next().ok_or_else(|| nothing(&"something is missing"));
        let lock = next()?;
        let control = handover::control(next()?).map_err(|error| nothing(&error))?;
        let mut tcp = Vec::new();
        for _ in 0..estate.tcp {
            tcp.push(handover::tcp(next()?).map_err(|error| nothing(&error))?);
        }
        let mut talks = Vec::new();
        for words in estate.talks {
            talks.push(Talk { connection: next()?, words });
        }
        let mut elders = Vec::new();
        for _ in 0..estate.elders {
            elders.push(next()?);
        }
        elders.push(link.handle().map_err(|error| nothing(&error))?);
        let handed = Handed { tcp, control: Some(control), kept: estate.kept };
        Ok((handed, Self { lock, memory: estate.memory, talks, elders, link: Arc::new(link) }))
    }

    /// The way to the one before us, and to those before it.
    pub fn links(&mut self) -> (Arc<Link>, Vec<Handle>) {
        (self.link.clone(), std::mem::take(&mut self.elders))
    }
}

fn nothing(why: &dyn std::fmt::Display) -> Fault {
    Fault::new(Kind::Usage, format!("there is nothing to take over: {why}"))
        .cure_with("use `aigwctl service restart`, or `aigwd run` without the flag")
}

/// Tells the one before us that we could serve, and waits for its word. It is as good as its word if it has ended.
pub async fn ready(link: &Link, build: Build) {
    say(link, &Word::Ready(build)).await;
    let _ = link.receive().await;
}

/// Tells it that we do.
pub async fn serves(link: &Link) {
    say(link, &Word::Serves).await;
}

/// Tells it why we cannot.
pub async fn failed(link: &Link, fault: &Fault) {
    say(link, &Word::Failed(Failure::from(fault))).await;
}

async fn say(link: &Link, word: &Word) {
    let Ok(bytes) = serde_json::to_vec(word) else { return };
    if let Err(error) = link.send(&bytes, &[]).await {
        tracing::debug!(%error, "the daemon before us has ended");
    }
}

impl Succession {
    /// Knows from now on whether those before us live. To be asked within a runtime.
    ///
    /// # Errors
    /// When the system has no more handles.
    pub fn follow(app: &Arc<App>, elders: Vec<Handle>) -> io::Result<()> {
        for handle in elders {
            let watched = Link::of(handover::again(&handle)?)?;
            lock(&app.succession.links).elders.push(handle);
            app.succession.elders.send_modify(|count| *count += 1);
            let app = app.clone();
            tokio::spawn(async move {
                // It says nothing more: this ends with it.
                while watched.receive().await.is_ok() {}
                let mut last = false;
                app.succession.elders.send_modify(|count| {
                    *count -= 1;
                    last = *count == 0;
                });
                if last {
                    lock(&app.succession.links).elders.clear();
                }
            });
        }
        Ok(())
    }
}
