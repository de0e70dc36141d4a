//! A recording tap between a tool and aigwd: what the tool sent, byte for byte. All of it passes on unchanged, but for
//! the port in `Host`, which has to be that of aigwd.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// One request as a tool sent it.
#[derive(Clone, Default)]
pub struct Sent {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    /// Without its chunk framing.
    pub body: Vec<u8>,
}

/// A listener that leads to aigwd.
pub struct Tap {
    /// `127.0.0.1:PORT`.
    pub address: String,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Tap {
    /// Begins to listen. It goes on until the test's process ends.
    pub fn start(aigwd: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let sent = Arc::<Mutex<Vec<Sent>>>::default();
        let wire = Wire { tap: address.clone(), aigwd: aigwd.to_owned(), sent: sent.clone() };
        thread::spawn(move || {
            for tool in listener.incoming().flatten() {
                let wire = wire.clone();
                thread::spawn(move || wire.join(tool));
            }
        });
        Self { address, sent }
    }

    /// Every whole request so far, in the order in which they ended.
    pub fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Clone)]
struct Wire {
    tap: String,
    aigwd: String,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Wire {
    /// Passes on both ways, ends included, until both have ended.
    fn join(&self, tool: TcpStream) -> io::Result<()> {
        let aigwd = TcpStream::connect(&self.aigwd)?;
        aigwd.set_nodelay(true)?;
        tool.set_nodelay(true)?;
        let (mut answers, mut to_tool) = (aigwd.try_clone()?, tool.try_clone()?);
        thread::spawn(move || {
            match io::copy(&mut answers, &mut to_tool) {
                Ok(_) => to_tool.shutdown(Shutdown::Write),
                // The tool is gone, or aigwd cut the connection: the other side is to see as much.
                Err(_) => answers.shutdown(Shutdown::Both).and(to_tool.shutdown(Shutdown::Both)),
            }
        });
        let mut to_aigwd = aigwd.try_clone()?;
        let passed = self.requests(&mut BufReader::new(tool), &mut to_aigwd);
        aigwd.shutdown(if passed.is_ok() { Shutdown::Write } else { Shutdown::Both })
    }

    fn requests(&self, tool: &mut BufReader<TcpStream>, aigwd: &mut TcpStream) -> io::Result<()> {
        loop {
            match tool.fill_buf()?.first() {
                None => return Ok(()),
                // A WebSocket frame begins with a byte that no method has.
                Some(0x80..) => return io::copy(tool, aigwd).map(drop),
                Some(_) => {}
            }
            let mut request = Sent::default();
            self.head(tool, aigwd, &mut request)?;
            body(tool, aigwd, &mut request)?;
            self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        }
    }

    fn head(&self, tool: &mut impl BufRead, aigwd: &mut impl Write, request: &mut Sent) -> io::Result<()> {
        let first = line(tool)?;
        let mut words = first.split(' ').map(str::to_owned);
        request.method = words.next().unwrap_or_default();
        request.target = words.next().unwrap_or_default();
        let mut head = format!("{first}\r\n");
        loop {
            let field = line(tool)?;
            let Some((name, value)) = field.split_once(':') else { break };
            request.headers.push((name.to_owned(), value.trim().to_owned()));
            let host = name.eq_ignore_ascii_case("host");
            head += &if host { field.replace(&self.tap, &self.aigwd) } else { field };
            head += "\r\n";
        }
        aigwd.write_all(format!("{head}\r\n").as_bytes())
    }
}

impl fmt::Debug for Sent {
    /// Not the body: a prompt of these tools fills a screen many times.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}, {} bytes", self.method, self.target, self.headers, self.body.len())
    }
}

impl Sent {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let same = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        same.map(|(_, value)| value.as_str())
    }
}

/// Passes on as many bytes as the framing says, and keeps them.
fn body(tool: &mut impl BufRead, aigwd: &mut impl Write, request: &mut Sent) -> io::Result<()> {
    if let Some(length) = request.header("content-length").and_then(|length| length.parse().ok()) {
        return piece(tool, aigwd, length, &mut request.body);
    }
    if request.header("transfer-encoding").is_none() {
        return Ok(());
    }
    loop {
        let size = line(tool)?;
        write!(aigwd, "{size}\r\n")?;
        let size =
            u64::from_str_radix(size.split(';').next().unwrap_or_default(), 16).map_err(io::Error::other)?;
        piece(tool, aigwd, size, &mut request.body)?;
        piece(tool, aigwd, 2, &mut Vec::new())?;
        if size == 0 {
            return Ok(());
        }
    }
}

fn piece(tool: &mut impl BufRead, aigwd: &mut impl Write, size: u64, kept: &mut Vec<u8>) -> io::Result<()> {
    let mut left = size;
    while left > 0 {
        let mut bytes = Vec::new();
        if tool.by_ref().take(left.min(64 * 1024)).read_to_end(&mut bytes)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        aigwd.write_all(&bytes)?;
        left -= bytes.len() as u64;
        kept.extend(bytes);
    }
    Ok(())
}

/// A line without its end. None of these tools sends anything but ASCII in a head.
fn line(tool: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    tool.read_line(&mut line)?;
    if line.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(line.trim_end().to_owned()) }
}
