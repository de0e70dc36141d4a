//! `env`: the variables that point a tool at the daemon, for `eval` or for a script.

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{Access, AccessQuery, CaTrust};

use super::keys::check_name;
use super::{needs, shell_tokens, trust};
use crate::cli::{Env, Mode};
use crate::output::Output;
use crate::shell::Shell;
use crate::{daemon, no_proxy, os, tools};

/// Names that programs read in either case; as a script asks for them.
const EITHER_CASE: [&str; 3] = ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"];

/// A variable, and its value unless it is to be taken away.
pub(super) type Variable = (&'static str, Option<String>);

pub(super) async fn run(arguments: &Env, output: &Output) -> Result<(), Failure> {
    let key = key_name(arguments);
    check_name(&key)?;
    let before = no_proxy::here();
    let tool = arguments.tool.as_deref().map(needs::tool).transpose()?;
    let mode = needs::mode(tool, arguments.proxy.then_some(Mode::Proxy));
    let mut variables;
    if arguments.unset {
        variables = unset(mode == Mode::Proxy, &before);
        let names = tool.map(|tool| needs::names(tool, mode)).unwrap_or_default();
        variables.extend(names.into_iter().map(|name| (name, None)));
    } else {
        let query = AccessQuery { key: key.clone(), gateway: arguments.gateway.clone() };
        let files = if mode == Mode::Proxy { Some(trust::files(Vec::new()).await?) } else { None };
        let Response::Access(access) = daemon::ask(Request::Access(query)).await? else {
            return Err(daemon::unexpected());
        };
        variables = set(&access, files.as_ref(), &before)?;
        if let Some(tool) = tool {
            let (model, gateway) = (arguments.model.as_ref(), arguments.gateway.as_ref());
            let needs = needs::of(tool, mode, &access, model, gateway).await?;
            if let Some(failure) = needs.trouble {
                return Err(failure);
            }
            variables.extend(needs.variables.into_iter().map(|(name, value)| (name, Some(value))));
            if !needs.arguments.is_empty() {
                let words = needs.arguments.iter().map(|word| Shell::Sh.quote(word)).collect::<Vec<_>>();
                output.note(&format!("{} needs these arguments besides: {}", tool.name, words.join(" ")));
            }
        }
    }
    if output.is_json() {
        // In this order, and nothing else: the object is the environment.
        return output.show_json(&InOrder(&variables));
    }
    for holder in shell_tokens::found() {
        // Those that these lines replace are mended by them.
        if !arguments.unset && !variables.iter().any(|(name, _)| name.eq_ignore_ascii_case(holder)) {
            output.note(&format!("{}.", shell_tokens::words(holder)));
        }
    }
    let shell = arguments.shell.unwrap_or_else(os::shell_in_use);
    output.show_raw(lines(shell, &variables).as_bytes())?;
    output.hint(&format!("To do this in your shell: {}", shell.evaluate(&same_command(arguments))));
    Ok(())
}

fn key_name(arguments: &Env) -> String {
    let of_gateway =
        || arguments.gateway.as_ref().map_or("env".to_owned(), |gateway| format!("env-{gateway}"));
    arguments.key.clone().unwrap_or_else(of_gateway)
}

/// What to type to have these lines evaluated instead of shown.
fn same_command(arguments: &Env) -> String {
    let mut command = "aigwctl env".to_owned();
    for (given, flag) in [(arguments.proxy, " --proxy"), (arguments.unset, " --unset")] {
        command += if given { flag } else { "" };
    }
    for (flag, value) in [
        ("--tool", &arguments.tool),
        ("--model", &arguments.model),
        ("--key", &arguments.key),
        ("--gateway", &arguments.gateway),
    ] {
        if let Some(value) = value {
            command += &format!(" {flag} {value}");
        }
    }
    command
}

/// Where tools of this machine come in.
pub(super) fn loopback(listen: &[String]) -> Result<&str, Failure> {
    // Others may be on the list too, if the person opened a door to containers.
    let loopback = |address: &&String| address.starts_with("127.") || address.starts_with("[::1]");
    let address = listen.iter().find(loopback).or(listen.first()).ok_or_else(|| {
        Fault::new(Kind::Internal, "aigwd listens nowhere").cure_with("see `aigwctl status` for the reason")
    })?;
    Ok(address)
}

/// The key, for what is set up or started with it.
pub(super) fn local_key(access: &Access) -> String {
    access.key.reveal().to_owned()
}

/// Base URLs; with files to trust, the proxy's variables instead.
pub(super) fn set(access: &Access, files: Option<&CaTrust>, before: &str) -> Result<Vec<Variable>, Failure> {
    let address = loopback(&access.listen)?;
    let key = access.key.reveal();
    let variables = if let Some(files) = files {
        let url = tools::proxy_url(address, key);
        let mut variables = vec![("HTTPS_PROXY", Some(url.clone())), ("HTTP_PROXY", Some(url))];
        variables.extend(trust::values(files).map(|(name, value)| (name, Some(value))));
        variables
    } else {
        vec![
            ("ANTHROPIC_BASE_URL", Some(format!("http://{address}/anthropic"))),
            ("ANTHROPIC_AUTH_TOKEN", Some(key.to_owned())),
            ("OPENAI_BASE_URL", Some(format!("http://{address}/openai/v1"))),
            ("OPENAI_API_KEY", Some(key.to_owned())),
            ("GOOGLE_GEMINI_BASE_URL", Some(format!("http://{address}/gemini"))),
            ("GEMINI_API_KEY", Some(key.to_owned())),
        ]
    };
    Ok(with_no_proxy(variables, Some(no_proxy::with_loopback(&[before]))))
}

/// What was there before us stays in `NO_PROXY`.
fn unset(proxy: bool, before: &str) -> Vec<Variable> {
    let names: Vec<&'static str> = if proxy {
        ["HTTPS_PROXY", "HTTP_PROXY"].into_iter().chain(trust::names()).collect()
    } else {
        vec![
            "ANTHROPIC_BASE_URL",
            "ANTHROPIC_AUTH_TOKEN",
            "OPENAI_BASE_URL",
            "OPENAI_API_KEY",
            "GOOGLE_GEMINI_BASE_URL",
            "GEMINI_API_KEY",
        ]
    };
    let theirs = no_proxy::without_loopback(before);
    with_no_proxy(
        names.into_iter().map(|name| (name, None)).collect(),
        Some(theirs).filter(|text| !text.is_empty()),
    )
}

