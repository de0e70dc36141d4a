//! The bytes of every message of the control conversation, kept in `fixtures/ipc/VERSION/MESSAGE-VARIANT-N.bin`: what a
//! released program sends must be understood by every later one, and mean the same.
//!
//! A new variant needs a row below, or this file does not compile. Its bytes are then written by
//! `AIGW_BLESS=1 cargo test -p aigw-tests --test ipc_compat`, which never touches a file that is there: bytes that were
//! released cannot change. Bytes of something not yet released may be deleted and written again.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use aigw_shared::fault::{Failure, Kind};
use aigw_shared::finding::{Finding, Severity};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::*;
use aigw_shared::ipc::{codec, hello};
use aigw_shared::secret::Secret;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Rows of a message: each variant, and values of it that together fill every field in every way.
macro_rules! rows {
    ($message:ident: $($variant:ident => [$($value:expr),+ $(,)?],)*) => {{
        // A variant without a row does not compile.
        let _every = |message: &$message| match message { $($message::$variant { .. } => (),)* };
        let mut rows: Vec<(String, $message)> = Vec::new();
        $(for (index, value) in [$($value),+].into_iter().enumerate() {
            assert!(matches!(value, $message::$variant { .. }), "a row of {} holds {value:?}", stringify!($variant));
            rows.push((format!("{}-{}-{}", stringify!($message), stringify!($variant), index + 1), value));
        })*
        rows
    }};
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn query(url: Option<String>, name: Option<String>, store: Option<&str>) -> LoginQuery {
    LoginQuery { url, name, store: store.map(str::to_owned) }
}

fn proof_request(asked: ProofAsked) -> ProofRequest {
    ProofRequest {
        host: text("api.anthropic.com").filter(|_| asked.is_turn()),
        method: "POST".to_owned(),
        path: "/anthropic/v1/messages".to_owned(),
        user_agent: text("claude-cli/2.1.330").filter(|_| asked.is_turn()),
        asked,
        websocket: asked == ProofAsked::Responses,
        stream: asked.is_turn(),
        status: 200,
        at_ms: 1_000,
        wrote_ms: vec![1_150, 1_300],
        whole: asked != ProofAsked::Other,
    }
}

fn failure() -> Failure {
    Failure {
        code: Kind::NotLoggedIn.face().code.to_owned(),
        text: "Nobody is logged in to größe.".to_owned(),
        cure: "run `aigwctl login`".to_owned(),
        exit: 77,
    }
}

fn requests() -> Vec<(String, Request)> {
    let token = Credential { provider: None, secret: Secret::new("abcdefghij-0123456789abcdefghijkl") };
    let key = Credential { provider: text("openai"), secret: Secret::new("sk-größer") };
    rows! { Request:
        Describe => [Request::Describe],
        Stop => [Request::Stop],
        Reload => [Request::Reload],
        Status => [Request::Status],
        LoginNeeds => [
            Request::LoginNeeds(query(text("https://coder.example.com/"), text("work"), Some("keyring"))),
            Request::LoginNeeds(query(None, None, None)),
        ],
        Login => [
            Request::Login(Login {
                gateway: query(text("https://coder.example.com/"), None, None),
                ca_file: text("/etc/ssl/company.pem"),
                credentials: vec![token],
                borrowed: true,
            }),
            Request::Login(Login {
                gateway: query(None, text("lab"), Some("memory")),
                ca_file: None,
                credentials: vec![key],
                borrowed: false,
            }),
        ],
        Logout => [Request::Logout(None), Request::Logout(text("work"))],
        Access => [Request::Access(AccessQuery { key: "claude-code".to_owned(), gateway: None }), Request::Access(AccessQuery { key: "env-work".to_owned(), gateway: text("work") })],
        Keys => [Request::Keys],
        RevokeKey => [Request::RevokeKey("claude-code".to_owned())],
        Settings => [Request::Settings],
        Ca => [
            Request::Ca(CaAction::Status),
            Request::Ca(CaAction::Rotate),
            Request::Ca(CaAction::Finish),
            Request::Ca(CaAction::Request),
            Request::Ca(CaAction::Import("-----BEGIN CERTIFICATE-----".to_owned())),
            Request::Ca(CaAction::Trust(vec![
                CaGiven { path: "/etc/company.pem".to_owned(), adds: false },
                CaGiven { path: "/etc/more.pem".to_owned(), adds: true },
            ])),
        ],
        Explain => [Request::Explain(ExplainQuery {
            url: "https://api.anthropic.com/v1/messages".to_owned(),
            method: "POST".to_owned(),
            headers: vec![("origin".to_owned(), "https://example.com".to_owned())],
            gateway: text("work"),
        })],
        RenewLogin => [Request::RenewLogin(None), Request::RenewLogin(text("work"))],
        Byok => [
            Request::Byok(ByokQuery { gateway: None, action: ByokAction::List }),
            Request::Byok(ByokQuery {
                gateway: text("work"),
                action: ByokAction::Set(Credential {
                    provider: text("anthropic"),
                    secret: Secret::new("sk-größer"),
                }),
            }),
            Request::Byok(ByokQuery { gateway: None, action: ByokAction::Unset("openai".to_owned()) }),
        ],
        Accounts => [Request::Accounts],
        Sessions => [
            Request::Sessions(SessionsQuery { gateway: None, limit: 20, prompts: false }),
            Request::Sessions(SessionsQuery { gateway: text("work"), limit: 1000, prompts: true }),
        ],
        BeginLogin => [
            Request::BeginLogin(BrowserLogin {
                gateway: query(text("https://coder.example.com/"), None, Some("keyring")),
                ca_file: text("/etc/ssl/company.pem"),
            }),
            Request::BeginLogin(BrowserLogin { gateway: query(None, text("work"), None), ca_file: None }),
        ],
        Models => [Request::Models(None), Request::Models(text("work"))],
        LendKey => [Request::LendKey(None), Request::LendKey(text("work"))],
        LendProofKey => [Request::LendProofKey],
        Proof => [Request::Proof],
        Pause => [Request::Pause(true), Request::Pause(false)],
        HandOver => [Request::HandOver(HandOver { program: None, drain_s: Some(30) }), Request::HandOver(HandOver { program: text("/opt/aigw/aigwd"), drain_s: None })],
        LogLevel => [Request::LogLevel("debug".to_owned())],
        FinishLogin => [Request::FinishLogin],
        Reach => [Request::Reach],
        Gateway => [
            Request::Gateway(GatewayChange::Set(Box::new(GatewayDraft {
                name: "work".to_owned(),
                settings: vec![("url".to_owned(), "https://coder.example.com".to_owned())],
                headers: vec![GatewayHeader { name: "X-Access".to_owned(), value: Secret::new("größe") }],
                providers: vec![("openai".to_owned(), "https://lab.example.com/v1".to_owned())],
            }))),
            Request::Gateway(GatewayChange::Default("work".to_owned())),
            Request::Gateway(GatewayChange::Remove("work".to_owned())),
            Request::Gateway(GatewayChange::Pays(ProviderPays {
                gateway: None,
                provider: "anthropic".to_owned(),
                own: true,
            })),
        ],
    }
}

fn responses() -> Vec<(String, Response)> {
    rows! { Response:
        Done => [Response::Done],
        Described => [Response::Described(build())],
        Failed => [Response::Failed(failure())],
        Status => [Response::Status(Box::new(status()))],
        LoginNeeds => [
            Response::LoginNeeds(LoginNeeds {
                name: "default".to_owned(),
                token_page: text("https://coder.example.com/cli-auth"),
                providers: Vec::new(),
            }),
            Response::LoginNeeds(LoginNeeds {
                name: "lab".to_owned(),
                token_page: None,
                providers: vec!["anthropic".to_owned(), "openai".to_owned()],
            }),
        ],
        LoggedIn => [
            Response::LoggedIn(LoggedIn {
                name: "default".to_owned(),
                url: text("https://coder.example.com"),
                user: text("ada"),
                expires_at: Some(1_796_119_200),
                prefix: text("/api/v2/aibridge"),
                checked: true,
                token: Some(token_status()),
                no_own_token: None,
                store: "file".to_owned(),
            }),
            Response::LoggedIn(LoggedIn {
                name: "lab".to_owned(),
                url: None,
                user: None,
                expires_at: None,
                prefix: None,
                checked: false,
                token: None,
                no_own_token: text("You may not create tokens"),
                store: "memory".to_owned(),
            }),
        ],
        Access => [Response::Access(Access {
            listen: vec!["127.0.0.1:2449".to_owned(), "[::1]:2449".to_owned()],
            key: Secret::new("aigw_env_9uMwPv3XLSc8HzEteekjee2gw-XxuuenLH5sahAFczM"),
        })],
        Keys => [Response::Keys(keys())],
        Settings => [
            Response::Settings(Settings { rows: settings(), refused: None }),
            Response::Settings(Settings { rows: Vec::new(), refused: text("config.toml:3: unknown key") }),
        ],
        Ca => [Response::Ca(Box::new(ca())), Response::Ca(Box::new(company_ca()))],
        CaRequest => [Response::CaRequest(CaRequest {
            pem: "-----BEGIN CERTIFICATE REQUEST-----".to_owned(),
            permitted: vec!["api.openai.com".to_owned()],
        })],
        CaTrust => [Response::CaTrust(CaTrust {
            added: "/home/ada/.local/state/aigw/ca/roots.pem".to_owned(),
            bundle: "/home/ada/.local/state/aigw/ca/bundle.pem".to_owned(),
        })],
        Reached => [Response::Reached(vec![Reach {
            gateway: "work".to_owned(),
            steps: vec![
                ReachStep { what: "name".to_owned(), saw: "größe.example is 10.0.0.1".to_owned(), trouble: None },
                ReachStep { what: "tcp".to_owned(), saw: String::new(), trouble: Some(failure()) },
            ],
            ahead_s: Some(-7200),
        }, Reach { gateway: "lab".to_owned(), steps: Vec::new(), ahead_s: None }])],
        Models => [Response::Models(vec![
            ProviderModels {
                provider: "anthropic".to_owned(),
                models: vec!["claude-sonnet-4-5".to_owned(), "größer".to_owned()],
                trouble: None,
            },
            ProviderModels { provider: "openai".to_owned(), models: Vec::new(), trouble: Some(failure()) },
        ])],
        Proof => [Response::Proof(ProofSeen {
            requests: [
                ProofAsked::Messages,
                ProofAsked::CountTokens,
                ProofAsked::Responses,
                ProofAsked::Chat,
                ProofAsked::Models,
                ProofAsked::Other,
            ]
            .map(proof_request)
            .into(),
            tunnels: [
                ProofTunnelCame::Refused,
                ProofTunnelCame::Opened,
                ProofTunnelCame::Trusted,
                ProofTunnelCame::Rejected,
                ProofTunnelCame::HungUp,
            ]
            .map(|came| ProofTunnel { host: "größe.example:443".to_owned(), came })
            .into(),
        })],
        LoggedOut => [Response::LoggedOut(LoggedOut {
            name: "work".to_owned(),
            deleted: text("aigw-laptop-0a1b2c-01234567"),
            left: text("aigw-laptop-0a1b2c-76543210"),
        })],
        Byok => [Response::Byok(ByokKeys {
            gateway: "work".to_owned(),
            keys: vec![("anthropic".to_owned(), "sk-a".to_owned())],
        })],
        Accounts => [Response::Accounts(vec![
            Account { gateway: "lab".to_owned(), ..Account::default() },
            Account {
                gateway: "work".to_owned(),
                user: text("ada"),
                version: text("v2.36.0"),
                entitlement: text("entitled"),
                enabled: Some(true),
                spent_micros: Some(12_340_000),
                budget_micros: Some(100_000_000),
                period_end: Some(1_796_119_200),
            },
        ])],
        Sessions => [Response::Sessions(vec![
            SessionRow::default(),
            SessionRow {
                id: "00000000-0000-4000-8000-000000000001".to_owned(),
                client: "Claude Code".to_owned(),
                models: vec!["claude-sonnet-4-5".to_owned()],
                providers: vec!["anthropic".to_owned()],
                started_at: Some(1_796_119_200),
                last_active_at: Some(1_796_119_260),
                input_tokens: 70_000,
                output_tokens: 12,
                prompt: text("größe?"),
            },
        ])],
        GatewayChanged => [
            Response::GatewayChanged(GatewayChanged { name: "work".to_owned(), new: true, logged_out: None }),
            Response::GatewayChanged(GatewayChanged {
                name: "work".to_owned(),
                new: false,
                logged_out: Some(LoggedOut { name: "work".to_owned(), deleted: None, left: None }),
            }),
        ],
        LoginBegun => [
            Response::LoginBegun(LoginBegun {
                page: text("https://coder.example.com/oauth2/authorize?state=0123"),
                why_not: None,
                patience_s: 300,
            }),
            Response::LoginBegun(LoginBegun {
                page: None,
                why_not: text("it registers no client"),
                patience_s: 300,
            }),
        ],
        Explained => [Response::Explained(Explanation {
            outcome: "refused".to_owned(),
            steps: vec![ExplainStep {
                what: "a blind tunnel to größe.example:443".to_owned(),
                why: "it is no host that is intercepted".to_owned(),
            }],
            refusal: Some(Failure {
                code: Kind::TargetUnreachable.face().code.to_owned(),
                text: "größe.example cannot be resolved".to_owned(),
                cure: "check the name".to_owned(),
                exit: 75,
            }),
        })],
        HandedOver => [Response::HandedOver(build())],
    }
}

fn build() -> Build {
    Build { version: "0.1.0".to_owned(), pid: 4_194_304, protocol: 1 }
}

fn token_status() -> TokenStatus {
    TokenStatus {
        fingerprint: "abcd".to_owned(),
        expires_at: None,
        scope: text("all"),
        name: text("aigw-laptop-0a1b2c-01234567"),
        lasting: "own".to_owned(),
        renews_at: Some(1_796_119_200),
    }
}

fn status() -> Status {
    let bare = GatewayStatus {
        name: "lab".to_owned(),
        url: None,
        kind: "generic".to_owned(),
        prefix: None,
        default: false,
        reachable: None,
        user: None,
        token: None,
        store: None,
    };
    let token = token_status();
    let full = GatewayStatus {
        name: "default".to_owned(),
        url: text("https://coder.example.com"),
        kind: "coder".to_owned(),
        prefix: text("/api/v2/aibridge"),
        default: true,
        reachable: Some(true),
        user: text("ada"),
        token: Some(token.clone()),
        store: text("keyring"),
    };
    let away = GatewayStatus {
        name: "far".to_owned(),
        reachable: Some(false),
        token: Some(TokenStatus {
            expires_at: Some(-1),
            scope: None,
            name: None,
            lasting: "given".to_owned(),
            renews_at: None,
            ..token
        }),
        ..bare.clone()
    };
    let finding = |severity| Finding::new("some-code", severity, "Something.", "do something");
    Status {
        build: build(),
        listen: vec!["127.0.0.1:2449".to_owned(), "[::1]:2449".to_owned()],
        uptime_s: 70_000,
        rss_bytes: 5_000_000_000,
        cpu_s: 0.75,
        requests: 12,
        tunnels: 300,
        gateways: vec![full, bare, away],
        findings: [Severity::Note, Severity::Warning, Severity::Error].map(finding).into(),
    }
}

fn keys() -> Vec<KeyRow> {
    let full = KeyRow {
        name: "claude-code".to_owned(),
        generation: 70_000,
        created_at: Some(1_796_119_200),
        last_used_at: Some(1_796_119_260),
        expires_at: Some(i64::MAX),
        gateway: text("work"),
    };
    let bare = KeyRow {
        name: "env".to_owned(),
        generation: 1,
        created_at: None,
        last_used_at: None,
        expires_at: None,
        gateway: None,
    };
    vec![full, bare]
}

fn ca() -> CaStatus {
    CaStatus {
        root_cert: "/ca/1/root.pem".to_owned(),
        intermediate_cert: "/ca/1/intermediate.pem".to_owned(),
        intermediate_key: "/ca/1/intermediate.key".to_owned(),
        bundle: "/ca/bundle.pem".to_owned(),
        root_pem: "root".to_owned(),
        intermediate_pem: "intermediate".to_owned(),
        fingerprint_sha256: "AB:CD".to_owned(),
        not_after: 1_796_119_200,
        permitted: vec!["api.openai.com".to_owned()],
        company: false,
        next: Some(NextRoot {
            root_cert: "/ca/2/root.pem".to_owned(),
            root_pem: "next".to_owned(),
            fingerprint_sha256: "EF:01".to_owned(),
        }),

        relayed: Some(NextRoot {
            root_cert: "/ca/2/root.pem".to_owned(),
            root_pem: "next".to_owned(),
            fingerprint_sha256: "EF:01".to_owned(),
        }),
        outgrown: vec!["ai.example.com".to_owned()],
        trouble: text("others may read it"),
        retired: vec!["23:45".to_owned()],
    }
}

fn company_ca() -> CaStatus {
    CaStatus {
        company: true,
        next: None,
        relayed: None,
        outgrown: Vec::new(),
        trouble: None,
        retired: Vec::new(),
        ..ca()
    }
}

fn settings() -> Vec<SettingRow> {
    vec![SettingRow {
        key: "gateway.default.url".to_owned(),
        value: "https://coder.example.com".to_owned(),
        origin: "policy (/etc/aigw/policy.toml)".to_owned(),
        overrides: vec!["user file".to_owned()],
        locked: true,
    }]
}

#[test]
fn what_is_sent_today_is_what_was_released() {
    let folder = fixtures().join(hello::NEWEST.to_string());
    let mut names = BTreeSet::new();
    let rows = encoded(requests()).into_iter().chain(encoded(responses()));
    for (name, bytes) in rows {
        let file = folder.join(format!("{name}.bin"));
        let kept = std::fs::read(&file).unwrap_or_else(|error| {
            panic!("no bytes are kept for {name} ({error}); AIGW_BLESS=1 writes them")
        });
        assert_eq!(bytes, kept, "{name} is sent in other bytes than before");
        names.insert(format!("{name}.bin"));
    }
    // What is kept has a row, so that none is forgotten when a row goes.
    let kept: BTreeSet<String> = files(&folder).into_iter().map(|(name, _)| name).collect();
    assert_eq!(kept, names);
}

#[test]
fn what_any_version_sent_is_still_read_and_means_the_same() {
    let mut versions = 0;
    for version in hello::OLDEST..=hello::NEWEST {
        for (name, bytes) in files(&fixtures().join(version.to_string())) {
            let again = if name.starts_with("Request-") {
                same_value(&name, &bytes, requests())
            } else {
                same_value(&name, &bytes, responses())
            };
            assert_eq!(again, bytes, "{name} of version {version}");
        }
        versions += 1;
    }
    assert_eq!(
        versions,
        std::fs::read_dir(fixtures()).unwrap().count(),
        "a version has no folder, or is gone"
    );
}

/// Each message by itself, spelled out: with these any program can describe, stop and reload any other.
#[test]
fn the_frozen_messages_are_these_bytes_for_ever() {
    for (request, byte) in [(Request::Describe, 0), (Request::Stop, 1), (Request::Reload, 2)] {
        assert_eq!(codec::encode(&request).unwrap(), [byte], "{request:?}");
        assert!(request.is_frozen());
        assert!(codec::decode::<Request>(&[byte, 0]).is_err(), "bytes behind {request:?} were passed over");
    }
    assert_eq!(requests().iter().filter(|(_, request)| request.is_frozen()).count(), 3);
    assert_eq!(codec::encode(&Response::Done).unwrap(), [0]);
    let described = Response::Described(Build { version: "0.1".to_owned(), pid: 300, protocol: 7 });
    assert_eq!(codec::encode(&described).unwrap(), b"\x01\x030.1\xfb\x2c\x01\x07");
    let failure = Failure { code: "c".into(), text: "te".into(), cure: "cur".into(), exit: 77 };
    assert_eq!(codec::encode(&Response::Failed(failure)).unwrap(), b"\x02\x01c\x02te\x03cur\x4d");
}

/// Nor is any message a beginning of another, or of itself with something missing.
#[test]
fn a_part_of_a_message_is_none_and_nothing_may_follow_it() {
    for (name, bytes) in encoded(requests()) {
        for end in 0..bytes.len() {
            assert!(codec::decode::<Request>(&bytes[..end]).is_err(), "{end} bytes of {name}");
        }
        assert!(codec::decode::<Request>(&[&bytes[..], &[0]].concat()).is_err(), "{name} and a byte");
    }
    for (name, bytes) in encoded(responses()) {
        for end in 0..bytes.len() {
            assert!(codec::decode::<Response>(&bytes[..end]).is_err(), "{end} bytes of {name}");
        }
    }
}

/// Decodes what was kept, compares it with its row in words, and encodes it again.
fn same_value<T: Serialize + DeserializeOwned + Debug>(
    name: &str,
    bytes: &[u8],
    rows: Vec<(String, T)>,
) -> Vec<u8> {
    let value: T = codec::decode(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    let row = rows.iter().find(|(row, _)| format!("{row}.bin") == name).expect("a row");
    assert_eq!(format!("{value:?}"), format!("{:?}", row.1), "{name}");
    codec::encode(&value).expect("an encoded value")
}

fn encoded<T: Serialize>(rows: Vec<(String, T)>) -> Vec<(String, Vec<u8>)> {
    rows.into_iter().map(|(name, value)| (name, codec::encode(&value).expect("an encoded value"))).collect()
}

/// The folder of all versions, after the missing files of the newest were written if that was asked for.
fn fixtures() -> PathBuf {
    static BLESSED: LazyLock<PathBuf> = LazyLock::new(|| {
        let all = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/ipc");
        if std::env::var_os("AIGW_BLESS").is_some() {
            let folder = all.join(hello::NEWEST.to_string());
            std::fs::create_dir_all(&folder).expect("a folder");
            for (name, bytes) in encoded(requests()).into_iter().chain(encoded(responses())) {
                let file = folder.join(format!("{name}.bin"));
                if !file.exists() {
                    std::fs::write(file, bytes).expect("a file");
                }
            }
        }
        all
    });
    BLESSED.clone()
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).expect("a folder of kept bytes").flatten();
    let name = |entry: &std::fs::DirEntry| entry.file_name().into_string().expect("a plain name");
    entries.map(|entry| (name(&entry), std::fs::read(entry.path()).expect("a file"))).collect()
}
