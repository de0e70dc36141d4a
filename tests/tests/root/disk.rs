//! A full disk: a login fails cleanly, and the old one goes on.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aigw_gateway::{Practice, Setup};
use aigw_tests::machine::told;
use aigw_tests::raw::{exchange, post};

use crate::stage::{How, Stage};
use crate::{HELLO, MESSAGES};

const SMALL_STATE: &str =
    "mkdir -p -m 700 \"$AIGW_HOME/state\" && mount -t tmpfs -o size=64k,mode=700 state \"$AIGW_HOME/state\"";
const SMALL_HOME: &str = "for part in state config; do mkdir -p -m 700 \"$AIGW_HOME/$part\"
mount -t tmpfs -o size=64k,mode=700 $part \"$AIGW_HOME/$part\"; done";

/// Writes until nothing more fits.
fn fill(folder: &Path) {
    let mut file = fs::File::create(folder.join("filler")).unwrap();
    for size in [4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_on_a_full_disk_fails_and_the_old_one_goes_on() {
    for (mounts, parts) in [(SMALL_STATE, &["state"][..]), (SMALL_HOME, &["state", "config"][..])] {
        let (first, second) = (
            Practice::start(Setup::default()).await.unwrap(),
            Practice::start(Setup::default()).await.unwrap(),
        );
        let stage = Stage::new(&How { mounts, ..How::default() });
        let daemon = stage.machine.start();
        stage.machine.log_in(&first);
        let key = stage.machine.key("env");
        let ask = || exchange(&daemon.address, post(&daemon.address, MESSAGES, &key, &[], HELLO));
        assert_eq!(ask().status, 200);
        // As the daemon sees it.
        let home = format!("/proc/{}/root{}", daemon.pid(), stage.machine.home().display());
        let folders: Vec<PathBuf> =
            parts.iter().map(|part| PathBuf::from(format!("{home}/{part}"))).collect();
        let login = || fs::read(format!("{home}/state/credentials/default.json")).unwrap();
        let before = login();
        folders.iter().for_each(|folder| fill(folder));

        for gateway in [&first, &second] {
            let token = gateway.issue_token("ada", Duration::from_secs(3600));
            let output = stage.machine.log_in_with(gateway, &token, &[]);
            assert_eq!(output.status.code(), Some(1), "{}", told(&output));
            assert_eq!(login(), before, "{mounts}");
            assert_eq!(ask().status, 200, "{mounts}");
            // Nor is it lost at the next reading of the settings.
            stage.machine.ctl(&["reload"]);
            assert_eq!(ask().status, 200, "after a failed login at {}: {mounts}", gateway.url());
        }
        let left = fs::read_dir(format!("{home}/state/credentials")).unwrap().count();
        assert_eq!(left, 1, "a half-written file stays");
        for folder in &folders {
            fs::remove_file(folder.join("filler")).unwrap();
        }
        stage.machine.log_in(&second);
        assert_eq!(ask().status, 200);
    }
}
