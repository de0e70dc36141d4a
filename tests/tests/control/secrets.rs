//! A token can be told to the daemon, and nothing that it ever answers holds more than the four characters by which a
//! person knows it again.

use std::collections::BTreeSet;
use std::time::Duration;

use aigw_gateway::{Practice, Setup};
use aigw_shared::ipc::codec;
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{AccessQuery, Credential, Login, LoginQuery};
use aigw_shared::secret::Secret;
use aigw_tests::machine;
use aigw_tests::machine::told;

use crate::talk::Talk;

/// The longest part of a token that may be shown.
const SHOWN: usize = 4;

fn login(url: Option<&str>, name: Option<&str>, provider: Option<&str>, secret: &str) -> Request {
    let own = |text: Option<&str>| text.map(str::to_owned);
    Request::Login(Login {
        gateway: LoginQuery { url: own(url), name: own(name), store: None },
        ca_file: None,
        credentials: vec![Credential { provider: own(provider), secret: Secret::new(secret) }],
        borrowed: false,
    })
}

/// A part of the secret that is longer than what may be shown, if the answer holds one.
fn part_of<'a>(secret: &'a str, answer: &[u8]) -> Option<&'a str> {
    (0..secret.len() - SHOWN)
        .map(|at| &secret[at..=at + SHOWN])
        .find(|part| answer.windows(part.len()).any(|window| window == part.as_bytes()))
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_no_answer_to_any_request_holds_a_token() {
    let gateway = Practice::start(Setup::default()).await.unwrap();
    let day = Duration::from_secs(86_400);
    let (token, key) = (gateway.issue_token("ada", day), gateway.issue_token("lab", day));
    let machine = machine!();
    machine.configure(&format!(
        "[gateway.lab]\nkind = \"generic\"\n[gateway.lab.providers.openai]\n\
         base_url = \"{}/api/v2/ai-gateway/openai/v1\"\n",
        gateway.url()
    ));
    let _daemon = machine.start();
    let url = gateway.url();
    let mut talk = Talk::begin(&machine);
    let name = || Some("default".to_owned());
    let query = || LoginQuery { url: Some(url.clone()), name: name(), store: None };
    let requests = [
        login(Some(&url), Some("default"), None, &token),
        login(None, Some("lab"), Some("openai"), &key),
        Request::Describe,
        Request::Reload,
        Request::Status,
        Request::LoginNeeds(query()),
        Request::Access(AccessQuery { key: "env".to_owned(), gateway: None }),
        Request::Keys,
        Request::Settings,
        // What goes wrong quotes nothing either.
        login(Some("http://127.0.0.1:1"), Some("default"), None, &token),
        login(None, Some("lab"), Some("openai"), &format!("{key}x")),
        login(Some(&url), Some("default"), None, &format!("{token}x")),
        login(Some(&url), Some("default"), None, &format!("{token} {key}")),
        login(Some(&url), Some("default"), None, &format!("{token}\n{key}")),
        Request::RevokeKey("env".to_owned()),
        Request::Status,
        Request::Logout(name()),
        Request::Status,
        Request::Stop,
    ];
    let (mut asked, mut fingerprints) = (BTreeSet::new(), BTreeSet::new());
    let mut held = BTreeSet::new();
    for request in requests {
        let question = codec::encode(&request).unwrap();
        asked.insert(question[0]);
        talk.send_frame(&question);
        let answer = talk.receive().expect("an answer");
        let response: Response = codec::decode(&answer).unwrap();
        held.extend(["default", "lab"].into_iter().filter_map(|name| machine.held_token(name)));
        for secret in held.iter().chain([&token, &key]) {
            assert_eq!(part_of(secret, &answer), None, "{request:?}: {response:?}");
        }
        if let Response::Status(status) = response {
            let shown = status.gateways.into_iter().filter_map(|gateway| gateway.token);
            fingerprints.extend(shown.map(|token| token.fingerprint));
        }
    }
    held.insert(key.clone());
    assert!(fingerprints.len() >= 2, "{fingerprints:?}");
    assert!(fingerprints.is_subset(&held.iter().map(|secret| secret[..SHOWN].to_owned()).collect()));
    assert_eq!(
        asked.into_iter().collect::<Vec<_>>(),
        (0..11).collect::<Vec<u8>>(),
        "a request was not asked"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_aigwctl_prints_no_token() {
    let gateway = Practice::start(Setup::default()).await.unwrap();
    let machine = machine!();
    let _daemon = machine.start();
    let token = machine.log_in(&gateway);
    for words in [
        &["status"][..],
        &["config", "show"],
        &["keys"],
        &["env"],
        &["version"],
        &["reload"],
        &[],
        &["logout"],
    ] {
        for json in [&[][..], &["--json"]] {
            let told = told(&machine.ctl(&[words, json].concat()));
            assert_eq!(part_of(&token, told.as_bytes()), None, "{words:?}: {told}");
        }
    }
}
