//! What the commands that only look print: text and JSON.

use aigw_shared::finding::{Finding, Severity};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{
    Account, Build, GatewayStatus, KeyRow, SettingRow, Settings, Status, TokenStatus,
};

use super::fake::Fake;

fn build() -> Build {
    Build { version: "0.1.0".into(), pid: 4711, protocol: 1 }
}

fn status() -> Status {
    Status {
        build: build(),
        listen: vec!["127.0.0.1:2449".into(), "[::1]:2449".into()],
        uptime_s: 7300,
        rss_bytes: 18 * 1024 * 1024,
        cpu_s: 0.75,
        requests: 12,
        tunnels: 1,
        gateways: vec![GatewayStatus {
            name: "work".into(),
            url: Some("https://coder.example.com".into()),
            kind: "coder".into(),
            prefix: Some("/api/v2/aibridge".into()),
            default: true,
            reachable: Some(true),
            user: Some("ada".into()),
            token: Some(TokenStatus {
                fingerprint: "abcd".into(),
                expires_at: Some(4_102_444_800),
                scope: None,
                name: None,
                lasting: "given".into(),
                renews_at: None,
            }),
            store: Some("keyring".into()),
        }],
        findings: vec![Finding::new(
            "keyring-missing",
            Severity::Warning,
            "The token is in a file.",
            "install a keyring",
        )],
    }
}

fn with_status(status: Status) -> Fake {
    Fake::new(move |request| match request {
        Request::Status => Response::Status(Box::new(status.clone())),
        Request::Describe => Response::Described(build()),
        Request::Accounts => Response::Accounts(vec![Account {
            gateway: "work".into(),
            version: Some("v2.36.0".into()),
            spent_micros: Some(1_000_000),
            ..Account::default()
        }]),
        other => panic!("{other:?}"),
    })
}

