//! `kill -9` in the middle: the next run, of either kind, leaves a whole.

use std::path::Path;

use crate::desk::{Desk, Made, same};

/// Kills `aigwctl` before or after the real work, once.
fn deadly(desk: &Desk, after: bool) {
    let real = "/usr/sbin/update-ca-certificates \"$@\"";
    let work = if after { real } else { "true" };
    desk.first_in_path(
        "update-ca-certificates",
        &format!(
            "#!/bin/sh\n[ -e '{0}' ] || exec {real}\nrm '{0}'\n{work}\nkill -9 $PPID\n",
            desk.text("deadly")
        ),
    );
}

fn killed(desk: &Desk, words: &[&str]) {
    std::fs::write(desk.path("deadly"), "").unwrap();
    let output = desk.ctl(None, words);
    assert!(
        !output.status.success() && !Path::new(&desk.path("deadly")).exists(),
        "{words:?} was not killed"
    );
    assert!(desk.path("var-lib/aigw/trust/journal.json").exists());
}

fn install(root: &Made) -> [&str; 6] {
    ["ca", "install", "--store", "system", "--root-cert", &root.certificate]
}

#[test]
fn an_interrupted_run_is_completed_by_the_next_whichever_it_is() {
    let desk = Desk::new();
    let root = desk.root("root");
    let before = desk.snapshot(&["ssl", "local"]);
    const UNINSTALL: [&str; 2] = ["ca", "uninstall"];
    for after in [false, true] {
        deadly(&desk, after);
        // Installing, and then installing or uninstalling.
        killed(&desk, &install(&root));
        let output = desk.ctl(None, &install(&root));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.contains("cut short"), "{said}");
        assert!(desk.is_trusted(&root), "after: {after}");

        killed(&desk, &UNINSTALL);
        assert!(desk.ctl(None, &UNINSTALL).status.success());
        assert!(!desk.is_trusted(&root), "after: {after}");
        same(&desk.snapshot(&["ssl", "local"]), &before);

        killed(&desk, &install(&root));
        assert!(desk.ctl(None, &UNINSTALL).status.success());
        same(&desk.snapshot(&["ssl", "local"]), &before);

        assert!(desk.ctl(None, &install(&root)).status.success());
        killed(&desk, &UNINSTALL);
        assert!(desk.ctl(None, &install(&root)).status.success());
        assert!(desk.is_trusted(&root), "after: {after}");
        assert!(desk.ctl(None, &UNINSTALL).status.success());
        same(&desk.snapshot(&["ssl", "local"]), &before);
        assert!(!desk.path("var-lib/aigw/trust").exists());
    }
}

#[test]
fn a_dry_run_tells_of_it_and_touches_nothing() {
    let desk = Desk::new();
    let root = desk.root("root");
    deadly(&desk, false);
    killed(&desk, &install(&root));
    let before = desk.everything();
    let output = desk.ctl(None, &["ca", "uninstall", "--dry-run"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("the next run completes it first"));
    same(&desk.everything(), &before);
}
