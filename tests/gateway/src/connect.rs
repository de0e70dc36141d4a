//! What both proxies of this crate share: the head of a CONNECT, what is remembered of it, and the tunnel behind it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::hold;

/// Largest head taken from a client.
const LARGEST: usize = 64 * 1024;

/// What a proxy was asked for, and what it did about it.
#[derive(Clone, Debug)]
pub struct Connect {
    /// `CONNECT`, or the method of a plain request to be forwarded.
    pub method: String,
    /// `host:port` as asked for, or the whole URL of a plain request.
    pub target: String,
    /// Header lines as they were written.
    pub headers: Vec<(String, String)>,
    /// User and password of `Proxy-Authorization: Basic`; `None` when there was none that can be read.
    pub login: Option<(String, String)>,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing yet.
    Pending,
    /// Its TLS was opened, for this provider.
    Intercepted(String),
    /// Bytes were copied.
    Tunnelled,
    /// It was refused with this status.
    Refused(u16),
    /// The connection was closed without an answer.
    Closed,
}

impl Connect {
    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        field(&self.headers, name)
    }
}

/// All CONNECTs, and a way to wait for more.
pub(crate) struct Connects {
    kept: Mutex<Vec<Connect>>,
    changed: watch::Sender<u64>,
}

impl Default for Connects {
    fn default() -> Self {
        Connects { kept: Mutex::default(), changed: watch::channel(0).0 }
    }
}

impl Connects {
    /// Remembers a head. The number is for [`Connects::fate`].
    pub(crate) fn begin(&self, head: &Head) -> usize {
        let mut kept = hold(&self.kept);
        kept.push(Connect {
            method: head.method.clone(),
            target: head.target.clone(),
            headers: head.lines.clone(),
            login: head.login(),
            fate: Fate::Pending,
        });
        let number = kept.len() - 1;
        drop(kept);
        self.changed.send_modify(|count| *count += 1);
        number
    }

    pub(crate) fn fate(&self, number: usize, fate: Fate) {
        if let Some(connect) = hold(&self.kept).get_mut(number) {
            connect.fate = fate;
        }
        self.changed.send_modify(|count| *count += 1);
    }

    pub(crate) fn all(&self) -> Vec<Connect> {
        hold(&self.kept).clone()
    }

    pub(crate) async fn wait_until(&self, enough: impl Fn(&[Connect]) -> bool, patience: Duration) -> bool {
        let mut news = self.changed.subscribe();
        let seen = async {
            while !enough(&hold(&self.kept)) {
                // The sender is ours: it cannot be gone.
                let _ = news.changed().await;
            }
        };
        tokio::time::timeout(patience, seen).await.is_ok()
    }
}

/// The head of a request to a proxy, and the bytes that came behind it.
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) lines: Vec<(String, String)>,
    pub(crate) rest: Vec<u8>,
}

impl Head {
    /// Reads one. `None` when the client leaves, or sends what is no head.
    pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin), ahead: Vec<u8>) -> Option<Self> {
        let mut bytes = ahead;
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            if bytes.len() > LARGEST || stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        let rest = bytes.split_off(end + 4);
        let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = text.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
        let lines = lines.filter_map(|line| line.split_once(':'));
        let lines = lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        Some(Head { method, target, lines, rest })
    }

    /// Host and port of a CONNECT; IPv6 without its brackets.
    pub(crate) fn place(&self) -> Option<(String, u16)> {
        let (host, port) = self.target.rsplit_once(':')?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Some((host.to_ascii_lowercase(), port.parse().ok().filter(|port| *port != 0)?))
    }

    /// User and password, split at the first colon.
    pub(crate) fn login(&self) -> Option<(String, String)> {
        let (scheme, coded) = field(&self.lines, "proxy-authorization")?.split_once(' ')?;
        let text = String::from_utf8(STANDARD.decode(coded.trim()).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        scheme.eq_ignore_ascii_case("basic").then(|| (user.to_owned(), password.to_owned()))
    }
}

fn field<'a>(lines: &'a [(String, String)], name: &str) -> Option<&'a str> {
    lines.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// A stream to which bytes are given back that were read from it.
pub(crate) fn rewound<S>(
    stream: S,
    bytes: Vec<u8>,
) -> impl AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static
where
    S: AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static,
{
    let (read, write) = tokio::io::split(stream);
    tokio::io::join(io::Cursor::new(bytes).chain(read), write)
}

/// Writes one plain answer.
pub(crate) async fn refuse(
    stream: &mut (impl AsyncWrite + Unpin),
    status: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<()> {
    let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n{more}\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.flush().await
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotDialled {
    Private,
    Failed,
}

/// Connects to a host, at another place when `detours` has one for it. `allowed` is asked for every address.
pub(crate) async fn dial(
    (host, port): (&str, u16),
    detours: &[(String, SocketAddr)],
    allowed: impl Fn(IpAddr) -> bool,
) -> Result<TcpStream, NotDialled> {
    let detour = detours.iter().find(|(from, _)| from.eq_ignore_ascii_case(host));
    let addresses: Vec<SocketAddr> = match detour {
        Some((_, to)) => vec![*to],
        None => tokio::net::lookup_host((host, port)).await.map_err(|_| NotDialled::Failed)?.collect(),
    };
    let mut failure = NotDialled::Failed;
    for address in addresses {
        if !allowed(address.ip()) {
            failure = NotDialled::Private;
        } else if let Ok(stream) = TcpStream::connect(address).await {
            // A socket that refuses is only slower.
            let _ = stream.set_nodelay(true);
            return Ok(stream);
        }
    }
    Err(failure)
}

/// Copies both ways until both sides have ended.
pub(crate) async fn splice(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    ahead: &[u8],
    mut server: TcpStream,
) -> io::Result<()> {
    server.write_all(ahead).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await.map(|_| ())
}
