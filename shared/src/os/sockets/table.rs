//! The table of TCP sockets as Windows returns it (`MIB_TCPTABLE_OWNER_PID` and `MIB_TCP6TABLE_OWNER_PID`): their
//! number, then their rows, all in words of 32 bits. Addresses and ports are in network order.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Socket;

const LISTENS: u32 = 2;
/// The process of a socket that has none any more, or of which the system does not tell.
const NOBODY: u32 = 0;

/// Rows of state, local address and port, remote address and port, process.
pub(super) fn v4(table: &[u32]) -> impl Iterator<Item = Socket> {
    rows::<6>(table).filter_map(|[state, here, port, there, other, process]| {
        let address = |word: u32| IpAddr::V4(Ipv4Addr::from(word.to_ne_bytes()));
        socket(*state, (address(*here), *port), (address(*there), *other), *process)
    })
}

/// Rows of local address, scope and port, remote address, scope and port, state, process.
pub(super) fn v6(table: &[u32]) -> impl Iterator<Item = Socket> {
    rows::<14>(table).filter_map(|row| {
        let address = |at: usize| {
            let mut bytes = [0; 16];
            for (to, word) in bytes.chunks_exact_mut(4).zip(&row[at..]) {
                to.copy_from_slice(&word.to_ne_bytes());
            }
            Ipv6Addr::from(bytes).to_canonical()
        };
        socket(row[12], (address(0), row[5]), (address(6), row[11]), row[13])
    })
}

fn rows<const WORDS: usize>(table: &[u32]) -> impl Iterator<Item = &[u32; WORDS]> {
    let number = table.first().map_or(0, |number| *number as usize);
    table.get(1..).unwrap_or_default().as_chunks::<WORDS>().0.iter().take(number)
}

fn socket(state: u32, here: (IpAddr, u32), there: (IpAddr, u32), process: u32) -> Option<Socket> {
    let port = |word: u32| {
        let bytes = word.to_ne_bytes();
        u16::from_be_bytes([bytes[0], bytes[1]])
    };
    let remote = (state != LISTENS).then(|| SocketAddr::new(there.0, port(there.1)));
    let local = SocketAddr::new(here.0, port(here.1));
    (process != NOBODY).then_some(Socket { local, remote, process })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(bytes: [u8; 4]) -> u32 {
        u32::from_ne_bytes(bytes)
    }

    #[test]
    fn rows_become_sockets() {
        let (home, port, other) = (word([127, 0, 0, 1]), word([0x09, 0x91, 0, 0]), word([0xc0, 1, 0, 0]));
        // One row too many, as in a buffer that was made larger than needed.
        let table = [2, 5, home, other, home, port, 44, LISTENS, home, port, 0, 0, 7, 5, 1, 1, 1, 1, 1];
        let found: Vec<_> = v4(&table).collect();
        let at = |text: &str| text.parse().unwrap();
        assert_eq!(
            found,
            [
                Socket { local: at("127.0.0.1:49153"), remote: Some(at("127.0.0.1:2449")), process: 44 },
                Socket { local: at("127.0.0.1:2449"), remote: None, process: 7 },
            ]
        );
        // Java: a socket of IPv6 that is connected by IPv4.
        let mapped = [0, 0, word([0, 0, 0xff, 0xff]), home];
        let mut row = vec![1];
        row.extend(mapped);
        row.extend([0, other]);
        row.extend(mapped);
        row.extend([0, port, 5, 44]);
        assert_eq!(v6(&row).collect::<Vec<_>>(), found[..1]);
        let one = [0, 0, 0, word([0, 0, 0, 1])];
        row.splice(1..5, one);
        row.splice(7..11, one);
        assert_eq!(v6(&row).next().unwrap().local, at("[::1]:49153"));
    }

    #[test]
    fn a_table_that_is_cut_off_ends_there() {
        assert_eq!(v4(&[]).count(), 0);
        assert_eq!(v4(&[1]).count(), 0);
        assert_eq!(v4(&[2, 5, 0, 0, 0, 0, 1, 5, 0]).count(), 1);
        assert_eq!(v6(&[1, 0]).count(), 0);
    }

    #[test]
    fn a_socket_without_a_process_is_nobodys() {
        assert_eq!(
            v4(&[2, 11, 0, 0, 0, 0, 0, LISTENS, 0, 0, 0, 0, 7]).map(|one| one.process).collect::<Vec<_>>(),
            [7]
        );
    }
}
