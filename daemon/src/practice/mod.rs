//! `aigwd try`: the main job, shown on an embedded practice gateway. It lives in a scratch folder, on a free port, and
//! leaves nothing behind.

mod request;

use std::io::Write;
use std::time::Duration;

use aigw_gateway::{Behaviour, Practice, Setup, Stream};
use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::client::{CallError, Client};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{Access, AccessQuery, CaAction, CaStatus, Credential, Login, LoginQuery};
use aigw_shared::paths::Paths;
use aigw_shared::secret::Secret;
use request::Given;
use tokio_util::sync::CancellationToken;

use crate::app::Origins;
use crate::os::handed::Handed;
use crate::os::signal::{Asked, Signals};
use crate::run::Daemon;

const ANSWER: &str =
    "Hello from the practice gateway: this answer came through aigwd, and no tool saw a token.";
/// Between two events, so that one sees them arrive.
const GAP: Duration = Duration::from_millis(30);

/// One dialect of the tour.
struct Stop {
    name: &'static str,
    /// The vendor's host that is asked through the proxy; without one, the forwarder is.
    host: Option<&'static str>,
    path: &'static str,
    body: &'static str,
    /// Where the text of an event is.
    text: &'static str,
}

const STOPS: [Stop; 4] = [
    Stop {
        name: "Anthropic Messages",
        host: None,
        path: "/anthropic/v1/messages",
        body: r#"{"model":"claude-sonnet-4-5","max_tokens":100,"stream":true,"messages":[{"role":"user","content":"Say hello."}]}"#,
        text: "/delta/text",
    },
    Stop {
        name: "OpenAI chat completions",
        host: None,
        path: "/openai/v1/chat/completions",
        body: r#"{"model":"gpt-4.1","stream":true,"messages":[{"role":"user","content":"Say hello."}]}"#,
        text: "/choices/0/delta/content",
    },
    Stop {
        name: "OpenAI Responses",
        host: None,
        path: "/openai/v1/responses",
        body: r#"{"model":"gpt-5.1","stream":true,"input":"Say hello."}"#,
        text: "/delta",
    },
    Stop {
        name: "Anthropic Messages, by a tool that has no base URL: through the proxy",
        host: Some("api.anthropic.com"),
        path: "/v1/messages",
        body: r#"{"model":"claude-sonnet-4-5","max_tokens":100,"stream":true,"messages":[{"role":"user","content":"Say hello."}]}"#,
        text: "/delta/text",
    },
];

/// The tour; then, unless `once`, everything stays up until Ctrl-C.
///
/// # Errors
/// When something did not start, or an answer was wrong.
pub async fn tour(once: bool) -> Result<(), Fault> {
    say(
        "aigwd try: the whole way on a practice gateway. No account is needed, and no file of yours is read.\n",
    );
    let mut signals = Signals::new().map_err(internal)?;
    let scratch = tempfile::Builder::new().prefix("aigw-try-").tempdir().map_err(internal)?;
    let interrupted = async { while signals.next().await != Asked::Stop {} };
    let result = tokio::select! {
        result = guided(scratch.path(), once) => result,
        () = interrupted => {
            say("\nEverything is gone again.");
            Ok(())
        }
    };
    // With a long name of the scratch folder, the control socket has a folder elsewhere.
    let place = Paths::under(scratch.path()).socket();
    if place.pointer.is_some() {
        let _ = std::fs::remove_dir_all(place.folder);
    }
    result
}