#[test]
fn status_is_calm_text() {
    let ran = with_status(status()).run(&["status"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let (before, after) = ran.stdout.split_once("2100-01-01 00:00 UTC (in ").unwrap();
    assert_eq!(
        before,
        "daemon    aigwd 0.1.0, pid 4711, running for 2 hours, 18 MiB, 0.8 s CPU
listen    127.0.0.1:2449, [::1]:2449
requests  12, 1 tunnel

gateway   work (default), coder
url       https://coder.example.com, prefix /api/v2/aibridge, reachable
login     ada, token abcd…, ends "
    );
    assert_eq!(
        after.split_once('\n').unwrap().1,
        "version   Coder v2.36.0
budget    US$1.00 spent, no limit

warning   The token is in a file.
  cure    install a keyring
"
    );
}

#[test]
fn status_is_one_object_with_json() {
    let ran = with_status(status()).run(&["status", "--json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(
        ran.stdout,
        concat!(
            r#"{"schema":1,"daemon":{"version":"0.1.0","pid":4711,"listen":["127.0.0.1:2449","[::1]:2449"],"#,
            r#""uptime_s":7300,"rss_bytes":18874368,"cpu_s":0.75,"requests":12,"tunnels":1},"#,
            r#""service":null,"gateways":[{"name":"work","url":"https://coder.example.com","kind":"coder","#,
            r#""prefix":"/api/v2/aibridge","default":true,"reachable":true,"user":"ada","#,
            r#""token":{"fingerprint":"abcd","expires_at":"2100-01-01T00:00:00Z","scope":null,"name":null,"#,
            r#""lasting":"given","renews_at":null},"store":"keyring","account":{"user":null,"version":"v2.36.0","#,
            r#""entitlement":null,"enabled":null,"spent_micros":1000000,"budget_micros":null,"period_end":null}}],"#,
            r#""findings":[{"code":"keyring-missing","severity":"warning","text":"The token is in a file.","#,
            r#""cure":"install a keyring"}]}"#,
            "\n"
        )
    );
}

#[test]
fn alone_it_prints_five_lines_and_the_next_step() {
    let next = |status: Status| {
        let ran = with_status(status).run(&[]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let lines: Vec<&str> = ran.stdout.lines().collect();
        let labels: Vec<&str> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(labels, ["daemon", "gateway", "login", "requests", "findings", "", "Next:"]);
        lines[6].to_owned()
    };
    assert_eq!(next(status()), "Next: aigwctl doctor");
    let well = Status { findings: Vec::new(), ..status() };
    assert_eq!(next(well), "Next: eval \"$(aigwctl env)\"");
    assert_eq!(next(Status { gateways: Vec::new(), ..status() }), "Next: aigwctl login URL");
    let gateway = status().gateways.remove(0);
    let without_token = GatewayStatus { token: None, user: None, store: None, ..gateway.clone() };
    assert_eq!(next(Status { gateways: vec![without_token], ..status() }), "Next: aigwctl login");
    let without_url = GatewayStatus { token: None, url: None, ..gateway };
    assert_eq!(next(Status { gateways: vec![without_url], ..status() }), "Next: aigwctl login URL");
    let broken = Finding::new("port", Severity::Error, "The port is taken.", "set another port");
    assert_eq!(next(Status { findings: vec![broken], ..status() }), "Next: set another port");
}

#[test]
fn what_the_gateway_calls_a_user_gives_the_terminal_no_orders() {
    let mut status = status();
    status.gateways[0].user = Some("ada\u{1b}[2J".into());
    let fake = with_status(status);
    assert!(!fake.run(&["status"]).stdout.contains('\u{1b}'));
    assert!(!fake.run(&[]).stdout.contains('\u{1b}'));
}

#[test]
fn versions_of_both_programs() {
    let fake = with_status(status());
    let ours = env!("CARGO_PKG_VERSION");
    assert_eq!(
        fake.run(&["version"]).stdout,
        format!("aigwctl  {ours}, protocol 1\naigwd    0.1.0, protocol 1, pid 4711\n")
    );
    assert_eq!(
        fake.run(&["--json", "version"]).stdout,
        format!(
            "{{\"schema\":1,\"version\":\"{ours}\",\"protocol\":1,\"protocol_oldest\":1,\
             \"daemon\":{{\"version\":\"0.1.0\",\"pid\":4711,\"protocol\":1}}}}\n"
        )
    );
}

#[test]
fn keys_in_a_table_and_as_rows() {
    let row = |name: &str, used| KeyRow {
        name: name.into(),
        generation: 2,
        created_at: Some(0),
        last_used_at: used,
        expires_at: None,
        gateway: None,
    };
    let fake = Fake::new(move |request| match request {
        Request::Keys => Response::Keys(vec![row("env", Some(60)), row("claude-code", None)]),
        other => panic!("{other:?}"),
    });
    assert_eq!(
        fake.run(&["keys"]).stdout,
        "NAME          GENERATION   CREATED                LAST USED              EXPIRES   GATEWAY
env           2            1970-01-01 00:00 UTC   1970-01-01 00:01 UTC   never     any
claude-code   2            1970-01-01 00:00 UTC   never                  never     any
"
    );
    assert_eq!(fake.run(&["keys", "list"]).stdout, fake.run(&["keys"]).stdout);
    let json = fake.run(&["keys", "--json"]).stdout;
    assert!(
        json.starts_with(concat!(
            r#"{"schema":1,"keys":[{"name":"env","generation":2,"created_at":"1970-01-01T00:00:00Z","#,
            r#""last_used_at":"1970-01-01T00:01:00Z","expires_at":null,"gateway":null},"#
        )),
        "{json}"
    );
}

#[test]
fn a_key_is_revoked_by_name() {
    let fake = Fake::new(|_| Response::Done);
    assert_eq!(fake.run(&["keys", "revoke", "env"]).code, 0);
    assert!(matches!(fake.seen().as_slice(), [Request::RevokeKey(name)] if name == "env"));
    assert_eq!(fake.run(&["keys", "revoke", "EN V"]).code, 2);
    assert!(fake.seen().is_empty());
}

#[test]
fn settings_say_when_the_newest_are_refused() {
    let fake = Fake::new(|request| match request {
        Request::Settings => Response::Settings(Settings {
            rows: vec![SettingRow {
                key: "listen.port".into(),
                value: "2449".into(),
                origin: "default".into(),
                overrides: Vec::new(),
                locked: false,
            }],
            refused: Some("config.toml:3: unknown key".into()),
        }),
        other => panic!("{other:?}"),
    });
    let text = fake.run(&["config", "show"]).stdout;
    assert!(
        text.starts_with("listen.port   2449   default\n\nThe newest configuration is not in force:"),
        "{text}"
    );
    assert_eq!(
        fake.run(&["config", "show", "--json"]).stdout,
        concat!(
            r#"{"schema":1,"settings":[{"key":"listen.port","value":"2449","origin":"default","overrides":[],"#,
            r#""locked":false}],"refused":"config.toml:3: unknown key"}"#,
            "\n"
        )
    );
}

#[test]
fn nobody_reading_on_is_no_error() {
    let fake = with_status(status());
    for line in [&["status"][..], &["completions", "bash"], &["--help"], &["status", "--json"]] {
        let mut command = fake.home.aigwctl(line);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{line:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{line:?}");
    }
}
