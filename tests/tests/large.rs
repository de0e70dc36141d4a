//! Bodies of any size pass through the daemon, and it does not grow with them.

use std::io::Read;

use aigw_gateway::{BodyEnd, Setup};
use aigw_tests::machine;
use aigw_tests::raw::{Answer, Raw};
use aigw_tests::scene::Scene;
use sha2::{Digest, Sha256};

const MIB: usize = 1 << 20;

/// What the daemon may grow by, whatever passes.
const GROWTH: u64 = 8 << 20;

/// A scene in which nothing is written down that a user would not have written down.
async fn quiet_scene(setup: Setup) -> Scene {
    let mut machine = machine!();
    machine.log_level("info");
    Scene::set(machine, setup).await
}

/// A request that is as long as this, and JSON.
fn body(length: usize) -> Vec<u8> {
    const HEAD: &[u8] =
        br#"{"model":"claude-sonnet-4-5","max_tokens":10,"messages":[{"role":"user","content":""#;
    const TAIL: &[u8] = br#""}]}"#;
    // No two stretches of it are the same, so that none can stand in for another.
    let middle = (0_u32..).flat_map(|number| format!("{number:08x}").into_bytes());
    let middle = middle.take(length - HEAD.len() - TAIL.len());
    HEAD.iter().copied().chain(middle).chain(TAIL.iter().copied()).collect()
}

fn post(scene: &Scene, body: &[u8]) -> Answer {
    let (address, key) = (scene.address(), &scene.key);
    let mut raw = Raw::connect(address);
    raw.send(format!(
        "POST /anthropic/v1/messages HTTP/1.1\r\nhost: {address}\r\nx-api-key: {key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    ));
    raw.send(body);
    raw.answer_to("POST")
}

/// Reads an answer of so many bytes without keeping them. Whether all came, and then its end.
fn read_through(scene: &Scene, bytes: usize) -> bool {
    let (address, key) = (scene.address(), &scene.key);
    let mut raw = Raw::connect(address);
    raw.send(format!(
        "GET /anthropic/v1/models/bulk?bytes={bytes} HTTP/1.1\r\nhost: {address}\r\nx-api-key: {key}\r\nconnection: close\r\n\r\n"
    ));
    let (head, mut piece) = raw.head();
    assert_eq!(head.status, 200);
    assert_eq!(head.field("transfer-encoding"), Some("chunked"));
    let mut buffer = vec![0; 256 * 1024];
    let (mut came, mut end) = (0, Vec::new());
    loop {
        // No chunk's length has this letter in it.
        came += piece.iter().filter(|byte| **byte == b'x').count();
        end.extend_from_slice(&piece[piece.len().saturating_sub(8)..]);
        end.drain(..end.len().saturating_sub(8));
        match raw.stream().read(&mut buffer).expect("more to come") {
            0 => return came == bytes && end.ends_with(b"\r\n0\r\n\r\n"),
            length => piece = buffer[..length].to_vec(),
        }
    }
}

/// Forgets the largest size that the daemon ever had, and gives its present one.
#[cfg(target_os = "linux")]
fn begin_measuring(scene: &Scene) -> u64 {
    // The daemon hides itself even from its own user; then only root may do this, and the old largest size stands.
    let _ = std::fs::write(format!("/proc/{}/clear_refs", scene.daemon.pid()), "5");
    memory(scene, "VmHWM")
}

/// A line of the daemon's `status`, in bytes.
#[cfg(target_os = "linux")]
fn memory(scene: &Scene, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", scene.daemon.pid())).expect("a process");
    let value = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    let kilobytes = value.and_then(|value| value.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kilobytes.unwrap_or_else(|| panic!("no {line} in {status}")) * 1024
}

/// How much larger the daemon became at its largest. Elsewhere than on Linux nothing is measured.
#[cfg(target_os = "linux")]
fn growth(scene: &Scene, before: u64) -> u64 {
    memory(scene, "VmHWM").saturating_sub(before)
}

#[cfg(not(target_os = "linux"))]
fn begin_measuring(_: &Scene) -> u64 {
    0
}

#[cfg(not(target_os = "linux"))]
fn growth(_: &Scene, _: u64) -> u64 {
    0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_40_mib_arrives_whole_and_the_daemon_stays_small() {
    let scene = quiet_scene(Setup { tls: true, ..Setup::default() }).await;
    scene.gateway.change(|behaviour| behaviour.body_cap = 64 << 20);
    assert_eq!(post(&scene, &body(MIB)).status, 200);
    scene.gateway.forget_requests();

    let sent = body(40 * MIB);
    let before = begin_measuring(&scene);
    let answer = post(&scene, &sent);
    let growth = growth(&scene, before);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = scene.only_request();
    let hash: String = Sha256::digest(&sent).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((seen.body_end, seen.body_len, seen.body_sha256), (BodyEnd::Complete, 40 << 20, hash));
    assert!(growth < GROWTH, "grew by {growth} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_200_mib_comes_whole_and_the_daemon_stays_small() {
    for http2 in [true, false] {
        let scene = quiet_scene(Setup { tls: true, http2, ..Setup::default() }).await;
        assert!(read_through(&scene, MIB));

        let before = begin_measuring(&scene);
        assert!(read_through(&scene, 200 * MIB));
        let growth = growth(&scene, before);
        assert!(growth < GROWTH, "HTTP/2 {http2}: grew by {growth} bytes");
    }
}

/// The daemon has no limit; the gateway has one, and says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_above_the_gateways_limit_brings_the_gateways_words() {
    let scene = quiet_scene(Setup { tls: true, ..Setup::default() }).await;
    let answer = post(&scene, &body(33 * MIB));
    assert_eq!(answer.status, 413, "{}", answer.text());
    let error = &answer.json()["error"];
    assert_eq!(error["type"], "request_too_large");
    assert_eq!(error["message"], "Request body too large. The maximum allowed request body size is 32MiB.");
    assert_eq!(answer.error(), Some("gateway-refused"));
}
