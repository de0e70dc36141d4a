//! What a tool does: one streamed request to the forwarder, or to a vendor's host through the proxy; its events are shown
//! as they arrive.

use std::sync::Arc;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, HOST, PROXY_AUTHORIZATION};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Stop;
use crate::dial::crypto;

/// What a tool was given.
pub(super) struct Given<'a> {
    /// Where aigwd is.
    pub(super) address: &'a str,
    /// The local key.
    pub(super) key: &'a str,
    /// The root certificate of this machine's CA, in PEM.
    pub(super) root: &'a str,
}

/// What HTTP is spoken over.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Sends the request, shows each event with the time it took, and returns the text of the answer.
pub(super) async fn stream(given: &Given<'_>, stop: &Stop, show: impl Fn(String)) -> Result<String, String> {
    let begun = Instant::now();
    let tcp = TcpStream::connect(given.address).await.map_err(text)?;
    let (stream, host, key): (Box<dyn Stream>, _, _) = match stop.host {
        None => (Box::new(tcp), given.address, given.key),
        // As a tool that has only its vendor's key, or none that counts.
        Some(host) => (Box::new(vendor(tcp, host, given).await?), host, "a-key-of-the-tool"),
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
    tokio::spawn(connection);
    let request = Request::post(stop.path)
        .header(HOST, host)
        .header(CONTENT_TYPE, "application/json")
        .header("x-api-key", key)
        .body(Full::new(Bytes::from_static(stop.body.as_bytes())))
        .map_err(text)?;
    let mut response = sender.send_request(request).await.map_err(text)?;
    let status = response.status();
    let mut pending = String::new();
    let mut answer = String::new();
    while let Some(frame) = response.frame().await {
        let Ok(data) = frame.map_err(text)?.into_data() else { continue };
        pending.push_str(&String::from_utf8_lossy(&data));
        while let Some(end) = pending.find("\n\n") {
            let event: String = pending.drain(..end + 2).collect();
            let Some((name, piece)) = read_event(&event, stop.text) else { continue };
            show(format!("  {:>5} ms  {name:<28} {piece}", begun.elapsed().as_millis()));
            answer.push_str(&piece);
        }
    }
    if status.is_success() { Ok(answer) } else { Err(format!("{status}: {pending}")) }
}

/// TLS with a vendor's host, through the proxy, trusting this machine's CA.
async fn vendor(
    tcp: TcpStream,
    host: &'static str,
    given: &Given<'_>,
) -> Result<impl Stream + use<>, String> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(tcp)).await.map_err(text)?;
    tokio::spawn(connection.with_upgrades());
    let login = STANDARD.encode(format!("aigw:{}", given.key));
    let connect = Request::connect(format!("{host}:443"))
        .header(HOST, format!("{host}:443"))
        .header(PROXY_AUTHORIZATION, format!("Basic {login}"))
        .body(Full::new(Bytes::new()))
        .map_err(text)?;
    let response = sender.send_request(connect).await.map_err(text)?;
    if !response.status().is_success() {
        return Err(format!("the proxy answered {}", response.status()));
    }
    let tunnel: Upgraded = hyper::upgrade::on(response).await.map_err(text)?;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(given.root.as_bytes()).map_err(text)?).map_err(text)?;
    let config = ClientConfig::builder_with_provider(crypto())
        .with_safe_default_protocol_versions()
        .map_err(text)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host).map_err(text)?;
    TlsConnector::from(Arc::new(config)).connect(name, TokioIo::new(tunnel)).await.map_err(text)
}

/// The name of a server-sent event, and the piece of text in it.
fn read_event(event: &str, text: &str) -> Option<(String, String)> {
    let data = event.lines().find_map(|line| line.strip_prefix("data:"))?.trim();
    let name = event.lines().find_map(|line| line.strip_prefix("event:")).map(str::trim);
    let Ok(value) = serde_json::from_str::<Value>(data) else {
        return Some((data.to_owned(), String::new()));
    };
    let name = name.or_else(|| value["object"].as_str()).unwrap_or("data").to_owned();
    let done = name.ends_with(".done");
    let piece = value.pointer(text).and_then(Value::as_str).filter(|_| !done).unwrap_or_default().to_owned();
    Some((name, piece))
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
