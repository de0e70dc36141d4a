//! Where the browser comes back to: a listener of its own on a port that nobody knows before (RFC 8252), open for one
//! login. What is not that login's answer is refused in plain words and changes nothing.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::HOST;
use http::{Method, Request, Response, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::form_urlencoded;

use super::page::{self, Page};
use crate::deployment::oauth::in_short;

const PATH: &str = "/callback";
/// For a request's head, which a browser sends at once.
const HEAD: Duration = Duration::from_secs(10);
const MAX_HEAD: usize = 16 * 1024;
/// Connections at once; a browser opens a few on speculation.
const MOST: usize = 16;
/// For the page at the end to reach the browser.
const GOODBYE: Duration = Duration::from_secs(3);

/// The open listener.
pub struct Callback {
    listener: TcpListener,
    expected: Expected,
    state: String,
}

/// What the browser brought.
#[derive(Debug)]
pub enum Brought {
    /// A code to be exchanged.
    Code(Secret),
    /// The person, or the deployment, said no; the deployment's words.
    Refusal(String),
}

/// The browser is back, and waits for a page.
pub struct Arrival {
    /// What it brought.
    pub brought: Brought,
    page: oneshot::Sender<Page>,
    connections: JoinSet<()>,
}

#[derive(Clone)]
struct Expected {
    host: Arc<str>,
    /// Compared instead of the state itself, so that the time it takes tells nothing about the state.
    state: [u8; 32],
}

/// 32 random bytes as text.
///
/// # Errors
/// When the system has none.
pub fn random() -> Result<String, Fault> {
    Ok(URL_SAFE_NO_PAD.encode(crate::random::bytes::<32>()?))
}

impl Callback {
    /// Listens.
    ///
    /// # Errors
    /// When the system does not let us.
    pub async fn open() -> Result<Self, Fault> {
        let failed =
            |error| Fault::new(Kind::Internal, format!("no port for the browser to come back to: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let state = random()?;
        let expected = Expected {
            host: listener.local_addr().map_err(failed)?.to_string().into(),
            state: Sha256::digest(&state).into(),
        };
        Ok(Self { listener, expected, state })
    }

    /// Where the deployment is to send the browser.
    pub fn url(&self) -> String {
        format!("http://{}{PATH}", self.expected.host)
    }

    /// What it has to bring along.
    pub fn state(&self) -> &str {
        &self.state
    }

    /// Waits for it. Nobody is listening when this returns, or is dropped.
    pub async fn arrival(self) -> Arrival {
        let (arrived, mut arrivals) = mpsc::channel(1);
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            tokio::select! {
                Some((brought, page)) = arrivals.recv() => return Arrival { brought, page, connections },
                accepted = self.listener.accept(), if connections.len() < MOST => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(serve(stream, self.expected.clone(), arrived.clone()));
                    }
                    // Out of descriptors: let others finish.
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                },
                Some(_) = connections.join_next(), if connections.len() >= MOST => {}
            }
        }
    }
}

impl Arrival {
    /// Shows the page, and waits until it is out.
    pub async fn show(mut self, page: Page) {
        // An error means that the browser has left.
        let _ = self.page.send(page);
        let _ = timeout(GOODBYE, async { while self.connections.join_next().await.is_some() {} }).await;
    }
}

type Arrived = mpsc::Sender<(Brought, oneshot::Sender<Page>)>;