async fn guided(scratch: &std::path::Path, once: bool) -> Result<(), Fault> {
    let stream = Stream { text: ANSWER.to_owned(), gap: GAP, ..Stream::default() };
    let behaviour = Behaviour { stream, ..Behaviour::default() };
    let setup = Setup { tls: true, behaviour, ..Setup::default() };
    let gateway = Practice::start(setup).await.map_err(internal)?;
    say(&format!("  practice gateway  {}  (TLS, with a certificate of its own)", gateway.url()));

    let flags =
        [("listen.port", "0"), ("log.level", "error")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    let origins = Origins { paths: Paths::under(scratch), environment: Vec::new(), flags: flags.into() };
    let socket = origins.paths.socket().address;
    let daemon = Daemon::start(origins, Handed::default()).await?;
    let end = CancellationToken::new();
    let ended = end.clone();
    let serving = tokio::spawn(async move { daemon.serve(ended.cancelled(), std::future::ready(())).await });

    let (access, ca) = log_in(&gateway, scratch, &socket).await?;
    let right = visit(&gateway, &access, &ca).await;
    if !once {
        invite(&access, &ca);
        std::future::pending::<()>().await;
    }
    end.cancel();
    serving.await.map_err(internal)??;
    if right {
        Ok(())
    } else {
        Err(Fault::new(Kind::Internal, "an answer of the tour was not as it should be"))
    }
}

/// Through the control socket, as `aigwctl` does it.
async fn log_in(
    gateway: &Practice,
    scratch: &std::path::Path,
    socket: &std::path::Path,
) -> Result<(Access, CaStatus), Fault> {
    let ca_file = scratch.join("practice-ca.pem");
    std::fs::write(&ca_file, gateway.ca_pem()).map_err(internal)?;
    let mut client = Client::connect(socket).await?;
    let login = Login {
        gateway: LoginQuery { url: Some(gateway.url()), name: None, store: None },
        ca_file: Some(ca_file.display().to_string()),
        credentials: vec![Credential {
            provider: None,
            secret: Secret::new(gateway.issue_token("ada", Duration::from_secs(86_400))),
        }],
        borrowed: false,
    };
    let Response::LoggedIn(login) = client.call(Request::Login(login)).await.map_err(refused)? else {
        return Err(internal("an answer to another question"));
    };
    let Response::Access(access) = client
        .call(Request::Access(AccessQuery { key: "try".to_owned(), gateway: None }))
        .await
        .map_err(refused)?
    else {
        return Err(internal("an answer to another question"));
    };
    say(&format!("  aigwd             http://{}  (tools come here, with a local key)", listen(&access)));
    let Response::Ca(ca) = client.call(Request::Ca(CaAction::Status)).await.map_err(refused)? else {
        return Err(internal("an answer to another question"));
    };
    say(&format!("  logged in as      {}  (aigwd keeps the token)", login.user.unwrap_or_default()));
    Ok((access, *ca))
}

/// One request for each dialect. Whether every answer was right, and the gateway saw one token and no local key.
async fn visit(gateway: &Practice, access: &Access, ca: &CaStatus) -> bool {
    let given = Given { address: listen(access), key: access.key.reveal(), root: &ca.root_pem };
    let mut right = true;
    for stop in &STOPS {
        let host = stop.host.map_or_else(String::new, |host| format!("https://{host}"));
        say(&format!("\n{}   POST {host}{}", stop.name, stop.path));
        gateway.forget_requests();
        let answered = request::stream(&given, stop, |line| say(&line)).await;
        let verdict = match answered {
            Ok(text) if text != ANSWER => Err(format!("the text is {text:?}")),
            Ok(_) => check(gateway, access.key.reveal()),
            Err(what) => Err(what),
        };
        match verdict {
            Ok(()) => {
                say("  right: the whole text, and the gateway saw one deployment token and no local key")
            }
            Err(what) => {
                right = false;
                say(&format!("  WRONG: {what}"));
            }
        }
    }
    right
}

fn check(gateway: &Practice, local_key: &str) -> Result<(), String> {
    let seen = gateway.provider_requests();
    let [request] = seen.as_slice() else { return Err(format!("the gateway saw {} requests", seen.len())) };
    if request.headers.iter().any(|(_, value)| value.contains(local_key)) {
        return Err("the gateway saw the local key".to_owned());
    }
    match request.headers("authorization").as_slice() {
        [one] if one.starts_with("Bearer ") => Ok(()),
        others => Err(format!("the gateway saw {} credentials", others.len())),
    }
}

fn invite(access: &Access, ca: &CaStatus) {
    let (address, key, root) = (listen(access), access.key.reveal(), &ca.root_cert);
    say(&format!(
        "\nNow you. In a second terminal, point a real tool at it:\n\n  \
         export ANTHROPIC_BASE_URL=http://{address}/anthropic\n  \
         export ANTHROPIC_AUTH_TOKEN={key}\n  \
         export OPENAI_BASE_URL=http://{address}/openai/v1\n  \
         export OPENAI_API_KEY={key}\n  \
         claude -p 'say hi'\n\n\
         or look at the stream itself:\n\n  \
         curl -N http://{address}/anthropic/v1/messages -H 'x-api-key: {key}' \\\n    \
         -d '{{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":100,\"stream\":true,\"messages\":[{{\"role\":\"user\",\"content\":\"hi\"}}]}}'\n\n\
         or as a tool does that has no base URL, through the proxy:\n\n  \
         curl -N -x http://aigw:{key}@{address} --cacert {root} https://api.anthropic.com/v1/messages \\\n    \
         -d '{{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":100,\"stream\":true,\"messages\":[{{\"role\":\"user\",\"content\":\"hi\"}}]}}'\n\n\
         Ctrl-C ends it and leaves nothing behind."
    ));
}

fn listen(access: &Access) -> &str {
    access.listen.first().map_or("", String::as_str)
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever closed the pipe does not want to read on.
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

fn internal(error: impl ToString) -> Fault {
    Fault::new(Kind::Internal, error.to_string())
}

fn refused(error: CallError) -> Fault {
    let failure = Failure::from(error);
    Fault::new(Kind::Internal, failure.text).cure_with(failure.cure)
}
