//! The settings as data: one row each, from which the parser, the names of variables, the defaults, the help and
//! `config show` are made. A new setting is a row here and a field in [`super::settings`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::layer::Raw;
use super::proxy::{NoProxy, ProxyChoice};
use super::settings::*;
use super::value::{self, Cidr, Headers, InterceptHost, Version};
use crate::key::{self, KeySpec};
use crate::provider::{self, Dialect};

/// One setting.
pub(crate) struct Row {
    /// Dotted; `*` stands for a name that the user chose.
    pub(super) key: &'static str,
    /// How it is written, and what becomes of it.
    pub(crate) put: Put,
    /// As TOML; empty when there is none.
    pub(super) default: &'static str,
    /// One line for people.
    pub(super) help: &'static str,
}

type Outcome = Result<(), String>;

/// How a value is written; the function puts it into the configuration or says what it expected.
pub(crate) enum Put {
    Text(fn(&mut Config, &At<'_>, &str) -> Outcome),
    Number(fn(&mut Config, &At<'_>, i64) -> Outcome),
    Flag(fn(&mut Config, &At<'_>, bool)),
    List(fn(&mut Config, &At<'_>, &[&str]) -> Outcome),
    Numbers(fn(&mut Config, &At<'_>, &[i64]) -> Outcome),
    Pairs(fn(&mut Config, &At<'_>, &[(String, String)]) -> Outcome),
}

use Put::{Flag, List, Number, Numbers, Pairs, Text};

/// Every setting there is.
#[rustfmt::skip]
pub(super) static ROWS: &[Row] = &[
    row("listen.port", Number(|c, _, n| put(&mut c.listen.port, n.try_into().ok(), "a port from 0 to 65535")),
        "2449", "port of both doors, on loopback"),
    row("listen.keyless", Flag(|c, _, on| c.listen.keyless = on),
        "false", "requests need no local key"),
    row("listen.share", Flag(|c, _, on| c.listen.share = on),
        "false", "other users of this machine may connect"),
    row("listen.keys", List(|c, _, all| keys(&mut c.listen.keys, all)),
        r#"["env"]"#, "the local keys that are valid, each NAME or NAME:GENERATION"),

    row("default_gateway", Text(|c, _, t| put_some(&mut c.default_gateway, own(t, key::is_name(t)), GATEWAY_NAME)),
        "", "the gateway meant when none is named"),

    row("gateway.*.url", Text(|c, at, t| url(&mut at.gateway(c).url, t)),
        "", "where the gateway is"),
    row("gateway.*.kind", Text(|c, at, t| word(&mut at.gateway(c).kind, GatewayKind::ALL, GatewayKind::word, t)),
        r#""coder""#, "coder, coder-standalone or generic"),
    row("gateway.*.coder_url", Text(|c, at, t| url(&mut at.gateway(c).coder_url, t)),
        "", "the deployment that logs in for a standalone gateway"),
    row("gateway.*.proxy_url", Text(|c, at, t| url(&mut at.gateway(c).proxy_url, t)),
        "", "the deployment's own AI proxy, such as https://coder.example.com:8888, for `intercept.via = \"gateway-proxy\"`"),
    row("gateway.*.ca_file", Text(|c, at, t| at.path(t).map(|p| at.gateway(c).ca_file = Some(p))),
        "", "further roots to trust, in PEM"),
    row("gateway.*.header_command", Text(|c, at, t| put_some(&mut at.gateway(c).header_command, own(t, !t.trim().is_empty()), "a command")),
        "", "a command that prints further headers"),
    row("gateway.*.headers", Pairs(|c, at, all| Headers::parse(all).map(|h| at.gateway(c).headers = h)),
        "", "headers sent along with each request"),
    row("gateway.*.client_cert", Text(|c, at, t| at.path(t).map(|p| at.gateway(c).client_cert = Some(p))),
        "", "client certificate, in PEM"),
    row("gateway.*.client_key", Text(|c, at, t| at.path(t).map(|p| at.gateway(c).client_key = Some(p))),
        "", "the certificate's private key, in PEM"),
    row("gateway.*.wait_s", Number(|c, at, n| put(&mut at.gateway(c).wait, seconds(n), "seconds from 0 to 600")),
        "3", "seconds that a request waits for a gateway that is not there"),
    row("gateway.*.token_lifetime_s", Number(|c, at, n| put(&mut at.gateway(c).token_lifetime, lifetime(n), "seconds from 60 to 31536000")),
        "2592000", "how long a token lives that is made for this machine, in seconds; less where the deployment wants less"),
    row("gateway.*.upstream_proxy", Text(|c, at, t| ProxyChoice::parse(t).map(|p| at.gateway(c).leaving.proxy = p)),
        "", "the proxy through which the gateway is reached, or `environment`"),
    row("gateway.*.upstream_proxy_ca_file", Text(|c, at, t| at.path(t).map(|p| at.gateway(c).leaving.ca_file = Some(p))),
        "", "further roots to trust when that proxy speaks TLS, in PEM"),
    row("gateway.*.no_proxy", List(|c, at, all| put(&mut at.gateway(c).leaving.no_proxy, NoProxy::parse(all), BYPASSES)),
        LOCAL, "hosts that are reached without it, each HOST[:PORT], .DOMAIN, ADDRESS[/BITS] or *"),

    row("gateway.*.providers.*.base_url", Text(|c, at, t| url(&mut at.provider(c).base_url, t)),
        "", "where the provider's routes begin at a generic gateway"),
    row("gateway.*.providers.*.dialect", Text(|c, at, t| put_some(&mut at.provider(c).dialect, Dialect::from_word(t), "`openai` or `anthropic`")),
        "", "openai or anthropic, where the provider's name does not say"),
    row("gateway.*.providers.*.credential", Text(|c, at, t| word(&mut at.provider(c).credential, CredentialForm::ALL, CredentialForm::word, t)),
        r#""bearer""#, "how a generic gateway takes the token: bearer, x-api-key, x-goog-api-key or none"),
    row("gateway.*.providers.*.mode", Text(|c, at, t| word(&mut at.provider(c).mode, Mode::ALL, Mode::word, t)),
        r#""central""#, "whose key pays: central, byok or auto"),

    row("intercept.hosts", List(|c, _, all| each(&mut c.intercept.hosts, all, InterceptHost::parse, "hosts, each HOST[:PORT][=PROVIDER]")),
        "[]", "hosts whose TLS is opened, each HOST[:PORT][=PROVIDER]"),
    row("intercept.except", List(|c, _, all| each(&mut c.intercept.except, all, host_name, "names of hosts")),
        "[]", "hosts of the built-in table that are tunnelled instead"),
    row("intercept.http1_only", List(|c, _, all| each(&mut c.intercept.http1_only, all, host_name, "names of hosts")),
        "[]", "intercepted hosts on which no HTTP/2 is offered"),
    row("intercept.unmatched", Text(|c, _, t| word(&mut c.intercept.unmatched, Unmatched::ALL, Unmatched::word, t)),
        r#""origin""#, "what becomes of an intercepted request that is no AI call: origin or refuse"),
    row("intercept.via", Text(|c, _, t| word(&mut c.intercept.via, Via::ALL, Via::word, t)),
        r#""gateway""#, "the way of an intercepted request: gateway or gateway-proxy"),
    row("intercept.on_untrusted", Text(|c, _, t| word(&mut c.intercept.on_untrusted, OnUntrusted::ALL, OnUntrusted::word, t)),
        r#""report""#, "what to do when a tool does not trust our certificate: report or tunnel"),
    row("intercept.ca_file", Text(|c, at, t| at.path(t).map(|p| c.intercept.ca_file = Some(p))),
        "", "further roots to trust for the real hosts, in PEM"),

    row("tunnel.block_private", Flag(|c, _, on| c.tunnel.block_private = on),
        "false", "refuse private addresses"),
    row("tunnel.allow_cidrs", List(|c, _, all| each(&mut c.tunnel.allow_cidrs, all, Cidr::parse, "networks, such as 10.0.0.0/8")),
        "[]", "private networks that stay reachable, such as 10.0.0.0/8"),
    row("tunnel.ports", Numbers(|c, _, all| each(&mut c.tunnel.ports, all, port, "ports from 1 to 65535")),
        "[]", "the only ports; any when empty"),
    row("tunnel.upstream_proxy", Text(|c, _, t| ProxyChoice::parse(t).map(|p| c.tunnel.leaving.proxy = p)),
        "", "the proxy through which this machine reaches others, or `environment`"),
    row("tunnel.upstream_proxy_ca_file", Text(|c, at, t| at.path(t).map(|p| c.tunnel.leaving.ca_file = Some(p))),
        "", "further roots to trust when that proxy speaks TLS, in PEM"),
    row("tunnel.no_proxy", List(|c, _, all| put(&mut c.tunnel.leaving.no_proxy, NoProxy::parse(all), BYPASSES)),
        LOCAL, "hosts that are reached without it, each HOST[:PORT], .DOMAIN, ADDRESS[/BITS] or *"),

    row("stream.ping_s", Number(|c, _, n| put(&mut c.stream.ping, seconds(n), "seconds from 0 to 600")),
        "0", "seconds of silence after which a comment is written into a stream of events; 0 is never"),

    row("login.store", Text(|c, _, t| word(&mut c.login.store, StoreKind::ALL, StoreKind::word, t)),
        r#""file""#, "where a gateway's first login is kept: file, keyring or memory"),

    row("log.level", Text(|c, _, t| word(&mut c.log.level, LogLevel::ALL, LogLevel::word, t)),
        r#""info""#, "off, error, warn, info, debug or trace"),
    row("log.format", Text(|c, _, t| word(&mut c.log.format, LogFormat::ALL, LogFormat::word, t)),
        r#""auto""#, "auto, text or json"),
    row("log.to", Text(|c, _, t| word(&mut c.log.to, LogTo::ALL, LogTo::word, t)),
        r#""auto""#, "auto (the journal under systemd, else standard error), stderr or file"),
    row("log.file_kb", Number(|c, _, n| put(&mut c.log.file_size, kilobytes(n), "kilobytes from 16 to 1048576")),
        "10240", "the size of a log file, in KB; five of them are kept"),

    row("policy.allow_pause", Flag(|c, _, on| c.policy.allow_pause = on),
        "true", "`aigwctl pause` may let tools go to their vendors' own hosts"),
    row("policy.minimum_version", Text(|c, _, t| put_some(&mut c.policy.minimum_version, Version::parse(t), "a version, such as 1.2.0")),
        "", "an older aigwd forwards nothing; only in the managed policy"),
    row("policy.message", Text(|c, _, t| put_some(&mut c.policy.message, own(t, is_sentence(t)), "up to 500 characters on one line")),
        "", "what whoever is refused for `minimum_version` is told"),
];

/// A proxy would reach its own loopback, not ours.
const LOCAL: &str = r#"["localhost", "127.0.0.0/8", "::1"]"#;
const BYPASSES: &str = "hosts, each HOST[:PORT], .DOMAIN[:PORT], ADDRESS, ADDRESS/BITS or `*`";
const GATEWAY_NAME: &str = "a gateway's name, of 1 to 32 characters a-z, 0-9 and `-`";
const PROVIDER_NAME: &str = "a provider's name, of lower-case words joined by `-`";

const fn row(key: &'static str, put: Put, default: &'static str, help: &'static str) -> Row {
    Row { key, put, default, help }
}

impl Row {
    fn parts(&self) -> impl Iterator<Item = &'static str> {
        self.key.split('.')
    }

    /// The variable that sets it. A name has none: its spelling would not survive upper case.
    pub(super) fn variable(&self) -> Option<String> {
        (!self.key.contains('*')).then(|| format!("AIGW_{}", self.key.to_uppercase().replace('.', "_")))
    }

    /// Puts a value in its place, or says what was expected there.
    pub(super) fn apply(&self, config: &mut Config, at: &At<'_>, raw: &Raw) -> Outcome {
        match (&self.put, raw) {
            (Text(put), Raw::Text(text)) => put(config, at, text),
            (Number(put), Raw::Number(number)) => put(config, at, *number),
            (Flag(put), Raw::Flag(on)) => {
                put(config, at, *on);
                Ok(())
            }
            (Pairs(put), Raw::Pairs(pairs)) => put(config, at, pairs),
            (List(put), Raw::List(items)) => {
                let texts = items
                    .iter()
                    .map(|item| if let Raw::Text(text) = item { Some(text.as_str()) } else { None });
                put(config, at, &texts.collect::<Option<Vec<_>>>().ok_or_else(|| self.expected())?)
            }
            (Numbers(put), Raw::List(items)) => {
                let numbers = items
                    .iter()
                    .map(|item| if let Raw::Number(number) = item { Some(*number) } else { None });
                put(config, at, &numbers.collect::<Option<Vec<_>>>().ok_or_else(|| self.expected())?)
            }
            _ => Err(self.expected()),
        }
    }

    fn expected(&self) -> String {
        let form = match self.put {
            Text(_) => "a string",
            Number(_) => "a whole number",
            Flag(_) => "true or false",
            List(_) => "a list of strings",
            Numbers(_) => "a list of whole numbers",
            Pairs(_) => "a table of strings",
        };
        format!("expected {form}: {}", self.help)
    }

    /// Reads what a variable or a flag says; lists are separated by commas.
    pub(super) fn read(&self, text: &str) -> Result<Raw, String> {
        let items = || text.split(',').map(str::trim).filter(|item| !item.is_empty());
        let number = |text: &str| text.trim().parse().map(Raw::Number).ok();
        let raw = match self.put {
            Text(_) => Some(Raw::Text(text.to_owned())),
            Number(_) => number(text),
            Flag(_) => match text.trim() {
                "true" | "1" => Some(Raw::Flag(true)),
                "false" | "0" => Some(Raw::Flag(false)),
                _ => None,
            },
            List(_) => Some(Raw::List(items().map(|item| Raw::Text(item.to_owned())).collect())),
            Numbers(_) => items().map(number).collect::<Option<_>>().map(Raw::List),
            Pairs(_) => {
                let pair = |item: &str| {
                    item.split_once('=').map(|(a, b)| (a.trim().to_owned(), b.trim().to_owned()))
                };
                items().map(pair).collect::<Option<_>>().map(Raw::Pairs)
            }
        };
        raw.ok_or_else(|| self.expected())
    }
}

/// Where a value belongs, and what a path in it is relative to.
pub(crate) struct At<'a> {
    /// The names in the key, outermost first.
    pub(super) names: Vec<&'a str>,
    pub(super) folder: Option<&'a Path>,
    pub(super) home: Option<&'a Path>,
}

impl At<'_> {
    fn gateway<'c>(&self, config: &'c mut Config) -> &'c mut Gateway {
        gateway(config, self.names[0])
    }

    fn provider<'c>(&self, config: &'c mut Config) -> &'c mut ProviderSettings {
        self.gateway(config).providers.entry(self.names[1].to_owned()).or_default()
    }

    fn path(&self, text: &str) -> Result<PathBuf, String> {
        value::path(text, self.folder, self.home)
    }
}

/// The gateway of this name, made when it is new.
pub(super) fn gateway<'c>(config: &'c mut Config, name: &str) -> &'c mut Gateway {
    let gateway = config.gateways.entry(name.to_owned()).or_default();
    if gateway.name.is_empty() {
        name.clone_into(&mut gateway.name);
    }
    gateway
}

fn put<T>(field: &mut T, value: Option<T>, expected: &str) -> Outcome {
    *field = value.ok_or_else(|| format!("expected {expected}"))?;
    Ok(())
}

fn put_some<T>(field: &mut Option<T>, value: Option<T>, expected: &str) -> Outcome {
    *field = Some(value.ok_or_else(|| format!("expected {expected}"))?);
    Ok(())
}

fn own(text: &str, good: bool) -> Option<String> {
    good.then(|| text.to_owned())
}

fn url(field: &mut Option<url::Url>, text: &str) -> Outcome {
    *field = Some(value::web_url(text)?);
    Ok(())
}

fn word<T: Copy>(field: &mut T, all: &[T], word: fn(T) -> &'static str, text: &str) -> Outcome {
    let found = all.iter().copied().find(|value| word(*value) == text);
    let words: Vec<_> = all.iter().map(|value| format!("`{}`", word(*value))).collect();
    put(field, found, &format!("one of {}", words.join(", ")))
}

fn each<T, R: Copy>(field: &mut Vec<T>, all: &[R], parse: fn(R) -> Option<T>, expected: &str) -> Outcome {
    put(field, all.iter().copied().map(parse).collect(), expected)
}

/// Two generations of one name would leave open which is revoked.
fn keys(field: &mut Vec<KeySpec>, all: &[&str]) -> Outcome {
    each(field, all, KeySpec::parse, "keys, each NAME or NAME:GENERATION")?;
    let twice = field.iter().enumerate().any(|(i, a)| field[..i].iter().any(|b| a.name == b.name));
    if twice { Err("expected each key once".into()) } else { Ok(()) }
}

fn host_name(text: &str) -> Option<String> {
    InterceptHost::parse(text).filter(|_| !text.contains([':', '='])).map(|entry| entry.host)
}

fn port(number: i64) -> Option<u16> {
    number.try_into().ok().filter(|port| *port > 0)
}

fn seconds(number: i64) -> Option<Duration> {
    u64::try_from(number).ok().filter(|seconds| *seconds <= 600).map(Duration::from_secs)
}

fn kilobytes(number: i64) -> Option<u64> {
    u64::try_from(number).ok().filter(|kb| (16..=1_048_576).contains(kb)).map(|kb| kb * 1024)
}

fn is_sentence(text: &str) -> bool {
    text.chars().count() <= 500 && !text.chars().any(char::is_control)
}

fn lifetime(number: i64) -> Option<Duration> {
    u64::try_from(number).ok().filter(|seconds| (60..=31_536_000).contains(seconds)).map(Duration::from_secs)
}

/// The row that a key belongs to.
pub(crate) fn find(path: &[String]) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.parts().count() == path.len() && begins(row, path))
}

/// Whether there are settings below this key.
pub(super) fn is_table(path: &[String]) -> bool {
    ROWS.iter().any(|row| row.parts().count() > path.len() && begins(row, path))
}

/// Whether the last part of this key is a name that the user chose.
pub(super) fn is_named_table(path: &[String]) -> bool {
    let last = path.len() - 1;
    ROWS.iter().any(|row| begins(row, path) && row.parts().nth(last) == Some("*"))
}

fn begins(row: &Row, path: &[String]) -> bool {
    let mut parts = row.parts();
    path.iter().all(|part| parts.next().is_some_and(|pattern| pattern == "*" || pattern == part))
}

/// The names in a key; an error says what a name has to look like.
pub(super) fn names(path: &[String]) -> Result<Vec<&str>, String> {
    let mut names = Vec::new();
    for length in (1..=path.len()).filter(|length| is_named_table(&path[..*length])) {
        let name = path[length - 1].as_str();
        let (good, expected) = match names.len() {
            0 => (key::is_name(name), GATEWAY_NAME),
            _ => (provider::is_name(name), PROVIDER_NAME),
        };
        names.push(good.then_some(name).ok_or_else(|| format!("expected {expected}"))?);
    }
    Ok(names)
}

/// The key or table that an unknown key was probably meant to be.
pub(super) fn nearest(path: &[String]) -> String {
    let asked = path.join(".");
    let last = path.last().map_or("", String::as_str);
    let near = |known: &String| {
        let known_last = known.rsplit('.').next().unwrap_or(known);
        let moved = strsim::damerau_levenshtein(known_last, last) + 1;
        strsim::damerau_levenshtein(known, &asked).min(moved)
    };
    known_keys(path).min_by_key(near).unwrap_or_default()
}

/// Every key and table, with the names of this key put in.
fn known_keys(path: &[String]) -> impl Iterator<Item = String> {
    ROWS.iter().flat_map(move |row| {
        let part = move |(index, part): (usize, &'static str)| match path.get(index) {
            Some(name) if part == "*" => name.clone(),
            _ if part == "*" => "NAME".to_owned(),
            _ => part.to_owned(),
        };
        let parts: Vec<String> = row.parts().enumerate().map(part).collect();
        (1..=parts.len()).rev().map(move |length| parts[..length].join("."))
    })
}
