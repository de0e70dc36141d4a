//! Names and TCP: every address of a name is tried, both families in turn, and the first that answers is it.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long one address has before the next is tried too (RFC 8305).
const NEXT_ATTEMPT: Duration = Duration::from_millis(250);
/// An idle connection shows signs of life from then on, which keeps the state that routers hold for it.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// The addresses of a name, as every other program of this system finds them, odd spellings of IPv4 included. Families
/// take turns, beginning with the one that the system prefers. Without a name, Windows would tell all addresses of this machine.
///
/// # Errors
/// When it has none.
pub async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let found: Vec<_> = if host.is_empty() { Vec::new() } else { lookup_host((host, port)).await?.collect() };
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "no address"));
    }
    Ok(interleaved(found))
}

fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let preferred = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == preferred);
    let mut turns = Vec::new();
    while !first.is_empty() || !second.is_empty() {
        for address in [first.pop_front(), second.pop_front()].into_iter().flatten() {
            if !turns.contains(&address) {
                turns.push(address);
            }
        }
    }
    turns
}

/// A connection to the first of these that answers. Each next one is tried when those before it have failed, or have
/// been silent for a moment.
///
/// # Errors
/// Of the first address, when none answers.
pub async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut waiting = addresses.iter().copied().enumerate();
    // Dropped, it ends the attempts that were too slow.
    let mut attempts = JoinSet::new();
    let mut failure: Option<(usize, io::Error)> = None;
    loop {
        if let Some((number, address)) = waiting.next() {
            attempts.spawn(async move { (number, TcpStream::connect(address).await) });
        }
        let ended = if waiting.len() == 0 {
            attempts.join_next().await
        } else {
            match timeout(NEXT_ATTEMPT, attempts.join_next()).await {
                Ok(ended) => ended,
                Err(_) => continue,
            }
        };
        match ended {
            None => {
                let nobody = || io::Error::new(io::ErrorKind::NotFound, "no address");
                return Err(failure.map_or_else(nobody, |(_, error)| error));
            }
            Some(Ok((_, Ok(stream)))) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Some(Ok((number, Err(error)))) => {
                if failure.as_ref().is_none_or(|(first, _)| number < *first) {
                    failure = Some((number, error));
                }
            }
            Some(Err(broken)) => failure = failure.or(Some((usize::MAX, io::Error::other(broken)))),
        }
    }
}

/// Notices a peer that is gone without a word, and keeps an idle connection known on its way.
pub fn keep_alive(stream: &TcpStream) {
    let probes = TcpKeepalive::new().with_time(KEEP_ALIVE);
    if let Err(error) = SockRef::from(stream).set_tcp_keepalive(&probes) {
        tracing::debug!(%error, "no keep-alive");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn families_take_turns_and_the_preferred_one_begins() {
        let read = |all: &[&str]| all.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        assert_eq!(
            interleaved(read(&["[::1]:1", "[::2]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"])),
            read(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"])
        );
        assert_eq!(interleaved(read(&["1.1.1.1:1", "[::1]:1"])), read(&["1.1.1.1:1", "[::1]:1"]));
        assert_eq!(interleaved(Vec::new()), []);
    }

    #[tokio::test]
    async fn odd_spellings_are_resolved_as_the_system_does() {
        for odd in ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "127.0.0.1"] {
            assert_eq!(resolve(odd, 80).await.unwrap(), ["127.0.0.1:80".parse().unwrap()], "{odd}");
        }
        assert!(resolve("", 80).await.is_err());
    }

    #[tokio::test]
    async fn an_address_that_refuses_is_passed_over_at_once() {
        let good = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let begun = Instant::now();
        let address = good.local_addr().unwrap();
        let stream = connect(&[closed, closed, address]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
        assert!(begun.elapsed() < NEXT_ATTEMPT);
        assert!(stream.nodelay().unwrap());
        keep_alive(&stream);
        assert!(SockRef::from(&stream).keepalive().unwrap());
        assert_eq!(connect(&[closed]).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        assert!(connect(&[]).await.is_err());
    }

    #[tokio::test]
    async fn an_address_that_is_silent_does_not_hold_up_the_next() {
        // A queue of one that is full: the system answers no further greeting.
        let silent = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        silent.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        silent.listen(0).unwrap();
        let deaf = silent.local_addr().unwrap().as_socket().unwrap();
        let mut held = Vec::new();
        while let Ok(Ok(stream)) = timeout(NEXT_ATTEMPT, TcpStream::connect(deaf)).await {
            held.push(stream);
        }
        let good = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = good.local_addr().unwrap();
        let begun = Instant::now();
        let stream = connect(&[deaf, address]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
        assert!((NEXT_ATTEMPT..NEXT_ATTEMPT * 4).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    }
}
