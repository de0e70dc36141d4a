//! Another user of the machine: a port on loopback is open to him, and nothing behind it is.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::channel;
use std::time::Duration;

use aigw_gateway::Setup;
use aigw_shared::ipc::hello::Hello;
use aigw_shared::paths::Paths;
use aigw_tests::eventually::eventually;
use aigw_tests::machine;
use aigw_tests::machine::{Machine, told};
use aigw_tests::raw::{Answer, exchange, post};
use aigw_tests::scene::Scene;

use crate::programs::{OTHER, OWNER, Programs, as_user, need_root};
use crate::talk::{Talk, socket};
use crate::{HELLO, MESSAGES};

fn tls() -> Setup {
    Setup { tls: true, ..Setup::default() }
}

fn hello(scene: &Scene, address: &str) -> Answer {
    exchange(address, post(address, MESSAGES, &scene.key, &[], HELLO))
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_is_refused_even_with_a_right_key_and_the_owner_is_served() {
    need_root();
    let scene = Scene::set(machine!(), tls()).await;
    for address in [scene.address().to_owned(), format!("[::1]:{}", scene.daemon.port)] {
        if TcpStream::connect(&address).is_err() {
            continue;
        }
        let answer = as_user(OTHER, || hello(&scene, &address));
        assert_eq!((answer.status, answer.error()), (403, Some("other-user")), "{}", answer.text());
        assert_eq!(answer.json()["type"], "error", "in the dialect of the route");
        assert_eq!(scene.gateway.provider_requests().len(), 0);
        assert_eq!(hello(&scene, &address).status, 200, "{}", scene.machine.log());
        scene.gateway.forget_requests();
    }
    // Not even the state of the key is told.
    let wrong = post(scene.address(), MESSAGES, "aigw_env_wrong", &[], HELLO);
    let answer = as_user(OTHER, || exchange(scene.address(), wrong));
    assert_eq!(answer.status, 403);
}

/// Whoever the daemon belongs to, root can do what it likes on the machine anyway.
#[tokio::test(flavor = "multi_thread")]
async fn root_counts_as_the_owner_of_another_users_daemon() {
    let programs = Programs::new();
    let mut scene = Scene::set(programs.of_user(OWNER, "exec"), tls()).await;
    let address = scene.address().to_owned();
    assert_eq!(hello(&scene, &address).status, 200, "root");
    assert_eq!(as_user(OWNER, || hello(&scene, &address)).status, 200, "the owner");
    scene.gateway.forget_requests();
    let answer = as_user(OTHER, || hello(&scene, &address));
    assert_eq!((answer.status, answer.error()), (403, Some("other-user")));
    assert_eq!(scene.gateway.provider_requests().len(), 0);
    scene.daemon.signal("TERM");
    assert_eq!(scene.daemon.ended().code(), Some(0));
}

/// A closed socket shows uid 0: that is nobody, not root.
#[tokio::test(flavor = "multi_thread")]
async fn another_user_who_closes_right_after_sending_gets_nothing_through() {
    const ROUNDS: usize = 300;
    need_root();
    let scene = Scene::set(machine!(), tls()).await;
    let request = post(scene.address(), MESSAGES, &scene.key, &[], HELLO);
    let requests = |scene: &Scene| scene.machine.ask(&["status"])["daemon"]["requests"].clone();
    let before = requests(&scene);
    as_user(OTHER, || {
        for round in 0..ROUNDS {
            let mut stream = TcpStream::connect(scene.address()).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            match round % 3 {
                0 => drop(stream),
                1 => stream.shutdown(Shutdown::Both).unwrap(),
                // Gone with a reset, as when a process is killed with unread bytes.
                _ => {
                    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
                    drop(stream);
                }
            }
        }
    });
    // The daemon takes connections in order: when this one is answered, the others were looked at.
    assert_eq!(hello(&scene, scene.address()).status, 200);
    assert_eq!(scene.gateway.provider_requests().len(), 1, "only our own");
    assert_eq!(requests(&scene).as_u64().unwrap(), before.as_u64().unwrap() + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn listen_share_lets_others_in_with_a_key() {
    need_root();
    let machine = machine!();
    machine.configure("[listen]\nshare = true\n");
    let scene = Scene::set(machine, tls()).await;
    assert_eq!(as_user(OTHER, || hello(&scene, scene.address())).status, 200);
    let keyless = post(scene.address(), MESSAGES, "", &[], HELLO);
    let answer = as_user(OTHER, || exchange(scene.address(), keyless));
    assert_eq!((answer.status, answer.error()), (403, Some("key-missing")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_containers_key_lets_in_whoever_has_it() {
    need_root();
    let mut machine = machine!();
    let secret = machine.home().join("secret");
    fs::write(&secret, [9; 32]).unwrap();
    machine.set("AIGW_KEY_FILE", secret.to_str().unwrap());
    let scene = Scene::set(machine, tls()).await;
    assert_eq!(as_user(OTHER, || hello(&scene, scene.address())).status, 200);
}

/// The folder keeps others out; even without it, the daemon asks the kernel who it is before it reads a byte.
#[test]
fn i2_another_user_is_hung_up_on_before_a_byte_is_read() {
    need_root();
    let machine = machine!();
    let daemon = machine.start();
    let path = socket(&machine);
    let connect = || as_user(OTHER, || UnixStream::connect(&path).map(drop));
    assert_eq!(connect().unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);

    let open =
        |path: &std::path::Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    open(machine.home(), 0o755);
    open(path.parent().unwrap(), 0o755);
    open(&path, 0o777);
    as_user(OTHER, || {
        let mut talk = Talk::open(&machine);
        talk.send(Hello::OURS.encode());
        assert_eq!(talk.greeted(), None, "not even a greeting");
        talk.ends_after(0);
    });
    assert_eq!(Talk::begin(&machine).pid(), daemon.pid(), "the owner is served");
    assert!(machine.log().contains("another user tried the control socket"));
}

#[test]
fn i2_root_does_not_speak_for_another_users_daemon() {
    let programs = Programs::new();
    let machine = programs.of_user(OWNER, "exec");
    let _daemon = machine.start();
    let mut talk = Talk::open(&machine);
    talk.send(Hello::OURS.encode());
    assert_eq!(talk.greeted(), None);
}

/// Somebody else who listens where the daemon should be gets no token.
#[test]
fn i6_aigwctl_tells_a_socket_of_another_owner_nothing() {
    let programs = Programs::new();
    for squatter in ["the socket's file", "the listening process", "the folder"] {
        let machine = programs.of_user(OWNER, "exec");
        let home = machine.home();
        let place = Paths::under(home).socket();
        let listen = || UnixListener::bind(&place.address).unwrap();
        let owner = |uid| {
            chown(&place.folder, Some(uid), Some(uid)).unwrap();
            fs::set_permissions(&place.folder, Permissions::from_mode(0o700)).unwrap();
        };
        as_user(OWNER, || place.prepare()).unwrap();
        let listener = match squatter {
            // As root, who may write into any folder, and lets the owner connect.
            "the listening process" => {
                let listener = listen();
                chown(&place.address, Some(OWNER), Some(OWNER)).unwrap();
                listener
            }
            "the folder" => {
                let listener = as_user(OWNER, listen);
                owner(OTHER);
                fs::set_permissions(&place.folder, Permissions::from_mode(0o755)).unwrap();
                listener
            }
            _ => {
                let listener = as_user(OWNER, listen);
                chown(&place.address, Some(OTHER), Some(OTHER)).unwrap();
                listener
            }
        };
        fs::set_permissions(&place.address, Permissions::from_mode(0o666)).unwrap();
        let (heard, bytes) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut all = Vec::new();
                let _ = stream.unwrap().read_to_end(&mut all);
                let _ = heard.send(all);
            }
        });
        let login = ["login", "https://coder.example.com", "--token-stdin"];
        let output = machine.ctl_with_input(&login, "hush-hush\n");
        assert!([Some(1), Some(77)].contains(&output.status.code()), "{squatter}: {}", told(&output));
        let told: Vec<Vec<u8>> = bytes.try_iter().collect();
        assert!(told.iter().all(Vec::is_empty), "{squatter}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_reads_no_file_of_ours() {
    need_root();
    let scene = Scene::set(machine!(), tls()).await;
    let home = scene.machine.home();
    // Were the home itself open, as homes often are.
    fs::set_permissions(home, Permissions::from_mode(0o755)).unwrap();
    let files = [
        "config/config.toml",
        "state/key",
        "state/keys.json",
        "state/credentials/default.json",
        "state/lock",
        "run/control.sock",
    ];
    for file in files {
        let path = home.join(file);
        assert!(path.exists(), "{file}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
        let read = as_user(OTHER, || fs::read(&path).map(drop));
        assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::PermissionDenied, "{file}");
    }
    // Nor its memory or environment, not even a process of the same user without root's powers.
    let process = format!("/proc/{}", scene.daemon.pid());
    for file in ["mem", "environ", "maps"] {
        let read = as_user(OTHER, || fs::File::open(format!("{process}/{file}")).map(drop));
        assert!(read.is_err(), "{file}");
    }
}

#[test]
fn a_process_of_the_same_user_cannot_read_the_daemons_memory() {
    let programs = Programs::new();
    let machine = programs.of_user(OWNER, "exec");
    let daemon = machine.start();
    let environ = format!("/proc/{}/environ", daemon.pid());
    let read = || as_user(OWNER, || fs::read(&environ).map(drop));
    eventually("the daemon is not dumpable", || read().is_err().then_some(()));
    assert_eq!(daemon.stop().code(), Some(0));
}

/// A port whose owner cannot be told by name is told by number.
#[test]
fn a_port_taken_by_another_user_names_the_user() {
    let programs = Programs::new();
    let machine: Machine = programs.of_user(OWNER, "exec");
    let taken = as_user(OTHER, || std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let port = taken.local_addr().unwrap().port().to_string();
    let output = machine.aigwd(&["run", "--port", &port]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains(&format!("is taken by a process of user {OTHER}")), "{text}");
}

/// The daemon is in a network of its own, and at its address in this one somebody else waits for a key.
#[test]
fn setup_hands_no_key_to_another_user_who_listens_where_the_daemon_says_it_does() {
    let programs = Programs::new();
    let machine = programs.daemon_with("exec unshare -n sh -c 'ip link set lo up && exec \"$@\"' sh");
    let daemon = machine.start();
    // Nobody else's so far.
    assert!(machine.ctl(&["setup", "pi", "--dry-run"]).status.success());
    let _waits = as_user(OTHER, || std::net::TcpListener::bind(&daemon.address).unwrap());
    let output = machine.ctl(&["setup", "pi", "--yes", "--json"]);
    let text = told(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("port-taken") && text.contains(&daemon.address), "{text}");
    assert!(text.contains(&format!("user {OTHER}")) || text.contains("(process "), "{text}");
    assert!(!machine.home().join(".pi").exists());
    assert!(machine.ask(&["keys"])["keys"].as_array().unwrap().is_empty());
}
