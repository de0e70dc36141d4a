//! Every outbound connection: names, TCP, TLS. Never to ourselves, never without a full check of the certificate.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aigw_shared::config;
use aigw_shared::files;
use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, crypto::CryptoProvider};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

/// Name, TCP and TLS together take no longer than a request waits for its gateway, within these bounds.
const SHORTEST_DIAL: Duration = Duration::from_secs(3);
const LONGEST_DIAL: Duration = Duration::from_secs(10);
/// How long one address family has before the other is tried too (RFC 8305).
const HAPPY_EYEBALLS: Duration = Duration::from_millis(250);
/// As much as TLS gives in a few records. A peer that sends without end fills more than a hundred reads before anybody
/// else has a turn to stop it.
const MAX_READ: usize = 64 * 1024;
/// A CA file longer than this is none.
const MAX_PEM: u64 = 4 * 1024 * 1024;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The name has no address.
    #[error("{0} cannot be resolved")]
    Name(String),
    /// Nobody answers there.
    #[error("{host} cannot be reached: {what}")]
    Connect {
        /// Whom we tried.
        host: String,
        /// What the system says.
        what: String,
    },
    /// Too slow.
    #[error("{host} did not answer in {} s", limit.as_secs())]
    Timeout {
        /// Whom we tried.
        host: String,
        /// How long.
        limit: Duration,
    },
    /// The certificate does not hold, so nothing was sent.
    #[error("{host} shows a certificate that does not hold: {what}")]
    Certificate {
        /// Who showed it.
        host: String,
        /// What is wrong with it.
        what: String,
    },
    /// What is there does not speak TLS as it must.
    #[error("{host} does not speak TLS as it must: {what}")]
    Tls {
        /// Who.
        host: String,
        /// What it did.
        what: String,
    },
    /// The address is this daemon's own.
    #[error("{0} leads back to aigwd itself")]
    Loop(String),
    /// A file of the gateway's settings is of no use.
    #[error("{0}")]
    File(String),
}

/// Which application protocols are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// HTTP/2 or HTTP/1.1, as the gateway likes.
    Any,
    /// HTTP/1.1 only: the way of WebSocket.
    Http1,
}

/// Makes connections for one gateway.
#[derive(Clone)]
pub struct Dialer {
    tcp: HttpConnector,
    trust: Arc<Trust>,
    offer: Offer,
    limit: Duration,
    /// The listeners' addresses, known once they are bound.
    own: Arc<RwLock<Vec<SocketAddr>>>,
}

/// What a gateway's certificate is checked against, and what we show it. Read at the first need: the system's store
/// takes a moment.
#[derive(Default)]
struct Trust {
    ca_file: Option<PathBuf>,
    client: Option<(PathBuf, PathBuf)>,
    /// Raised when what was read may be out of date.
    edition: AtomicU64,
    any: Read,
    http1: Read,
}

/// What was read, and the edition that it is of.
type Read = Mutex<Option<(u64, Arc<ClientConfig>)>>;

