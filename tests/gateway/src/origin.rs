//! Any other web server: the real host that a tool meant, a package registry, a site behind a tunnel. It records what
//! it is sent and answers as a script says.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Deref;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Response, header};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use serde_json::json;

use crate::behaviour::{Behaviour, Transport};
use crate::body::{self, Body, Cut};
use crate::front::Visit;
use crate::practice::{Certificate, Practice, Setup};
use crate::record::NOTHING;
use crate::reply::Reply;
use crate::{hold, websocket};

/// A running origin. It stops when this is dropped.
///
/// Everything that a [`Practice`] can be asked below HTTP and about its record can be asked here too:
///
/// ```
/// # use aigw_gateway::{Manner, Origin, OriginSetup, Reply};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let names = vec!["api.anthropic.com".to_owned()];
/// let origin = Origin::start(OriginSetup { names, ..OriginSetup::default() }).await?;
/// origin.at("/api/oauth/profile", Manner::Reply(Reply::plain(200, "ada")));
/// println!("{} {}", origin.url(), origin.ca_pem());
/// assert!(origin.requests().is_empty());
/// # Ok(()) }
/// ```
pub struct Origin(Practice);

impl Deref for Origin {
    type Target = Practice;

    fn deref(&self) -> &Practice {
        &self.0
    }
}

/// What cannot change while an origin runs, and how it begins.
#[derive(Clone, Debug)]
pub struct OriginSetup {
    /// Names for the certificate besides loopback; the first is the name that echoes give.
    pub names: Vec<String>,
    /// Speak TLS, with a certificate from [`Practice::ca_pem`].
    pub tls: bool,
    /// Offer HTTP/2.
    pub http2: bool,
    /// What is wrong with the certificate.
    pub certificate: Certificate,
    /// Where to listen.
    pub address: IpAddr,
    /// 0 takes a free one.
    pub port: u16,
    /// How much of each body is kept; all of it is hashed and counted.
    pub body_kept: usize,
    /// What is answered.
    pub script: Script,
    /// What is done below HTTP.
    pub transport: Transport,
}

impl Default for OriginSetup {
    fn default() -> Self {
        OriginSetup {
            names: Vec::new(),
            tls: true,
            http2: true,
            certificate: Certificate::Good,
            address: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            body_kept: 1 << 20,
            script: Script::default(),
            transport: Transport::Serve,
        }
    }
}

/// What an origin answers.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// By path (without query); the first that fits counts, and one that ends in `/` fits everything below.
    pub at: Vec<(String, Manner)>,
    /// On all other paths.
    pub otherwise: Manner,
}

/// One way to answer.
#[derive(Clone, Debug, Default)]
pub enum Manner {
    /// 200 and JSON: `origin` (its first name), `method`, `target`, `http2`, `server_name`, `headers`, `bytes`,
    /// `sha256`, and the kept `body` as text. A WebSocket is opened, and sends every message back.
    #[default]
    Echo,
    /// This answer.
    Reply(Reply),
    /// A stream of so many server-sent events (`data: {"event":N}`), with this gap before all but the first.
    Events {
        /// How many.
        count: usize,
        /// Time in between.
        gap: Duration,
    },
    /// A body that is announced with this length, but cut after so many bytes.
    Cut {
        /// What `Content-Length` says.
        length: usize,
        /// What is sent.
        after: usize,
    },
    /// A body of this length, piece by piece.
    Slow {
        /// The whole.
        length: usize,
        /// A piece.
        piece: usize,
        /// Time before every piece.
        gap: Duration,
    },
}

impl Origin {
    /// Starts one. Needs a tokio runtime with time and IO enabled.
    pub async fn start(setup: OriginSetup) -> io::Result<Self> {
        let OriginSetup { transport, script, .. } = setup;
        let behaviour = Behaviour { origin: Some(script), transport, ..Behaviour::default() };
        let practice = Practice::start(Setup {
            tls: setup.tls,
            names: setup.names,
            certificate: setup.certificate,
            http2: setup.http2,
            address: setup.address,
            port: setup.port,
            body_kept: setup.body_kept,
            behaviour,
            ..Setup::default()
        });
        Ok(Origin(practice.await?))
    }

