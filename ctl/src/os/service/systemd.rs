//! systemd: the user's units. The port stands in a drop-in of its own, made from the configuration.

use std::path::{Path, PathBuf};

use super::{Act, Place, write};
use crate::steps::Step;

const SERVICE: &str = include_str!("../../../../systemd/aigwd.service");
const SOCKET: &str = include_str!("../../../../systemd/aigwd.socket");

pub(super) fn unit(place: &Place) -> PathBuf {
    folder(place).join("aigwd.service")
}

pub(super) fn install(place: &Place) -> Vec<Step> {
    let mut service = SERVICE.replace("@AIGWD@", &quoted(&place.aigwd.to_string_lossy()));
    if let Some(home) = &place.aigw_home {
        let variable = quoted(&format!("AIGW_HOME={}", home.display()));
        service = service.replace("[Service]\n", &format!("[Service]\nEnvironment={variable}\n"));
    }
    vec![
        write(&unit(place), &service),
        write(&folder(place).join("aigwd.socket"), SOCKET),
        write(&drop_in(place), &listen(place)),
        systemctl(&["daemon-reload"]),
        systemctl(&["enable", "aigwd.socket", "aigwd.service"]),
        // Both, so that an older one takes the new files.
        systemctl(&["restart", "aigwd.socket", "aigwd.service"]),
    ]
}

pub(super) fn uninstall(place: &Place) -> Vec<Step> {
    let remove = |file: PathBuf| Step::Remove { file };
    vec![
        systemctl(&["disable", "--now", "aigwd.socket", "aigwd.service"]),
        remove(unit(place)),
        remove(folder(place).join("aigwd.socket")),
        remove(drop_in(place)),
        systemctl(&["daemon-reload"]),
    ]
}

pub(super) fn act(act: Act) -> Vec<Step> {
    let verb = match act {
        Act::Start => "start",
        Act::Stop => "stop",
        Act::Restart => "restart",
    };
    // Restarting the socket would refuse connections for a moment.
    let units: &[&str] = match act {
        Act::Restart => &["aigwd.service"],
        Act::Start | Act::Stop => &["aigwd.socket", "aigwd.service"],
    };
    vec![systemctl(&[&[verb], units].concat())]
}

fn folder(place: &Place) -> PathBuf {
    place.settings.join("systemd/user")
}

fn drop_in(place: &Place) -> PathBuf {
    folder(place).join("aigwd.socket.d/port.conf")
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

/// One word of a setting that takes several (systemd.syntax(7)); `$` begins a variable in a command.
fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text).replace('\\', "\\\\").replace('"', "\\\"").replace('$', "$$"))
}
