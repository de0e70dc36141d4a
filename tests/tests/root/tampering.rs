//! What a user may try so as to put another policy in the place of the administrator's, or to hide it: none of it has an effect.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use aigw_gateway::{Practice, Setup};
use aigw_tests::raw::{exchange, post};

use crate::policy::{MOUNT, write};
use crate::programs::OWNER;
use crate::stage::{How, Stage, give, mode};
use crate::{HELLO, MESSAGES};

/// A policy of the user's own, of the kind that would open what the real one closes.
const OWN: &str = "[tunnel]\nports = []\n";
const REAL: &str = "[tunnel]\nports = [443]\n";

type Trick = fn(&Path);

/// Somebody (or a careless installer) has put these into `/etc/aigw`; `$FOLDER` is the one beside it that is the user's.
const PLANTED: [(&str, Trick); 6] = [
    ("the file is a link to the user's", |folder| {
        replace(folder, |policy| symlink(folder.join("users/policy.toml"), policy).unwrap());
    }),
    ("the file is a hard link to the user's", |folder| {
        replace(folder, |policy| fs::hard_link(folder.join("users/policy.toml"), policy).unwrap());
    }),
    ("the file leads nowhere", |folder| {
        replace(folder, |policy| symlink(folder.join("users/nothing"), policy).unwrap());
    }),
    ("the file is root's, in a folder of the user's", |folder| {
        fs::write(folder.join("users/roots.toml"), OWN).unwrap();
        mode(&folder.join("users/roots.toml"), 0o644);
        replace(folder, |policy| symlink(folder.join("users/roots.toml"), policy).unwrap());
    }),
    ("the file is a folder", |folder| replace(folder, |policy| fs::create_dir(policy).unwrap())),
    ("the folder is a link to the user's", |folder| {
        let aigw = folder.join("etc/aigw");
        fs::rename(&aigw, folder.join("etc/away")).unwrap();
        symlink(folder.join("users"), aigw).unwrap();
    }),
];

fn replace(folder: &Path, with: impl Fn(&Path)) {
    let policy = folder.join("etc/aigw/policy.toml");
    fs::remove_file(&policy).unwrap();
    with(&policy);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_planted_in_its_place_is_not_believed() {
    let gateway = Practice::start(Setup::default()).await.unwrap();
    for (what, plant) in PLANTED {
        let stage = Stage::new(&How { user: Some(OWNER), mounts: MOUNT, ..How::default() });
        write(&stage, REAL);
        let users = stage.folder().join("users");
        fs::create_dir(&users).unwrap();
        fs::write(users.join("policy.toml"), OWN).unwrap();
        [&users, &users.join("policy.toml")].iter().for_each(|path| give(path, OWNER));
        mode(&users.join("policy.toml"), 0o644);
        let daemon = stage.machine.start();
        stage.machine.log_in(&gateway);
        let key = stage.machine.key("env");
        let ask = || exchange(&daemon.address, post(&daemon.address, MESSAGES, &key, &[], HELLO));
        assert_eq!(ask().status, 200);
        plant(stage.folder());
        stage.machine.ctl(&["reload"]);
        let answer = ask();
        assert_eq!(
            (answer.status, answer.error()),
            (403, Some("policy-unreadable")),
            "{what}: {}",
            answer.text()
        );
        assert!(stage.machine.ctl(&["config", "show"]).status.success(), "{what}: control works");
    }
}

/// A policy that the administrator keeps elsewhere, and leads to by a link of root's, is one.
#[tokio::test(flavor = "multi_thread")]
async fn roots_own_link_is_followed() {
    let stage = Stage::new(&How { user: Some(OWNER), mounts: MOUNT, ..How::default() });
    write(&stage, REAL);
    let elsewhere = stage.folder().join("etc/managed");
    fs::create_dir(&elsewhere).unwrap();
    fs::rename(stage.folder().join("etc/aigw/policy.toml"), elsewhere.join("aigw.toml")).unwrap();
    mode(&elsewhere, 0o755);
    symlink("../managed/aigw.toml", stage.folder().join("etc/aigw/policy.toml")).unwrap();
    let _daemon = stage.machine.start();
    assert!(ports(&stage).starts_with("443 policy"), "{}", ports(&stage));
}

/// Neither folders of ours, nor variables, nor flags, nor files in the places where others are looked for.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_user_says_hides_it() {
    for mode_of_folder in [0o755, 0o700] {
        let mut stage = Stage::new(&How { user: Some(OWNER), mounts: MOUNT, ..How::default() });
        write(&stage, REAL);
        let home = stage.machine.home().to_owned();
        for place in ["etc/aigw", "config", "state", "."] {
            fs::create_dir_all(home.join(place)).unwrap();
            fs::write(home.join(place).join("policy.toml"), OWN).unwrap();
        }
        stage.machine.configure(OWN);
        for (name, value) in [
            ("AIGW_TUNNEL_PORTS", "80"),
            ("XDG_CONFIG_HOME", home.to_str().unwrap()),
            ("XDG_CONFIG_DIRS", home.to_str().unwrap()),
            ("XDG_STATE_HOME", home.to_str().unwrap()),
        ] {
            stage.machine.set(name, value);
        }
        let give_all = std::process::Command::new("chown")
            .args(["-R", &format!("{OWNER}:{OWNER}"), home.to_str().unwrap()])
            .status();
        assert!(give_all.unwrap().success());
        // A folder that the user cannot enter hides nothing either: what cannot be read is not the same as nothing.
        mode(&stage.folder().join("etc/aigw"), mode_of_folder);
        let _daemon = stage.machine.start();
        match mode_of_folder {
            0o755 => assert!(ports(&stage).starts_with("443 policy"), "{}", ports(&stage)),
            _ => assert!(stage.machine.findings().contains(&"policy-unreadable".to_owned())),
        }
    }
}

/// The ports that tunnels may go to, and who says so.
fn ports(stage: &Stage) -> String {
    let shown = stage.machine.ask(&["config", "show"]);
    let rows = shown["settings"].as_array().unwrap();
    let row = rows.iter().find(|row| row["key"] == "tunnel.ports").unwrap();
    format!("{} {}", row["value"].as_str().unwrap(), row["origin"].as_str().unwrap())
}
