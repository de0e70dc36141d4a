//! Where the daemon can be spoken to, and by whom.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use aigw_shared::ipc::codec;
use aigw_shared::ipc::hello::Hello;
use aigw_shared::ipc::message::Request;
use aigw_tests::eventually::eventually;
use aigw_tests::machine;
use aigw_tests::machine::told;
use aigw_tests::raw::Raw;

use crate::talk::{Talk, framed, socket};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode()
        & 0o777
}

/// As careless as a system can start it.
#[test]
fn i1_the_socket_is_the_owners_alone_whatever_the_umask_was() {
    let machine = machine!();
    let aigwd = machine.aigwd(&[]);
    let mut command = Command::new("sh");
    command.args(["-c", "umask 0; exec \"$0\" run --port 0"]).arg(aigwd.get_program());
    command.env_clear().envs(aigwd.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    eventually("it answers", || machine.ctl(&["status"]).status.success().then_some(()));
    let place = socket(&machine);
    let folder = place.parent().unwrap();
    assert_eq!((mode(folder), mode(&place)), (0o700, 0o600));
    assert_ne!(folder, std::env::temp_dir());
    // We are whoever made the home.
    let owner = std::fs::metadata(machine.home()).unwrap().uid();
    assert_eq!(std::fs::metadata(&place).unwrap().uid(), owner);
    // So is what else could be read instead of asking.
    let state = machine.home().join("state");
    assert_eq!(
        (mode(&state), mode(&state.join("key")), mode(&state.join("keys.json"))),
        (0o700, 0o600, 0o600)
    );
    assert!(machine.ctl(&["stop"]).status.success());
    child.wait().unwrap();
}

#[test]
fn i1_a_folder_that_others_may_enter_is_closed_and_a_stale_socket_replaced() {
    let machine = machine!();
    let place = socket(&machine);
    let folder = place.parent().unwrap();
    std::fs::create_dir_all(folder).unwrap();
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    drop(std::os::unix::net::UnixListener::bind(&place).unwrap());
    let daemon = machine.start();
    assert_eq!((mode(folder), mode(&place)), (0o700, 0o600));
    // A second one finds the first by its lock, and leaves the socket alone.
    let second = machine.aigwd(&["run", "--port", "0"]).output().unwrap();
    assert_eq!(second.status.code(), Some(1), "{}", told(&second));
    assert!(told(&second).contains("another aigwd is running"), "{}", told(&second));
    assert_eq!(Talk::begin(&machine).pid(), daemon.pid());
}

#[test]
fn a_home_with_a_long_path_has_its_socket_in_a_short_one_and_a_word_where_it_is() {
    let mut machine = machine!();
    let long = machine.home().join("h".repeat(90));
    machine.set("AIGW_HOME", long.to_str().unwrap());
    let daemon = machine.start();
    let word = std::fs::read_to_string(long.join("run/socket")).unwrap();
    let place = Path::new(word.trim_end());
    assert!(place.as_os_str().len() <= 100 && place.starts_with(machine.home()), "{word}");
    assert!(!place.starts_with(&long), "{word}");
    assert_eq!((mode(place.parent().unwrap()), mode(place)), (0o700, 0o600));
    assert_eq!(machine.ask(&["version"])["daemon"]["pid"], daemon.pid());
}

/// The name of the variable that makes a child of the next test of this one.
const AS_ANOTHER: &str = "CONTROL_SOCKET_TO_TRY";

/// Not a test by itself: what the next one runs as another user. Tells how many bytes it was given.
#[test]
fn as_another_user() {
    let Some(place) = std::env::var_os(AS_ANOTHER) else { return };
    use std::io::{Read, Write};
    let mut stream = std::os::unix::net::UnixStream::connect(place).expect("the way is open");
    let mut bytes = Vec::new();
    let _ = stream.write_all(&[&Hello::OURS.encode()[..], &framed(&[0])].concat());
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = stream.read_to_end(&mut bytes);
    println!("given {} bytes", bytes.len());
}

/// Needs root, to be somebody else; there is nothing to try without.
#[test]
fn i2_another_user_is_told_nothing_though_folder_and_socket_lie_open() {
    let machine = machine!();
    if std::fs::metadata(machine.home()).unwrap().uid() != 0 {
        return;
    }
    let daemon = machine.start();
    let place = socket(&machine);
    for (path, mode) in [(machine.home(), 0o755), (place.parent().unwrap(), 0o755), (&place, 0o666)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    // Where anybody may run it.
    let program = machine.home().join("child");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let run = |uid: u32| {
        let mut child = Command::new(&program);
        child.args(["--exact", "place::as_another_user", "--nocapture"]).env(AS_ANOTHER, &place);
        let output = child.uid(uid).gid(uid).current_dir("/").output().unwrap();
        assert!(output.status.success(), "{}", told(&output));
        told(&output)
    };
    assert!(run(65_534).contains("given 0 bytes"));
    assert!(!run(0).contains("given 0 bytes"));
    assert!(machine.log().contains("another user tried the control socket"));
    assert_eq!(Talk::begin(&machine).pid(), daemon.pid());
}

#[test]
fn i7_control_is_not_offered_over_tcp() {
    let machine = machine!();
    let daemon = machine.start();
    let greeting = Hello::OURS.encode();
    let stop = framed(&codec::encode(&Request::Stop).unwrap());
    for bytes in [greeting.to_vec(), stop.clone(), [&greeting[..], &stop].concat()] {
        let mut raw = Raw::connect(&daemon.address);
        raw.send(&bytes);
        raw.end();
        let answer = raw.rest();
        assert!(!answer.starts_with(b"AIGW"), "{answer:?}");
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{answer:?}");
    }
    assert_eq!(Talk::begin(&machine).pid(), daemon.pid());
    if !cfg!(target_os = "linux") {
        return;
    }
    // Nor is anything else listening: one port, and one socket with a name.
    let inodes = sockets_of(daemon.pid());
    let listening = |table: &str, column: usize, state: &str, inode: usize| -> Vec<String> {
        let rows = std::fs::read_to_string(format!("/proc/{}/net/{table}", daemon.pid())).unwrap();
        let rows = rows.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
        rows.filter(|row| row[column] == state && inodes.contains(&row[inode].to_owned()))
            .map(|row| row.get(1 + 6 * usize::from(table == "unix")).unwrap_or(&"").to_string())
            .collect()
    };
    let port = format!(":{:04X}", daemon.port);
    for table in ["tcp", "tcp6"] {
        let found = listening(table, 3, "0A", 9);
        assert!(found.len() == 1 && found[0].ends_with(&port), "{found:?}");
    }
    // Flag 00010000: it accepts connections.
    assert_eq!(listening("unix", 3, "00010000", 6), [socket(&machine).to_str().unwrap()]);
    for table in ["udp", "udp6"] {
        assert_eq!(listening(table, 3, "07", 9), Vec::<String>::new());
    }
}

/// The inodes of the sockets that a process has open.
fn sockets_of(pid: u32) -> Vec<String> {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("a process").flatten();
    let links = open.filter_map(|fd| std::fs::read_link(fd.path()).ok()?.into_os_string().into_string().ok());
    links.filter_map(|link| Some(link.strip_prefix("socket:[")?.trim_end_matches(']').to_owned())).collect()
}
