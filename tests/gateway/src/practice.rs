//! The handle: start a practice gateway, steer it, and ask what it saw.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use tokio_rustls::TlsAcceptor;

use crate::behaviour::Behaviour;
use crate::connect::Connect;
use crate::front::Site;
use crate::hold;
use crate::proxy::{Proxy, ProxySetup};
use crate::record::{Log, Plane, Recorded};
use crate::reply::Reply;
use crate::server::{self, Door, Running};
use crate::tls::{self, Authority, Identity};
use crate::tokens::{Alive, Order, Purpose, Tokens};

/// What cannot change while the gateway runs.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Speak TLS, with a certificate from a throw-away authority.
    pub tls: bool,
    /// Names and addresses for the certificate besides loopback.
    pub names: Vec<String>,
    /// What is wrong with the certificate.
    pub certificate: Certificate,
    /// Whoever speaks TLS must show a client certificate: see [`Practice::client_identity`].
    pub client_certificates: bool,
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
    /// Have the deployment's proxy too, on a listener of its own.
    pub proxy: Option<ProxySetup>,
    /// The switches at start.
    pub behaviour: Behaviour,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            tls: false,
            names: Vec::new(),
            certificate: Certificate::Good,
            client_certificates: false,
            http2: true,
            address: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            path: String::new(),
            user: "ada".to_owned(),
            body_kept: 1 << 20,
            proxy: None,
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
    /// It is for another name, and not for loopback either.
    WrongName,
    /// Another authority signed it, which nobody is given.
    UntrustedRoot,
}

/// A running practice gateway. It stops when this is dropped.
pub struct Practice {
    site: Arc<Site>,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    ca_pem: String,
    /// Signs the certificates that clients show.
    clients: Authority,
    running: Mutex<Option<Running>>,
    proxy: Option<Listener>,
}

/// The proxy's listener.
struct Listener {
    address: SocketAddr,
    tls: bool,
    running: Running,
}

