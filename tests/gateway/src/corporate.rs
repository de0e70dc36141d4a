//! A company's proxy, as it stands between many machines and the world: plain, with a login perhaps, and with the
//! habits that make trouble. For tests; nobody should surf through it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::connect::{self, Connect, Connects, Fate, Head};
use crate::hold;
use crate::practice::Certificate;
use crate::tls::{self, Authority};

/// What cannot change while a corporate proxy runs, and how it begins.
#[derive(Clone, Debug)]
pub struct CorporateSetup {
    /// Be an `https://` proxy, with a certificate from [`Corporate::ca_pem`].
    pub tls: bool,
    /// Names for that certificate besides loopback.
    pub names: Vec<String>,
    /// What is wrong with it.
    pub certificate: Certificate,
    /// Where to listen.
    pub address: IpAddr,
    /// 0 takes a free one.
    pub port: u16,
    /// How it behaves.
    pub manner: CorporateManner,
}

impl Default for CorporateSetup {
    fn default() -> Self {
        CorporateSetup {
            tls: false,
            names: Vec::new(),
            certificate: Certificate::Good,
            address: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            manner: CorporateManner::default(),
        }
    }
}

/// How it behaves. The default lets everybody through.
#[derive(Clone, Debug, Default)]
pub struct CorporateManner {
    /// User and password that must be presented (407 with a Basic challenge otherwise).
    pub login: Option<(String, String)>,
    /// Challenges of a 407 that no Basic login satisfies: `["Negotiate", "NTLM"]`.
    pub challenges: Vec<String>,
    /// Refuse every request with this status.
    pub refuse: Option<u16>,
    /// Time before every answer.
    pub delay: Duration,
    /// Close the connection after a 407 rather than wait for a better request on it.
    pub close_after_407: bool,
    /// Close the connection instead of answering.
    pub hang_up: bool,
    /// Bytes that follow the 200 at once, in the same packet.
    pub ahead: Vec<u8>,
    /// Header lines of the 200, such as `Via: 1.1 corporate`.
    pub lines: Vec<String>,
    /// Hosts that are somewhere else than their name says.
    pub detours: Vec<(String, SocketAddr)>,
}

/// A running corporate proxy. It stops when this is dropped.
///
/// ```
/// # use aigw_gateway::{Corporate, CorporateManner, CorporateSetup};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let login = Some(("ada".to_owned(), "open sesame".to_owned()));
/// let manner = CorporateManner { login, ..CorporateManner::default() };
/// let corporate = Corporate::start(CorporateSetup { manner, ..CorporateSetup::default() }).await?;
/// println!("HTTPS_PROXY={}", corporate.url());
/// corporate.change(|manner| manner.refuse = Some(503));
/// assert!(corporate.connects().is_empty());
/// # Ok(()) }
/// ```
pub struct Corporate {
    state: Arc<State>,
    address: SocketAddr,
    ca_pem: String,
    accepting: JoinHandle<()>,
}

struct State {
    manner: Mutex<CorporateManner>,
    connects: Connects,
}

impl Drop for Corporate {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Corporate {
    /// Starts one. Needs a tokio runtime with time and IO enabled.
    pub async fn start(setup: CorporateSetup) -> io::Result<Self> {
        let (mut ca_pem, mut acceptor) = (String::new(), None);
        if setup.tls {
            let authority = Authority::new("Practice corporate CA")?;
            authority.pem().clone_into(&mut ca_pem);
            let names = tls::loopback_and(&setup.names);
            acceptor = Some(authority.acceptor(names, tls::protocols(false), setup.certificate, None)?);
        }
        let listener = TcpListener::bind((setup.address, setup.port)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State { manner: Mutex::new(setup.manner), connects: Connects::default() });
        let accepting = tokio::spawn(accept(listener, acceptor, Arc::clone(&state)));
        Ok(Corporate { state, address, ca_pem, accepting })
    }

