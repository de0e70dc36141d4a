//! Handing over under a real user's systemd, which is told who its main process is.

use std::io::Write;
use std::time::{Duration, Instant};

use aigw_gateway::{Practice, Setup};
use aigw_tests::eventually::eventually;
use aigw_tests::host::ADA;
use aigw_tests::load;

use crate::{installed, pid, within};

/// Handovers of the test in the ordinary suite; `AIGW_HANDOVERS` asks for more.
fn rounds() -> u32 {
    std::env::var("AIGW_HANDOVERS").ok().and_then(|text| text.parse().ok()).unwrap_or(5)
}

#[test]
fn nothing_is_refused_and_nothing_breaks_under_systemd_however_often_it_hands_over() {
    const PORT: &str = "127.0.0.1:2449";
    let (host, first) = installed();
    within(&host, async {
        let gateway = Practice::start(Setup { tls: false, ..load::setup() }).await.unwrap();
        let token = gateway.issue_token("ada", Duration::from_secs(86_400));
        host.ok(ADA, &format!("printf %s {token} | aigwctl login {} --token-stdin", gateway.url()));
        let env: serde_json::Value =
            serde_json::from_str(&host.ok(ADA, "aigwctl env --key env --json")).unwrap();
        let key = env["ANTHROPIC_AUTH_TOKEN"].as_str().unwrap();
        let invocation = host.property(ADA, "aigwd.service", "InvocationID");
        let begun = Instant::now();
        let (tally, pids) = load::during(PORT, key, |tally| {
            let mut pids = vec![first];
            for _ in 0..rounds() {
                let told: serde_json::Value =
                    serde_json::from_str(&host.ok(ADA, "aigwctl service restart --json")).unwrap();
                assert_eq!(told["handed_over"], true, "{told}");
                let heir = u32::try_from(told["to"]["pid"].as_u64().unwrap()).unwrap();
                assert!(!pids.contains(&heir));
                pids.push(heir);
                eventually("systemd knows", || (pid(&host, ADA) == heir).then_some(()));
                let before = tally.small();
                eventually("requests go on", || (tally.small() > before + 1).then_some(()));
            }
            pids
        });
        let took = begun.elapsed();
        writeln!(std::io::stderr(), "{} handovers under systemd in {took:.1?}: {tally}", rounds()).unwrap();
        tally.is_well();
        // It is one and the same run of the service for systemd, with one process in the end.
        assert_eq!(host.property(ADA, "aigwd.service", "InvocationID"), invocation);
        assert_eq!(host.property(ADA, "aigwd.service", "NRestarts"), "0");
        eventually("one process is left", || (host.ok(ADA, "pgrep -xc aigwd") == "1").then_some(()));
        assert_eq!(pid(&host, ADA), *pids.last().unwrap());
        // And systemd ends the one that it was told of.
        host.ok(ADA, "systemctl --user stop aigwd.service");
        assert!(!host.sh(ADA, "pgrep -x aigwd").status.success());
    });
}
