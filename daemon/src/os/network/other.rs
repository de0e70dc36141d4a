//! Other systems: the address that this machine would use towards the world, asked for when somebody wants to know. Nothing is
//! sent for it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So long an answer holds.
const FRESH: Duration = Duration::from_secs(1);

/// What it last was, and when that was asked.
pub struct Watch(Mutex<(Addresses, Instant)>);

type Addresses = [Option<IpAddr>; 2];

impl Watch {
    /// Compares with now, from now on.
    pub fn begin() -> Self {
        Self(Mutex::new((own_addresses(), Instant::now())))
    }

    /// Whether there was a change since the last call.
    pub fn has_changed(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.1.elapsed() < FRESH {
            return false;
        }
        let before = std::mem::replace(&mut *last, (own_addresses(), Instant::now()));
        before.0 != last.0
    }
}

/// Towards networks that are for documentation (RFC 5737, RFC 3849), so that the default route decides.
fn own_addresses() -> Addresses {
    let towards = |from: IpAddr, to: IpAddr| {
        let socket = UdpSocket::bind(SocketAddr::new(from, 0)).ok()?;
        socket.connect(SocketAddr::new(to, 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    [
        towards(Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into()),
        towards(Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()),
    ]
}
