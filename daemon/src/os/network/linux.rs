//! Linux: the kernel tells of each change by rtnetlink(7). What it has told is read when somebody asks, so that nobody is woken
//! by a change that matters to no request.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};

/// Groups of messages (linux/rtnetlink.h): links, and addresses and routes of both families.
const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;

/// The length of `struct nlmsghdr`.
const HEADER: usize = 16;

/// What the kernel has told since it was last asked.
pub struct Watch {
    /// None where netlink is not allowed.
    told: Option<OwnedFd>,
}

impl Watch {
    /// Listens from now on.
    pub fn begin() -> Self {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let listen = || {
            // Without a number of its own the protocol is NETLINK_ROUTE, which is 0.
            let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
            bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
            Ok::<_, Errno>(socket)
        };
        let told = listen();
        if let Err(error) = &told {
            tracing::debug!(%error, "the kernel does not tell of changes of the network");
        }
        Self { told: told.ok() }
    }

    /// Whether there was a change since the last call.
    pub fn has_changed(&self) -> bool {
        let Some(socket) = &self.told else { return false };
        let mut changed = false;
        let mut messages = [0; 16 * 1024];
        loop {
            match recv(socket, &mut messages, RecvFlags::empty()) {
                Ok((0, _)) => return changed,
                Ok((length, _)) => changed |= tell_of_change(&messages[..length]),
                Err(Errno::INTR) => {}
                // So many that the kernel has dropped some.
                Err(Errno::NOBUFS) => changed = true,
                Err(_) => return changed,
            }
        }
    }
}

/// Whether one of these messages says that a connection may have lost its way: a link that does not carry, an address of more
/// than the link that is gone, a route that nobody but the kernel itself made. New addresses alone harm nothing, and IPv6 tells
/// of them again and again.
fn tell_of_change(mut messages: &[u8]) -> bool {
    const NEW_LINK: u16 = 16;
    const GONE_LINK: u16 = 17;
    const GONE_ADDRESS: u16 = 21;
    const NEW_ROUTE: u16 = 24;
    const GONE_ROUTE: u16 = 25;
    /// `IFF_UP` and `IFF_RUNNING`.
    const CARRIES: u32 = 0x1 | 0x40;
    const BY_KERNEL: u8 = 2;
    const UNICAST: u8 = 1;

    while let (Some(length), Some(kind)) = (number(messages, 0), short(messages, 4)) {
        let length = length as usize;
        let Some(body) = messages.get(HEADER..length) else { return false };
        let byte = |at: usize| body.get(at).copied();
        let matters = match kind {
            // struct ifinfomsg: the flags stand at 8.
            NEW_LINK => number(body, 8).is_some_and(|flags| flags & CARRIES != CARRIES),
            GONE_LINK => true,
            // struct ifaddrmsg: the scope stands at 3.
            GONE_ADDRESS => byte(3) == Some(0),
            // struct rtmsg: the protocol stands at 5, the type at 7.
            NEW_ROUTE | GONE_ROUTE => byte(5) != Some(BY_KERNEL) && byte(7) == Some(UNICAST),
            _ => false,
        };
        if matters {
            return true;
        }
        messages = messages.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    false
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(kind: u16, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(HEADER + body.len()).unwrap();
        let mut message = [length.to_ne_bytes().as_slice(), &kind.to_ne_bytes(), &[0; 10], body].concat();
        message.resize(message.len().next_multiple_of(4), 0);
        message
    }

    fn link(flags: u32) -> Vec<u8> {
        [[0; 8].as_slice(), &flags.to_ne_bytes(), &[0; 4]].concat()
    }

    #[test]
    fn only_what_may_cut_a_connection_counts() {
        let rows = [
            ("a link that carries, as after each scan for radio networks", 16, link(0x1043), false),
            ("an unplugged cable", 16, link(0x1003), true),
            ("a link that was switched off", 16, link(0x1002), true),
            ("a link that is gone", 17, link(0x1043), true),
            ("a new address", 20, vec![2, 24, 0, 0, 1, 0, 0, 0], false),
            ("an address that is gone", 21, vec![2, 24, 0, 0, 1, 0, 0, 0], true),
            ("an address of the link alone that is gone", 21, vec![10, 64, 0, 253, 1, 0, 0, 0], false),
            ("a new default route", 24, vec![2, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0], true),
            ("a route by DHCP that is gone", 25, vec![2, 0, 0, 0, 254, 16, 0, 1, 0, 0, 0, 0], true),
            ("what comes with an address", 24, vec![2, 24, 0, 0, 254, 2, 253, 1, 0, 0, 0, 0], false),
            ("a broadcast address", 24, vec![2, 32, 0, 0, 255, 3, 253, 3, 0, 0, 0, 0], false),
        ];
        let mut quiet = Vec::new();
        for (what, kind, body, counts) in &rows {
            let told = message(*kind, body);
            assert_eq!(tell_of_change(&told), *counts, "{what}");
            if !counts {
                quiet.extend(told);
            }
        }
        assert!(!tell_of_change(&quiet));
        quiet.extend(message(17, &link(0)));
        assert!(tell_of_change(&quiet), "the last of many");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_go_on_for_ever(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            tell_of_change(&bytes);
        }
    }
}
