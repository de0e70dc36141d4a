//! The one list of failure kinds. Each has three faces, kept side by side so that none can be forgotten: what an
//! HTTP client is told, what `aigwctl` exits with, and the command that mends it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How an HTTP client should take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Nothing to say.
    Unsaid,
    /// It may pass by itself: `Retry-After`, in seconds.
    After(u32),
    /// It will not pass by itself: `x-should-retry: false`, which Claude Code and the SDKs obey.
    Never,
}

/// What every kind has to say.
#[derive(Clone, Copy, Debug)]
pub struct Face {
    /// The kind's name for scripts: `error.code` with `--json`, and the `x-aigw-error` response field.
    pub code: &'static str,
    /// HTTP status of our own answer.
    pub status: u16,
    /// How the client should take it.
    pub retry: Retry,
    /// Exit code of `aigwctl`.
    pub exit: u8,
    /// The one thing to do about it.
    pub cure: &'static str,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident: $code:literal, $status:literal, $retry:expr, $exit:literal, $cure:literal;)*) => {
        /// What can go wrong, one variant for each thing that a person would do something else about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            /// Every kind there is.
            pub const ALL: &'static [Kind] = &[$(Kind::$kind,)*];

            /// Its three faces.
            pub const fn face(self) -> Face {
                use Retry::*;
                match self {
                    $(Kind::$kind => Face { code: $code, status: $status, retry: $retry, exit: $exit, cure: $cure },)*
                }
            }
        }
    };
}