    /// `http://127.0.0.1:3128`, or `https`; without a login.
    pub fn url(&self) -> String {
        let scheme = if self.ca_pem.is_empty() { "http" } else { "https" };
        format!("{scheme}://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate to trust; empty without TLS.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Changes how it behaves; requests that arrive from now on see it.
    pub fn change(&self, change: impl FnOnce(&mut CorporateManner)) {
        change(&mut hold(&self.state.manner));
    }

    /// What it was asked for, in order, with the logins that came.
    pub fn connects(&self) -> Vec<Connect> {
        self.state.connects.all()
    }

    /// Waits until what it was asked for satisfies `enough`. Whether it did in time.
    pub async fn wait_until(&self, enough: impl Fn(&[Connect]) -> bool, patience: Duration) -> bool {
        self.state.connects.wait_until(enough, patience).await
    }
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
        connections.spawn(async move {
            // A socket that refuses is only slower.
            let _ = stream.set_nodelay(true);
            let ended = match acceptor {
                None => serve(&state, stream).await,
                Some(acceptor) => match acceptor.accept(stream).await {
                    Ok(stream) => serve(&state, stream).await,
                    Err(error) => Err(error),
                },
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "connection to the corporate proxy ended");
            }
        });
    }
}

/// Answers refusals until a request is let through or the connection is to end.
async fn serve(state: &State, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut ahead = Vec::new();
    loop {
        let Some(mut head) = Head::read(&mut stream, ahead).await else { return Ok(()) };
        let manner = hold(&state.manner).clone();
        let number = state.connects.begin(&head);
        let fate = |fate| state.connects.fate(number, fate);
        tokio::time::sleep(manner.delay).await;
        if manner.hang_up {
            fate(Fate::Closed);
            return Ok(());
        }
        if let Some(status) = manner.refuse {
            fate(Fate::Refused(status));
            let line = format!("{status} Refused By Policy");
            let body = "The corporate proxy refuses this.\n";
            return connect::refuse(&mut stream, &line, &[("Connection", "close")], body).await;
        }
        let wanted = manner.login.is_some() && head.login() != manner.login;
        if wanted || !manner.challenges.is_empty() {
            fate(Fate::Refused(407));
            challenge(&mut stream, &manner).await?;
            if manner.close_after_407 {
                return Ok(());
            }
            ahead = std::mem::take(&mut head.rest);
            continue;
        }
        return match head.method.as_str() {
            "CONNECT" => tunnel(state, number, stream, &head, &manner).await,
            _ => forward(state, number, stream, &head, &manner).await,
        };
    }
}

async fn challenge(stream: &mut (impl AsyncWrite + Unpin), manner: &CorporateManner) -> io::Result<()> {
    let basic = [r#"Basic realm="corporate""#.to_owned()];
    let challenges = if manner.challenges.is_empty() { basic.as_slice() } else { &manner.challenges };
    let mut headers: Vec<_> =
        challenges.iter().map(|challenge| ("Proxy-Authenticate", challenge.as_str())).collect();
    headers.push(("Proxy-Connection", if manner.close_after_407 { "close" } else { "keep-alive" }));
    let body = "The corporate proxy wants a login.\n";
    connect::refuse(stream, "407 Proxy Authentication Required", &headers, body).await
}

async fn tunnel(
    state: &State,
    number: usize,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    head: &Head,
    manner: &CorporateManner,
) -> io::Result<()> {
    let dialled = match head.place() {
        Some((host, port)) => connect::dial((&host, port), &manner.detours, |_| true).await.ok(),
        None => None,
    };
    let Some(server) = dialled else { return unreachable(state, number, &mut stream).await };
    state.connects.fate(number, Fate::Tunnelled);
    let lines: String = manner.lines.iter().map(|line| format!("{line}\r\n")).collect();
    let answer = format!("HTTP/1.1 200 Connection established\r\n{lines}\r\n");
    stream.write_all(&[answer.as_bytes(), &manner.ahead].concat()).await?;
    stream.flush().await?;
    connect::splice(stream, &head.rest, server).await
}

/// A plain request: one for each connection.
async fn forward(
    state: &State,
    number: usize,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    head: &Head,
    manner: &CorporateManner,
) -> io::Result<()> {
    let url = head.target.parse::<http::Uri>().unwrap_or_default();
    let dialled = match url.host() {
        Some(host) => {
            let place = (host.trim_matches(['[', ']']), url.port_u16().unwrap_or(80));
            connect::dial(place, &manner.detours, |_| true).await.ok()
        }
        None => None,
    };
    let Some(server) = dialled else { return unreachable(state, number, &mut stream).await };
    state.connects.fate(number, Fate::Tunnelled);
    let target = url.path_and_query().map_or("/", |target| target.as_str());
    let kept = head.lines.iter().filter(|(name, _)| {
        !["connection", "proxy-connection", "proxy-authorization", "keep-alive"]
            .contains(&name.to_ascii_lowercase().as_str())
    });
    let lines: String = kept.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let first = format!("{} {target} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n", head.method);
    connect::splice(stream, &[first.as_bytes(), &head.rest].concat(), server).await
}

async fn unreachable(state: &State, number: usize, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    state.connects.fate(number, Fate::Refused(502));
    let body = "The corporate proxy cannot reach this.\n";
    connect::refuse(stream, "502 Bad Gateway", &[("Connection", "close")], body).await
}
