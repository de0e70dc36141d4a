//! A tool's side of an intercepted CONNECT: TLS over a tunnel, and HTTP or bare bytes inside.
//!
//! ```no_run
//! # use aigw_tests::inside::Greeting;
//! # use aigw_tests::{machine::Machine, raw, scene::Scene};
//! # async fn example(scene: Scene) {
//! let raw = scene.tunnel("api.anthropic.com:443").expect("a tunnel");
//! let roots = scene.machine.root_pem();
//! let greeting = Greeting { protocols: &["h2"], ..Greeting::new(&roots, "api.anthropic.com") };
//! let inside = greeting.over(raw).await.expect("a leaf that is trusted");
//! assert_eq!(inside.certificates().len(), 2);
//! let mut http = inside.http().await;
//! let answer = http.ask("POST", "/v1/messages", &["anthropic-version: 2023-06-01"], "{}").await;
//! assert_eq!(answer.status, 200);
//! # }
//! ```

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, DigitallySignedStruct, HandshakeKind, ProtocolVersion, RootCertStore, SignatureScheme,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::raw::{self, Answer, Raw};

/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a tool says in its TLS greeting, and whom it believes.
#[derive(Clone, Copy, Debug)]
pub struct Greeting<'a> {
    /// The certificates it believes in, in PEM; there may be several.
    pub roots: &'a str,
    /// The name that the leaf must have.
    pub host: &'a str,
    /// What is asked for.
    pub sni: Sni<'a>,
    /// ALPN: `["h2", "http/1.1"]`; none means that the extension is not sent.
    pub protocols: &'a [&'a str],
    /// The TLS versions spoken.
    pub versions: &'a [&'static rustls::SupportedProtocolVersion],
}

/// The name in the greeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sni<'a> {
    /// The one that the leaf must have.
    Host,
    /// Another.
    Other(&'a str),
    /// None at all.
    Absent,
}

impl<'a> Greeting<'a> {
    /// The greeting of most tools: the host's name, and no ALPN.
    pub fn new(roots: &'a str, host: &'a str) -> Self {
        Self { roots, host, sni: Sni::Host, protocols: &[], versions: rustls::ALL_VERSIONS }
    }

    /// Greets over a tunnel.
    ///
    /// # Errors
    /// What either side has against the other: an untrusted or wrong certificate, an alert, a closed connection.
    pub async fn over(&self, tunnel: Raw) -> io::Result<Inside> {
        self.client().over(tunnel).await
    }

    /// A client that greets so again and again, and remembers sessions.
    ///
    /// # Panics
    /// When the roots or names are none.
    pub fn client(&self) -> Client {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(self.roots.as_bytes()) {
            roots.add(root.expect("PEM")).expect("a certificate");
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let expected = ServerName::try_from(self.host.to_owned()).expect("a name");
        let verifier = Expecting { inner: inner.build().expect("roots"), expected: expected.clone() };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(self.versions)
            .expect("versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols = self.protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        config.enable_sni = self.sni != Sni::Absent;
        let asked = match self.sni {
            Sni::Other(name) => ServerName::try_from(name.to_owned()).expect("a name"),
            Sni::Host | Sni::Absent => expected,
        };
        Client { connector: TlsConnector::from(Arc::new(config)), asked, host: self.host.to_owned() }
    }
}

/// Verifies as usual, but against the expected name instead of the one in the greeting.
#[derive(Debug)]
struct Expecting {
    inner: Arc<WebPkiServerVerifier>,
    expected: ServerName<'static>,
}

impl ServerCertVerifier for Expecting {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.inner.verify_server_cert(leaf, chain, &self.expected, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// A TLS client with its memory of sessions.
pub struct Client {
    connector: TlsConnector,
    asked: ServerName<'static>,
    host: String,
}

impl Client {
    /// Greets over a tunnel.
    ///
    /// # Errors
    /// What either side has against the other.
    pub async fn over(&self, tunnel: Raw) -> io::Result<Inside> {
        let stream = tunnel.into_stream();
        stream.set_nonblocking(true)?;
        let greeted = self.connector.connect(self.asked.clone(), TcpStream::from_std(stream)?);
        let stream = tokio::time::timeout(PATIENCE, greeted).await.map_err(io::Error::other)??;
        Ok(Inside { stream, host: self.host.clone() })
    }
}

/// A TLS connection to what answers for a host. `Read` and `Write` are for bare bytes (in a multi-threaded test).
#[derive(Debug)]
pub struct Inside {
    stream: TlsStream<TcpStream>,
    host: String,
}

impl Inside {
    /// The certificates presented, leaf first.
    ///
    /// # Panics
    /// Never, once greeted.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        self.stream.get_ref().1.peer_certificates().expect("it has greeted")
    }

    /// What ALPN agreed on.
    pub fn protocol(&self) -> Option<String> {
        let protocol = self.stream.get_ref().1.alpn_protocol()?;
        Some(String::from_utf8_lossy(protocol).into_owned())
    }

    /// The TLS version agreed on.
    pub fn version(&self) -> Option<ProtocolVersion> {
        self.stream.get_ref().1.protocol_version()
    }

    /// Whether an earlier session was taken up.
    pub fn resumed(&self) -> bool {
        self.stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Sends these bytes. A closed connection is no failure here: the answer tells.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.write_all(bytes.as_ref());
    }

    /// Reads one HTTP/1.1 answer.
    pub fn answer(&mut self) -> Answer {
        raw::answer_from(self, "GET")
    }

    /// Everything until the connection is closed.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = self.read_to_end(&mut bytes);
        bytes
    }

    /// The stream, for a client that speaks something else on it.
    pub fn into_stream(self) -> TlsStream<TcpStream> {
        self.stream
    }

    /// Speaks HTTP: version 2 if ALPN agreed on that, else 1.1.
    ///
    /// # Panics
    /// When the other side does not.
    pub async fn http(self) -> Http {
        let authority = self.host.clone();
        let sender = if self.protocol().as_deref() == Some("h2") {
            let io = TokioIo::new(self.stream);
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.expect("HTTP/2");
            tokio::spawn(connection);
            Sender::Two(sender)
        } else {
            let (sender, connection) = http1::handshake(TokioIo::new(self.stream)).await.expect("HTTP/1.1");
            tokio::spawn(connection.with_upgrades());
            Sender::One(sender)
        };
        Http { authority, sender }
    }
}

impl Read for Inside {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        blocking(self.stream.read(buffer))
    }
}

impl Write for Inside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        blocking(async {
            let length = self.stream.write(bytes).await?;
            self.stream.flush().await?;
            Ok(length)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        blocking(self.stream.flush())
    }
}

fn blocking<T>(io: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let patient = async { tokio::time::timeout(PATIENCE, io).await.map_err(io::Error::other)? };
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(patient))
}