impl Dialer {
    /// For a gateway of these settings.
    pub fn new(gateway: &config::Gateway, own: Arc<RwLock<Vec<SocketAddr>>>) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let limit = gateway.wait.clamp(SHORTEST_DIAL, LONGEST_DIAL);
        tcp.set_connect_timeout(Some(limit));
        tcp.set_happy_eyeballs_timeout(Some(HAPPY_EYEBALLS));
        let client = gateway.client_cert.clone().zip(gateway.client_key.clone());
        let trust = Trust { ca_file: gateway.ca_file.clone(), client, ..Trust::default() };
        Self { tcp, trust: Arc::new(trust), offer: Offer::Any, limit, own }
    }

    /// The same, offering something else.
    pub fn offering(&self, offer: Offer) -> Self {
        Self { offer, ..self.clone() }
    }

    /// Reads certificates, keys and the system's store again for the next connection.
    pub fn read_files_again(&self) {
        self.trust.edition.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection to the host of this URL, ready for HTTP.
    ///
    /// # Errors
    /// Before a single byte of HTTP is sent.
    pub async fn dial(mut self, uri: Uri) -> Result<Link, DialError> {
        let host = uri.authority().map_or_else(String::new, ToString::to_string);
        let limit = self.limit;
        let result = timeout(limit, self.connect(uri, &host)).await;
        let result = result.unwrap_or(Err(DialError::Timeout { host, limit }));
        if matches!(result, Err(DialError::Certificate { .. } | DialError::Tls { .. })) {
            // Somebody may put the right certificate there.
            self.read_files_again();
        }
        result
    }

    async fn connect(&mut self, uri: Uri, host: &str) -> Result<Link, DialError> {
        let secure = uri.scheme_str() != Some("http");
        let name = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        std::future::poll_fn(|cx| self.tcp.poll_ready(cx)).await.map_err(|error| refused(host, &error))?;
        let tcp = self.tcp.call(uri).await.map_err(|error| refused(host, &error))?.into_inner();
        let peer = tcp.peer_addr().map_err(|error| refused(host, &error))?;
        if self.own.read().is_ok_and(|own| own.contains(&peer)) {
            return Err(DialError::Loop(host.to_owned()));
        }
        if !secure {
            return Ok(Link::Plain(tcp));
        }
        let config = self.trust.config(self.offer).await?;
        let server = ServerName::try_from(name).map_err(|_| DialError::Name(host.to_owned()))?;
        let stream =
            TlsConnector::from(config).connect(server, tcp).await.map_err(|error| untrusted(host, &error))?;
        Ok(Link::Tls(Box::new(stream)))
    }
}

impl Trust {
    async fn config(self: &Arc<Self>, offer: Offer) -> Result<Arc<ClientConfig>, DialError> {
        let edition = self.edition.load(Ordering::Relaxed);
        let mut read = match offer {
            Offer::Any => self.any.lock().await,
            Offer::Http1 => self.http1.lock().await,
        };
        if let Some((of, config)) = &*read
            && *of == edition
        {
            return Ok(config.clone());
        }
        let trust = self.clone();
        let config = tokio::task::spawn_blocking(move || trust.build(offer))
            .await
            .map_err(|error| DialError::File(error.to_string()))??;
        *read = Some((edition, config.clone()));
        Ok(config)
    }

    fn build(&self, offer: Offer) -> Result<Arc<ClientConfig>, DialError> {
        let provider = crypto();
        let extra = match &self.ca_file {
            Some(file) => certificates(file)?,
            None => Vec::new(),
        };
        let trouble =
            |error: rustls::Error| DialError::File(format!("the trust store cannot be used: {error}"));
        let verifier = Verifier::new_with_extra_roots(extra, provider.clone()).map_err(trouble)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(trouble)?
            // The whole chain, the name and the dates; the platform's verifier is as strict as the default one.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &self.client {
            None => builder.with_no_client_auth(),
            Some((cert, key)) => {
                let chain = certificates(cert)?;
                let key = PrivateKeyDer::from_pem_slice(&read(key)?)
                    .map_err(|error| DialError::File(format!("{}: {error}", key.display())))?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| DialError::File(format!("{}: {error}", cert.display())))?
            }
        };
        config.alpn_protocols = match offer {
            Offer::Any => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Offer::Http1 => vec![b"http/1.1".to_vec()],
        };
        Ok(Arc::new(config))
    }
}

/// The one cryptography provider: TLS 1.2 and 1.3 with forward secrecy and AEAD only.
pub fn crypto() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn certificates(file: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, DialError> {
    let bad = |what: String| DialError::File(format!("{}: {what}", file.display()));
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&read(file)?)
        .collect::<Result<_, _>>()
        .map_err(|error| bad(error.to_string()))?;
    if certificates.is_empty() { Err(bad("no certificate in it".to_owned())) } else { Ok(certificates) }
}

fn read(file: &std::path::Path) -> Result<Vec<u8>, DialError> {
    match files::read_limited(file, MAX_PEM) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(DialError::File(format!("{} does not exist", file.display()))),
        Err(fault) => Err(DialError::File(fault.what)),
    }
}

