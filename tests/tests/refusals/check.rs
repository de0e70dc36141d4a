//! The one way every case is checked: what we answered, what the gateway saw, and that the next request on a fresh
//! connection is fine.

use std::io::Read;

use aigw_gateway::Recorded;
use aigw_shared::fault::Kind;
use aigw_tests::raw::{Answer, Raw};
use aigw_tests::scene::Scene;

/// What follows a refused request in the same write, and must never be read as one.
const SMUGGLED: &str = "GET /openai/v1/models?smuggled HTTP/1.1\r\nhost: {host}\r\nx-api-key: {key}\r\n\r\n";

/// A well-formed request with a key and these further lines.
pub fn get(lines: &str) -> String {
    format!("GET /openai/v1/models HTTP/1.1\r\nhost: {{host}}\r\nx-api-key: {{key}}\r\n{lines}\r\n")
}

/// A well-formed request for this path with a key.
pub fn get_path(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: {{host}}\r\nx-api-key: {{key}}\r\n\r\n")
}

/// The bytes that a text stands for: `{host}`, `{port}`, `{key}`, a key that is `{wrong}`, and the deployment's
/// `{token}` are put in, and a letter up to U+00FF is one byte.
pub fn bytes(scene: &Scene, text: &str) -> Vec<u8> {
    let text = text
        .replace("{host}", scene.address())
        .replace("{port}", &scene.daemon.port.to_string())
        .replace("{key}", &scene.key)
        .replace("{wrong}", &wrong(&scene.key))
        .replace("{token}", &scene.token);
    text.chars().map(|letter| u8::try_from(u32::from(letter)).expect("one byte")).collect()
}

/// A key of the right form that was never given out.
pub fn wrong(key: &str) -> String {
    let at = key.len() - 20;
    let other = if key.as_bytes()[at] == b'A' { "B" } else { "A" };
    format!("{}{other}{}", &key[..at], &key[at + 1..])
}

/// A request that stops here: the failure's name and the rule that it names, in the dialect of its route.
pub fn stops(scene: &Scene, sent: &str, status: u16, error: &str, rule: &str) -> Answer {
    scene.gateway.forget_requests();
    let mut raw = Raw::connect(scene.address());
    raw.send([bytes(scene, sent), bytes(scene, SMUGGLED)].concat());
    let answer = raw.answer_to(sent.split(' ').next().unwrap_or_default());

    assert_eq!((answer.status, answer.error()), (status, Some(error)), "{sent:?} {}", answer.text());
    reveals_nothing(scene, sent, &answer);
    let said = answer.json();
    let anthropic = sent.contains("/anthropic") || sent.contains("/messages");
    assert_eq!(said["type"] == "error", anthropic, "{sent:?} {said}");
    assert!(said["error"]["type"].is_string(), "{sent:?} {said}");
    assert!(anthropic || said["error"]["code"] == error, "{sent:?} {said}");
    let message = said["error"]["message"].as_str().expect("a message");
    assert!(message.starts_with("aigw: ") && message.contains(rule), "{sent:?} {message}");
    assert!(!message.contains('\n'), "{message}");
    let kind = Kind::ALL.iter().find(|kind| kind.face().code == error).expect("a failure of the list");
    assert!(!kind.face().cure.contains('`') || message.contains("`aigwctl "), "{sent:?} {message}");

    assert_eq!(answer.field("connection"), Some("close"), "{sent:?}");
    ends(&mut raw, sent);
    assert!(scene.gateway.requests().is_empty(), "{sent:?} {:#?}", scene.gateway.requests());
    next_is_fine(scene, sent);
    answer
}

/// A request whose head makes no sense: hyper refuses it, with one of these, before it is a request. No tool sends
/// such, so the answer has no words.
pub fn malformed(scene: &Scene, sent: &str, statuses: &[u16]) {
    scene.gateway.forget_requests();
    let mut raw = Raw::connect(scene.address());
    raw.send(bytes(scene, sent));
    let answer = raw.answer();
    assert!(statuses.contains(&answer.status), "{sent:?} {answer:?}");
    reveals_nothing(scene, sent, &answer);
    ends(&mut raw, sent);
    assert!(scene.gateway.requests().is_empty(), "{sent:?} {:#?}", scene.gateway.requests());
    next_is_fine(scene, sent);
}

/// A request that comes to the gateway, once, with our token and without any key; what the gateway saw of it is
/// returned.
pub fn passes(scene: &Scene, sent: &str) -> Recorded {
    scene.gateway.forget_requests();
    let mut raw = Raw::connect(scene.address());
    raw.send(bytes(scene, sent));
    let answer = raw.answer_to(sent.split(' ').next().unwrap_or_default());
    assert_eq!((answer.status, answer.error()), (200, None), "{sent:?} {}", answer.text());
    reveals_nothing(scene, sent, &answer);
    let seen = scene.gateway.requests();
    assert_eq!(seen.len(), 1, "{sent:?} {seen:#?}");
    let seen = seen[0].clone();
    assert_eq!(seen.headers("authorization"), [format!("Bearer {}", scene.token)], "{sent:?}");
    let told = format!("{} {:?} {}", seen.target, seen.headers, seen.body_text());
    assert!(!told.contains("aigw_"), "{sent:?} {told}");
    next_is_fine(scene, sent);
    seen
}

/// The path and query below the deployment's own prefix, where nothing but a provider's route may be.
pub fn below_prefix(seen: &Recorded) -> &str {
    let prefixes = ["/api/v2/ai-gateway", "/api/v2/aibridge"];
    prefixes.iter().find_map(|prefix| seen.target.strip_prefix(prefix)).expect("the prefix")
}

/// What the gateway was told besides its own address and our token, in order.
pub fn told(seen: &Recorded) -> Vec<String> {
    let ours = ["host", ":authority", "authorization", "x-aigw-loop"];
    let lines = seen.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
    lines
        .filter(|(name, _)| !ours.contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {value}"))
        .collect()
}

/// The connection was closed, in order, and nothing more was said.
pub fn ends(raw: &mut Raw, sent: &str) {
    let mut rest = Vec::new();
    let end = raw.stream().read_to_end(&mut rest);
    assert!(end.is_ok() && rest.is_empty(), "{sent:?} {end:?} {}", String::from_utf8_lossy(&rest));
}

/// A request on a fresh connection is served, and is the next thing that the gateway sees.
pub fn next_is_fine(scene: &Scene, after: &str) {
    let before = scene.gateway.requests().len();
    let answer = scene.get("/openai/v1/models?next", &[]);
    assert_eq!(answer.status, 200, "after {after:?}: {}", answer.text());
    let seen = scene.gateway.requests();
    assert_eq!(seen.len(), before + 1, "after {after:?}: {seen:#?}");
    assert!(seen[before].target.ends_with("/openai/v1/models?next"), "after {after:?}");
}

/// Neither a secret nor an invitation to web pages.
fn reveals_nothing(scene: &Scene, sent: &str, answer: &Answer) {
    let whole = format!("{:?} {}", answer.fields, answer.text());
    assert!(!answer.fields.iter().any(|(name, _)| name.starts_with("access-control-")), "{sent:?} {whole}");
    for secret in [&scene.key, &scene.token, &wrong(&scene.key)] {
        assert!(!whole.contains(secret.as_str()), "{sent:?} {whole}");
    }
}
