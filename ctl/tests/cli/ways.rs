//! Which way a login takes when nobody is asked, and what is said about it.

use std::os::unix::fs::PermissionsExt;

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{LoggedIn, Login, LoginNeeds};

use super::fake::{Fake, Ran, run};

const URL: &str = "https://coder.example.com";
const STORED: &str = "hushcli000-0123456789abcdefghijkl";
const PRINTED: &str = "hushprog00-0123456789abcdefghijkl";
const BAD: &str = "hushbad000-0123456789abcdefghijkl";
const GIVEN: &str = "hushenv000-0123456789abcdefghijkl";

/// One that takes every token but [`BAD`].
fn daemon() -> Fake {
    Fake::new(|request| match request {
        Request::LoginNeeds(query) => Response::LoginNeeds(LoginNeeds {
            name: "default".into(),
            token_page: Some(format!("{}/cli-auth", query.url.as_deref().unwrap_or(URL))),
            providers: Vec::new(),
        }),
        Request::Login(login) if login.credentials[0].secret.reveal() == BAD => {
            Response::Failed(Failure::from(Fault::new(Kind::TokenRejected, "it does not accept this token")))
        }
        Request::Login(login) => Response::LoggedIn(LoggedIn {
            name: "default".into(),
            url: login.gateway.url.clone(),
            user: Some("ada".into()),
            expires_at: None,
            prefix: None,
            checked: true,
            token: None,
            no_own_token: None,
            store: "file".into(),
        }),
        other => panic!("{other:?}"),
    })
}

/// The Coder CLI's files: logged in to this deployment.
fn stored(fake: &Fake, url: &str, session: Option<&str>) {
    let folder = fake.home.file("coderv2");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("url"), format!("{url}\n")).unwrap();
    if let Some(session) = session {
        std::fs::write(folder.join("session"), session).unwrap();
    }
}

/// A `coder` program that tells this version, and prints a token if it is asked for this deployment's.
fn program(fake: &Fake, version: &str) -> String {
    let folder = fake.home.file("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let script = format!(
        "#!/bin/sh\nif [ \"$*\" = version ]; then echo 'Coder v{version}+0a1b2c3 today'; exit; fi\n\
         if [ -z \"$CODER_SESSION_TOKEN\" ] && [ \"$*\" = 'login token --url {URL}' ]; then echo {PRINTED}; exit; fi\n\
         echo \"$*\" >> \"$AIGW_HOME/odd\"; exit 1\n"
    );
    let file = folder.join("coder");
    std::fs::write(&file, script).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:/usr/bin:/bin", folder.display())
}

/// Runs it, in an environment without any other `coder`.
fn log_in(fake: &Fake, line: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = fake.home.aigwctl(&[&["login"], line].concat());
    command.env("PATH", "/usr/bin:/bin").envs(variables.iter().copied());
    let ran = run(&mut command, "");
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("hush"), "{}{}", ran.stdout, ran.stderr);
    ran
}

/// The logins that were tried: token and whether it is borrowed.
fn tried(fake: &Fake) -> Vec<(String, bool)> {
    let logins = fake.seen().into_iter().filter_map(|request| match request {
        Request::Login(login) => Some(login),
        _ => None,
    });
    logins.map(|it: Login| (it.credentials[0].secret.reveal().to_owned(), it.borrowed)).collect()
}

#[test]
fn the_coder_clis_login_is_borrowed_for_the_same_deployment_only() {
    let fake = daemon();
    stored(&fake, "https://coder.example.com/", Some(STORED));
    let ran = log_in(&fake, &[URL], &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stderr, "Using the login of the Coder CLI (its file) to make a token for this machine.\n");
    assert_eq!(tried(&fake), [(STORED.to_owned(), true)]);

    stored(&fake, "https://other.example.com", None);
    let ran = log_in(&fake, &[URL, "--from-coder-cli"], &[]);
    assert_eq!(ran.code, 77);
    assert!(ran.stderr.contains("another deployment, https://other.example.com"), "{}", ran.stderr);
    assert!(ran.stderr.contains("coder login https://coder.example.com"), "{}", ran.stderr);
    assert_eq!(tried(&fake), []);
    assert_eq!(std::fs::read_to_string(fake.home.file("coderv2/session")).unwrap(), STORED);
}

