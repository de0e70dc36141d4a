use std::cell::RefCell;
use std::path::PathBuf;

use super::*;
use crate::steps::Bytes;

/// A folder with an old file of mode 0640, and a plan that changes it, makes one, removes one and runs something.
struct Scene {
    folder: tempfile::TempDir,
    steps: Vec<Step>,
}

const OLD: &[u8] = b"old \xff\r\n";

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (name, mode) in [("edited", 0o640), ("gone", 0o604)] {
            write(&at(name), OLD, Some(mode)).unwrap();
        }
        let put =
            |name: &str, text: &str, mode| Step::Write { file: at(name), content: Bytes(text.into()), mode };
        let steps = vec![
            put("edited", "one", None),
            put("new", "fresh", Some(0o644)),
            Step::Run { program: "refresh".into(), arguments: vec!["all".into()] },
            Step::Remove { file: at("gone") },
            put("edited", "two", None),
            Step::Tell("restart it".into()),
        ];
        Self { folder, steps }
    }

    fn journal(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    fn begin(&self) -> Journal {
        Journal::begin(&self.journal(), "test", &self.steps).unwrap()
    }

    /// Names, contents and modes, without the journal.
    fn state(&self) -> Vec<(String, Vec<u8>, Option<u32>)> {
        let mut files: Vec<_> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.file_name() != "journal")
            .map(|entry| {
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read(entry.path()).unwrap(), rights::mode_of(&entry.metadata().unwrap()))
            })
            .collect();
        files.sort();
        files
    }
}

fn nothing(_: &Path, _: &[String]) -> Result<(), Fault> {
    Ok(())
}

/// Stops where a kill would: after `whole` steps, and after or before the deed of the next.
fn kill(scene: &Scene, whole: usize, in_deed: bool) {
    let mut journal = scene.begin();
    (0..whole).for_each(|index| step(&mut journal, index, &nothing).unwrap());
    if in_deed {
        journal.begin_step(whole).unwrap();
    }
}

fn kills() -> impl Iterator<Item = (usize, bool)> {
    (0..=6)
        .flat_map(|whole| [(whole, false), (whole, true)])
        .filter(|(whole, in_deed)| *whole < 6 || !in_deed)
}

#[test]
fn a_kill_at_any_step_is_completed() {
    let whole = Scene::new();
    apply(&mut whole.begin(), &nothing).unwrap();
    for (done, in_deed) in kills() {
        let scene = Scene::new();
        kill(&scene, done, in_deed);
        let ran = RefCell::new(0);
        let count = |_: &Path, _: &[String]| {
            *ran.borrow_mut() += 1;
            Ok(())
        };
        let mut journal = Journal::open(&scene.journal()).unwrap().unwrap();
        assert!(resume(&mut journal, &count).is_empty());
        journal.end().unwrap();
        assert_eq!(scene.state(), whole.state(), "killed after {done}, {in_deed}");
        assert_eq!(
            *ran.borrow(),
            usize::from(done <= 3 && !(done == 3 && in_deed)),
            "killed after {done}, {in_deed}"
        );
        assert!(Journal::open(&scene.journal()).unwrap().is_none());
    }
}

#[test]
fn a_kill_at_any_step_is_undone_byte_for_byte() {
    for (done, in_deed) in kills() {
        let scene = Scene::new();
        let before = scene.state();
        kill(&scene, done, in_deed);
        let journal = Journal::open(&scene.journal()).unwrap().unwrap();
        undo(&journal).unwrap();
        assert_eq!(scene.state(), before, "killed after {done}, {in_deed}");
        // A kill in the middle of undoing is no different.
        undo(&journal).unwrap();
        assert_eq!(scene.state(), before, "killed after {done}, {in_deed}, twice");
    }
}

#[test]
fn what_somebody_else_wrote_since_is_not_undone() {
    let scene = Scene::new();
    let mut journal = scene.begin();
    apply(&mut journal, &nothing).unwrap();
    fs::write(scene.folder.path().join("edited"), "theirs").unwrap();
    assert!(undo(&journal).unwrap_err().what.contains("changed by somebody else"));
    assert_eq!(fs::read(scene.folder.path().join("edited")).unwrap(), b"theirs");
}

#[test]
fn a_step_that_fails_stops_the_plan_but_not_what_is_resumed() {
    let scene = Scene::new();
    let fails = |_: &Path, _: &[String]| Err(Fault::new(Kind::CommandFailed, "no"));
    assert!(apply(&mut scene.begin(), &fails).is_err());
    assert!(scene.folder.path().join("gone").exists());
    let mut journal = Journal::open(&scene.journal()).unwrap().unwrap();
    assert_eq!(resume(&mut journal, &fails).len(), 1);
    assert!(!scene.folder.path().join("gone").exists());
}

#[test]
fn a_damaged_journal_is_named_and_not_obeyed() {
    let scene = Scene::new();
    for text in [
        "{",
        r#"{"schema":2,"what":"","entries":[],"begun":0}"#,
        r#"{"schema":1,"what":"","entries":[],"begun":1}"#,
    ] {
        fs::write(scene.journal(), text).unwrap();
        assert!(Journal::open(&scene.journal()).unwrap_err().what.contains("is no journal"), "{text}");
    }
}

#[cfg(unix)]
#[test]
fn a_command_that_fails_says_why() {
    let fault =
        command(Path::new("sh"), &["-c".into(), "echo one >&2; echo two >&2; exit 3".into()]).unwrap_err();
    assert_eq!(fault.what, "sh failed: two");
    assert!(command(Path::new("no-such-program-here"), &[]).is_err());
}
