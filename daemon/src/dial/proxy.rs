//! Corporate proxies: which one a connection takes, and the CONNECT that it is asked for.

use std::ffi::OsString;
use std::sync::Arc;

use aigw_shared::config::{Leaving, NoProxy, ProxyChoice, UpstreamProxy};
use aigw_shared::fault::{Fault, Kind};
use aigw_shared::finding::{Finding, Severity};
use bytes::{Bytes, BytesMut};
use http::header::PROXY_AUTHENTICATE;
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Host;

use super::stream::Pipe;
use super::target::{Wanted, is_own};
use super::tls::{Offer, Trust};
use super::{DialError, Here, place, tcp};

/// The largest answer to a CONNECT that is read.
const MAX_HEAD: usize = 64 * 1024;
/// And the most fields in it.
const MAX_FIELDS: usize = 256;
/// Works everywhere, and logs in as the system's user does.
const HELPER: &str = "run a local helper that logs in to it for you, such as cntlm or px, and set \
                      `upstream_proxy` to the helper's address";

/// What the environment of the daemon says about proxies. Each is read once and used only when the settings ask for it.
#[derive(Default)]
pub struct Variables {
    secure: Option<Variable>,
    plain: Option<Variable>,
    no_proxy: NoProxy,
}

struct Variable {
    name: &'static str,
    proxy: Result<UpstreamProxy, String>,
}