fn refused(host: &str, error: &(dyn StdError + 'static)) -> DialError {
    let chain = std::iter::successors(Some(error), |error: &&(dyn StdError + 'static)| (*error).source());
    if chain.clone().any(|error| error.to_string().starts_with("dns error")) {
        return DialError::Name(host.to_owned());
    }
    let root = chain.last().map_or_else(String::new, ToString::to_string);
    DialError::Connect { host: host.to_owned(), what: root }
}

fn untrusted(host: &str, error: &io::Error) -> DialError {
    let host = host.to_owned();
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(reason)) => {
            DialError::Certificate { host, what: certificate_words(reason) }
        }
        Some(inner) => DialError::Tls { host, what: inner.to_string() },
        // The other side hung up: it may be starting.
        None => DialError::Connect { host, what: error.to_string() },
    }
}

/// What is wrong with a certificate, in words that say what to do.
fn certificate_words(reason: &rustls::CertificateError) -> String {
    use rustls::CertificateError as E;
    match reason {
        E::Expired | E::ExpiredContext { .. } => {
            "it has expired, or this machine's clock is wrong".to_owned()
        }
        E::NotValidYet | E::NotValidYetContext { .. } => {
            "it is not valid yet, or this machine's clock is wrong".to_owned()
        }
        E::UnknownIssuer => "its issuer is not trusted here".to_owned(),
        E::BadSignature => "it was not signed by the authority that is trusted here".to_owned(),
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => "it is not for servers".to_owned(),
        E::Revoked => "it was revoked".to_owned(),
        E::NotValidForName | E::NotValidForNameContext { .. } => "it is for another name".to_owned(),
        // The platform's verifier says so of a certificate that is for another use.
        E::Other(other) => other.0.to_string(),
        other => other.to_string(),
    }
}

/// A connection to a gateway.
#[derive(Debug)]
pub enum Link {
    /// Plain HTTP, to a loopback address only (the configuration allows no other).
    Plain(TcpStream),
    /// HTTPS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Link {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => {
                let room = buf.remaining().min(MAX_READ);
                let mut part = ReadBuf::new(buf.initialize_unfilled_to(room));
                ready!(Pin::new(stream).poll_read(cx, &mut part))?;
                let read = part.filled().len();
                buf.advance(read);
                Poll::Ready(Ok(()))
            }
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Link {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}

impl Connection for Link {
    fn connected(&self) -> Connected {
        match self {
            Self::Tls(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
                Connected::new().negotiated_h2()
            }
            _ => Connected::new(),
        }
    }
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<Link>;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Link>, DialError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dialer = self.clone();
        Box::pin(async move { Ok(TokioIo::new(dialer.dial(uri).await?)) })
    }
}

/// TEMPORARY
pub enum TunnelLink {
    /// Direct.
    Direct(TcpStream),
    /// Through a proxy.
    Proxied(Box<dyn Both>),
}
/// TEMPORARY
pub trait Both: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Both for T {}
impl TunnelLink {
    /// x
    pub fn boxed(self) -> Box<dyn Both> {
        match self {
            Self::Direct(tcp) => Box::new(tcp),
            Self::Proxied(both) => both,
        }
    }
}
/// TEMPORARY
pub async fn tunnel(
    _app: &crate::app::App,
    host: &str,
    port: u16,
    _admission: &crate::keys::Admission,
) -> Result<TunnelLink, aigw_shared::fault::Fault> {
    TcpStream::connect((host, port)).await.map(TunnelLink::Direct).map_err(|error| {
        aigw_shared::fault::Fault::new(aigw_shared::fault::Kind::TargetUnreachable, error.to_string())
    })
}
/// TEMPORARY
pub async fn allowed(
    _: &crate::app::App,
    _: &str,
    _: u16,
    _: &crate::keys::Admission,
) -> Result<String, aigw_shared::fault::Fault> {
    Ok(String::new())
}
