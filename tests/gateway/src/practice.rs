//! The handle: start a practice gateway, steer it, and ask what it saw.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio_rustls::TlsAcceptor;

use crate::behaviour::Behaviour;
use crate::front::Site;
use crate::hold;
use crate::record::{Log, Plane, Recorded};
use crate::reply::Reply;
use crate::server::{self, Running};
use crate::tls;
use crate::tokens::{Order, Purpose, Tokens};

/// What cannot change while the gateway runs.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Speak TLS, with a certificate from a throw-away authority.
    pub tls: bool,
    /// Names and addresses for the certificate besides loopback.
    pub names: Vec<String>,
    /// What is wrong with the certificate.
    pub certificate: Certificate,
    /// Offer HTTP/2 in the TLS greeting. (Without TLS a client that begins with HTTP/2 gets it anyway.)
    pub http2: bool,
    /// Where to listen.
    pub address: IpAddr,
    /// 0 takes a free one.
    pub port: u16,
    /// The path the whole deployment sits under: empty or `/coder`.
    pub path: String,
    /// The user whose session the login page shows.
    pub user: String,
    /// How much of each request body is kept; all of it is hashed and counted.
    pub body_kept: usize,
    /// The switches at start.
    pub behaviour: Behaviour,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            tls: false,
            names: Vec::new(),
            certificate: Certificate::Good,
            http2: true,
            address: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            path: String::new(),
            user: "ada".to_owned(),
            body_kept: 1 << 20,
            behaviour: Behaviour::default(),
        }
    }
}

/// What is wrong with a certificate. Its authority is always the one of [`Practice::ca_pem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// Nothing.
    Good,
    /// It has expired.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// Nobody but itself vouches for it.
    SelfSigned,
    /// It is for clients.
    ForClients,
}

/// A running practice gateway. It stops when this is dropped.
pub struct Practice {
    site: Arc<Site>,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    ca_pem: String,
    running: Mutex<Option<Running>>,
}

impl Practice {
    /// Starts one. Needs a tokio runtime with time and IO enabled.
    pub async fn start(mut setup: Setup) -> io::Result<Self> {
        let path = setup.path.trim_matches('/');
        setup.path = if path.is_empty() { String::new() } else { format!("/{path}") };
        let (ca_pem, tls) = if setup.tls {
            let identity = tls::make(&setup.names, setup.http2, setup.certificate)?;
            (identity.ca_pem, Some(identity.acceptor))
        } else {
            (String::new(), None)
        };
        let asked = SocketAddr::new(setup.address, setup.port);
        let site = Arc::new(Site {
            behaviour: Mutex::new(setup.behaviour.clone()),
            scripted: Mutex::default(),
            tokens: Tokens::default(),
            log: Arc::new(Log::new(setup.body_kept)),
            connections: Default::default(),
            in_flight: Default::default(),
            rates: Mutex::default(),
            setup,
        });
        let running = server::start(Arc::clone(&site), asked, tls.clone()).await?;
        Ok(Practice { site, address: running.address, tls, ca_pem, running: Mutex::new(Some(running)) })
    }

    /// The deployment's URL, without a trailing slash: `https://127.0.0.1:4001/coder`.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{}", self.address, self.site.setup.path)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port it listens on; the same after [`Practice::restart`].
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The certificate to trust; empty without TLS.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// A new session token for that user, who is made if need be.
    pub fn issue_token(&self, user: &str, lifetime: Duration) -> String {
        let scopes = vec!["all".to_owned()];
        self.site.tokens.issue(Order { user, purpose: Purpose::Session, name: "", scopes, lifetime })
    }

    /// When a token ends, by the gateway's clock; `None` when it is not in the store.
    pub fn token_expiry(&self, token: &str) -> Option<SystemTime> {
        self.site.tokens.expiry(token).map(SystemTime::from)
    }

    /// Ids and names of a user's tokens, oldest first; sessions have an empty name.
    pub fn tokens_of(&self, user: &str) -> Vec<(String, String)> {
        self.site.tokens.of(user).into_iter().map(|token| (token.id, token.name)).collect()
    }

    /// Removes a token, given whole or by its id. Whether there was one.
    pub fn revoke(&self, token: &str) -> bool {
        self.site.tokens.revoke(token)
    }

    /// Deletes a user; the tokens stay but are worth nothing.
    pub fn delete_user(&self, user: &str) {
        self.site.tokens.change_user(user, |user| user.deleted = true);
    }

    /// Suspends a user, which only the ordinary API minds.
    pub fn suspend_user(&self, user: &str) {
        self.site.tokens.change_user(user, |user| user.suspended = true);
    }

    /// Moves the gateway's clock forward: tokens expire, rate windows pass. Running timers do not notice.
    pub fn advance_clock(&self, by: Duration) {
        self.site.tokens.clock.advance(by);
    }

    /// Changes switches; requests that arrive from now on see it.
    pub fn change(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut hold(&self.site.behaviour));
    }

    /// The switches as they are.
    pub fn behaviour(&self) -> Behaviour {
        self.site.behaviour()
    }

    /// Answers the next requests on provider routes with this, before any gate. Waits behind earlier ones.
    pub fn answer_next(&self, times: usize, reply: Reply) {
        hold(&self.site.scripted).extend(std::iter::repeat_n(reply, times));
    }

    /// Everything seen, in order of arrival.
    pub fn requests(&self) -> Vec<Recorded> {
        self.site.log.look(<[Recorded]>::to_vec)
    }

    /// What was seen on provider routes.
    pub fn provider_requests(&self) -> Vec<Recorded> {
        let mut all = self.requests();
        all.retain(|recorded| recorded.plane == Plane::Provider);
        all
    }

    /// Forgets what was seen, though order numbers go on.
    pub fn forget_requests(&self) {
        self.site.log.forget();
    }

    /// How many connections were accepted so far, also those that never spoke.
    pub fn connections(&self) -> u64 {
        self.site.connections.load(Ordering::SeqCst)
    }

    /// Waits until what was seen satisfies `enough`. Whether it did in time.
    pub async fn wait_until(&self, enough: impl Fn(&[Recorded]) -> bool, patience: Duration) -> bool {
        let mut news = self.site.log.subscribe();
        let seen = async {
            loop {
                news.borrow_and_update();
                if self.site.log.look(&enough) {
                    return;
                }
                if news.changed().await.is_err() {
                    return std::future::pending().await;
                }
            }
        };
        tokio::time::timeout(patience, seen).await.is_ok()
    }

    /// Closes all connections at once, whatever they are doing.
    pub fn close_connections(&self) {
        if let Some(running) = hold(&self.running).as_ref() {
            running.cut();
        }
    }

    /// Closes idle connections now and busy ones after what they are doing.
    pub fn close_idle_connections(&self) {
        if let Some(running) = hold(&self.running).as_ref() {
            running.drain();
        }
    }

    /// Stops listening and closes every connection; the port is free afterwards. Tokens and the log stay.
    pub async fn stop(&self) {
        let running = hold(&self.running).take();
        if let Some(running) = running {
            running.stop().await;
        }
    }

    /// Listens again on the same port with the same certificate (stopping first if need be).
    pub async fn restart(&self) -> io::Result<()> {
        self.stop().await;
        let running = server::start(Arc::clone(&self.site), self.address, self.tls.clone()).await?;
        *hold(&self.running) = Some(running);
        Ok(())
    }
}
