//! Inside a tunnel to an intercepted host: TLS with a leaf for that host, and HTTP in it. What is no TLS is refused and
//! closed, never let through by accident.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use aigw_shared::fault::{Fault, Kind};
use http::header::CONTENT_LENGTH;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use rustls::server::Acceptor;
use rustls::{AlertDescription, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, StartHandshake};

use super::connect;
use super::http::{MAX_FIELDS, serve_http1, serve_http2};
use super::rewound::Rewound;
use crate::app::App;
use crate::keys::Admission;
use crate::observe::distrust::Witness;
use crate::pipeline::body::Answer;
use crate::pipeline::hosts::{Host, Turn};
use crate::pipeline::inbound::{Caller, Inbound};
use crate::pipeline::{self, admit, explain, onward};

/// From our 200 to a whole ClientHello, and from there to the end of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The first byte of TLS (RFC 8446 section 5.1: a record of type handshake).
const TLS_HANDSHAKE: u8 = 0x16;
/// GitHub's clients take a reply without it for somebody else's.
const GITHUB_REQUEST_ID: HeaderName = HeaderName::from_static("x-github-request-id");

/// Who asks, inside which tunnel.
pub struct Inside {
    /// What the tunnel was opened to.
    pub host: Arc<Host>,
    /// Who opened it.
    pub caller: Caller,
    /// And with which key.
    pub admission: Admission,
    /// Whether the client trusts us.
    pub witness: Arc<Witness>,
}

/// What a client says first.
enum Opening {
    /// A whole ClientHello.
    Hello(Box<StartHandshake<Rewound>>),
    /// Something in clear text.
    Plain(Rewound),
    /// Nothing in time, or nothing that makes sense here.
    Nothing,
}

/// Serves the tunnel until it ends.
pub async fn serve(app: &Arc<App>, client: Rewound, inside: Inside, tls: Arc<ServerConfig>) {
    let witness = inside.witness.clone();
    let greeted = tokio::select! {
        greeted = greet(client, &inside, tls) => greeted,
        // Nothing has begun that could be finished.
        () = app.draining.cancelled() => return,
    };
    let stream = match greeted {
        Ok(Some(stream)) => stream,
        Ok(None) => return,
        Err(error) => {
            match tls_error(&error) {
                Some(error) if rejects_certificate(error) => witness.rejected(app).await,
                Some(_) => {}
                None => witness.ended(app).await,
            }
            tracing::debug!(host = inside.host.name, %error, "no TLS on an intercepted host");
            return;
        }
    };
    let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let (inside, here) = (Arc::new(inside), app.clone());
    let answer = move |request| answer(here.clone(), inside.clone(), request);
    if h2 {
        serve_http2(app, stream, answer).await;
    } else {
        serve_http1(app, stream, answer).await;
    }
    witness.ended(app).await;
}

/// TLS as this host; none when the client does not speak it, which it has been told then.
async fn greet(
    client: Rewound,
    inside: &Inside,
    tls: Arc<ServerConfig>,
) -> io::Result<Option<TlsStream<Rewound>>> {
    match opening(client).await? {
        Opening::Hello(start) => {
            inside.witness.greeted();
            let accepted = timeout(HANDSHAKE, start.into_stream(tls)).await;
            accepted.map_or(Ok(None), |accepted| accepted.map(Some))
        }
        Opening::Plain(client) => {
            refuse_plain(client, &inside.host).await;
            Ok(None)
        }
        Opening::Nothing => Ok(None),
    }
}

/// Reads what the client says first. It has ten seconds for all of it, however it comes.
async fn opening(mut client: Rewound) -> io::Result<Opening> {
    let reading = async {
        let first = client.first_byte().await?;
        if first == TLS_HANDSHAKE {
            let hello = LazyConfigAcceptor::new(Acceptor::default(), client).await?;
            return Ok(Opening::Hello(Box::new(hello)));
        }
        Ok(if first.is_ascii_uppercase() { Opening::Plain(client) } else { Opening::Nothing })
    };
    timeout(HANDSHAKE, reading).await.unwrap_or(Ok(Opening::Nothing))
}

