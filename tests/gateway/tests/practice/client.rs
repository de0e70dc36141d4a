//! Small clients: a whole exchange over HTTP/1.1, the same over TLS with either version, and bare bytes.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use aigw_gateway::Practice;

/// A finished answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// The answer broke off.
    pub(crate) broken: bool,
}

impl Answer {
    pub(crate) async fn read(response: Response<Incoming>) -> Self {
        let (head, mut incoming) = response.into_parts();
        let (mut body, mut broken) = (Vec::new(), false);
        while let Some(frame) = incoming.frame().await {
            match frame {
                Ok(frame) => body.extend_from_slice(&frame.into_data().unwrap_or_default()),
                Err(_) => {
                    broken = true;
                    break;
                }
            }
        }
        let body = String::from_utf8_lossy(&body).into_owned();
        Answer { status: head.status.as_u16(), headers: head.headers, body, broken }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The JSON of every `data:` line.
    pub(crate) fn events(&self) -> Vec<serde_json::Value> {
        let data = self.body.lines().filter_map(|line| line.strip_prefix("data: "));
        data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
    }
}

/// Builds a request: `"POST /path"` and header lines.
pub(crate) fn request(line: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let (method, target) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(body.into())).unwrap()
}

/// Opens a connection for several exchanges.
pub(crate) async fn connect(gateway: &Practice) -> hyper::client::conn::http1::SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(gateway.address()).await.unwrap();
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// Sends on a connection of its own and waits for the head.
pub(crate) async fn open(
    gateway: &Practice,
    line: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> hyper::Result<Response<Incoming>> {
    let mut request = request(line, headers, body);
    request.headers_mut().insert("host", "coder.example.test".parse().unwrap());
    connect(gateway).await.send_request(request).await
}

/// One exchange on a connection of its own.
pub(crate) async fn send(
    gateway: &Practice,
    line: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    Answer::read(open(gateway, line, headers, body).await.unwrap()).await
}

/// One exchange with the token as bearer.
pub(crate) async fn ask(gateway: &Practice, token: &str, line: &str, body: &str) -> Answer {
    send(gateway, line, &[("authorization", &format!("Bearer {token}"))], body.to_owned()).await
}

/// A TLS connection that offers these protocols and trusts only the gateway's authority.
pub(crate) async fn tls(
    gateway: &Practice,
    name: &str,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    tls_over(TcpStream::connect(gateway.address()).await?, gateway.ca_pem(), name, protocols).await
}

/// TLS over a stream, trusting only this certificate.
pub(crate) async fn tls_over<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    pem: &str,
    name: &str,
    protocols: &[&str],
) -> std::io::Result<TlsStream<S>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// Asks a proxy for a tunnel: the head of its answer (empty when it closed instead), and the stream.
pub(crate) async fn tunnel<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    target: &str,
    login: Option<&str>,
) -> (String, S) {
    use base64::Engine;
    let coded = login.map(|login| base64::engine::general_purpose::STANDARD.encode(login));
    let line = coded.map(|coded| format!("Proxy-Authorization: basic {coded}\r\n")).unwrap_or_default();
    let head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{line}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => answer.push(byte),
            Err(_) => break,
        }
    }
    (String::from_utf8(answer).unwrap(), stream)
}

/// One exchange over any stream, with HTTP/1.1.
pub(crate) async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    line: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    Answer::read(sender.send_request(request(line, headers, body.to_owned())).await.unwrap()).await
}

/// Opens an HTTP/2 connection over TLS.
pub(crate) async fn connect_h2(gateway: &Practice) -> hyper::client::conn::http2::SendRequest<Full<Bytes>> {
    let stream = tls(gateway, "coder.example.test", &["h2"]).await.unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// Writes bytes as they are and reads until the gateway closes.
pub(crate) async fn bare(gateway: &Practice, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A reset is as good an end as any.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
