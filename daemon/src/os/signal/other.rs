//! Windows: Ctrl-C stops.

use std::io;

use super::Asked;

/// The signals, as a stream.
pub struct Signals;

impl Signals {
    /// Takes the signals over from their default effect.
    ///
    /// # Errors
    /// None here.
    pub fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// The next one.
    pub async fn next(&mut self) -> Asked {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Asked::Stop
    }
}
