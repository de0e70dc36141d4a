//! Mixed load for as long as is asked for, while the gateway restarts, cuts and goes away, tokens are replaced and settings
//! are read again. Told and judged are growth, streams that are stuck, requests that were lost or counted twice.
//!
//! A few seconds of it are in the ordinary suite; `AIGW_SOAK_S` asks for more (`.ci/full soak`).

#![cfg(target_os = "linux")]
// Clippy's setting for tests covers test functions only, not what they share.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use aigw_gateway::{Ending, Setup};
use aigw_tests::eventually::eventually;
use aigw_tests::live::Live;
use aigw_tests::machine;
use aigw_tests::machine::told;
use aigw_tests::scene::Scene;

const PATH: &str = "/anthropic/v1/messages";
/// How long, in seconds, unless `AIGW_SOAK_S` says otherwise.
const SHORT: u64 = 6;
/// How much larger the daemon may be in the last fifth of the time than in the second.
const GROWTH: u64 = 8 << 20;
/// Between two troubles.
const CALM: Duration = Duration::from_millis(700);

/// What came of everything.
#[derive(Debug, Default)]
struct Count {
    requests: AtomicU64,
    /// Answers that told of an outage: our own 502 and 503.
    outages: AtomicU64,
    streams: AtomicU64,
    /// Streams that were visibly cut, as an outage does.
    cut: AtomicU64,
    tunnels: AtomicU64,
    tunnelled: AtomicU64,
    restarts: AtomicU64,
    rotations: AtomicU64,
}

/// One request, by a mark in its body.
fn message(mark: u64, stream: bool) -> String {
    format!(
        r#"{{"model":"claude-sonnet-4-5","max_tokens":10,"stream":{stream},"metadata":{{"user_id":"mark-{mark}-"}},"messages":[{{"role":"user","content":"hi"}}]}}"#
    )
}

/// Small requests, one after another. The mark and status of each that had an answer.
fn ask(scene: &Scene, marks: &AtomicU64, count: &Count, over: &AtomicBool) -> Vec<(u64, u16)> {
    let mut answered = Vec::new();
    while !over.load(Relaxed) {
        let mark = marks.fetch_add(1, Relaxed);
        let answer = scene.post(PATH, &[], &message(mark, false));
        count.requests.fetch_add(1, Relaxed);
        if answer.status != 200 {
            let ours = matches!(answer.status, 502 | 503) && answer.error().is_some();
            assert!(ours, "{} {}\n{}", answer.status, answer.text(), scene.machine.log());
            count.outages.fetch_add(1, Relaxed);
        }
        answered.push((mark, answer.status));
    }
    answered
}

/// Streams that last a while. Each ends whole, or is visibly cut.
fn stream(scene: &Scene, marks: &AtomicU64, count: &Count, over: &AtomicBool) -> Vec<(u64, u16)> {
    let mut answered = Vec::new();
    while !over.load(Relaxed) {
        let mark = marks.fetch_add(1, Relaxed);
        let mut live = Live::of(scene.begin(PATH, &[], &message(mark, true)));
        let status = live.head.status;
        count.streams.fetch_add(1, Relaxed);
        if status == 200 && !live.ends_well() {
            count.cut.fetch_add(1, Relaxed);
        }
        answered.push((mark, status));
    }
    answered
}

/// Bytes to a host that sends them back, which must be the same.
fn tunnel(scene: &Scene, host: &str, count: &Count, over: &AtomicBool) {
    let mut seed = 1_u64;
    while !over.load(Relaxed) {
        let mut stream = scene.tunnel(host).unwrap().into_stream();
        let sent: Vec<u8> = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as u8
        })
        .take(200_000)
        .collect();
        let mut reading = stream.try_clone().unwrap();
        let reader = std::thread::spawn(move || {
            let mut back = Vec::new();
            reading.read_to_end(&mut back).unwrap();
            back
        });
        stream.write_all(&sent).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert!(reader.join().unwrap() == sent, "a tunnel changed what passed");
        count.tunnels.fetch_add(1, Relaxed);
        count.tunnelled.fetch_add(2 * sent.len() as u64, Relaxed);
    }
}

/// A host that sends back what it gets.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut back = stream.try_clone().unwrap();
                let _ = std::io::copy(&mut stream, &mut back);
                let _ = back.shutdown(Shutdown::Write);
            });
        }
    });
    address
}