impl Practice {
    /// Starts one. Needs a tokio runtime with time and IO enabled.
    pub async fn start(mut setup: Setup) -> io::Result<Self> {
        let path = setup.path.trim_matches('/');
        setup.path = if path.is_empty() { String::new() } else { format!("/{path}") };
        let (mut ca_pem, mut tls, mut proxy_tls) = (String::new(), None, None);
        let clients = Authority::new("Practice client CA")?;
        let secret = |proxy: &ProxySetup| proxy.tls;
        if setup.tls || setup.proxy.as_ref().is_some_and(secret) {
            let authority = Authority::new("Practice gateway CA")?;
            authority.pem().clone_into(&mut ca_pem);
            if setup.tls {
                let names = tls::loopback_and(&setup.names);
                let clients = setup.client_certificates.then_some(&clients);
                tls = Some(authority.acceptor(
                    names,
                    tls::protocols(setup.http2),
                    setup.certificate,
                    clients,
                )?);
            }
            if let Some(proxy) = setup.proxy.as_ref().filter(|proxy| proxy.tls) {
                let names = tls::loopback_and(&proxy.names);
                proxy_tls =
                    Some(authority.acceptor(names, tls::protocols(false), Certificate::Good, None)?);
            }
        }
        let asked = SocketAddr::new(setup.address, setup.port);
        let site = Arc::new(Site {
            behaviour: Mutex::new(setup.behaviour.clone()),
            scripted: Mutex::default(),
            tokens: Tokens::default(),
            refused_tokens: Default::default(),
            oauth: Default::default(),
            log: Arc::new(Log::new(setup.body_kept)),
            connections: Default::default(),
            in_flight: Default::default(),
            rates: Mutex::default(),
            address: OnceLock::new(),
            proxy: setup.proxy.as_ref().map(|setup| Proxy::new(setup).map(Arc::new)).transpose()?,
            setup,
        });
        let running = server::start(Arc::clone(&site), asked, tls.clone(), Door::Site).await?;
        let address = *site.address.get_or_init(|| running.address);
        let mut proxy = None;
        if let (Some(setup), Some(state)) = (&site.setup.proxy, &site.proxy) {
            let asked = SocketAddr::new(setup.address, setup.port);
            let door = Door::Proxy(Arc::clone(state));
            let running = server::start(Arc::clone(&site), asked, proxy_tls, door).await?;
            proxy = Some(Listener { address: running.address, tls: setup.tls, running });
        }
        Ok(Practice { site, address, tls, ca_pem, clients, running: Mutex::new(Some(running)), proxy })
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

    /// The certificate to trust on its listeners; empty when none speaks TLS.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// A certificate for a client of that name, which [`Setup::client_certificates`] asks for.
    pub fn client_identity(&self, name: &str) -> io::Result<Identity> {
        self.clients.identity(name)
    }

    /// The same from an authority that it does not know.
    pub fn strange_identity(&self, name: &str) -> io::Result<Identity> {
        Authority::new("Practice stranger CA")?.identity(name)
    }

    /// Where its proxy listens; `None` when [`Setup::proxy`] did not ask for one.
    pub fn proxy_address(&self) -> Option<SocketAddr> {
        self.proxy.as_ref().map(|proxy| proxy.address)
    }

    /// The proxy as a client is told of it: `http://coder:TOKEN@127.0.0.1:8888`. Empty when there is none.
    pub fn proxy_url(&self, token: &str) -> String {
        let url = |proxy: &Listener| {
            let scheme = if proxy.tls { "https" } else { "http" };
            format!("{scheme}://coder:{token}@{}", proxy.address)
        };
        self.proxy.as_ref().map(url).unwrap_or_default()
    }

    /// The certificate to trust inside the proxy's CONNECTs; empty when there is no proxy.
    pub fn proxy_ca_pem(&self) -> &str {
        self.site.proxy.as_ref().map_or("", |proxy| proxy.authority.pem())
    }

    /// What the proxy was asked for, in order.
    pub fn connects(&self) -> Vec<Connect> {
        self.site.proxy.as_ref().map(|proxy| proxy.connects.all()).unwrap_or_default()
    }

    /// Waits until what the proxy was asked for satisfies `enough`. Whether it did in time.
    pub async fn wait_for_connects(&self, enough: impl Fn(&[Connect]) -> bool, patience: Duration) -> bool {
        match &self.site.proxy {
            Some(proxy) => proxy.connects.wait_until(enough, patience).await,
            None => false,
        }
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

    /// A user's tokens that have not ended, oldest first.
    pub fn tokens_alive(&self, user: &str) -> Vec<Alive> {
        self.site.tokens.alive(user)
    }

    /// How many requests had a token that was refused: 401 in the ordinary API, 403 `unauthorized` at the gateway.
    pub fn refused_tokens(&self) -> u64 {
        self.site.refused_tokens.load(Ordering::SeqCst)
    }

    /// How many clients are registered for OAuth2.
    pub fn oauth_clients(&self) -> usize {
        self.site.oauth.clients()
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

    /// The same for requests and answers that have ended, which are forgotten.
    pub fn take_requests(&self) -> Vec<Recorded> {
        self.site.log.take()
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

    /// Closes all connections at once, whatever they are doing, also those of the proxy.
    pub fn close_connections(&self) {
        if let Some(proxy) = &self.proxy {
            proxy.running.cut();
        }
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

    /// Stops listening (the proxy goes on) and closes every connection; the port is free afterwards. Tokens and the log stay.
    pub async fn stop(&self) {
        let running = hold(&self.running).take();
        if let Some(running) = running {
            running.stop().await;
        }
    }

    /// Listens again on the same port with the same certificate (stopping first if need be).
    pub async fn restart(&self) -> io::Result<()> {
        self.stop().await;
        let running =
            server::start(Arc::clone(&self.site), self.address, self.tls.clone(), Door::Site).await?;
        *hold(&self.running) = Some(running);
        Ok(())
    }
}
