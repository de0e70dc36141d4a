//! Linux: the kernel's socket table, asked for one exact connection through netlink, or read as text where netlink is
//! not allowed (as in a sandbox without that address family).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Mutex;

use aigw_shared::os::listener;
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

use super::Owner;

/// How this machine is asked.
pub enum Lookup {
    /// `NETLINK_SOCK_DIAG`: a few microseconds, however many sockets there are.
    Netlink(Mutex<Netlink>),
    /// `/proc/net/tcp` and `tcp6`: grows with the number of sockets.
    Table,
    /// Neither.
    None,
}

/// A netlink socket, and the number of the last question on it.
pub struct Netlink {
    fd: OwnedFd,
    asked: u32,
}

/// What the kernel has on record for one end of a connection.
struct Entry {
    uid: u32,
    inode: u64,
    listening: bool,
}

const TCP_LISTEN: u8 = 10;

impl Lookup {
    pub(super) fn candidates() -> Vec<Self> {
        let netlink =
            socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(SOCK_DIAG));
        netlink
            .ok()
            .map(|fd| Self::Netlink(Mutex::new(Netlink { fd, asked: 0 })))
            .into_iter()
            .chain([Self::Table])
            .collect()
    }

    pub(super) fn none() -> Self {
        Self::None
    }

    /// Whether the system tells at all.
    pub fn tells(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// The owner of the socket that is bound to `peer` and connected to `ours`.
    pub fn owner(&self, peer: SocketAddr, ours: SocketAddr) -> Owner {
        if !self.tells() {
            return Owner::Unknown;
        }
        match self.entry(peer, ours) {
            Ok(Some(entry)) if entry.inode != 0 && !entry.listening => {
                let us = rustix::process::getuid().as_raw();
                if entry.uid == us || entry.uid == 0 { Owner::Us } else { Owner::Other }
            }
            // Closed by its owner, or never there: nobody who could be let in.
            _ => Owner::Other,
        }
    }

    /// The program that has that socket, in words. Searches through all processes.
    pub fn program(&self, peer: SocketAddr, ours: SocketAddr) -> Option<String> {
        let entry = self.entry(peer, ours).ok()??;
        listener::holder(&format!("socket:[{}]", entry.inode))
    }

    fn entry(&self, peer: SocketAddr, ours: SocketAddr) -> io::Result<Option<Entry>> {
        let (peer, ours) = (unmapped(peer), unmapped(ours));
        match self {
            Self::Netlink(netlink) => {
                let mut netlink = netlink.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                ask(&mut netlink, peer, ours).or_else(|_| search(peer, ours))
            }
            Self::Table => search(peer, ours),
            Self::None => Ok(None),
        }
    }
}