/// Resident memory in bytes, and open files.
fn size(pid: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the daemon lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its size");
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().expect("a number");
    // The daemon hides from its own user: only root counts its files.
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |files| files.count() as u64);
    (kilobytes * 1024, files)
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values[values.len() / 2]
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_and_trouble_nothing_grows_or_is_stuck_lost_or_sent_twice() {
    let length = std::env::var("AIGW_SOAK_S").ok().and_then(|text| text.parse().ok()).unwrap_or(SHORT);
    let mut machine = machine!();
    machine.log_level("warn");
    machine.configure("[gateway.default]\nwait_s = 1\n");
    let mut setup = Setup { tls: true, ..Setup::default() };
    setup.behaviour.stream.gap = Duration::from_millis(20);
    setup.behaviour.stream.ending = Ending::Complete;
    let scene = Scene::set(machine, setup).await;
    let host = echo();
    let pid = scene.daemon.pid();
    let idle = size(pid);
    let (count, over, marks) = (Count::default(), AtomicBool::new(false), AtomicU64::new(1));
    let runtime = tokio::runtime::Handle::current();
    let begun = Instant::now();
    let end = begun + Duration::from_secs(length);
    let mut taken: BTreeMap<u64, u64> = BTreeMap::new();
    let mut sizes = Vec::new();

    let answered: Vec<(u64, u16)> = std::thread::scope(|scope| {
        let mut askers = Vec::new();
        for _ in 0..3 {
            askers.push(scope.spawn(|| ask(&scene, &marks, &count, &over)));
        }
        for _ in 0..3 {
            askers.push(scope.spawn(|| stream(&scene, &marks, &count, &over)));
        }
        for _ in 0..2 {
            scope.spawn(|| tunnel(&scene, &host, &count, &over));
        }
        let mut turn = 0_u64;
        while Instant::now() < end {
            std::thread::sleep(CALM);
            match turn % 5 {
                0 => {
                    runtime.block_on(scene.gateway.restart()).unwrap();
                    count.restarts.fetch_add(1, Relaxed);
                }
                1 => {
                    let output = scene.machine.ctl(&["login", "--renew"]);
                    assert!(output.status.success(), "{}", told(&output));
                    count.rotations.fetch_add(1, Relaxed);
                }
                2 => scene.gateway.close_connections(),
                3 => {
                    runtime.block_on(scene.gateway.stop());
                    std::thread::sleep(CALM);
                    runtime.block_on(scene.gateway.restart()).unwrap();
                }
                _ => assert!(scene.machine.ctl(&["reload"]).status.success()),
            }
            turn += 1;
            sizes.push(size(pid));
            // Written down here, so that the gateway's record does not grow with the hours. What is under way stays in it.
            if turn % 20 == 0 {
                settle(&scene, &mut taken);
            }
        }
        over.store(true, Relaxed);
        askers.into_iter().flat_map(|asker| asker.join().unwrap()).collect()
    });
    // What the last troubles cut is over soon.
    eventually("the gateway has nothing under way", || {
        settle(&scene, &mut taken);
        scene.gateway.provider_requests().is_empty().then_some(())
    });

    let took = begun.elapsed().as_secs();
    println!("{took} s: {count:?}");
    for (mark, status) in &answered {
        let times = taken.get(mark).copied().unwrap_or(0);
        assert!(times <= 1, "request {mark} ({status}) reached the gateway {times} times");
        assert!(*status != 200 || times == 1, "request {mark} was answered and never reached the gateway");
    }
    assert!(count.requests.load(Relaxed) > 50 * length, "{count:?}");
    assert!(count.tunnels.load(Relaxed) > length, "{count:?}");
    assert!(count.streams.load(Relaxed) > length, "{count:?}");

    let fifth = sizes.len() / 5;
    let rss = |part: &[(u64, u64)]| median(part.iter().map(|(rss, _)| *rss).collect());
    if fifth > 0 {
        let (early, late) = (rss(&sizes[fifth..2 * fifth]), rss(&sizes[4 * fifth..]));
        println!("resident: {early} then {late} bytes; idle before {}", idle.0);
        assert!(late < early + GROWTH, "the daemon grows: {early} then {late} bytes");
    }
    let after = eventually("its files are closed", || {
        let now = size(pid);
        (now.1 <= idle.1 + 8).then_some(now)
    });
    println!("idle: {} files and {} bytes before, {} and {} after", idle.1, idle.0, after.1, after.0);
    let status = scene.machine.ask(&["status"]);
    assert_eq!(scene.post(PATH, &[], &message(0, false)).status, 200, "{status}");
}

/// Counts what reached the gateway, and has it forget that.
fn settle(scene: &Scene, taken: &mut BTreeMap<u64, u64>) {
    for request in scene.gateway.take_requests() {
        let body = request.body_text();
        // Others are the daemon's own, about tokens.
        let mark = body.split("mark-").nth(1).and_then(|rest| rest.split('-').next()?.parse().ok());
        if let Some(mark) = mark {
            *taken.entry(mark).or_default() += 1;
        }
    }
}