impl Variables {
    /// As most programs read them: lower case counts first, and empty is as good as unset.
    pub fn read(environment: &[(OsString, OsString)]) -> Self {
        let text = |name: &str| {
            let (_, text) = environment.iter().find(|(known, text)| known == name && !text.is_empty())?;
            text.to_str()
        };
        let first = |names: [&'static str; 4]| {
            let (name, text) = names.into_iter().find_map(|name| Some((name, text(name)?)))?;
            let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
            Some(Variable { name, proxy: UpstreamProxy::parse(&whole) })
        };
        let no_proxy = text("no_proxy").or_else(|| text("NO_PROXY")).unwrap_or_default();
        Self {
            secure: first(["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            plain: first(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
            no_proxy: NoProxy::from_variable(no_proxy),
        }
    }
}

impl Variable {
    fn unusable(&self, why: &str) -> Fault {
        Fault::new(
            Kind::UpstreamProxyFailed,
            format!("the variable {} names no proxy to use: {why}", self.name),
        )
        .cure_with("set `upstream_proxy` to the proxy's URL, or mend the variable and start aigwd again")
    }
}

/// The way that connections of one part of the settings take.
pub struct Way {
    leaving: Leaving,
    here: Here,
    /// For proxies that speak TLS themselves.
    trust: Arc<Trust>,
}

impl Way {
    /// Of these settings.
    pub fn new(leaving: &Leaving, here: &Here) -> Self {
        let trust = Arc::new(Trust::with_roots(leaving.ca_file.as_deref()));
        Self { leaving: leaving.clone(), here: here.clone(), trust }
    }

    /// To a proxy that is no part of the settings.
    pub fn trusting(trust: Arc<Trust>, here: &Here) -> Self {
        Self { leaving: Leaving::default(), here: here.clone(), trust }
    }

    /// Reads the proxy's CA file again for the next connection.
    pub fn read_files_again(&self) {
        self.trust.read_files_again();
    }

    /// The proxy for this host, if it takes one. `secure` says which of the environment's variables counts: tunnels
    /// are its HTTPS.
    ///
    /// # Errors
    /// When the environment names one that is of no use.
    pub fn proxy_for(&self, secure: bool, wanted: &Wanted<'_>) -> Result<Option<&UpstreamProxy>, DialError> {
        let from_environment = self.leaving.proxy == ProxyChoice::Environment;
        let proxy = match &self.leaving.proxy {
            ProxyChoice::Direct => return Ok(None),
            ProxyChoice::Fixed(proxy) => Ok(proxy),
            ProxyChoice::Environment => {
                let variables = &self.here.variables;
                let named = if secure { &variables.secure } else { &variables.plain };
                let Some(variable) = named else { return Ok(None) };
                variable.proxy.as_ref().map_err(|why| DialError::Stopped(variable.unusable(why)))
            }
        };
        if let Some(host) = place(wanted.host) {
            let host = match &host {
                Host::Domain(name) => Host::Domain(name.as_str()),
                Host::Ipv4(ip) => Host::Ipv4(*ip),
                Host::Ipv6(ip) => Host::Ipv6(*ip),
            };
            let covered = |no_proxy: &NoProxy| no_proxy.covers(&host, wanted.port);
            if covered(&self.leaving.no_proxy) || (from_environment && covered(&self.here.variables.no_proxy))
            {
                return Ok(None);
            }
        }
        proxy.map(Some)
    }

    /// The value that a forwarded request carries as `Proxy-Authorization`.
    pub fn authorization(&self, proxy: &UpstreamProxy) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(proxy.authorization()?).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// A connection to the proxy itself.
    ///
    /// # Errors
    /// When it is not there, is ourselves, or cannot show who it is.
    pub async fn reach(&self, proxy: &UpstreamProxy) -> Result<Pipe, DialError> {
        let (host, port) = address_of(proxy);
        let away = |what: String| {
            let what = format!("the upstream proxy {proxy} cannot be reached: {what}");
            DialError::Stopped(Fault::new(Kind::UpstreamProxyUnavailable, what))
        };
        let mut addresses =
            tcp::resolve(&host, port).await.map_err(|_| away("its name cannot be resolved".to_owned()))?;
        let own = self.here.own();
        addresses.retain(|address| !is_own(*address, &own));
        if addresses.is_empty() {
            return Err(DialError::Stopped(ourselves(proxy)));
        }
        let stream = tcp::connect(&addresses).await.map_err(|error| away(error.to_string()))?;
        if !proxy.is_secure() {
            return Ok(Pipe::Tcp(stream));
        }
        tcp::keep_alive(&stream);
        let name = format!("the upstream proxy {proxy}");
        match self.trust.greet(Offer::Http1, &host, &name, stream).await {
            Ok(stream) => Ok(Pipe::over(stream)),
            Err(DialError::Connect { what, .. }) => Err(away(what)),
            Err(DialError::Certificate { what, .. }) => Err(DialError::Stopped(
                failed(proxy, &format!("shows a certificate that does not hold: {what}")).cure_with(
                    "if it has a private CA: set `upstream_proxy_ca_file` beside `upstream_proxy`",
                ),
            )),
            Err(DialError::Tls { what, .. }) => Err(DialError::Stopped(
                failed(proxy, &format!("does not speak TLS as it must: {what}"))
                    .cure_with("if it speaks plain HTTP: write `http://` before its address"),
            )),
            Err(other) => Err(other),
        }
    }

    /// A connection to this host through the proxy.
    ///
    /// # Errors
    /// As [`Way::reach`], and when the proxy refuses.
    pub async fn connect(&self, proxy: &UpstreamProxy, wanted: &Wanted<'_>) -> Result<Pipe, DialError> {
        let host = place(wanted.host).ok_or_else(|| DialError::Name(wanted.host.to_owned()))?;
        let target = format!("{host}:{}", wanted.port);
        let mut pipe = self.reach(proxy).await?;
        let login = proxy
            .authorization()
            .map_or_else(String::new, |login| format!("Proxy-Authorization: {login}\r\n"));
        let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{login}\r\n");
        let hung_up = |_| {
            let what = format!("the upstream proxy {proxy} hung up when it was asked for {target}");
            DialError::Stopped(Fault::new(Kind::UpstreamProxyUnavailable, what))
        };
        pipe.write_all(request.as_bytes()).await.map_err(hung_up)?;
        pipe.flush().await.map_err(hung_up)?;
        let mut read = BytesMut::with_capacity(4096);
        let answer = loop {
            let room = MAX_HEAD.saturating_sub(read.len());
            if room == 0 {
                break Err("its answer has no end".to_owned());
            }
            if (&mut pipe).take(room as u64).read_buf(&mut read).await.map_err(hung_up)? == 0 {
                return Err(hung_up(std::io::ErrorKind::UnexpectedEof.into()));
            }
            match parse(&read) {
                Ok(None) => {}
                // An interim answer is followed by the real one.
                Ok(Some((answer, length))) if answer.is_interim() => {
                    let _ = read.split_to(length);
                }
                Ok(Some(answer)) => break Ok(answer),
                Err(why) => break Err(why),
            }
        };
        let (answer, length) = answer.map_err(|why| {
            DialError::Stopped(failed(proxy, &format!("does not speak HTTP as it must: {why}")))
        })?;
        if !answer.status.is_success() {
            return Err(DialError::Stopped(refusal(proxy, &target, &answer)));
        }
        // A body is not possible here, whatever the fields say (RFC 9110 section 9.3.6).
        let ahead: Bytes = read.split_off(length).freeze();
        Ok(pipe.after(ahead))
    }
}

/// What is odd about the proxies of these settings: `key` is where they stand, `is_own` knows our own addresses.
pub fn findings(
    key: &str,
    leaving: &Leaving,
    here: &Here,
    is_own: impl Fn(&url::Url) -> bool,
) -> Vec<Finding> {
    let variables = [&here.variables.secure, &here.variables.plain];
    let (proxies, unusable): (Vec<_>, Vec<_>) = match &leaving.proxy {
        ProxyChoice::Direct => return Vec::new(),
        ProxyChoice::Fixed(proxy) => (vec![proxy], Vec::new()),
        ProxyChoice::Environment => {
            let named = || variables.into_iter().flatten();
            let unusable = |variable: &Variable| Some(variable.unusable(variable.proxy.as_ref().err()?));
            (
                named().filter_map(|variable| variable.proxy.as_ref().ok()).collect(),
                named().filter_map(unusable).collect(),
            )
        }
    };
    let circles = proxies.iter().filter(|proxy| is_own(&proxy.url)).map(|proxy| {
        let fault = ourselves(proxy);
        Finding::new("upstream-proxy-loop", Severity::Error, format!("{key}: {}", fault.what), fault.cure())
    });
    let unusable = unusable.iter().map(|fault| {
        Finding::new(
            "upstream-proxy-unusable",
            Severity::Error,
            format!("{key}: {}", fault.what),
            fault.cure(),
        )
    });
    let in_vain = leaving.ca_file.is_some() && !proxies.iter().any(|proxy| proxy.is_secure());
    let in_vain = in_vain.then(|| {
        Finding::new(
            "setting-without-effect",
            Severity::Warning,
            format!("`{key}_ca_file` is set, and the proxy does not speak TLS"),
            format!("remove it, or write `https://` in `{key}`"),
        )
    });
    let mut found: Vec<Finding> = circles.chain(unusable).chain(in_vain).collect();
    found.dedup();
    found
}

fn address_of(proxy: &UpstreamProxy) -> (String, u16) {
    let host = proxy.url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    (host, proxy.url.port_or_known_default().unwrap_or(80))
}

fn failed(proxy: &UpstreamProxy, what: &str) -> Fault {
    Fault::new(Kind::UpstreamProxyFailed, format!("the upstream proxy {proxy} {what}"))
}

fn ourselves(proxy: &UpstreamProxy) -> Fault {
    failed(proxy, "is aigwd itself").cure_with("set `upstream_proxy` to the company's proxy, or remove it")
}

/// What a proxy said to CONNECT.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: StatusCode,
    /// The kinds of login that it takes, as far as it says.
    logins: Vec<String>,
}

impl Answer {
    fn is_interim(&self) -> bool {
        self.status.is_informational() && self.status != StatusCode::SWITCHING_PROTOCOLS
    }
}

/// Reads an answer's head, and says how long it is; none while it is not all there.
fn parse(bytes: &[u8]) -> Result<Option<(Answer, usize)>, String> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut head = httparse::Response::new(&mut fields);
    let length = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let status = head.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or("no valid status")?;
    let challenges =
        head.headers.iter().filter(|field| field.name.eq_ignore_ascii_case("proxy-authenticate"));
    let logins = challenges.flat_map(|field| schemes(&String::from_utf8_lossy(field.value))).collect();
    Ok(Some((Answer { status, logins }, length)))
}

