//! Unix: `sd_notify(3)`, which does nothing where `NOTIFY_SOCKET` is not set.

use std::io;
use std::time::Duration;

use sd_notify::NotifyState;

use super::News;

pub(super) fn tell(news: News<'_>) -> io::Result<()> {
    match news {
        News::Ready(status) => sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(status)]),
        News::TakenOver(status) => {
            let ours = NotifyState::MainPid(std::process::id());
            sd_notify::notify(&[ours, NotifyState::Ready, NotifyState::Status(status)])
        }
        News::Reloading => sd_notify::notify(&[NotifyState::Reloading, NotifyState::monotonic_usec_now()?]),
        News::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
        News::Alive => sd_notify::notify(&[NotifyState::Watchdog]),
    }
}

pub(super) fn patience() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}
