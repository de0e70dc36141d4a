//! Every row's files as their owners may have them, and what setup makes of them: `fixtures/ID/before` and `fixtures/ID/MODE`
//! are homes. And what `setup --dry-run` shows on each system. With `AIGW_BLESS` the latter are written; what is in them is read by people before it is committed.

use std::fs;
use std::path::Path;

use super::desk::System;
use super::tests::{at, door};
use super::*;
use crate::commands::edits::{Hidden, diff};
use crate::settings::change::{self, Undone};

fn home(tool: &str, name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(tool).join(name)
}

fn word(mode: Mode) -> &'static str {
    if mode == Mode::Proxy { "proxy" } else { "base-url" }
}

/// A file that nobody has before us.
fn is_our_own(name: &Path) -> bool {
    let name = name.file_name().unwrap().to_string_lossy().into_owned();
    name.starts_with("aigw") || name.ends_with("61696777.json")
}

#[test]
fn every_rows_files_before_and_after() {
    let (mut missing, mut seen) = (Vec::new(), 0);
    for tool in TOOLS {
        let before_home = home(tool.id, "before");
        for way in tool.ways {
            let mode = word(way.mode);
            for (file, wanted) in way.wanted(tool.id, &at(&before_home), &door()) {
                let name = file.strip_prefix(&before_home).unwrap();
                let before = fs::read_to_string(&file).ok();
                if before.is_none() && !is_our_own(name) {
                    missing.push(file.display().to_string());
                    continue;
                }
                let before = before.as_deref();
                let (text, mut touched) = change::done(&wanted, None, before, Vec::new())
                    .unwrap_or_else(|refusal| panic!("{}", refusal.fault(&file, before.unwrap_or_default())));
                change::settle(&mut touched);
                let after_file = home(tool.id, mode).join(name);
                if std::env::var_os("AIGW_BLESS").is_some() {
                    fs::create_dir_all(after_file.parent().unwrap()).unwrap();
                    fs::write(&after_file, &text).unwrap();
                }
                let after = fs::read_to_string(&after_file).unwrap_or_default();
                assert_eq!(text, after, "{} is not what setup writes", after_file.display());
                let again = change::done(&wanted, Some(&touched), Some(&text), Vec::new()).unwrap();
                assert_eq!(again, (text.clone(), touched.clone()), "a second time: {}", file.display());
                let whole = |text: Option<String>| Undone { text, theirs: Vec::new() };
                assert_eq!(change::undone(&touched, Some(&text)).unwrap(), whole(before.map(str::to_owned)));
                // Somebody has added a line, so each key is put back by itself.
                let undone = change::undone(&touched, Some(&format!("{text}\n"))).unwrap();
                let added = before.map(|before| format!("{before}\n"));
                assert_eq!(undone, whole(added), "key by key: {}", file.display());
                seen += 1;
            }
        }
    }
    assert!(missing.is_empty(), "how do people have these?\n{}", missing.join("\n"));
    assert!(seen > 15, "{seen}");
}

/// What `setup --dry-run` shows in a home without settings, tool by tool.
fn shown(system: System) -> String {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk { system, ..at(folder.path()) };
    let mut all = String::new();
    for tool in TOOLS {
        for way in tool.ways {
            let wanted = way.wanted(tool.id, &desk, &door());
            all += &format!("==== {} {}: {} files\n", tool.id, word(way.mode), wanted.len());
            for (file, wanted) in wanted {
                let (text, touched) = change::done(&wanted, None, None, Vec::new())
                    .unwrap_or_else(|refusal| panic!("{}", refusal.fault(&file, "")));
                all += &diff(&file, None, Some(&text), &[Hidden::key(&door().key, tool.id)]);
                let undone = change::undone(&touched, Some(&text)).unwrap();
                assert_eq!(undone, Undone { text: None, theirs: Vec::new() }, "{}", file.display());
            }
        }
    }
    all.replace(&folder.path().display().to_string(), "HOME")
}

#[test]
fn every_systems_dry_run_is_as_it_was() {
    for (name, system) in [("linux", System::Linux), ("macos", System::MacOs), ("windows", System::Windows)] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/dry-run/{name}.txt"));
        let now = shown(system);
        if std::env::var_os("AIGW_BLESS").is_some() {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, &now).unwrap();
        }
        // On Windows a path is joined by its own sign.
        let plain = |text: &str| text.replace("\r\n", "\n").replace('\\', "/");
        assert_eq!(plain(&now), plain(&fs::read_to_string(&file).unwrap_or_default()), "{name}");
    }
}
