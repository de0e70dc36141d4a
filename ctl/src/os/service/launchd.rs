//! launchd: the user's agent, whose sockets launchd keeps, and a daemon of the machine.

use std::path::{Path, PathBuf};

use super::{Act, Host, Place, State, write};
use crate::steps::Step;

const AGENT: &str = include_str!("../../../../launchd/dev.aigw.aigwd.plist");
const DAEMON: &str = include_str!("../../../../launchd/dev.aigw.aigwd.daemon.plist");
const LABEL: &str = "dev.aigw.aigwd";

pub(super) fn files(place: &Place) -> Vec<(PathBuf, String)> {
    let variable =
        |(name, value): &(&str, String)| format!("<key>{name}</key><string>{}</string>", escaped(value));
    let text = AGENT
        .replace("@AIGWD@", &escaped(&place.aigwd.to_string_lossy()))
        .replace("@ENVIRONMENT@", &place.environment.iter().map(variable).collect::<String>())
        .replace("@PORT@", &place.port.to_string())
        .replace("@CONTROL@", &escaped(&place.control.to_string_lossy()));
    vec![(plist(place), text)]
}

pub(super) fn install(place: &Place) -> Vec<Step> {
    let mut steps = Vec::new();
    // It makes the socket before aigwd could make its folder.
    if let Some(folder) = place.control.parent() {
        steps.push(Step::run(Path::new("/usr/bin/install"), &["-d", "-m", "700", &folder.to_string_lossy()]));
    }
    steps.extend([bootout(&target(place)), bootstrap(&domain(place), &plist(place))]);
    steps
}

/// What comes before the files are removed, and after.
pub(super) fn uninstall(place: &Place) -> (Vec<Step>, Vec<Step>) {
    (vec![bootout(&target(place))], Vec::new())
}

pub(super) fn act(place: &Place, act: Act) -> Vec<Step> {
    match act {
        // One that is loaded already is no failure.
        Act::Start => vec![bootout(&target(place)), bootstrap(&domain(place), &plist(place))],
        Act::Stop => vec![bootout(&target(place))],
        Act::Restart => vec![launchctl(&["kickstart", "-k", &target(place)])],
    }
}

pub(super) fn question(place: &Place) -> (&'static str, Vec<String>) {
    ("/bin/launchctl", vec!["print".to_owned(), target(place)])
}

/// What is said, for people and without a promise: only the line of the state is looked at.
pub(super) fn read(said: &str) -> State {
    let state = said.lines().find_map(|line| line.trim().strip_prefix("state = "));
    State { enabled: true, words: state.unwrap_or("loaded").to_owned(), restarts: None, listens: true }
}

// -- of the machine ---------------------------------------------------------------------------------------------------

pub(super) fn host_install(host: &Host) -> Vec<Step> {
    let home = host.home().display().to_string();
    let text = DAEMON
        .replace("@LABEL@", &host_label(host))
        .replace("@USER@", &escaped(&host.user))
        .replace("@AIGWD@", &escaped(&host.aigwd.to_string_lossy()))
        .replace("@HOME@", &escaped(&home))
        .replace("@PORT@", &host.port.to_string());
    let all = host.home().parent().map(|all| all.display().to_string()).unwrap_or_default();
    vec![
        Step::run(Path::new("/usr/bin/install"), &["-d", "-m", "755", &all]),
        Step::run(Path::new("/usr/bin/install"), &["-d", "-m", "700", "-o", &host.user, &home]),
        write(&host_plist(host), &text),
        bootout(&format!("system/{}", host_label(host))),
        bootstrap("system", &host_plist(host)),
    ]
}

pub(super) fn host_uninstall(host: &Host) -> Vec<Step> {
    vec![bootout(&format!("system/{}", host_label(host))), Step::Remove { file: host_plist(host) }]
}

fn host_label(host: &Host) -> String {
    format!("{LABEL}.{}", host.user)
}

fn host_plist(host: &Host) -> PathBuf {
    Path::new("/Library/LaunchDaemons").join(format!("{}.plist", host_label(host)))
}

// -- words ------------------------------------------------------------------------------------------------------------

fn plist(place: &Place) -> PathBuf {
    place.settings.join("Library/LaunchAgents").join(format!("{LABEL}.plist"))
}

fn bootstrap(domain: &str, plist: &Path) -> Step {
    launchctl(&["bootstrap", domain, &plist.to_string_lossy()])
}

/// Fails where it is not loaded, which is what is wanted; returns before it has ended, and a bootstrap would then fail.
fn bootout(target: &str) -> Step {
    let script = "launchctl bootout \"$1\" 2>/dev/null; n=0; \
                  while launchctl print \"$1\" >/dev/null 2>&1 && [ $n -lt 80 ]; do sleep 0.5; n=$((n+1)); done";
    Step::run(Path::new("/bin/sh"), &["-c", script, "bootout", target])
}

fn domain(place: &Place) -> String {
    format!("gui/{}", place.user)
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