fn with_no_proxy(mut variables: Vec<Variable>, value: Option<String>) -> Vec<Variable> {
    variables.push(("NO_PROXY", value));
    variables
}

/// The names under which programs look for it. curl reads `http_proxy` in lower case only, others the upper case.
pub(super) fn spellings(name: &'static str) -> impl Iterator<Item = String> {
    let lower = EITHER_CASE.contains(&name).then(|| name.to_ascii_lowercase());
    lower.into_iter().chain([name.to_owned()])
}

/// Lines that are safe to evaluate.
fn lines(shell: Shell, variables: &[Variable]) -> String {
    let mut text = String::new();
    for (name, value) in variables {
        for name in spellings(name) {
            text += &value.as_ref().map_or_else(|| shell.unset(&name), |value| shell.set(&name, value));
            text.push('\n');
        }
    }
    text
}

struct InOrder<'a>(&'a [Variable]);

impl serde::Serialize for InOrder<'_> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[cfg(test)]
mod tests {
    use aigw_shared::secret::Secret;

    use super::*;

    fn access() -> Access {
        Access {
            listen: vec!["127.0.0.1:2449".into(), "[::1]:2449".into()],
            key: Secret::new("aigw_env_xyz"),
        }
    }

    #[test]
    fn a_script_gets_these_and_no_others() {
        let variables = set(&access(), None, "").unwrap();
        assert_eq!(
            serde_json::to_string(&InOrder(&variables)).unwrap(),
            r#"{"ANTHROPIC_BASE_URL":"http://127.0.0.1:2449/anthropic","ANTHROPIC_AUTH_TOKEN":"aigw_env_xyz","OPENAI_BASE_URL":"http://127.0.0.1:2449/openai/v1","OPENAI_API_KEY":"aigw_env_xyz","GOOGLE_GEMINI_BASE_URL":"http://127.0.0.1:2449/gemini","GEMINI_API_KEY":"aigw_env_xyz","NO_PROXY":"127.0.0.1,localhost,::1"}"#
        );
        let files = CaTrust { added: "/ca/roots.pem".into(), bundle: "/ca/bundle.pem".into() };
        let variables = set(&access(), Some(&files), "").unwrap();
        assert_eq!(
            serde_json::to_string(&InOrder(&variables)).unwrap(),
            r#"{"HTTPS_PROXY":"http://aigw:aigw_env_xyz@127.0.0.1:2449","HTTP_PROXY":"http://aigw:aigw_env_xyz@127.0.0.1:2449","NODE_EXTRA_CA_CERTS":"/ca/roots.pem","CODEX_CA_CERTIFICATE":"/ca/roots.pem","DENO_CERT":"/ca/roots.pem","SSL_CERT_FILE":"/ca/bundle.pem","REQUESTS_CA_BUNDLE":"/ca/bundle.pem","CURL_CA_BUNDLE":"/ca/bundle.pem","GIT_SSL_CAINFO":"/ca/bundle.pem","CARGO_HTTP_CAINFO":"/ca/bundle.pem","AWS_CA_BUNDLE":"/ca/bundle.pem","PIP_CERT":"/ca/bundle.pem","DEVIN_CA_BUNDLE":"/ca/bundle.pem","NODE_USE_ENV_PROXY":"1","NODE_USE_SYSTEM_CA":"1","NO_PROXY":"127.0.0.1,localhost,::1"}"#
        );
    }

    #[test]
    fn unset_leaves_the_users_exceptions() {
        let text = lines(Shell::Sh, &unset(true, "corp.example,127.0.0.1,localhost,::1"));
        assert_eq!(
            text,
            format!(
                "unset https_proxy\nunset HTTPS_PROXY\nunset http_proxy\nunset HTTP_PROXY\n{}\
                 export no_proxy='corp.example'\nexport NO_PROXY='corp.example'\n",
                trust::names().map(|name| format!("unset {name}\n")).collect::<String>()
            )
        );
        assert!(lines(Shell::Fish, &unset(false, "")).ends_with("set -e no_proxy\nset -e NO_PROXY\n"));
    }

    #[test]
    fn a_daemon_that_listens_nowhere_gives_no_lines() {
        assert!(set(&Access { listen: Vec::new(), ..access() }, None, "").is_err());
    }
}
