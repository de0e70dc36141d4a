//! Windows: a task that begins with the user's logon. A service would run as another user, or need this one's password, and in
//! neither case has it the credential store and the pipe of the user's session.

use std::path::{Path, PathBuf};

use super::launchd::escaped;
use super::{Act, Place, write};
use crate::steps::Step;

const TASK: &str = include_str!("task.xml");
const NAME: &str = "aigw\\aigwd";

pub(super) fn task(place: &Place) -> PathBuf {
    place.settings.join("aigwd-task.xml")
}

pub(super) fn install(place: &Place) -> Vec<Step> {
    let file = task(place);
    let text = TASK.replace("@AIGWD@", &escaped(&place.aigwd.to_string_lossy()));
    let name = file.to_string_lossy().into_owned();
    vec![
        write(&file, &text),
        schtasks(&["/Create", "/TN", NAME, "/XML", &name, "/F"]),
        schtasks(&["/Run", "/TN", NAME]),
    ]
}

pub(super) fn uninstall(place: &Place) -> Vec<Step> {
    vec![
        schtasks(&["/End", "/TN", NAME]),
        schtasks(&["/Delete", "/TN", NAME, "/F"]),
        Step::Remove { file: task(place) },
    ]
}

pub(super) fn act(act: Act) -> Vec<Step> {
    let verbs: &[&str] = match act {
        Act::Start => &["/Run"],
        Act::Stop => &["/End"],
        Act::Restart => &["/End", "/Run"],
    };
    verbs.iter().map(|verb| schtasks(&[verb, "/TN", NAME])).collect()
}

fn schtasks(words: &[&str]) -> Step {
    Step::run(Path::new("schtasks"), words)
}