async fn serve(stream: TcpStream, expected: Expected, arrived: Arrived) {
    let service = service_fn(|request: Request<hyper::body::Incoming>| {
        let judged = expected.judge(&request);
        let arrived = &arrived;
        async move { Ok::<_, std::convert::Infallible>(answer(judged, arrived).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(MAX_HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // Whatever went wrong with a connection, the browser makes another.
    let _ = served.await;
}

async fn answer(
    judged: Result<Brought, (StatusCode, &'static str)>,
    arrived: &Arrived,
) -> Response<page::Body> {
    let brought = match judged {
        Ok(brought) => brought,
        Err((status, why)) => return page::plain(status, why),
    };
    let (page, shown) = oneshot::channel();
    if arrived.try_send((brought, page)).is_ok()
        && let Ok(page) = shown.await
    {
        return page.into_response();
    }
    page::plain(StatusCode::GONE, "This login is over.")
}

impl Expected {
    /// What a request brought, or why it is none of ours.
    fn judge<B>(&self, request: &Request<B>) -> Result<Brought, (StatusCode, &'static str)> {
        let mut hosts = request.headers().get_all(HOST).iter();
        // A page whose name was bound to this machine has another name.
        if hosts.next().is_none_or(|host| host.as_bytes() != self.host.as_bytes()) || hosts.next().is_some() {
            return Err((StatusCode::FORBIDDEN, "This is not the address for that."));
        }
        if request.uri().path() != PATH {
            return Err((StatusCode::NOT_FOUND, "There is nothing here."));
        }
        if request.method() != Method::GET {
            return Err((StatusCode::METHOD_NOT_ALLOWED, "Only GET is answered here."));
        }
        let query = request.uri().query().unwrap_or_default();
        let all = |name: &str| {
            let pairs = form_urlencoded::parse(query.as_bytes());
            pairs.filter(|(own, _)| own == name).map(|(_, value)| value.into_owned()).collect::<Vec<_>>()
        };
        let right = |state: &String| <[u8; 32]>::from(Sha256::digest(state)) == self.state;
        match (all("state").as_slice(), all("code").as_slice(), all("error").as_slice()) {
            ([state], _, _) if !right(state) => {
                Err((StatusCode::FORBIDDEN, "This belongs to another login."))
            }
            ([_], [code], []) if !code.is_empty() => Ok(Brought::Code(Secret::new(code.as_str()))),
            ([_], [], [error]) => Ok(Brought::Refusal(match all("error_description").as_slice() {
                [words] if !words.is_empty() => in_short(words),
                _ => in_short(error),
            })),
            _ => Err((StatusCode::BAD_REQUEST, "This is no answer to a login.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_to_this_login_counts() {
        let expected = Expected { host: "127.0.0.1:4000".into(), state: Sha256::digest("st&te").into() };
        let judge = |line: &str, host: &str| {
            let (method, target) = line.split_once(' ').unwrap();
            let mut request = Request::builder().method(method).uri(target).body(()).unwrap();
            for host in host.split_whitespace() {
                request.headers_mut().append(HOST, host.parse().unwrap());
            }
            match expected.judge(&request) {
                Ok(Brought::Code(code)) => format!("code {}", code.reveal()),
                Ok(Brought::Refusal(words)) => format!("refusal {words}"),
                Err((status, _)) => status.as_u16().to_string(),
            }
        };
        let here = "127.0.0.1:4000";
        for (line, host, outcome) in [
            ("GET /callback?code=c%2B&state=st%26te", here, "code c+"),
            ("GET /callback?state=st%26te&error=access_denied", here, "refusal access_denied"),
            (
                "GET /callback?state=st%26te&error=e&error_description=The+person%0Asaid+no.",
                here,
                "refusal The personsaid no",
            ),
            ("GET /callback?code=c&state=other", here, "403"),
            ("GET /callback?code=c", here, "400"),
            ("GET /callback?error=access_denied", here, "400"),
            ("GET /callback?error=access_denied&state=", here, "403"),
            ("GET /callback?code=c&state=st%26te&state=st%26te", here, "400"),
            ("GET /callback?code=c&code=d&state=st%26te", here, "400"),
            ("GET /callback?code=c&error=e&state=st%26te", here, "400"),
            ("GET /callback?code=&state=st%26te", here, "400"),
            ("GET /callback?state=st%26te", here, "400"),
            ("GET /", here, "404"),
            ("GET /favicon.ico", here, "404"),
            ("GET /callback/?code=c&state=st%26te", here, "404"),
            ("POST /callback?code=c&state=st%26te", here, "405"),
            ("HEAD /callback?code=c&state=st%26te", here, "405"),
            ("GET /callback?code=c&state=st%26te", "localhost:4000", "403"),
            ("GET /callback?code=c&state=st%26te", "evil.test:4000", "403"),
            ("GET /callback?code=c&state=st%26te", "127.0.0.1:4000 127.0.0.1:4000", "403"),
            ("GET /callback?code=c&state=st%26te", "", "403"),
        ] {
            assert_eq!(judge(line, host), outcome, "{line} {host}");
        }
    }
}