/// What fuzzing calls.
#[cfg(fuzzing)]
pub fn fuzzed(bytes: &[u8]) {
    if let Ok(Some((answer, length))) = parse(bytes) {
        assert!(length <= bytes.len() && answer.logins.iter().all(|login| login.len() <= 20));
        // A head that is there is there, whatever follows.
        assert!(parse(&bytes[..length]).is_ok_and(|read| read.is_some()));
    }
}

/// The schemes of a list of challenges, in which parameters stand between commas, too (RFC 9110 section 11.6.1).
fn schemes(challenges: &str) -> Vec<String> {
    let mut quoted = false;
    let parts = challenges.split(|c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    let scheme = |part: &str| {
        let (first, rest) = part.trim().split_once(' ').unwrap_or((part.trim(), ""));
        let is_name = !first.is_empty() && first.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        (is_name && first.len() <= 20 && !rest.trim_start().starts_with('=')).then(|| first.to_owned())
    };
    parts.filter_map(scheme).collect()
}

/// What its 407 to a plain request means.
pub fn login_refused(proxy: &UpstreamProxy, target: &str, fields: &HeaderMap) -> Fault {
    let challenges = fields.get_all(PROXY_AUTHENTICATE).iter();
    let logins = challenges.flat_map(|field| schemes(&String::from_utf8_lossy(field.as_bytes()))).collect();
    refusal(proxy, target, &Answer { status: StatusCode::PROXY_AUTHENTICATION_REQUIRED, logins })
}

/// What its refusal means, in words of ours: its own may hold anything.
fn refusal(proxy: &UpstreamProxy, target: &str, answer: &Answer) -> Fault {
    let takes = |scheme: &str| answer.logins.iter().any(|login| login.eq_ignore_ascii_case(scheme));
    match answer.status {
        StatusCode::PROXY_AUTHENTICATION_REQUIRED if takes("basic") && proxy.authorization().is_some() => {
            failed(proxy, "does not take the login of `upstream_proxy` (407)")
                .cure_with("set the right user name and password in `upstream_proxy`")
        }
        StatusCode::PROXY_AUTHENTICATION_REQUIRED if takes("basic") => failed(proxy, "wants a login (407)")
            .cure_with("set it: `upstream_proxy = \"http://USER:PASSWORD@HOST:PORT\"`"),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            let offered = match answer.logins.as_slice() {
                [] => "one of no kind that it names".to_owned(),
                logins => logins.join(" or "),
            };
            let what = format!("wants a login (407): {offered}, which aigwd does not speak; it speaks Basic");
            failed(proxy, &what).cure_with(HELPER)
        }
        status
        @ (StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT) => {
            let what = format!("the upstream proxy {proxy} cannot reach {target} now ({status})");
            Fault::new(Kind::UpstreamProxyUnavailable, what)
        }
        status => failed(proxy, &format!("refuses to connect to {target} ({status})"))
            .cure_with(format!("ask whoever runs it to allow {target}, or name the host in `no_proxy`")),
    }
}

#[cfg(test)]
mod tests;
