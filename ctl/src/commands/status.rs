//! `status`: the daemon, the gateways, and what is wrong.

use std::io::{self, Write};

use aigw_shared::fault::Failure;
use aigw_shared::finding::{Finding, Severity};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{GatewayStatus, TokenStatus};
use anstyle::Style;
use serde::Serialize;

use super::account::{self, Account};
use super::{drift, service, shell_tokens};
use crate::daemon;
use crate::output::{Answer, BAD, GOOD, LABEL, Output, WARN};
use crate::wording::{self, Moment, line};

/// What `status` shows.
#[derive(Serialize)]
pub(super) struct Status {
    pub(super) daemon: Daemon,
    /// How the service is, in words; null when none is installed.
    pub(super) service: Option<String>,
    pub(super) gateways: Vec<Gateway>,
    pub(super) findings: Vec<Finding>,
}

/// The program.
#[derive(Clone, Serialize)]
pub(super) struct Daemon {
    pub(super) version: String,
    pub(super) pid: u32,
    pub(super) listen: Vec<String>,
    pub(super) uptime_s: u64,
    /// Null when the system does not tell.
    pub(super) rss_bytes: Option<u64>,
    pub(super) cpu_s: f64,
    pub(super) requests: u64,
    pub(super) tunnels: u64,
}

/// One gateway.
#[derive(Clone, Serialize)]
pub(super) struct Gateway {
    pub(super) name: String,
    pub(super) url: Option<String>,
    pub(super) kind: String,
    pub(super) prefix: Option<String>,
    pub(super) default: bool,
    /// Null before the first check.
    pub(super) reachable: Option<bool>,
    pub(super) user: Option<String>,
    pub(super) token: Option<Token>,
    /// Where the login is kept; null when there is none.
    pub(super) store: Option<String>,
    /// What the deployment says of it; null when it was not asked.
    pub(super) account: Option<Account>,
}

/// What may be shown of its token.
#[derive(Clone, Serialize)]
pub(super) struct Token {
    pub(super) fingerprint: String,
    pub(super) expires_at: Option<Moment>,
    pub(super) scope: Option<String>,
    /// Its name at the deployment, if it was made for this machine.
    pub(super) name: Option<String>,
    /// `own`, `oauth`, `session` or `given`: how it is kept from ending.
    pub(super) lasting: String,
    pub(super) renews_at: Option<Moment>,
}

impl From<TokenStatus> for Token {
    fn from(token: TokenStatus) -> Self {
        Self {
            fingerprint: token.fingerprint,
            expires_at: token.expires_at.map(Moment),
            scope: token.scope,
            name: token.name,
            lasting: token.lasting,
            renews_at: token.renews_at.map(Moment),
        }
    }
}

impl From<aigw_shared::ipc::payload::Status> for Status {
    fn from(status: aigw_shared::ipc::payload::Status) -> Self {
        Self {
            daemon: Daemon {
                version: status.build.version,
                pid: status.build.pid,
                listen: status.listen,
                uptime_s: status.uptime_s,
                rss_bytes: Some(status.rss_bytes).filter(|bytes| *bytes > 0),
                cpu_s: status.cpu_s,
                requests: status.requests,
                tunnels: status.tunnels,
            },
            service: None,
            gateways: status.gateways.into_iter().map(Gateway::from).collect(),
            findings: status.findings,
        }
    }
}

impl From<GatewayStatus> for Gateway {
    fn from(gateway: GatewayStatus) -> Self {
        Self {
            name: gateway.name,
            url: gateway.url,
            kind: gateway.kind,
            prefix: gateway.prefix,
            default: gateway.default,
            reachable: gateway.reachable,
            user: gateway.user,
            token: gateway.token.map(Token::from),
            store: gateway.store,
            account: None,
        }
    }
}

/// Asks the daemon.
pub(super) async fn fetch() -> Result<Status, Failure> {
    match daemon::ask(Request::Status).await? {
        Response::Status(status) => Ok(Status::from(*status)),
        _ => Err(daemon::unexpected()),
    }
}

