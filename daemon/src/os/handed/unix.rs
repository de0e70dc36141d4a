//! Unix: systemd's protocol (`sd_listen_fds(3)`). Which of them is which is seen by their kind.

use std::io;

use aigw_shared::os::socket::Adopted;
use listenfd::ListenFd;

use super::Handed;

pub(super) fn take() -> io::Result<Handed> {
    let mut from = ListenFd::from_env();
    let mut handed = Handed::default();
    for place in 0..from.len() {
        // It stays in its place if it is no such thing.
        if let Ok(Some(listener)) = from.take_tcp_listener(place) {
            handed.tcp.push(listener);
        } else if handed.control.is_none()
            && let Ok(Some(listener)) = from.take_unix_listener(place)
        {
            handed.control = Some(Adopted::new(listener)?);
        } else {
            return Err(io::Error::other(format!(
                "number {place} is neither a TCP listener nor the control socket"
            )));
        }
    }
    Ok(handed)
}