/// HTTP on one connection.
pub struct Http {
    /// What `Host` or `:authority` says: the host of the greeting, unless it is changed.
    pub authority: String,
    sender: Sender,
}

enum Sender {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

impl Http {
    /// One exchange, with header lines such as `x-api-key: own`. Status 0 when the connection ends instead.
    pub async fn ask(&mut self, method: &str, path: &str, more: &[&str], body: &str) -> Answer {
        match self.begin(method, path, more, body).await {
            Ok(response) => read(response).await,
            Err(_) => Answer { status: 0, fields: Vec::new(), body: Vec::new(), whole: false },
        }
    }

    /// Sends a request and waits for the head of its answer, for what streams or is upgraded.
    ///
    /// # Errors
    /// When the connection ends instead.
    ///
    /// # Panics
    /// When the request cannot be written, or is never answered.
    pub async fn begin(
        &mut self,
        method: &str,
        path: &str,
        more: &[&str],
        body: &str,
    ) -> hyper::Result<Response<Incoming>> {
        let mut request = Request::builder().method(method);
        request = match self.sender {
            Sender::One(_) => request.uri(path).header("host", &self.authority),
            Sender::Two(_) => request.uri(format!("https://{}{path}", self.authority)),
        };
        for line in more {
            let (name, value) = line.split_once(':').expect("name: value");
            request = request.header(name, value.trim());
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).expect("a request");
        let sent = async {
            match &mut self.sender {
                Sender::One(sender) => {
                    sender.ready().await?;
                    sender.send_request(request).await
                }
                Sender::Two(sender) => {
                    sender.ready().await?;
                    sender.send_request(request).await
                }
            }
        };
        tokio::time::timeout(PATIENCE, sent).await.expect("an answer in time")
    }
}

/// Reads an answer to its end.
///
/// # Panics
/// When it neither goes on nor ends.
pub async fn read(response: Response<Incoming>) -> Answer {
    let (head, mut incoming) = response.into_parts();
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let fields = head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let mut answer = Answer { status: head.status.as_u16(), fields, body: Vec::new(), whole: true };
    while let Some(frame) = tokio::time::timeout(PATIENCE, incoming.frame()).await.expect("more, or an end") {
        match frame {
            Ok(frame) => answer.body.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Err(_) => {
                answer.whole = false;
                break;
            }
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use aigw_gateway::{Origin, OriginSetup, Practice, ProxyBehaviour, ProxySetup, Setup};

    use super::*;

    const HOST: &str = "api.anthropic.com";

    /// A deployment's proxy to be a client of, and an origin behind it that every other host is.
    async fn scene() -> (Practice, Origin, String) {
        let names = vec!["site.test".to_owned()];
        let origin = Origin::start(OriginSetup { names, ..OriginSetup::default() }).await.unwrap();
        let setup = Setup { proxy: Some(ProxySetup::default()), ..Setup::default() };
        let gateway = Practice::start(setup).await.unwrap();
        let detours = vec![("site.test".to_owned(), origin.address())];
        gateway.change(|b| b.proxy = ProxyBehaviour { detours, ..ProxyBehaviour::default() });
        let token = gateway.issue_token("ada", Duration::from_secs(3600));
        (gateway, origin, token)
    }

    fn tunnel(gateway: &Practice, target: &str, key: Option<&str>) -> Result<Raw, Answer> {
        let address: SocketAddr = gateway.proxy_address().unwrap();
        raw::tunnel(&address.to_string(), target, key)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn refusals_come_whole() {
        let (gateway, ..) = scene().await;
        let refusal = tunnel(&gateway, "api.anthropic.com:443", None).unwrap_err();
        assert_eq!((refusal.status, refusal.text().as_str()), (407, "Proxy Authentication Required"));
        assert!(refusal.field("proxy-authenticate").unwrap().starts_with("Basic "));
        assert_eq!(tunnel(&gateway, "site.test:22", None).unwrap_err().status, 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn either_version_and_bare_bytes() {
        let (gateway, origin, _) = scene().await;
        let roots = origin.ca_pem();
        for (protocols, http2) in [(&["h2", "http/1.1"][..], true), (&["http/1.1"], false), (&[], false)] {
            let raw = tunnel(&gateway, "site.test:443", None).unwrap();
            let greeting = Greeting { protocols, ..Greeting::new(roots, "site.test") };
            let inside = greeting.over(raw).await.unwrap();
            assert_eq!(inside.certificates().len(), 2);
            let mut http = inside.http().await;
            for authority in ["site.test", "other.test"] {
                authority.clone_into(&mut http.authority);
                let answer = http.ask("POST", "/path", &["x-own: yes"], "body").await;
                assert_eq!((answer.status, answer.whole), (200, true));
                let seen = origin.requests().pop().unwrap();
                let host = if http2 { ":authority" } else { "host" };
                assert_eq!((seen.http2, seen.header(host)), (http2, Some(authority)));
                assert_eq!((seen.header("x-own"), seen.body_text().as_str()), (Some("yes"), "body"));
            }
        }
        let raw = tunnel(&gateway, "site.test:443", None).unwrap();
        let mut inside = Greeting::new(roots, "site.test").over(raw).await.unwrap();
        inside.send("GET /bare HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(inside.answer().json()["target"], "/bare");
        inside.send("nonsense\r\n\r\n");
        assert!(inside.rest().starts_with(b"HTTP/1.1 400 "));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_leaf_is_held_against_the_host_and_not_the_name_asked_for() {
        let (gateway, _origin, token) = scene().await;
        let roots = gateway.proxy_ca_pem();
        for (host, sni, good) in [
            (HOST, Sni::Host, true),
            (HOST, Sni::Other("other.test"), true),
            (HOST, Sni::Absent, true),
            ("other.test", Sni::Host, false),
            ("other.test", Sni::Other(HOST), false),
        ] {
            let raw = tunnel(&gateway, "api.anthropic.com:443", Some(&token)).unwrap();
            let inside = Greeting { sni, ..Greeting::new(roots, host) }.over(raw).await;
            assert_eq!(inside.is_ok(), good, "{host} {sni:?}");
        }
        let raw = tunnel(&gateway, "api.anthropic.com:443", Some(&token)).unwrap();
        let stranger = Greeting::new(_origin.ca_pem(), HOST).over(raw).await;
        assert!(stranger.unwrap_err().to_string().contains("UnknownIssuer"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn versions_and_sessions() {
        let (gateway, origin, _) = scene().await;
        for (versions, version) in [
            (&[&rustls::version::TLS12], ProtocolVersion::TLSv1_2),
            (&[&rustls::version::TLS13], ProtocolVersion::TLSv1_3),
        ] {
            let client = Greeting { versions, ..Greeting::new(origin.ca_pem(), "site.test") }.client();
            let mut resumed = Vec::new();
            for _ in 0..2 {
                let mut inside = client.over(tunnel(&gateway, "site.test:443", None).unwrap()).await.unwrap();
                assert_eq!(inside.version(), Some(version));
                resumed.push(inside.resumed());
                // A ticket of TLS 1.3 comes with the first answer.
                inside.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
                assert_eq!(inside.answer().status, 200);
            }
            assert_eq!(resumed, [false, true], "{version:?}");
        }
    }
}