    /// Answers like this on a path from now on; what was said before about it counts no more.
    pub fn at(&self, path: &str, manner: Manner) {
        self.script(|script| script.at.insert(0, (path.to_owned(), manner)));
    }

    /// Answers like this on all paths that [`Origin::at`] does not name.
    pub fn otherwise(&self, manner: Manner) {
        self.script(|script| script.otherwise = manner);
    }

    /// Does this below HTTP, on connections accepted from now on.
    pub fn transport(&self, transport: Transport) {
        self.0.change(|behaviour| behaviour.transport = transport);
    }

    fn script(&self, change: impl FnOnce(&mut Script)) {
        self.0.change(|behaviour| change(behaviour.origin.get_or_insert_default()));
    }
}

/// Answers one request.
pub(crate) async fn answer(mut visit: Visit, mut body: Incoming) -> Response<Body> {
    let upgrade = visit.head.extensions.remove::<OnUpgrade>();
    // How the body ends is in the log; the answer does not depend on it.
    let _ = visit.ticket.read(&mut body, &visit.about.ear, NOTHING).await;
    let next = hold(&visit.site.scripted).pop_front();
    let manner = next.map_or_else(|| manner(&visit), Manner::Reply);
    match manner {
        Manner::Reply(reply) => {
            tokio::time::sleep(reply.delay).await;
            reply.into_response()
        }
        Manner::Echo => websocket::is_wanted(&visit)
            .then(|| websocket::echo(&visit, upgrade))
            .flatten()
            .unwrap_or_else(|| echo(&visit)),
        Manner::Events { count, gap } => {
            let event = |number| Bytes::from(format!("data: {}\n\n", json!({ "event": number })));
            let pieces =
                (0..count).map(move |number| (if number == 0 { Duration::ZERO } else { gap }, event(number)));
            with_type(streamed(pieces, false), "text/event-stream")
        }
        Manner::Cut { length, after } => {
            with_length(streamed([(Duration::ZERO, letters(after))].into_iter(), true), length)
        }
        Manner::Slow { length, piece, gap } => {
            let piece = piece.max(1);
            let pieces = (0..length).step_by(piece).map(move |at| (gap, letters(piece.min(length - at))));
            with_length(streamed(pieces, false), length)
        }
    }
}

fn manner(visit: &Visit) -> Manner {
    let Some(script) = &visit.behaviour.origin else { return Manner::Echo };
    let fits = |(path, _): &&(String, Manner)| match path.ends_with('/') {
        true => visit.path.starts_with(path.as_str()),
        false => visit.path == *path,
    };
    script.at.iter().find(fits).map_or_else(|| script.otherwise.clone(), |(_, manner)| manner.clone())
}

fn echo(visit: &Visit) -> Response<Body> {
    let name = visit.site.setup.names.first().map_or("origin", String::as_str);
    let seen = visit.ticket.look(|recorded| {
        json!({
            "origin": name,
            "method": recorded.method,
            "target": recorded.target,
            "http2": recorded.http2,
            "server_name": recorded.server_name,
            "headers": recorded.headers,
            "bytes": recorded.body_len,
            "sha256": recorded.body_sha256,
            "body": recorded.body_text(),
        })
    });
    Reply::json(200, &seen.unwrap_or_default()).into_response()
}

fn letters(length: usize) -> Bytes {
    vec![b'x'; length].into()
}

/// A body of pieces, each after its time; broken off at the end if so told.
fn streamed(pieces: impl Iterator<Item = (Duration, Bytes)> + Send + 'static, cut: bool) -> Response<Body> {
    let start = (pieces, cut);
    let pieces = stream::unfold(start, |(mut pieces, cut)| async move {
        match pieces.next() {
            Some((gap, piece)) => {
                tokio::time::sleep(gap).await;
                Some((Ok(piece), (pieces, cut)))
            }
            None if cut => Some((Err(Cut::after_what_was_sent().await), (pieces, false))),
            None => None,
        }
    });
    Response::new(body::streamed(pieces))
}

fn with_type(mut response: Response<Body>, kind: &'static str) -> Response<Body> {
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn with_length(mut response: Response<Body>, length: usize) -> Response<Body> {
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}