kinds! {
    // Requests that stop at the door.
    /// The request cannot be read in one way only.
    BadRequest: "bad-request", 400, Never, 1, "mend the request; `aigwctl env` prints the right addresses";
    /// A method that no route of ours takes.
    MethodRefused: "method-refused", 405, Never, 1, "use GET or POST";
    /// `Host` names somebody else: a web page whose name was bound to this machine.
    HostRefused: "host-refused", 403, Never, 1, "use the address that `aigwctl env` prints";
    /// A web page made the request.
    WebPageRefused: "web-page-refused", 403, Never, 1, "web pages may not use this port; use a program";
    /// No local key, at the forwarder.
    KeyMissing: "key-missing", 403, Never, 77, "give the tool a local key: `aigwctl env` or `aigwctl setup`";
    /// A key of ours that is not valid (any more).
    KeyWrong: "key-wrong", 403, Never, 77, "give the tool a valid local key: `aigwctl env` or `aigwctl setup`";
    /// The connection belongs to another user of this machine.
    OtherUser: "other-user", 403, Never, 77, "start an aigwd of your own: `aigwctl start`";
    /// No or a wrong key, at the proxy door.
    ProxyKeyMissing: "proxy-key-missing", 407, Unsaid, 77, "set the proxy that `aigwctl env --proxy` prints, or run `aigwctl setup`";
    /// A path that no gateway serves.
    NoSuchRoute: "no-such-route", 404, Never, 1, "use the address that `aigwctl env` prints";
    /// A deployment's management path; it holds the user's history.
    ManagementRoute: "management-route", 404, Never, 1, "open the deployment in a browser";
    /// Inside a tunnel to one host, a request for another.
    HostMismatch: "host-mismatch", 421, Never, 1, "open a tunnel for each host";
    /// Clear text where only TLS belongs.
    PlainHttp: "plain-http", 403, Never, 1, "use https";
    /// On an intercepted host, something that the gateway does not serve, and `intercept.unmatched` forbids the rest.
    PathRefused: "path-refused", 403, Never, 77, "set `intercept.unmatched = \"origin\"` to let it through";
    /// More connections than file descriptors.
    Overloaded: "overloaded", 503, After(2), 1, "close some connections, or raise the limit of open files";

    /// An address that nobody reaches through the proxy door.
    TargetRefused: "target-refused", 403, Never, 1, "use another address: this one is not reached through aigwd";
    /// The host of a tunnel has no address, or nobody answers there.
    TargetUnreachable: "target-unreachable", 502, Unsaid, 75, "check the host's name and the network";
    /// The certificate of an intercepted host's real server does not hold.
    TargetUntrusted: "target-untrusted", 502, Never, 75, "if it has a private CA: set `intercept.ca_file`";

    // Who is logged in.
    /// There is no token for the gateway.
    NotLoggedIn: "not-logged-in", 403, Never, 77, "run `aigwctl login`";
    /// The deployment does not take our token (any more).
    TokenRejected: "token-rejected", 403, Never, 77, "run `aigwctl login`";
    /// It did not take our token, and we have another one by now.
    TokenRenewed: "token-renewed", 503, After(1), 75, "try again";
    /// The login is in the system's keyring, or is to go there, and that is locked or does not answer.
    KeyringUnavailable: "keyring-unavailable", 403, Never, 77, "unlock the keyring, then run `aigwctl reload`";
    /// The deployment's own key was refused by the provider.
    ProviderKeyRejected: "provider-key-rejected", 403, Never, 1, "ask the deployment's administrator to check the provider's key";
    /// Works only with the tool's own login, and the tool sent none.
    ToolNotSignedIn: "tool-not-signed-in", 403, Never, 77, "sign in with the tool";
    /// The gateway refused in words: budget, entitlement, capacity.
    GatewayRefused: "gateway-refused", 403, Unsaid, 77, "ask the deployment's administrator";
    /// A managed policy forbids it.
    PolicyForbids: "policy-forbids", 403, Never, 77, "ask whoever manages this machine";
    /// The managed policy cannot be trusted or read, so nothing is forwarded.
    PolicyUnreadable: "policy-unreadable", 403, Never, 77, "ask whoever manages this machine to mend the policy file";
    /// The managed policy wants a newer aigwd, so nothing is forwarded.
    VersionTooOld: "version-too-old", 403, Never, 77, "install a newer aigw, then run `aigwctl service restart`, or `aigwctl stop && aigwctl start`";

    // The way to the gateway.
    /// No connection, or none in time. Nothing was sent.
    GatewayUnreachable: "gateway-unreachable", 503, After(2), 75, "check the network, or `aigwctl status`";
    /// The gateway's certificate does not hold.
    GatewayUntrusted: "gateway-untrusted", 502, Never, 75, "if it has a private CA: `aigwctl login URL --ca-file FILE`";
    /// What answers is not an AI gateway.
    WrongPrefix: "wrong-prefix", 502, Never, 75, "check the URL: `aigwctl login URL`";
    /// The gateway's address leads back to this daemon.
    Loop: "loop", 502, Never, 64, "set the deployment's own URL: `aigwctl login URL`";
    /// The proxy between this machine and the others is not there, or cannot reach them now.
    UpstreamProxyUnavailable: "upstream-proxy-unavailable", 503, After(2), 75, "check the network, and `upstream_proxy`: `aigwctl config show`";
    /// That proxy refuses, or is of no use to us.
    UpstreamProxyFailed: "upstream-proxy-failed", 502, Never, 75, "set the right `upstream_proxy`; `aigwctl config show` prints the one in force";
    /// The request was taken and no answer came, or a broken one.
    UpstreamFailed: "upstream-failed", 502, Unsaid, 75, "try again; if it stays, `aigwctl status`";
    /// The gateway does not speak WebSocket here; plain HTTPS works.
    NoWebSocket: "no-websocket", 426, Unsaid, 1, "use HTTPS instead of a WebSocket";
    /// No gateway of that name, or none at all, is configured.
    NoGateway: "no-gateway", 403, Never, 77, "run `aigwctl login URL`";

    // This machine.
    /// Tools go to their vendors' own hosts for a while.
    Paused: "paused", 403, Never, 1, "run `aigwctl resume`; until then the tools' own settings lead to their vendors, so start the tool again";
    /// The CA's files cannot be trusted to be ours alone, so nothing is intercepted.
    CaUnsafe: "ca-unsafe", 502, Never, 1, "make a new CA: `aigwctl ca rotate`";
    /// The host is not among the names that the CA can sign for.
    CaOutgrown: "ca-outgrown", 403, Never, 1, "make a new CA for the new hosts: `aigwctl ca rotate`";
    /// The CA's time is over.
    CaExpired: "ca-expired", 502, Never, 1, "make a new CA: `aigwctl ca rotate`";
    /// What a company's CA signed is not what we asked for.
    CaRefused: "ca-refused", 400, Never, 1, "ask for it again with the output of `aigwctl ca request`";
    /// A setting is wrong.
    BadConfiguration: "bad-configuration", 500, Never, 64, "mend the named file; `aigwctl config show` prints what is in force";
    /// A command line that makes no sense.
    Usage: "usage", 400, Never, 2, "see `aigwctl --help`";
    /// Nothing listens on the control socket.
    DaemonNotRunning: "daemon-not-running", 503, Unsaid, 69, "run `aigwctl start`";
    /// A second daemon on the same home.
    AlreadyRunning: "already-running", 500, Unsaid, 1, "use the running one: `aigwctl status`";
    /// Someone else has the port.
    PortTaken: "port-taken", 500, Unsaid, 1, "end that program, or set another `listen.port`";
    /// Something of the whole machine is to be changed, by somebody who may not.
    NeedsRoot: "needs-root", 403, Never, 77, "run it as root";
    /// Another program that was to do it has failed.
    CommandFailed: "command-failed", 500, Unsaid, 1, "see what the program says, then run the same command again";
    /// There is no command of this name to run. Shells say it by the same exit code, as they do the next.
    CommandMissing: "command-missing", 500, Unsaid, 127, "check the command's name, and PATH";
    /// The command is there, and the system does not run it.
    CommandNotExecutable: "command-not-executable", 500, Unsaid, 126, "check its mode, and whether it is a program of this system";
    /// This system, or this build, cannot do it.
    Impossible: "impossible", 501, Never, 70, "see the README for what this system can do";
    /// The two programs have no protocol version in common.
    VersionMismatch: "version-mismatch", 500, Unsaid, 76, "run `aigwctl stop && aigwctl start`";
    /// A file could not be read or written.
    File: "file", 500, Unsaid, 1, "check the disk and the file's owner and mode";
    /// A fault of ours.
    Internal: "internal", 500, Unsaid, 1, "report it, with the file that `aigwctl bug-report` writes";
}

