//! Every row's files as their owners may have them, and what setup makes of them: `fixtures/ID/before` and `fixtures/ID/MODE`
//! are homes. With `AIGW_BLESS` the latter are written; what is in them is read by people before it is committed.

use std::fs;
use std::path::Path;

use super::tests::{at, door};
use super::*;
use crate::settings::change::{self, Undone};

fn home(tool: &str, name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(tool).join(name)
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
            let mode = if way.mode == Mode::Proxy { "proxy" } else { "base-url" };
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