/// What fuzzing calls: a client that says this and hangs up.
#[cfg(fuzzing)]
pub async fn fuzzed(bytes: &[u8]) {
    use tokio::net::{TcpListener, TcpStream};
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut client =
        TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
    let (stream, _) = listener.accept().await.expect("a connection");
    client.write_all(bytes).await.expect("the buffer takes it");
    drop(client);
    match opening(Rewound { ahead: bytes::Bytes::new(), stream }).await {
        Ok(Opening::Hello(_)) => assert_eq!(bytes[0], TLS_HANDSHAKE),
        Ok(Opening::Plain(_)) => assert!(bytes[0].is_ascii_uppercase()),
        Ok(Opening::Nothing) | Err(_) => {}
    }
}

/// One request on an intercepted host.
async fn answer(app: Arc<App>, inside: Arc<Inside>, request: Request<Incoming>) -> Response<Answer> {
    inside.witness.trusted(&app);
    let dialect = inside.host.dialect(request.uri().path());
    let answered = admitted(&app, &inside, request).await;
    let mut response = answered.unwrap_or_else(|fault| explain::refuse(&fault, dialect));
    sign(&mut response, &inside.host);
    // Of a 403, Copilot's command line shows no word: it tells of policies of GitHub's instead (seen with 1.0.102).
    let ours = response.headers().contains_key(&explain::ERROR);
    if inside.host.github && ours && response.status() == StatusCode::FORBIDDEN {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    response
}

/// Makes an answer one that the host's clients take.
fn sign(response: &mut Response<Answer>, host: &Host) {
    if !host.github {
        return;
    }
    if !response.headers().contains_key(&GITHUB_REQUEST_ID) {
        response.headers_mut().insert(GITHUB_REQUEST_ID, request_id());
    }
}

async fn admitted(
    app: &Arc<App>,
    inside: &Inside,
    request: Request<Incoming>,
) -> Result<Response<Answer>, Fault> {
    let Inside { host, caller, admission, .. } = inside;
    let (mut parts, mut body) = request.into_parts();
    if parts.headers.len() > MAX_FIELDS {
        // HTTP/2 counts bytes only.
        let mut response = Response::new(Answer::empty());
        *response.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Ok(response);
    }
    let admission = admit::inner(&mut parts, host, admission, &app.rules(caller.local))?;
    let nothing = parts.headers.get(CONTENT_LENGTH).is_some_and(|length| length == "0");
    if nothing && !ends_empty(&mut body).await {
        return Err(Fault::new(Kind::BadRequest, "the body is longer than was announced"));
    }
    let current = app.current();
    if let Some(fault) = &current.closed {
        return Err(fault.clone());
    }
    // A tool keeps its connection for hours, and the table may have changed meanwhile.
    let turn = match connect::row(&current, &host.name, host.port, admission.gateway.as_deref()) {
        Some(row) if app.paused().is_some() && !row.by_policy => {
            Turn::Onward("aigw is paused: `aigwctl resume`")
        }
        Some(row) => row.turn(&parts, current.config.intercept.unmatched),
        None => Turn::Onward("it is no host that is intercepted any more"),
    };
    drop(current);
    if let (Turn::Onward(why), Some(proof)) = (&turn, &admission.proof) {
        return Err(proof.through(&host.name).of_the_host(&parts, why));
    }
    match turn {
        Turn::Gateway(path) => {
            parts.uri =
                path.parse().map_err(|_| Fault::new(Kind::BadRequest, "the path cannot be sent on"))?;
            let inbound = Inbound { caller: caller.clone(), parts, body };
            let proof = admission.proof.as_ref().map(|proof| proof.through(&host.name));
            let admission = Admission { proof, ..admission };
            Ok(pipeline::handle(app, inbound, admission).await)
        }
        Turn::Onward(_) => onward::relay(app, host, &admission, parts, body).await,
        Turn::Refuse(fault) => Err(fault),
    }
}

/// Whether a body that was announced as empty is. In HTTP/2 it ends by a frame of its own: until that is there, bytes may
/// come that make the request none (RFC 9113 section 8.1.1), and it must not be on its way by then.
async fn ends_empty(body: &mut Incoming) -> bool {
    while !body.is_end_stream() {
        match body.frame().await {
            None => return true,
            Some(Ok(frame)) if frame.data_ref().is_none_or(|data| data.is_empty()) => {}
            Some(_) => return false,
        }
    }
    true
}

/// Clear text on a port that is TLS's.
async fn refuse_plain(mut client: Rewound, host: &Host) {
    let fault = Fault::new(Kind::PlainHttp, format!("the tunnel to {} takes TLS only", host.name));
    let mut response = explain::refuse(&fault, host.dialect("/"));
    sign(&mut response, host);
    let bytes = explain::on_the_wire(response);
    let answer = async {
        client.stream.write_all(&bytes).await?;
        client.stream.shutdown().await?;
        while client.stream.read(&mut [0; 4096]).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    let _ = timeout(Duration::from_secs(1), answer).await;
}

/// What is wrong with the TLS, if the connection did not just end.
fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

/// Whether the client said that it does not believe our certificate, rather than that something else is wrong.
fn rejects_certificate(error: &rustls::Error) -> bool {
    use AlertDescription as A;
    matches!(
        error,
        rustls::Error::AlertReceived(
            A::BadCertificate
                | A::UnsupportedCertificate
                | A::CertificateUnknown
                | A::UnknownCA
                | A::AccessDenied
        )
    )
}

/// In the form that GitHub's have.
fn request_id() -> HeaderValue {
    let mut bytes = [0u8; 14];
    // Without randomness it is still an id.
    let _ = getrandom::fill(&mut bytes);
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    let text = format!("{}:{}:{}", hex[..2].concat(), hex[2..5].concat(), hex[5..].concat());
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("0"))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::Instant;

    use super::*;

    /// What comes of a client that sends this and then, every so often, one byte more; and how long that takes.
    async fn opens(sent: &'static [u8], then: &'static [u8], every: Duration) -> (Opening, Duration) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        client.write_all(sent).await.unwrap();
        let drip = tokio::spawn(async move {
            for byte in then {
                tokio::time::sleep(every).await;
                client.write_all(&[*byte]).await.unwrap();
            }
            std::future::pending::<()>().await;
        });
        let begun = Instant::now();
        let opening = opening(Rewound { ahead: Bytes::new(), stream }).await.unwrap();
        drip.abort();
        (opening, begun.elapsed())
    }

    /// T12: who says nothing, or too little, has ten seconds for all of it.
    #[tokio::test(start_paused = true)]
    async fn t12_a_greeting_that_is_not_there_in_ten_seconds_is_none() {
        const BEGUN: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
        let second = Duration::from_secs(1);
        for (sent, then, every) in [
            (&b""[..], &b""[..], second),
            (BEGUN, b"", second),
            // More of it gives no more time, nor does the first byte.
            (BEGUN, &[7; 60], second),
            (b"", BEGUN, second * 9),
        ] {
            let (opening, took) = opens(sent, then, every).await;
            assert!(matches!(opening, Opening::Nothing), "{sent:?}");
            assert_eq!(took.as_secs(), 10, "{sent:?} {then:?}");
        }
        // What is no TLS is known by its first byte.
        let (opening, took) = opens(b"G", b"", second).await;
        assert!(matches!(opening, Opening::Plain(_)) && took < second);
        let (opening, took) = opens(b"\x05\x01\x00", b"", second).await;
        assert!(matches!(opening, Opening::Nothing) && took < second);
    }
}
