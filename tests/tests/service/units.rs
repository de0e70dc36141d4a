//! The units before systemd's own judges.

use aigw_tests::host::{ADA, BOB, ROOT};
use aigw_tests::machine::told;

use crate::host;

#[test]
fn verify_has_nothing_to_say() {
    let host = host(&[ADA]);
    host.ok(ADA, "aigwctl service install");
    host.ok(ROOT, &format!("aigwctl service install --system {}", BOB.name));
    let folder = ".config/systemd/user";
    for (user, words) in [
        (ADA, format!("--user verify {folder}/aigwd.service {folder}/aigwd.socket")),
        (ROOT, "verify /etc/systemd/system/aigwd@.service".to_owned()),
        (ROOT, "verify /etc/systemd/system/aigwd@bob.service".to_owned()),
    ] {
        // It returns 0 for a key that it does not know, and prints a line.
        let output = host.sh(user, &format!("systemd-analyze --man=no {words}"));
        assert!(output.status.success(), "{words}: {}", told(&output));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{words}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{words}");
    }
    // The check itself can fail.
    host.ok(
        ADA,
        &format!(
            "sed 's/^Backlog/Backlogg/' {folder}/aigwd.socket >/tmp/odd.socket && touch /tmp/odd.service"
        ),
    );
    let odd = told(&host.sh(ADA, "systemd-analyze --man=no --user verify /tmp/odd.socket"));
    assert!(odd.contains("Backlogg"), "{odd}");
}

#[test]
fn the_template_exposes_little() {
    let host = host(&[]);
    host.ok(ROOT, "aigwctl service install --system bob");
    let unit = "/etc/systemd/system/aigwd@.service";
    let judge =
        |unit: &str| host.sh(ROOT, &format!("systemd-analyze security --offline=true --threshold=25 {unit}"));
    let output = judge(unit);
    assert!(output.status.success(), "{}", told(&output));
    host.ok(
        ROOT,
        &format!(
            "sed /^RestrictNamespaces/d {unit} >/tmp/aigwd@.service; sed -i /^Protect/d /tmp/aigwd@.service"
        ),
    );
    assert!(!judge("/tmp/aigwd@.service").status.success());
}
