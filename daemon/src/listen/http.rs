//! HTTP on a connection of a client: its limits, its deadlines, its end with grace. The same for the port itself and for
//! what is inside an intercepted tunnel.

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::provider::Dialect;
use futures_util::FutureExt;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep};

use super::phase::{Phase, Timed, Watched};
use crate::app::App;
use crate::pipeline::body::Answer;
use crate::pipeline::{explain, route};

/// RFC 9110 sets no limit; this one is above what any tool sends.
pub const MAX_FIELDS: usize = 100;
/// The largest head of a request.
const MAX_HEAD: usize = 64 * 1024;
/// Requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 100;
/// HTTP/2 flow control: what one upload may have under way, and all of one connection together.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// From our goodbye to the client's, which has nothing more to wait for. A client that sleeps says none.
const GOODBYE: Duration = Duration::from_secs(3);

/// A connection as hyper gets it.
pub type Io<S> = TokioIo<Watched<S>>;

/// Serves HTTP/1.1 until the client leaves, is too slow with a head, or the daemon drains.
pub async fn serve_http1<S, F>(app: &Arc<App>, stream: S, answer: impl Fn(Request<Incoming>) -> F)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = Response<Answer>>,
{
    let phase = Arc::new(Phase::new());
    let io = TokioIo::new(Watched::new(stream, phase.clone()));
    let service = service_fn(|request| {
        let about = About::of(&request);
        let answering = busy(&phase, about, answer(request));
        async move {
            let mut response = answering.await;
            // The next request on this connection is the successor's, on another.
            if app.succession.has_left()
                && let Ok(response) = &mut response
                && !response.status().is_informational()
                && !(about.connect && response.status().is_success())
            {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
    });
    let http = http1::Builder::new()
        .max_headers(MAX_FIELDS)
        .max_header_size(MAX_HEAD)
        .max_buf_size(2 * MAX_HEAD)
        // The gateway's own date passes.
        .auto_date_header(false)
        .serve_connection(io, service)
        .with_upgrades();
    let mut http = std::pin::pin!(http);
    let mut draining = false;
    loop {
        tokio::select! {
            ended = http.as_mut() => return told(ended),
            () = phase.too_slow() => return,
            () = app.draining.cancelled(), if !draining => {
                draining = true;
                phase.never_linger();
                http.as_mut().graceful_shutdown();
            }
            () = app.ended.cancelled() => return,
        }
    }
}

/// The same with HTTP/2. No extended CONNECT (RFC 8441) is announced: a WebSocket is a connection of its own.
pub async fn serve_http2<S, F>(app: &Arc<App>, stream: S, answer: impl Fn(Request<Incoming>) -> F)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = Response<Answer>> + Send + 'static,
{
    let phase = Arc::new(Phase::new());
    let service = service_fn(|request| {
        let about = About::of(&request);
        busy(&phase, about, answer(request))
    });
    let http = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD as u32)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service);
    let mut http = std::pin::pin!(http);
    let mut draining = false;
    let mut goodbye = std::pin::pin!(sleep(GOODBYE));
    loop {
        let leave = tokio::select! {
            ended = http.as_mut() => return told(ended),
            // What arrives besides requests is no sign of one.
            () = phase.too_slow(), if !draining => true,
            () = app.draining.cancelled(), if !draining => true,
            () = app.succession.left(), if !draining => true,
            () = goodbye.as_mut(), if draining => phase.is_idle(),
            () = app.ended.cancelled() => return,
        };
        match (leave, draining) {
            (true, true) => return,
            (true, false) => {
                draining = true;
                http.as_mut().graceful_shutdown();
            }
            (false, _) => {}
        }
        goodbye.as_mut().reset(Instant::now() + GOODBYE);
    }
}

fn told(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

/// What has to be known of a request when it is gone.
#[derive(Clone, Copy)]
struct About {
    connect: bool,
    head: bool,
    dialect: Dialect,
}

impl About {
    fn of(request: &Request<Incoming>) -> Self {
        let dialect = route::guess_dialect(request.uri().path());
        let (connect, head) = (request.method() == Method::CONNECT, request.method() == Method::HEAD);
        Self { connect, head, dialect }
    }
}

/// Words of ours that nobody asked for. Over HTTP/2 hyper would send them all the same, which is no HTTP.
fn leave_out_body(response: &mut Response<Answer>) {
    if let Answer::Own(Some(body)) = response.body() {
        let length = body.len();
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
        *response.body_mut() = Answer::empty();
    }
}

/// One request, during which the connection is not idle. A fault of ours that panics costs this request only.
fn busy<F>(
    phase: &Arc<Phase>,
    about: About,
    answering: F,
) -> impl Future<Output = Result<Response<Timed<Answer>>, Infallible>> + use<F>
where
    F: Future<Output = Response<Answer>>,
{
    let (phase, busy) = (phase.clone(), Phase::busy(phase));
    async move {
        let mut response = AssertUnwindSafe(answering).catch_unwind().await.unwrap_or_else(|_| {
            explain::refuse(&Fault::new(Kind::Internal, "aigwd failed at this request"), about.dialect)
        });
        if about.head {
            leave_out_body(&mut response);
        }
        let tunnel = about.connect && response.status().is_success();
        if tunnel || response.status() == StatusCode::SWITCHING_PROTOCOLS {
            phase.never_linger();
        }
        Ok(response.map(|body| busy.until_end_of(body)))
    }
}

#[cfg(test)]
mod tests {
    use aigw_shared::paths::Paths;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;
    use crate::app::Origins;

    /// No request through a public door makes aigwd panic, or that would be mended.
    #[tokio::test]
    async fn a_panic_is_500_in_the_dialect_and_others_are_served() {
        let home = tempfile::tempdir().unwrap();
        let origins =
            Origins { paths: Paths::under(home.path()), environment: Vec::new(), flags: Vec::new() };
        let app = App::open(origins).unwrap();
        let ask = async |path: &str| {
            let (mut client, server) = duplex(64 * 1024);
            let app = app.clone();
            let serving = tokio::spawn(async move {
                serve_http1(&app, server, |request| async move {
                    assert_eq!(request.uri().path(), "/well");
                    Response::new(Answer::empty())
                })
                .await;
            });
            let head = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
            client.write_all(head.as_bytes()).await.unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            serving.await.unwrap();
            answer
        };
        let failed = ask("/anthropic/v1/messages").await;
        assert!(failed.starts_with("HTTP/1.1 500 ") && failed.contains(r#""type":"error""#), "{failed}");
        let well = ask("/well").await;
        assert!(well.starts_with("HTTP/1.1 200 "), "{well}");
    }
}
