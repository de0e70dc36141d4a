//! The ways to a token that ask nobody, in their order: the environment, and the login of Coder's own command-line tool.

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{self, Credential, LoggedIn, LoginNeeds, LoginQuery};
use aigw_shared::secret::Secret;

use super::coder_cli::{self, Found};
use super::environment::{self, Given, Session};
use crate::cli::Login;
use crate::daemon;
use crate::output::Output;
use crate::wording::tame;

/// How a way ended that was tried.
pub(super) enum Tried {
    /// With a login.
    LoggedIn(Box<LoggedIn>),
    /// There was none, or none of use; the failure of the last one that was.
    None(Option<Failure>),
}

/// One token, and what is said about it.
struct Way {
    token: Secret,
    /// Follows `Using`.
    from: String,
    /// Another program's.
    borrowed: bool,
    /// The person asked for this way and no other.
    demanded: bool,
}

/// Tries the ways that ask nobody.
///
/// # Errors
/// When one fails in a way that concerns all others too, or the one that was asked for fails.
pub(super) async fn without_asking(
    query: &LoginQuery,
    needs: &LoginNeeds,
    ca_file: Option<&String>,
    given: Option<Given>,
    arguments: &Login,
    output: &Output,
) -> Result<Tried, Failure> {
    if given.is_some() && needs.token_page.is_none() {
        return Err(Fault::new(
            Kind::Usage,
            "this gateway takes keys of providers, not a deployment's token",
        )
        .cure_with(format!("run `aigwctl login --name {}`", needs.name))
        .into());
    }
    // What comes on stdin, or as keys, is asked for elsewhere.
    let Some(page) = needs.token_page.as_ref().filter(|_| !arguments.token_stdin) else {
        return Ok(Tried::None(None));
    };
    let deployment = page.strip_suffix("/cli-auth").unwrap_or(page);
    let mut last = None;
    for way in
        [from_environment(deployment, given, arguments, output), from_cli(deployment, arguments).await?]
    {
        let Some(way) = way else { continue };
        output.note(&format!("Using {}.", tame(&way.from)));
        let login = payload::Login {
            gateway: query.clone(),
            ca_file: ca_file.cloned(),
            credentials: vec![Credential { provider: None, secret: way.token }],
            borrowed: way.borrowed,
        };
        match daemon::ask(Request::Login(login)).await {
            Ok(Response::LoggedIn(logged_in)) => return Ok(Tried::LoggedIn(logged_in.into())),
            Ok(_) => return Err(daemon::unexpected()),
            Err(failure) if !way.demanded && is_of_the_token(&failure) => {
                output.note(&format!("That did not work: {}.", tame(&failure.text)));
                last = Some(failure);
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(Tried::None(last))
}

/// Whether another token may do.
fn is_of_the_token(failure: &Failure) -> bool {
    [Kind::TokenRejected, Kind::GatewayRefused].iter().any(|kind| kind.face().code == failure.code)
}

fn from_environment(
    deployment: &str,
    given: Option<Given>,
    arguments: &Login,
    output: &Output,
) -> Option<Way> {
    if let Some(given) = given {
        let from = format!("the login in {}", given.from);
        return Some(Way { token: given.token, from, borrowed: false, demanded: true });
    }
    if arguments.from_coder_cli {
        return None;
    }
    match environment::session(deployment) {
        Session::Absent => None,
        Session::Ours(token) => {
            let from = "the token in CODER_SESSION_TOKEN".to_owned();
            Some(Way { token, from, borrowed: false, demanded: false })
        }
        Session::Others(url) => {
            output.note(&format!(
                "CODER_SESSION_TOKEN is for {}, so it is not used for {}.",
                tame(&url),
                tame(deployment)
            ));
            None
        }
    }
}

async fn from_cli(deployment: &str, arguments: &Login) -> Result<Option<Way>, Failure> {
    if arguments.no_import || arguments.from_env {
        return Ok(None);
    }
    match coder_cli::token(deployment).await {
        Found::Token(token, place) => {
            let from = format!("the login of the Coder CLI ({place}) to make a token for this machine");
            Ok(Some(Way { token, from, borrowed: true, demanded: arguments.from_coder_cli }))
        }
        Found::Nothing(why) if arguments.from_coder_cli => {
            Err(Fault::new(Kind::NotLoggedIn, format!("the Coder CLI {why}"))
                .cure_with(format!(
                    "run `coder login {deployment}`, or `aigwctl login` without --from-coder-cli"
                ))
                .into())
        }
        Found::Nothing(_) => Ok(None),
    }
}