/// A failure: its kind, what exactly happened, and (where the kind's own does not fit) what to do.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Which of the known kinds.
    pub kind: Kind,
    /// What failed and whose fault it is, in one sentence. Holds no secret.
    pub what: String,
    cure: Option<String>,
}

impl Fault {
    /// A failure of this kind.
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), cure: None }
    }

    /// The same with a cure that fits better than the kind's.
    pub fn cure_with(mut self, cure: impl Into<String>) -> Self {
        self.cure = Some(cure.into());
        self
    }

    /// What to do about it.
    pub fn cure(&self) -> &str {
        self.cure.as_deref().unwrap_or(self.kind.face().cure)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what, self.cure())
    }
}

impl std::error::Error for Fault {}

/// A [`Fault`] on the control socket. The kind travels as its code, so that an older `aigwctl` can show a kind
/// that it does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// [`Face::code`].
    pub code: String,
    /// What happened.
    pub text: String,
    /// What to do.
    pub cure: String,
    /// [`Face::exit`].
    pub exit: u8,
}

impl From<&Fault> for Failure {
    fn from(fault: &Fault) -> Self {
        let face = fault.kind.face();
        Self {
            code: face.code.to_owned(),
            text: fault.what.clone(),
            cure: fault.cure().to_owned(),
            exit: face.exit,
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::from(&fault)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_unique_kebab_words_and_no_status_makes_tools_wait_in_silence() {
        let mut seen = HashSet::new();
        for kind in Kind::ALL {
            let face = kind.face();
            assert!(seen.insert(face.code), "{} twice", face.code);
            assert!(face.code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", face.code);
            assert!(!face.cure.is_empty());
            assert!(![401, 504].contains(&face.status), "{}: Claude Code retries it for minutes", face.code);
        }
    }
}
