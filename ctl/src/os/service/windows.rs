//! Windows: a task that begins with the user's logon. A service would run as another user, or need this one's password, and in
//! neither case has it the credential store and the pipe of the user's session.

use std::path::{Path, PathBuf};

use super::launchd::escaped;
use super::{Act, Place, State};
use crate::steps::Step;

const TASK: &str = include_str!("task.xml");

pub(super) fn files(place: &Place) -> Vec<(PathBuf, String)> {
    let text = TASK
        .replace("@AIGWD@", &escaped(&place.aigwd.to_string_lossy()))
        .replace("@USER@", &escaped(&place.user));
    vec![(task(place), text)]
}

pub(super) fn install(place: &Place) -> Vec<Step> {
    let file = task(place).to_string_lossy().into_owned();
    // A task has the user's variables, and not those of a shell.
    let tell =
        |(name, value): &(&str, String)| Step::Tell(format!("let the task know: setx {name} \"{value}\""));
    let mut steps: Vec<Step> = place.environment.iter().map(tell).collect();
    steps.push(schtasks(&["/Create", "/TN", &name(place), "/XML", &file, "/F"]));
    steps.push(schtasks(&["/Run", "/TN", &name(place)]));
    steps
}

/// What comes before the files are removed, and after.
pub(super) fn uninstall(place: &Place) -> (Vec<Step>, Vec<Step>) {
    (vec![stop(place), schtasks(&["/Delete", "/TN", &name(place), "/F"])], Vec::new())
}

pub(super) fn act(place: &Place, act: Act) -> Vec<Step> {
    let run = || schtasks(&["/Run", "/TN", &name(place)]);
    match act {
        Act::Start => vec![run()],
        Act::Stop => vec![stop(place)],
        Act::Restart => vec![stop(place), run()],
    }
}

pub(super) fn question(place: &Place) -> (&'static str, Vec<String>) {
    ("schtasks", ["/Query", "/TN", &name(place)].map(str::to_owned).to_vec())
}

/// It is there. What it says besides is in the language of the machine.
pub(super) fn read() -> State {
    State { enabled: true, words: "registered".to_owned(), restarts: None, listens: false }
}

/// Through aigwctl: the scheduler would end aigwd in the middle of what it does.
fn stop(place: &Place) -> Step {
    Step::run(&place.aigwd.with_file_name("aigwctl.exe"), &["stop"])
}

/// All users of a machine have their tasks in the same place.
fn name(place: &Place) -> String {
    format!("aigwd-{}", place.user)
}

fn task(place: &Place) -> PathBuf {
    place.settings.join("service").join("task.xml")
}

fn schtasks(words: &[&str]) -> Step {
    Step::run(Path::new("schtasks"), words)
}