/// Undoes the v4-mapped form that dual-stack clients (Java) have.
fn unmapped(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Asks for one connection. Layout: `struct nlmsghdr` (16 bytes), then `struct inet_diag_req_v2`, answered by
/// `struct inet_diag_msg` (linux/inet_diag.h).
fn ask(netlink: &mut Netlink, peer: SocketAddr, ours: SocketAddr) -> io::Result<Option<Entry>> {
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const NLM_F_REQUEST: u16 = 1;
    const IPPROTO_TCP: u8 = 6;
    const AF_INET: u8 = 2;
    const AF_INET6: u8 = 10;

    let mut request = [0u8; 72];
    request[0..4].copy_from_slice(&72u32.to_ne_bytes());
    request[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request[6..8].copy_from_slice(&NLM_F_REQUEST.to_ne_bytes());
    netlink.asked = netlink.asked.wrapping_add(1);
    let number = netlink.asked.to_ne_bytes();
    request[8..12].copy_from_slice(&number);
    request[16] = if peer.is_ipv4() { AF_INET } else { AF_INET6 };
    request[17] = IPPROTO_TCP;
    request[20..24].fill(0xff); // every state
    request[24..26].copy_from_slice(&peer.port().to_be_bytes());
    request[26..28].copy_from_slice(&ours.port().to_be_bytes());
    write_address(&mut request[28..44], peer.ip());
    write_address(&mut request[44..60], ours.ip());
    request[64..72].fill(0xff); // no cookie

    sendto(&netlink.fd, &request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    // The answer is there when `sendto` returns. One to an earlier question, whose reading failed, is not ours: it would
    // be about somebody else's connection.
    let mut answer = [0u8; 512];
    let mut length = 0;
    while length < 16 || answer[8..12] != number {
        (_, length) = recv(&netlink.fd, &mut answer[..], RecvFlags::DONTWAIT)?;
    }
    if length < 88 || answer[4..6] != SOCK_DIAG_BY_FAMILY.to_ne_bytes() {
        return Ok(None); // NLMSG_ERROR: no such connection
    }
    let word = |at: usize| u32::from_ne_bytes([answer[at], answer[at + 1], answer[at + 2], answer[at + 3]]);
    Ok(Some(Entry { uid: word(80), inode: word(84).into(), listening: answer[17] == TCP_LISTEN }))
}

fn write_address(to: &mut [u8], address: IpAddr) {
    match address {
        IpAddr::V4(v4) => to[..4].copy_from_slice(&v4.octets()),
        IpAddr::V6(v6) => to.copy_from_slice(&v6.octets()),
    }
}

/// Reads the tables that hold the connection: a dual-stack client's v4 connection stands in `tcp6`, v4-mapped.
fn search(peer: SocketAddr, ours: SocketAddr) -> io::Result<Option<Entry>> {
    for (file, mapped) in [("/proc/net/tcp", false), ("/proc/net/tcp6", true)] {
        if !mapped && peer.is_ipv6() {
            continue;
        }
        let wanted = [hex(peer, mapped), hex(ours, mapped)];
        let table = std::fs::read_to_string(file)?;
        if let Some(entry) = table.lines().skip(1).find_map(|line| read_line(line, &wanted)) {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// Columns: number, local, remote, state, queues, timer, retransmits, uid, timeout, inode.
fn read_line(line: &str, wanted: &[String; 2]) -> Option<Entry> {
    let mut words = line.split_ascii_whitespace().skip(1);
    if words.next()? != wanted[0] || words.next()? != wanted[1] {
        return None;
    }
    let state = u8::from_str_radix(words.next()?, 16).ok()?;
    let uid = words.nth(3)?.parse().ok()?;
    let inode = words.nth(1)?.parse().ok()?;
    Some(Entry { uid, inode, listening: state == TCP_LISTEN })
}

/// An address as the tables print it: 32-bit words in the machine's byte order, upper-case hex, colon, port.
fn hex(address: SocketAddr, mapped: bool) -> String {
    let bytes = match address.ip() {
        IpAddr::V4(v4) if mapped => v4.to_ipv6_mapped().octets().to_vec(),
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    let words = bytes
        .chunks_exact(4)
        .map(|word| format!("{:08X}", u32::from_ne_bytes([word[0], word[1], word[2], word[3]])));
    format!("{}:{:04X}", words.collect::<String>(), address.port())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// Every way must agree, in v4, v6, and for the v4-mapped form that Java has.
    #[test]
    fn our_own_connections_are_ours_in_every_form() {
        for way in Lookup::candidates() {
            for (bind, connect) in
                [("127.0.0.1:0", None), ("[::1]:0", None), ("127.0.0.1:0", Some("::ffff:127.0.0.1"))]
            {
                let Ok(listener) = TcpListener::bind(bind) else { continue };
                let mut to = listener.local_addr().unwrap();
                if let Some(host) = connect {
                    to.set_ip(host.parse().unwrap());
                }
                let client = TcpStream::connect(to).unwrap();
                let (server, peer) = listener.accept().unwrap();
                assert_eq!(way.owner(peer, server.local_addr().unwrap()), Owner::Us, "{bind} {connect:?}");
                drop(client);
                assert_eq!(
                    way.owner(peer, server.local_addr().unwrap()),
                    Owner::Other,
                    "closed: {bind} {connect:?}"
                );
            }
        }
    }

    #[test]
    fn a_listener_on_the_same_port_is_not_the_peer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let nobody = listener.local_addr().unwrap();
        let elsewhere = "127.0.0.1:9".parse().unwrap();
        for way in Lookup::candidates() {
            assert_eq!(way.owner(nobody, elsewhere), Owner::Other);
        }
    }

    /// Whoever was found last is asked first, and need not be the one.
    #[test]
    fn programs_are_found_in_turn() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = listener.local_addr().unwrap();
        let (ours, theirs) = (TcpStream::connect(to).unwrap(), TcpStream::connect(to).unwrap());
        let (our_end, their_end) = (ours.local_addr().unwrap(), theirs.local_addr().unwrap());
        let socket = OwnedFd::from(theirs);
        let mut child = std::process::Command::new("sleep").arg("60").stdin(socket).spawn().unwrap();
        let (us, them) = (std::process::id(), child.id());
        let way = Lookup::find();
        for (end, pid) in [(our_end, us), (our_end, us), (their_end, them), (their_end, them), (our_end, us)]
        {
            let program = way.program(end, to).unwrap();
            assert!(program.ends_with(&format!("(process {pid})")), "{program}, not {pid}");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(way.program(their_end, to), None);
    }

    /// Prints what one question costs while thousands of sockets are open, on this machine.
    #[test]
    fn the_cost_of_a_lookup_is_told() {
        let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(1024);
        let connections = usize::try_from(files / 2).unwrap().saturating_sub(100).clamp(10, 2500);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = listener.local_addr().unwrap();
        let open: Vec<_> = (0..connections)
            .map(|_| (TcpStream::connect(ours).unwrap(), listener.accept().unwrap()))
            .collect();
        for (name, way, questions) in Lookup::candidates().into_iter().map(|way| match way {
            Lookup::Netlink(_) => ("netlink", way, 2000),
            _ => ("table", way, 20),
        }) {
            let mut times: Vec<_> = (0..questions)
                .map(|question| {
                    let begun = std::time::Instant::now();
                    let (_, (_, peer)) = &open[question * 7 % open.len()];
                    assert_eq!(way.owner(*peer, ours), Owner::Us);
                    begun.elapsed()
                })
                .collect();
            times.sort();
            let (middle, worst) = (times[times.len() / 2], times[times.len() - 1]);
            println!("{name}: {middle:?}, at most {worst:?}, with {} sockets open", 2 * open.len());
        }
    }
}
