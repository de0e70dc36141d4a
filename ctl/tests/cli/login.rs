//! What `login` sends, and that what it sends is seen nowhere else.

use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{LoggedIn, Login, LoginNeeds};

use super::fake::{Fake, Ran, run};

const TOKEN: &str = "hush0123456789-abcdefghijklmnopqrstuvwxyz";

fn daemon(providers: &'static [&'static str]) -> Fake {
    Fake::new(move |request| match request {
        Request::LoginNeeds(query) => Response::LoginNeeds(LoginNeeds {
            name: "work".into(),
            token_page: providers
                .is_empty()
                .then(|| format!("{}/cli-auth", query.url.as_deref().unwrap_or("https://coder.example.com"))),
            providers: providers.iter().map(|name| (*name).to_owned()).collect(),
        }),
        Request::Login(login) => Response::LoggedIn(LoggedIn {
            name: "work".into(),
            url: login.gateway.url.clone(),
            user: providers.is_empty().then(|| "ada".into()),
            expires_at: None,
            prefix: None,
            checked: providers.is_empty(),
            token: None,
            no_own_token: None,
            store: login.gateway.store.clone().unwrap_or_else(|| "file".into()),
        }),
        other => panic!("{other:?}"),
    })
}

fn sent(fake: &Fake) -> Login {
    match fake.seen().pop() {
        Some(Request::Login(login)) => login,
        other => panic!("{other:?}"),
    }
}

fn keeps_quiet(ran: &Ran) {
    assert!(!ran.stdout.contains("hush") && !ran.stderr.contains("hush"), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn a_token_on_stdin_goes_to_the_daemon_and_nowhere_else() {
    let fake = daemon(&[]);
    let mut command = fake.home.aigwctl(&["login", "coder.example.com", "--name", "work", "--token-stdin"]);
    let ran = run(&mut command, &format!("{TOKEN}\n"));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(
        ran.stdout,
        "Logged in to https://coder.example.com as ada.\n\n\
         Next: eval \"$(aigwctl env)\", then start your tool in that shell.\n"
    );
    keeps_quiet(&ran);
    let login = sent(&fake);
    assert_eq!(login.gateway.url.as_deref(), Some("https://coder.example.com"));
    assert_eq!(login.gateway.name.as_deref(), Some("work"));
    assert_eq!(login.ca_file, None);
    assert_eq!(login.credentials.len(), 1);
    assert_eq!(login.credentials[0].secret.reveal(), TOKEN);
    assert_eq!(login.credentials[0].provider, None);
}

#[test]
fn a_token_in_the_environment_is_used_and_said() {
    let fake = daemon(&[]);
    let mut command = fake.home.aigwctl(&["login", "--json"]);
    let ran = run(command.env("CODER_SESSION_TOKEN", TOKEN), "");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, "Using the token in CODER_SESSION_TOKEN.\n"));
    assert_eq!(
        ran.stdout,
        "{\"schema\":1,\"name\":\"work\",\"url\":null,\"user\":\"ada\",\"expires_at\":null,\"prefix\":null,\
         \"checked\":true,\"token\":null,\"no_own_token\":null,\"store\":\"file\"}\n"
    );
    keeps_quiet(&ran);
    let login = sent(&fake);
    assert_eq!((login.gateway.url, login.credentials[0].secret.reveal()), (None, TOKEN));
}

#[test]
fn keys_of_providers_are_lines() {
    let fake = daemon(&["anthropic", "openai"]);
    let mut command = fake.home.aigwctl(&["login", "--token-stdin", "--json"]);
    let ran = run(&mut command, "openai=hush1\nanthropic=hush2\n");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("\"checked\":false"), "{}", ran.stdout);
    keeps_quiet(&ran);
    let keys = sent(&fake).credentials;
    let keys: Vec<_> = keys.iter().map(|key| (key.provider.as_deref(), key.secret.reveal())).collect();
    assert_eq!(keys, [(Some("openai"), "hush1"), (Some("anthropic"), "hush2")]);

    let mut command = fake.home.aigwctl(&["login", "--token-stdin"]);
    let ran = run(&mut command, "hush3\n");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("give these lines: anthropic=KEY, openai=KEY"), "{}", ran.stderr);
    keeps_quiet(&ran);
    assert!(!fake.seen().iter().any(|request| matches!(request, Request::Login(_))));
}

#[test]
fn a_relative_certificate_file_is_made_absolute() {
    let fake = daemon(&[]);
    std::fs::write(fake.home.file("ca.pem"), "").unwrap();
    let line = ["login", "coder.example.com", "--token-stdin", "--ca-file"];
    let mut command = fake.home.aigwctl(&[&line[..], &["ca.pem"]].concat());
    assert_eq!(run(&mut command, TOKEN).code, 0);
    let file = sent(&fake).ca_file.unwrap();
    assert!(std::path::Path::new(&file).is_absolute() && file.ends_with("ca.pem"), "{file}");

    let mut command = fake.home.aigwctl(&[&line[..], &["missing.pem"]].concat());
    let ran = run(&mut command, TOKEN);
    assert_eq!(ran.code, 1);
    keeps_quiet(&ran);
    assert!(fake.seen().is_empty());
}

#[test]
fn an_empty_token_is_sent_to_nobody() {
    let fake = daemon(&[]);
    assert_eq!(run(&mut fake.home.aigwctl(&["login", "--token-stdin"]), "\n").code, 2);
    assert!(!fake.seen().iter().any(|request| matches!(request, Request::Login(_))));
}
