//! Windows: nobody is told.

use std::io;
use std::time::Duration;

use super::News;

#[expect(clippy::unnecessary_wraps, reason = "as where it can fail")]
pub(super) fn tell(_: News<'_>) -> io::Result<()> {
    Ok(())
}

pub(super) fn patience() -> Option<Duration> {
    None
}
