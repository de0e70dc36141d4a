//! Tools whose files are elsewhere than usual: snaps, flatpaks, and programs of Windows that are seen from inside WSL.

use super::report::Line;
use crate::daemon;
use crate::tools::packaged::Package;
use crate::tools::{self, Desk, TOOLS, Tool};

const CHECK: &str = "place";

pub(super) fn look() -> Vec<Line> {
    let Some(home) = daemon::paths().ok().and_then(|paths| paths.user_home) else {
        return vec![Line::skipped(CHECK, "this user has no home folder")];
    };
    let desk = tools::desk(&home);
    let mut lines: Vec<Line> = TOOLS.iter().filter_map(|tool| told(tool, &desk)).collect();
    if lines.is_empty() {
        let text = if desk.in_wsl {
            "this is Linux inside Windows; no tool of Windows is in PATH"
        } else {
            "no tool here is a snap or a flatpak"
        };
        lines.push(Line::ok(CHECK, text));
    }
    lines
}

fn told(tool: &Tool, desk: &Desk) -> Option<Line> {
    let files = tool.way(None)?.files();
    if let Some(why) = desk.unplaced(tool, files) {
        let cure = format!("`aigwctl setup --print {}` shows what belongs into its file", tool.id);
        // It may be left as it is.
        return Some(Line::ok(CHECK, format!("{}: {why}", tool.name)).with_cure(cure));
    }
    let kind = match desk.package(tool)? {
        Package::Snap(name) => format!("the snap {name}"),
        Package::Flatpak(id) => format!("the flatpak {id}"),
        Package::Windows => return None,
    };
    let own = desk.of(tool);
    let places: Vec<String> = files.iter().map(|file| file.place(&own).display().to_string()).collect();
    let where_ = if places.is_empty() { "nothing to set up".to_owned() } else { places.join(", ") };
    Some(Line::ok(CHECK, format!("{} is {kind}: {where_}", tool.name)))
}