#[test]
fn its_program_is_asked_before_its_file_if_it_is_new_enough() {
    let fake = daemon();
    stored(&fake, URL, Some(STORED));
    for (version, token) in [("2.31.0", PRINTED), ("3.0.1", PRINTED), ("2.30.9", STORED)] {
        let path = program(&fake, version);
        let ran = log_in(&fake, &[URL], &[("PATH", &path)]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(tried(&fake), [(token.to_owned(), true)], "{version}");
    }
    // An early one would have taken the words for a deployment.
    assert!(!fake.home.file("odd").exists());
}

#[test]
fn a_token_in_the_keyring_needs_the_program() {
    let fake = daemon();
    stored(&fake, URL, None);
    let ran = log_in(&fake, &[URL, "--from-coder-cli"], &[]);
    assert_eq!(ran.code, 77);
    assert!(ran.stderr.contains("keyring"), "{}", ran.stderr);
    let path = program(&fake, "2.31.0");
    let ran = log_in(&fake, &[URL, "--from-coder-cli"], &[("PATH", &path)]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(tried(&fake), [(PRINTED.to_owned(), true)]);
}

#[test]
fn a_way_that_fails_says_so_and_the_next_is_taken() {
    let fake = daemon();
    stored(&fake, URL, Some(STORED));
    let ran = log_in(&fake, &[URL], &[("CODER_SESSION_TOKEN", BAD)]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(
        ran.stderr,
        "Using the token in CODER_SESSION_TOKEN.\nThat did not work: it does not accept this token.\n\
         Using the login of the Coder CLI (its file) to make a token for this machine.\n"
    );
    assert_eq!(tried(&fake), [(BAD.to_owned(), false), (STORED.to_owned(), true)]);
    // The one that was asked for is the only one.
    stored(&fake, URL, Some(BAD));
    let ran = log_in(&fake, &[URL, "--from-coder-cli"], &[("CODER_SESSION_TOKEN", GIVEN)]);
    assert_eq!(ran.code, 77, "{}", ran.stderr);
    assert_eq!(tried(&fake), [(BAD.to_owned(), true)]);
}

#[test]
fn a_session_token_for_another_deployment_is_not_shown_to_this_one() {
    let fake = daemon();
    stored(&fake, URL, Some(STORED));
    let other = [("CODER_SESSION_TOKEN", GIVEN), ("CODER_URL", "https://other.example.com")];
    let ran = log_in(&fake, &[URL], &other);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.starts_with(
            "CODER_SESSION_TOKEN is for https://other.example.com, so it is not used for https://coder.example.com.\n"
        ),
        "{}",
        ran.stderr
    );
    assert_eq!(tried(&fake), [(STORED.to_owned(), true)]);
    let ours = [("CODER_SESSION_TOKEN", GIVEN), ("CODER_URL", "https://coder.example.com/")];
    assert_eq!(log_in(&fake, &[URL], &ours).code, 0);
    assert_eq!(tried(&fake), [(GIVEN.to_owned(), false)]);
}

#[test]
fn a_workspace_has_a_login_in_its_environment() {
    let fake = daemon();
    stored(&fake, URL, Some(STORED));
    let base = format!("{URL}/api/v2/ai-gateway/anthropic");
    let ran =
        log_in(&fake, &["--from-env"], &[("ANTHROPIC_BASE_URL", &base), ("ANTHROPIC_AUTH_TOKEN", GIVEN)]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stderr, "Using the login in ANTHROPIC_BASE_URL and ANTHROPIC_AUTH_TOKEN.\n");
    assert!(ran.stdout.starts_with("Logged in to https://coder.example.com as ada."), "{}", ran.stdout);
    assert_eq!(tried(&fake), [(GIVEN.to_owned(), false)]);

    // What `aigwctl env` sets is none.
    let key = "aigw_env_9uMwPv3XLSc8HzEteekjee2gw-XxuuenLH5sahAFczM";
    let own = [("ANTHROPIC_BASE_URL", "http://127.0.0.1:2449/anthropic"), ("ANTHROPIC_AUTH_TOKEN", key)];
    let ran = log_in(&fake, &["--from-env"], &own);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("no login in the environment"), "{}", ran.stderr);
    assert_eq!(tried(&fake), []);
}
