//! launchd: the user's agent, whose sockets launchd keeps.

use std::path::{Path, PathBuf};

use super::{Act, Place, write};
use crate::steps::Step;

const PLIST: &str = include_str!("../../../../launchd/dev.aigw.aigwd.plist");
const LABEL: &str = "dev.aigw.aigwd";

pub(super) fn plist(place: &Place) -> PathBuf {
    place.settings.join("Library/LaunchAgents").join(format!("{LABEL}.plist"))
}

pub(super) fn install(place: &Place) -> Vec<Step> {
    let variable =
        |home: &PathBuf| format!("<key>AIGW_HOME</key><string>{}</string>", escaped(&home.to_string_lossy()));
    let text = PLIST
        .replace("@AIGWD@", &escaped(&place.aigwd.to_string_lossy()))
        .replace("@ENVIRONMENT@", &place.aigw_home.as_ref().map(variable).unwrap_or_default())
        .replace("@PORT@", &place.port.to_string())
        .replace("@CONTROL@", &escaped(&place.control.to_string_lossy()));
    vec![write(&plist(place), &text), bootout(place), bootstrap(place)]
}

pub(super) fn uninstall(place: &Place) -> Vec<Step> {
    vec![bootout(place), Step::Remove { file: plist(place) }]
}

pub(super) fn act(place: &Place, act: Act) -> Vec<Step> {
    match act {
        Act::Start => vec![bootstrap(place)],
        Act::Stop => vec![bootout(place)],
        Act::Restart => vec![launchctl(&["kickstart", "-k", &target(place)])],
    }
}

fn bootstrap(place: &Place) -> Step {
    launchctl(&["bootstrap", &domain(place), &plist(place).to_string_lossy()])
}

/// Fails where it is not loaded, which is what is wanted.
fn bootout(place: &Place) -> Step {
    Step::run(
        Path::new("/bin/sh"),
        &["-c", &format!("launchctl bootout {} 2>/dev/null; true", target(place))],
    )
}

fn domain(place: &Place) -> String {
    format!("gui/{}", place.uid)
}

fn target(place: &Place) -> String {
    format!("{}/{LABEL}", domain(place))
}

fn launchctl(words: &[&str]) -> Step {
    Step::run(Path::new("/bin/launchctl"), words)
}

/// Text of an XML element.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
