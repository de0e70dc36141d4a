//! A gateway written by hand, for what no well-behaved server does: each connection is played by a function of the
//! test, byte by byte, over plain HTTP on loopback.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(30);

/// The gateway. Its thread ends with the test's process.
pub struct Wire {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// One request that was read from a connection.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which connection, from 1.
    pub connection: usize,
    /// Request line and fields.
    pub head: String,
    /// The body, without its framing.
    pub body: Vec<u8>,
}

/// One accepted connection.
pub struct Peer {
    /// Which one, from 1.
    pub number: usize,
    stream: TcpStream,
    ahead: Vec<u8>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Wire {
    /// Plays every connection with this function, each in a thread of its own.
    ///
    /// # Panics
    /// When there is no port.
    pub fn start(play: impl Fn(&mut Peer) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (play, all) = (Arc::new(play), seen.clone());
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let Ok(stream) = stream else { return };
                stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                let (play, seen) = (play.clone(), all.clone());
                std::thread::spawn(move || {
                    play(&mut Peer { number: number + 1, stream, ahead: Vec::new(), seen });
                });
            }
        });
        Self { address, seen }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was read so far, in order.
    ///
    /// # Panics
    /// After a panic in a playing function.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic").clone()
    }
}

impl Peer {
    /// Reads one whole request; `None` when the other side closes instead.
    ///
    /// # Panics
    /// After a panic in another connection's function.
    pub fn request(&mut self) -> Option<Seen> {
        let head = self.head()?;
        let body = self.body(&head)?;
        let seen = Seen { connection: self.number, head, body };
        self.seen.lock().expect("no panic").push(seen.clone());
        Some(seen)
    }

    /// Reads a head, and leaves the body.
    pub fn head(&mut self) -> Option<String> {
        let end = self.find(b"\r\n\r\n")?;
        Some(String::from_utf8_lossy(&self.take(end + 4)?).into_owned())
    }

    /// Reads so many bytes.
    pub fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.ahead.len() < length {
            self.more()?;
        }
        let rest = self.ahead.split_off(length);
        Some(std::mem::replace(&mut self.ahead, rest))
    }

    /// Sends these bytes, if they are still wanted.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// Waits until the other side has closed.
    pub fn wait_for_end(&mut self) {
        while self.more().is_some() {}
    }

    /// The socket itself.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    fn body(&mut self, head: &str) -> Option<Vec<u8>> {
        let field = |wanted: &str| {
            head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
            })
        };
        if field("transfer-encoding").is_none() {
            return self.take(field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0));
        }
        let mut body = Vec::new();
        loop {
            let end = self.find(b"\r\n")?;
            let line = self.take(end + 2)?;
            let size = usize::from_str_radix(String::from_utf8_lossy(&line).trim(), 16).ok()?;
            let chunk = self.take(size + 2)?;
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                return Some(body);
            }
        }
    }

    fn find(&mut self, what: &[u8]) -> Option<usize> {
        loop {
            if let Some(at) = self.ahead.windows(what.len()).position(|window| window == what) {
                return Some(at);
            }
            self.more()?;
        }
    }

    fn more(&mut self) -> Option<()> {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) | Err(_) => None,
            Ok(length) => {
                self.ahead.extend_from_slice(&buffer[..length]);
                Some(())
            }
        }
    }
}
