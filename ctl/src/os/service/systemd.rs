//! systemd: the user's units, and the template of the system. The port stands in a drop-in of its own, made from the
//! configuration.

use std::path::{Path, PathBuf};

use super::{Act, Host, Place, State, write};
use crate::steps::Step;

const SERVICE: &str = include_str!("../../../../systemd/aigwd.service");
const SOCKET: &str = include_str!("../../../../systemd/aigwd.socket");
const TEMPLATE: &str = include_str!("../../../../systemd/aigwd@.service");
const UNITS: [&str; 2] = ["aigwd.socket", "aigwd.service"];
/// Where the administrator's units are.
const SYSTEM: &str = "/etc/systemd/system";
/// Where aigwd listens unless it is told.
const USUAL_PORT: u16 = 2449;

pub(super) fn files(place: &Place) -> Vec<(PathBuf, String)> {
    let folder = folder(place);
    let mut service = SERVICE.replace("@AIGWD@", &command(&place.aigwd.to_string_lossy()));
    let variables: String = place
        .environment
        .iter()
        .map(|(name, value)| format!("Environment={}\n", quoted(&format!("{name}={value}"))))
        .collect();
    service = service.replace("[Service]\n", &format!("[Service]\n{variables}"));
    vec![
        (folder.join("aigwd.service"), service),
        (folder.join("aigwd.socket"), SOCKET.to_owned()),
        (folder.join("aigwd.socket.d/port.conf"), listen(place)),
    ]
}

pub(super) fn install() -> Vec<Step> {
    vec![
        systemctl(&["daemon-reload"]),
        systemctl(&[&["enable"], &UNITS[..]].concat()),
        // Both, so that an older one takes the new files.
        systemctl(&[&["restart"], &UNITS[..]].concat()),
    ]
}

/// What comes before the files are removed, and after.
pub(super) fn uninstall(place: &Place, answers: bool) -> (Vec<Step>, Vec<Step>) {
    if answers {
        return (
            vec![systemctl(&[&["disable", "--now"], &UNITS[..]].concat())],
            vec![systemctl(&["daemon-reload"])],
        );
    }
    // What `disable` would remove.
    (links(place).map(|file| Step::Remove { file }).to_vec(), Vec::new())
}

/// What `enable` makes.
pub(super) fn links(place: &Place) -> [PathBuf; 2] {
    ["sockets.target.wants/aigwd.socket", "default.target.wants/aigwd.service"]
        .map(|link| folder(place).join(link))
}

pub(super) fn act(act: Act) -> Vec<Step> {
    vec![match act {
        Act::Start => systemctl(&[&["start"], &UNITS[..]].concat()),
        Act::Stop => systemctl(&[&["stop"], &UNITS[..]].concat()),
        // Restarting the socket would refuse connections for a moment.
        Act::Restart => systemctl(&["restart", "aigwd.service"]),
    }]
}

pub(super) fn linger(user: &str, on: bool) -> Step {
    let verb = if on { "enable-linger" } else { "disable-linger" };
    Step::run(Path::new("loginctl"), &[verb, user])
}

pub(super) fn question() -> (&'static str, Vec<String>) {
    let words = ["--user", "show", "--property=Id,ActiveState,UnitFileState,NRestarts", UNITS[0], UNITS[1]];
    ("systemctl", words.map(str::to_owned).to_vec())
}

/// What is said: blocks of `Name=value`, one a unit.
pub(super) fn read(said: &str) -> State {
    let block = |unit: &str| {
        let is_its = |block: &&str| block.lines().any(|line| line.strip_prefix("Id=") == Some(unit));
        said.split("\n\n").find(is_its).unwrap_or_default()
    };
    let value = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_default().to_owned()
    };
    let (socket, service) = (block(UNITS[0]), block(UNITS[1]));
    State {
        enabled: value(socket, "UnitFileState") == "enabled",
        words: value(service, "ActiveState"),
        restarts: value(service, "NRestarts").parse().ok(),
        listens: value(socket, "ActiveState") == "active",
    }
}

// -- of the system ----------------------------------------------------------------------------------------------------

pub(super) fn host_install(host: &Host) -> Vec<Step> {
    let text = TEMPLATE.replace("@AIGWD@", &command(&host.aigwd.to_string_lossy()));
    let mut steps = vec![write(&Path::new(SYSTEM).join("aigwd@.service"), &text)];
    if host.port != USUAL_PORT {
        steps.push(write(
            &host_port(host),
            &format!("[Service]\nEnvironment=AIGW_LISTEN_PORT={}\n", host.port),
        ));
    }
    let unit = host_unit(host);
    let run = |words: &[&str]| Step::run(Path::new("systemctl"), words);
    steps.extend([run(&["daemon-reload"]), run(&["enable", &unit]), run(&["restart", &unit])]);
    steps
}

/// The template stays for the other users, if there are any.
pub(super) fn host_uninstall(host: &Host) -> Vec<Step> {
    let mut steps = vec![
        Step::run(Path::new("systemctl"), &["disable", "--now", &host_unit(host)]),
        Step::Remove { file: host_port(host) },
    ];
    if !host.has_others {
        steps.push(Step::Remove { file: Path::new(SYSTEM).join("aigwd@.service") });
    }
    steps.push(Step::run(Path::new("systemctl"), &["daemon-reload"]));
    steps
}

/// Whether the template is in use by somebody else.
pub(super) fn has_others(user: &str) -> bool {
    let ours = format!("aigwd@{user}.service");
    let enabled = std::fs::read_dir(Path::new(SYSTEM).join("multi-user.target.wants"));
    enabled.into_iter().flatten().flatten().any(|link| {
        let name = link.file_name().to_string_lossy().into_owned();
        name.starts_with("aigwd@") && name != ours
    })
}

fn host_unit(host: &Host) -> String {
    format!("aigwd@{}.service", host.user)
}

fn host_port(host: &Host) -> PathBuf {
    Path::new(SYSTEM).join(format!("{}.d", host_unit(host))).join("port.conf")
}

// -- words ------------------------------------------------------------------------------------------------------------

fn folder(place: &Place) -> PathBuf {
    place.settings.join("systemd/user")
}

/// An empty line takes back what the unit itself lists.
fn listen(place: &Place) -> String {
    let port = place.port;
    let ipv6 = if place.has_ipv6 { format!("ListenStream=[::1]:{port}\n") } else { String::new() };
    let control = escaped(&place.control.to_string_lossy());
    format!("[Socket]\nListenStream=\nListenStream=127.0.0.1:{port}\n{ipv6}ListenStream={control}\n")
}

fn systemctl(words: &[&str]) -> Step {
    Step::run(Path::new("systemctl"), &[&["--user"], words].concat())
}

/// `%` begins a specifier (systemd.unit(5)).
fn escaped(text: &str) -> String {
    text.replace('%', "%%")
}

/// One word of a setting that takes several (systemd.syntax(7)).
fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text).replace('\\', "\\\\").replace('"', "\\\""))
}

/// The program of a command, in which `$` begins a variable.
fn command(program: &str) -> String {
    quoted(program).replace('$', "$$")
}