pub(super) async fn run(output: &Output) -> Result<(), Failure> {
    let mut status = fetch().await?;
    status.findings.extend(shell_tokens::findings());
    status.findings.extend(drift::findings());
    if let Some(service) = service::look().ok().filter(|service| service.installed) {
        status.service = Some(service.words());
        let known = |finding: &Finding| status.findings.iter().any(|known| known.code == finding.code);
        let new: Vec<Finding> = service.findings.into_iter().filter(|finding| !known(finding)).collect();
        status.findings.extend(new);
    }
    if status.gateways.iter().any(|gateway| gateway.token.is_some()) {
        for account in account::all().await {
            let gateway = status.gateways.iter_mut().find(|gateway| gateway.name == account.gateway);
            if let Some(gateway) = gateway {
                gateway.user = gateway.user.take().or(account.user.clone());
                gateway.account = Some(account);
            }
        }
    }
    output.show(&status)
}

impl Answer for Status {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        line(to, LABEL, "daemon", &self.daemon.words())?;
        line(to, LABEL, "listen", &self.daemon.listen_words())?;
        if let Some(service) = &self.service {
            line(to, LABEL, "service", service)?;
        }
        line(to, LABEL, "requests", &self.daemon.requests_words())?;
        for gateway in &self.gateways {
            writeln!(to)?;
            gateway.lines(to)?;
        }
        writeln!(to)?;
        if self.findings.is_empty() {
            return line(to, LABEL, "findings", "none");
        }
        for finding in &self.findings {
            let (style, label) = face(finding.severity);
            line(to, style, label, &finding.text)?;
            line(to, LABEL, "  cure", &finding.cure)?;
        }
        Ok(())
    }
}

/// How a severity looks.
pub(super) fn face(severity: Severity) -> (Style, &'static str) {
    match severity {
        Severity::Note => (GOOD, "note"),
        Severity::Warning => (WARN, "warning"),
        Severity::Error => (BAD, "error"),
    }
}

impl Daemon {
    /// `aigwd 0.1.0, pid 4711, running for 3 hours, 18 MiB, 0.8 s CPU`
    pub(super) fn words(&self) -> String {
        let running = wording::length(self.uptime_s);
        let mut words = format!("aigwd {}, pid {}, running for {running}", self.version, self.pid);
        if let Some(bytes) = self.rss_bytes {
            words += &format!(", {}", wording::bytes(bytes));
        }
        words + &format!(", {:.1} s CPU", self.cpu_s)
    }

    /// `127.0.0.1:2449, [::1]:2449`
    pub(super) fn listen_words(&self) -> String {
        if self.listen.is_empty() { "nowhere".to_owned() } else { self.listen.join(", ") }
    }

    /// `12 requests, 3 tunnels`
    pub(super) fn requests_words(&self) -> String {
        format!("{}, {}", self.requests, wording::count_of(self.tunnels, "tunnel"))
    }
}

impl Gateway {
    /// Whether it has an address, and what the last check found.
    pub(super) fn url_words(&self) -> String {
        let Some(url) = &self.url else { return "not set".to_owned() };
        let prefix = self.prefix.as_ref().map(|prefix| format!(", prefix {prefix}")).unwrap_or_default();
        let state = match self.reachable {
            Some(true) => ", reachable",
            Some(false) => ", not reachable",
            None => ", not checked yet",
        };
        format!("{url}{prefix}{state}")
    }

    /// Who, and for how long.
    pub(super) fn login_words(&self, now: Moment) -> String {
        let Some(token) = &self.token else {
            let unread = self.store.as_deref() == Some("keyring");
            return if unread { "in the keyring, which was not opened yet" } else { "not logged in" }
                .to_owned();
        };
        let mut words = self.user.clone().unwrap_or_else(|| "logged in".to_owned());
        if let Some(name) = &token.name {
            words += &format!(", token {name}");
        } else if !token.fingerprint.is_empty() {
            words += &format!(", token {}…", token.fingerprint);
        }
        if let Some(end) = token.expires_at {
            let verb = if self.is_expired(now) { "ended" } else { "ends" };
            words += &format!(", {verb} {} ({})", end.words(), end.seen_from(now));
        }
        match (token.lasting.as_str(), token.renews_at) {
            (_, Some(at)) => words += &format!(", replaced {}", at.seen_from(now)),
            ("session", _) => words += ", kept alive",
            _ => {}
        }
        match self.store.as_deref() {
            Some("keyring") => words += ", in the keyring",
            Some("memory") => words += ", in memory until aigwd ends",
            _ => {}
        }
        words
    }

    /// Whether its token is past its end.
    pub(super) fn is_expired(&self, now: Moment) -> bool {
        self.token.as_ref().and_then(|token| token.expires_at).is_some_and(|end| end.0 <= now.0)
    }
}
