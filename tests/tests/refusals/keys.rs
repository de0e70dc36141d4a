//! Local keys: every place where a tool can put one, and every place where one must not be found afterwards.

use aigw_gateway::Recorded;
use aigw_tests::raw::{self, Answer};
use aigw_tests::scene::Scene;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use crate::check::{below_prefix, passes, stops, told, wrong};
use crate::scene;

/// A request for the model list, which shows its key in these lines only.
fn with(lines: &str) -> String {
    format!("GET /openai/v1/models HTTP/1.1\r\nhost: {{host}}\r\n{lines}accept: text/plain\r\n\r\n")
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn basic_unpadded(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD_NO_PAD.encode(format!("{user}:{password}")))
}

/// Every spelling in which a tool shows a key, with this one in it.
fn spellings(key: &str) -> Vec<String> {
    vec![
        format!("x-aigw-key: {key}\r\n"),
        format!("X-AIGW-Key:{key}\r\n"),
        format!("authorization: Bearer {key}\r\n"),
        format!("Authorization: bearer   {key}\r\n"),
        format!("authorization: BEARER {key}\r\n"),
        format!("authorization: {key}\r\n"),
        format!("authorization: {}\r\n", basic("aigw", key)),
        format!("x-api-key: {key}\r\n"),
        format!("X-Api-Key: Bearer {key}\r\n"),
        format!("proxy-authorization: {}\r\n", basic("aigw", key)),
        format!("proxy-authorization: {}\r\n", basic("", key)),
        format!("proxy-authorization: {}\r\n", basic_unpadded("ai", key)),
        format!("Proxy-Authorization: basic {}\r\n", &basic("aigw", key)[6..]),
        format!("proxy-authorization: Bearer {key}\r\n"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_taken_in_every_spelling_and_a_wrong_one_refused_in_each() {
    let scene = scene().await;
    for lines in spellings(&scene.key) {
        assert_eq!(told(&passes(&scene, &with(&lines))), ["accept: text/plain"], "{lines}");
    }
    let revoked = scene.machine.key("revoked");
    scene.machine.ask(&["keys", "revoke", "revoked"]);
    let unknown = scene.key.replacen("aigw_env_", "aigw_nobody_", 1);
    for bad in [&wrong(&scene.key), &revoked, &unknown, "aigw_env_short", "aigw_", &format!("{}x", scene.key)]
    {
        for lines in spellings(bad) {
            let answer = stops(&scene, &with(&lines), 403, "key-wrong", "the local key is not valid");
            names_the_commands(&answer);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f13_no_key_is_403_in_the_routes_dialect_and_names_the_commands() {
    let scene = scene().await;
    for line in [
        "POST /anthropic/v1/messages",
        "POST /api/v2/aibridge/anthropic/v1/messages",
        "POST /bedrock/v1/messages",
        "POST /openai/v1/responses",
        "POST /openai/v1/chat/completions",
        "GET /openai/v1/models",
        "POST /copilot/chat/completions",
        "GET /no/such/path",
        "GET /",
        "GET /sessions",
        "GET /_g/other/openai/v1/models",
        "HEAD /openai/v1/models",
    ] {
        for other in
            ["", "authorization: Bearer sk-client\r\n", "x-api-key: sk-ant-client\r\n", "cookie: a=b\r\n"]
        {
            let request = format!("{line} HTTP/1.1\r\nhost: {{host}}\r\n{other}content-length: 0\r\n\r\n");
            if line.starts_with("HEAD") {
                // It has no room for words.
                let answer = raw::exchange(scene.address(), crate::check::bytes(&scene, &request));
                assert_eq!((answer.status, answer.error()), (403, Some("key-missing")));
                continue;
            }
            let answer = stops(&scene, &request, 403, "key-missing", "a local key is needed");
            names_the_commands(&answer);
            assert_eq!(answer.field("x-should-retry"), Some("false"));
            assert_eq!(answer.field("www-authenticate"), None);
        }
    }
}

fn names_the_commands(answer: &Answer) {
    for command in ["`aigwctl env`", "`aigwctl setup`"] {
        assert!(answer.text().contains(command), "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_the_path_leaves_the_tools_header_for_its_own_key() {
    let scene = scene().await;
    let get = |path: &str, lines: &str| {
        format!("GET {path} HTTP/1.1\r\nhost: {{host}}\r\n{lines}accept: text/plain\r\n\r\n")
    };
    for (path, arrives) in [
        ("/_k/{key}/openai/v1/models", "/openai/v1/models"),
        ("/_k/{key}/_g/default/openai/v1/models?a=b", "/openai/v1/models?a=b"),
        ("/_k/{key}/api/v2/aibridge/openai/v1/models", "/openai/v1/models"),
        ("http://127.0.0.1:{port}/_k/{key}/openai/v1/models", "/openai/v1/models"),
    ] {
        let seen = passes(&scene, &get(path, "authorization: Bearer sk-own\r\n"));
        assert_eq!(below_prefix(&seen), arrives);
        assert_eq!(told(&seen), ["accept: text/plain"]);
    }
    for (path, status, error) in [
        ("/_k/{wrong}/openai/v1/models", 403, "key-wrong"),
        ("/_k/aigw_env_short/openai/v1/models", 403, "key-wrong"),
        ("/_k/sk-other/openai/v1/models", 403, "key-wrong"),
        ("/_k//openai/v1/models", 403, "key-wrong"),
        ("/_k/{wrong}", 403, "key-wrong"),
        ("/_k/{key}", 404, "no-such-route"),
        ("/_k/{key}/", 404, "no-such-route"),
        ("/_k/{key}/sessions", 404, "management-route"),
        ("/_k/{key}/_g/nowhere/openai/v1/models", 403, "no-gateway"),
        ("/_k/{key}/_g//openai/v1/models", 403, "no-gateway"),
        // The order is fixed, so that every other place is a wrong one.
        ("/_g/default/_k/{key}/openai/v1/models", 400, "bad-request"),
        ("/openai/_k/{key}/v1/models", 400, "bad-request"),
        ("/_k/{key}/_k/{key}/openai/v1/models", 400, "bad-request"),
        ("/openai/v1/models/{key}", 400, "bad-request"),
        ("/%5fk/{key}/openai/v1/models", 400, "bad-request"),
        ("/openai/v1/models/%61igw_env_SECRET", 400, "bad-request"),
        ("/openai/v1/models/aigw%5Fenv%5FSECRET", 400, "bad-request"),
        ("/_k/aigw%5fenv%5fSECRET/openai/v1/models", 403, "key-wrong"),
    ] {
        let path = path.replace("SECRET", scene.key.rsplit_once("env_").unwrap().1);
        stops(&scene, &get(&path, ""), status, error, "");
        // Nor does a second key make it right.
        if error == "key-wrong" || error == "bad-request" {
            stops(&scene, &get(&path, "x-api-key: {key}\r\n"), status, error, "");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_without_a_key_passes_as_it_is() {
    let scene = scene().await;
    for query in
        ["?beta=true", "?a&&b=%20+%41&", "?=", "?a=%", "?a=%zz%c3", "?dir=/home/aigw_x", "?a=%2561igw_x"]
    {
        for path in ["/openai/v1/models", "/_k/{key}/_g/default/openai/v1/models"] {
            let request =
                format!("GET {path}{query} HTTP/1.1\r\nhost: {{host}}\r\nx-aigw-key: {{key}}\r\n\r\n");
            let seen = passes_with_folder_names(&scene, &request);
            assert_eq!(below_prefix(&seen), format!("/openai/v1/models{query}"));
        }
    }
}

/// Places that no key belongs in. It is taken out there too, and does not say who is asking.
const ODD_PLACES: [&str; 22] = [
    "api-key: KEY",
    "x-goog-api-key: KEY",
    "coder-session-token: KEY",
    "x-coder-ai-governance-token: KEY",
    "cookie: a=b; key=KEY",
    "x-meta: KEY",
    "x-meta: see KEY, or not",
    "x-meta: {\"key\":\"KEY\"}",
    "x-meta: \u{ff}KEY",
    "x-meta: \u{e9}\u{a0} KEY\u{ff}",
    "user-agent: tool/1.0 (KEY)",
    "referer: http://127.0.0.1/_k/KEY/openai",
    "authorization: token KEY",
    "authorization: Bearer\tKEY",
    "authorization: Bearer x KEY",
    "x-api-key: x,KEY",
    "proxy-authorization: Negotiate KEY",
    "?key=KEY",
    "?a=KEY",
    "?x=before-KEY-after",
    "?a=%61igw%5F%65nv_SECRET",
    "?aigw%5fenv%5fSECRET",
];

#[tokio::test(flavor = "multi_thread")]
async fn f8_a_key_never_reaches_the_gateway_from_any_place() {
    let scene = scene().await;
    let request = |place: &str, key: &str, own: &str| {
        let place = place.replace("KEY", key).replace("SECRET", key.split_once("env_").unwrap().1);
        match place.strip_prefix('?') {
            Some(query) => format!(
                "GET /openai/v1/models?beta=true&{query}&limit=1 HTTP/1.1\r\nhost: {{host}}\r\n{own}\r\n"
            ),
            None => format!("GET /openai/v1/models HTTP/1.1\r\nhost: {{host}}\r\n{own}{place}\r\n\r\n"),
        }
    };
    for place in ODD_PLACES {
        let seen = passes(&scene, &request(place, &scene.key, "x-aigw-key: {key}\r\n"));
        let secret = scene.key.rsplit_once("env_").unwrap().1;
        assert!(!format!("{seen:?}").contains(secret), "{place} {seen:?}");
        if place.starts_with('?') {
            assert_eq!(below_prefix(&seen), "/openai/v1/models?beta=true&limit=1", "{place}");
        }
        // By itself it is no key, or, wherever a tool may show one, it is one.
        let alone = request(place, &scene.key, "");
        stops(&scene, &alone, 403, "key-missing", "a local key is needed");
        // A wrong one there is refused in spite of a right one elsewhere.
        let both = request(place, &wrong(&scene.key), "x-aigw-key: {key}\r\n");
        stops(&scene, &both, 403, "key-wrong", "not valid");
    }
    // Whatever begins like a key is ours, though it be none.
    for place in
        ["x-meta: aigw_env_short", "x-meta: aigw_", "api-key: aigw_x", "?a=aigw_env_short", "?a=%61igw_x"]
    {
        let own = request(place, &scene.key, "x-aigw-key: {key}\r\n");
        stops(&scene, &own, 403, "key-wrong", "not valid");
    }
    // What only looks like one from afar passes as it is.
    for line in
        ["x-meta: {\"path\":\"/src/aigw_project/readme\"}", "x-meta: my_aigw_env", "x-cwd: /home/aigw_x"]
    {
        let seen = passes_with_folder_names(&scene, &request(line, "_env_", "x-aigw-key: {key}\r\n"));
        assert_eq!(told(&seen), [line]);
    }
}

/// Like `passes`, for texts in which our prefix may stand.
fn passes_with_folder_names(scene: &Scene, sent: &str) -> Recorded {
    scene.gateway.forget_requests();
    let answer = raw::exchange(scene.address(), crate::check::bytes(scene, sent));
    assert_eq!(answer.status, 200, "{sent} {}", answer.text());
    scene.only_request()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_keys_all_are_taken_out_one_wrong_refuses_and_the_first_place_says_who_asks() {
    let scene = scene().await;
    let names = ["by-path", "by-own-field", "by-authorization", "by-api-key", "by-proxy"];
    let keys = names.map(|name| scene.machine.key(name));
    let line = |at: usize, key: &str| match at {
        0 => format!("/_k/{key}"),
        1 => format!("x-aigw-key: {key}\r\n"),
        2 => format!("authorization: Bearer {key}\r\n"),
        3 => format!("x-api-key: {key}\r\n"),
        _ => format!("proxy-authorization: {}\r\n", basic("aigw", key)),
    };
    let request = |from: usize, wrong_at: Option<usize>, more: &str| {
        let place = |at: usize| match wrong_at {
            Some(wrong_at) if wrong_at == at => line(at, &wrong(&keys[at])),
            _ => line(at, &keys[at]),
        };
        let path = if from == 0 { place(0) } else { String::new() };
        // The last place first, so that the order of the lines is not what decides.
        let lines: String = (from.max(1)..5).rev().map(place).collect();
        format!("GET {path}/openai/v1/models HTTP/1.1\r\nhost: {{host}}\r\n{lines}{more}accept: */*\r\n\r\n")
    };
    for from in 0..5 {
        for at in from..5 {
            stops(&scene, &request(from, Some(at), ""), 403, "key-wrong", "not valid");
        }
        // Whose tool it is that also holds a deployment's token is told by the name of its key.
        let seen = passes(&scene, &request(from, None, "x-api-key: {token}\r\n"));
        assert_eq!(told(&seen), ["accept: */*"]);
        let findings = scene.machine.ask(&["status"])["findings"].clone();
        let callers: Vec<&str> = findings
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["code"] == "tool-holds-token")
            .filter_map(|finding| finding["text"].as_str()?.split('`').nth(1))
            .collect();
        let mut expected = names[..=from].to_vec();
        expected.sort_unstable();
        assert_eq!(callers, expected);
    }
    // All of them count as used, and no other key does.
    scene.machine.key("idle");
    let rows = scene.machine.ask(&["keys"])["keys"].clone();
    for row in rows.as_array().unwrap() {
        assert_eq!(row["last_used_at"].is_null(), row["name"] == "idle", "{row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_names_the_gateway_and_a_bound_key_is_overruled_by_it() {
    let mut scene = scene().await;
    let mut config = std::fs::read_to_string(scene.machine.home().join("config/config.toml")).unwrap();
    config.push_str("\n[gateway.other]\nurl = \"https://127.0.0.1:9\"\nwait_s = 0\n");
    scene.machine.configure(&config);
    scene.daemon.signal("HUP");
    aigw_tests::eventually::eventually("the new gateway is known", || {
        scene.machine.ask(&["status"])["gateways"].as_array()?.get(1).cloned()
    });
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: {{host}}\r\nx-api-key: {{key}}\r\n\r\n");
    passes(&scene, &get("/_g/default/openai/v1/models"));
    let answer = stops(&scene, &get("/_g/other/openai/v1/models"), 403, "not-logged-in", "the gateway other");
    assert!(answer.text().contains("`aigwctl login`"));
    stops(&scene, &get("/_g/nowhere/openai/v1/models"), 403, "no-gateway", "no gateway is named");

    // Bindings are made with remotes, and are part of the list.
    let bound = scene.machine.key("bound");
    let list = scene.machine.home().join("state/keys.json");
    let mut keys: serde_json::Value = serde_json::from_slice(&std::fs::read(&list).unwrap()).unwrap();
    keys["bound"]["gateway"] = "other".into();
    std::fs::write(&list, keys.to_string()).unwrap();
    scene.restart();
    assert_eq!(scene.machine.key("bound"), bound);
    let get = |path: &str| get(path).replace("{key}", &bound);
    stops(&scene, &get("/openai/v1/models"), 403, "not-logged-in", "the gateway other");
    passes(&scene, &get("/_g/default/openai/v1/models"));
    // The key that says who asks is also the one whose binding counts.
    let both = get("/openai/v1/models").replacen("x-api-key", "x-aigw-key: {key}\r\nx-api-key", 1);
    passes(&scene, &both);
}
