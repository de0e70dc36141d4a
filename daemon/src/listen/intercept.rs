//! Inside a tunnel to an intercepted host: TLS with a leaf for that host, and HTTP in it. What is no TLS is refused and
//! closed, never let through by accident.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use aigw_shared::fault::{Fault, Kind};
use http::{HeaderName, HeaderValue, Request, Response};
use hyper::body::Incoming;
use rustls::{AlertDescription, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::http::{serve_http1, serve_http2};
use super::rewound::Rewound;
use crate::app::App;
use crate::keys::Admission;
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
struct Inside {
    app: Arc<App>,
    host: Arc<Host>,
    caller: Caller,
    admission: Admission,
}

/// Serves the tunnel until it ends.
pub async fn serve(
    app: &Arc<App>,
    mut client: Rewound,
    host: Arc<Host>,
    tls: Arc<ServerConfig>,
    caller: Caller,
    admission: Admission,
) {
    let witness = app.distrust.watch(app, &host.name, &admission.name, (caller.peer, caller.local));
    let Ok(Ok(first)) = timeout(HANDSHAKE, client.first_byte()).await else { return };
    if first != TLS_HANDSHAKE {
        if first.is_ascii_uppercase() {
            refuse_plain(&mut client, &host).await;
        }
        return;
    }
    let accepted = tokio::select! {
        accepted = timeout(HANDSHAKE, TlsAcceptor::from(tls).accept(client)) => accepted,
        () = app.ended.cancelled() => return,
    };
    let stream = match accepted {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            if rejects_certificate(&error) {
                witness.rejected(app).await;
            }
            tracing::debug!(host = host.name, %error, "no TLS on an intercepted host");
            return;
        }
        Err(_) => return,
    };
    witness.accepted(app);
    let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let inside = Arc::new(Inside { app: app.clone(), host, caller, admission });
    let answer = move |request| answer(inside.clone(), request);
    if h2 {
        serve_http2(app, stream, answer).await;
    } else {
        serve_http1(app, stream, answer).await;
    }
}

/// One request on an intercepted host.
async fn answer(inside: Arc<Inside>, request: Request<Incoming>) -> Response<Answer> {
    let dialect = inside.host.dialect(request.uri().path());
    let answered = admitted(&inside, request).await;
    let mut response = answered.unwrap_or_else(|fault| explain::refuse(&fault, dialect));
    if inside.host.github && !response.headers().contains_key(&GITHUB_REQUEST_ID) {
        response.headers_mut().insert(GITHUB_REQUEST_ID, request_id());
    }
    response
}

async fn admitted(inside: &Inside, request: Request<Incoming>) -> Result<Response<Answer>, Fault> {
    let Inside { app, host, caller, admission } = inside;
    let (mut parts, body) = request.into_parts();
    let admission = admit::inner(&mut parts, host, admission, &app.rules(caller.local))?;
    let current = app.current();
    if let Some(fault) = &current.closed {
        return Err(fault.clone());
    }
    let turn = host.turn(&parts, current.config.intercept.unmatched);
    drop(current);
    match turn {
        Turn::Gateway(path) => {
            parts.uri =
                path.parse().map_err(|_| Fault::new(Kind::BadRequest, "the path cannot be sent on"))?;
            let inbound = Inbound { caller: caller.clone(), parts, body };
            Ok(pipeline::handle(app, inbound, admission).await)
        }
        Turn::Onward(_) => onward::relay(app, host, &admission, parts, body).await,
        Turn::Refuse(fault) => Err(fault),
    }
}

/// Clear text on a port that is TLS's.
async fn refuse_plain(client: &mut Rewound, host: &Host) {
    let fault = Fault::new(Kind::PlainHttp, format!("the tunnel to {} takes TLS only", host.name));
    let bytes = explain::on_the_wire(&fault, host.dialect("/"));
    let answer = async {
        client.stream.write_all(&bytes).await?;
        client.stream.shutdown().await?;
        while client.stream.read(&mut [0; 4096]).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    let _ = timeout(Duration::from_secs(1), answer).await;
}

/// Whether the client said that it does not believe our certificate, rather than that something else is wrong.
fn rejects_certificate(error: &io::Error) -> bool {
    use AlertDescription as A;
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(
        inner,
        Some(rustls::Error::AlertReceived(
            A::BadCertificate
                | A::UnsupportedCertificate
                | A::CertificateUnknown
                | A::UnknownCA
                | A::AccessDenied
        ))
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
