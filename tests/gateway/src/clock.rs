//! A clock that tests can move forward, for everything that expires.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Real time plus an offset.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    ahead_seconds: AtomicI64,
}

impl Clock {
    pub(crate) fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + time::Duration::seconds(self.ahead_seconds.load(Ordering::SeqCst))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.ahead_seconds.fetch_add(seconds(by), Ordering::SeqCst);
    }
}

/// Adds without overflow: the far future is as good as never.
pub(crate) fn after(moment: OffsetDateTime, by: Duration) -> OffsetDateTime {
    moment.checked_add(time::Duration::seconds(seconds(by))).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// The form used in JSON.
pub(crate) fn text(moment: OffsetDateTime) -> String {
    moment.format(&Rfc3339).unwrap_or_default()
}

fn seconds(duration: Duration) -> i64 {
    // A thousand years is enough, and stays inside what the calendar can hold.
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX).min(1000 * 365 * 86_400)
}
