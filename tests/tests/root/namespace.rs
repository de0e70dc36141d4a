//! User namespaces in which root has no number: there root's files seem to be the overflow user's.

use std::time::Duration;

use aigw_gateway::{Practice, Setup};
use aigw_tests::raw::{exchange, post};

use crate::policy::{MOUNT, write};
use crate::programs::OWNER;
use crate::stage::{How, Stage, give};
use crate::{HELLO, MESSAGES};

/// The first has a table without a line for 0, the second no table at all.
const NAMESPACES: [&str; 2] = ["--map-user=1000", ""];

/// Status and failure of a request, under a policy that belongs to this user.
async fn under_policy_of(owner: u32, flags: &'static str) -> (u16, Option<String>) {
    let gateway = Practice::start(Setup::default()).await.unwrap();
    let mut stage = Stage::new(&How { user: Some(OWNER), mounts: MOUNT, user_namespace: Some(flags) });
    write(&stage, &format!("[gateway.default]\nurl = \"{}\"\n", gateway.url()));
    let folder = stage.folder().join("etc/aigw");
    [&folder, &folder.join("policy.toml")].iter().for_each(|path| give(path, owner));
    let users = stage.folder().join("users");
    std::fs::create_dir(&users).unwrap();
    std::fs::write(users.join("policy.toml"), "[listen]\nshare = true\n").unwrap();
    [&users, &users.join("policy.toml")].iter().for_each(|path| give(path, OWNER));
    let secret = stage.machine.home().join("secret");
    std::fs::write(&secret, [7; 32]).unwrap();
    give(&secret, OWNER);
    stage.machine.set("AIGW_KEY_FILE", secret.to_str().unwrap());
    stage.machine.set("AIGW_URL", &gateway.url());
    stage.machine.set("AIGW_TOKEN", &gateway.issue_token("ada", Duration::from_secs(3600)));
    // The socket's peers have other numbers in there, so the port says when it is ready.
    let port = aigw_tests::port::reserved();
    let mut child = stage.machine.aigwd(&["run", "--port", &port.to_string()]).spawn().unwrap();
    let address = format!("127.0.0.1:{port}");
    aigw_tests::eventually::eventually("it listens", || std::net::TcpStream::connect(&address).ok());
    let derived = stage.machine.ctl(&["keys", "derive", "env", "--secret-file", secret.to_str().unwrap()]);
    let key = String::from_utf8(derived.stdout).unwrap().trim().to_owned();
    let answer = exchange(&address, post(&address, MESSAGES, &key, &[], HELLO));
    child.kill().unwrap();
    child.wait().unwrap();
    (answer.status, answer.error().map(str::to_owned))
}

#[tokio::test(flavor = "multi_thread")]
async fn where_root_has_no_number_the_overflow_users_policy_is_roots() {
    for flags in NAMESPACES {
        assert_eq!(under_policy_of(0, flags).await, (200, None), "unshare -U {flags}");
    }
}

/// Our own file seems to be the overflow user's where we have no number either.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_we_can_write_is_not_roots_whatever_its_number_seems_to_be() {
    for flags in NAMESPACES {
        let refused = (403, Some("policy-unreadable".to_owned()));
        assert_eq!(under_policy_of(OWNER, flags).await, refused, "unshare -U {flags}");
    }
}

/// Whoever is root in a namespace of his own may mount what he likes there; from a second one, it is his again.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_user_mounts_over_the_policy_is_his() {
    const MOUNTED: &str = "-r -m env FOLDER=\"$FOLDER\" sh -c \
         'mount --bind \"$FOLDER/users\" /etc/aigw && exec unshare -U --map-user=1000 \"$@\"' sh";
    assert_eq!(under_policy_of(0, MOUNTED).await, (403, Some("policy-unreadable".to_owned())));
}
