//! What `ca install` and `ca uninstall` have in common: choosing stores, doing what is planned for each under a journal,
//! saying before anything is done what needs root, and telling how it went.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::payload::CaStatus;
use serde::Serialize;

use super::status;
use crate::os::trust::{self, Family, Mark, Place, Root, Store};
use crate::output::{Answer, BAD, GOOD, Output, WARN};
use crate::steps::journal::Journal;
use crate::steps::{Step, apply, command_line};
use crate::wording::tame;

/// How it went with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    Installed,
    AlreadyInstalled,
    Removed,
    Absent,
    Planned,
    NeedsRoot,
    /// Only a person can do it.
    Manual,
    Failed,
}

impl State {
    fn words(self) -> &'static str {
        match self {
            Self::Installed => "trusts it now",
            Self::AlreadyInstalled => "trusts it already, nothing changed",
            Self::Removed => "taken out",
            Self::Absent => "not in it, nothing changed",
            Self::Planned => "would be changed",
            Self::NeedsRoot => "needs root",
            Self::Manual => "to be done by hand",
            Self::Failed => "failed",
        }
    }
}

#[derive(Serialize)]
struct Row {
    store: &'static str,
    location: String,
    state: State,
    steps: Vec<String>,
    error: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Told {
    dry_run: bool,
    fingerprints_sha256: Vec<String>,
    stores: Vec<Row>,
    /// The command that does the rest, as root.
    as_root: Option<String>,
    /// Why nothing was to be done at all.
    note: Option<String>,
}

impl Answer for Told {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        if let Some(note) = &self.note {
            return writeln!(to, "{note}");
        }
        if self.stores.is_empty() {
            return writeln!(to, "There is no such trust store here.");
        }
        for row in &self.stores {
            let style = match row.state {
                State::Failed => BAD,
                State::NeedsRoot | State::Manual | State::Planned => WARN,
                _ => GOOD,
            };
            writeln!(to, "{}: {}: {style}{}{style:#}", row.store, tame(&row.location), row.state.words())?;
            if matches!(row.state, State::Planned | State::NeedsRoot | State::Manual) {
                for step in &row.steps {
                    writeln!(to, "  {}", step.replace('\n', "\n  "))?;
                }
            }
            if let Some(error) = &row.error {
                writeln!(to, "  {}", tame(error))?;
            }
        }
        let changed =
            |row: &Row| row.store == "nss" && matches!(row.state, State::Installed | State::Removed);
        if self.stores.iter().any(changed) {
            writeln!(to, "Browsers that are open notice it when they are started again.")?;
        }
        if let Some(command) = &self.as_root {
            writeln!(to, "The rest needs root:\n  {command}")?;
        }
        Ok(())
    }
}

impl Told {
    /// There is nothing to do, for this reason.
    pub(super) fn nothing(note: String) -> Self {
        Self {
            dry_run: false,
            fingerprints_sha256: Vec::new(),
            stores: Vec::new(),
            as_root: None,
            note: Some(note),
        }
    }
}

/// The stores that were asked for.
pub(super) fn choose(
    place: &Place,
    families: &[Family],
    keystores: &[String],
    second_choice: bool,
) -> Vec<Store> {
    let mut stores = trust::stores(place, keystores);
    stores.retain(|store| families.is_empty() || families.contains(&store.family));
    stores.retain(|store| store.family != Family::System || second_choice || !store.is_second_choice());
    stores
}

/// One of the two commands, ready to be done.
pub(super) struct Work<'a> {
    /// As it is typed after `aigwctl`.
    pub(super) what: &'a str,
    pub(super) dry_run: bool,
    pub(super) marks: &'a [Mark],
    /// What a store needs; nothing when it is as it should be.
    pub(super) plan: &'a dyn Fn(&Store) -> Vec<Step>,
    /// A store that was changed, and one that needed no change.
    pub(super) states: [State; 2],
    /// What is done before the first store is touched.
    pub(super) first: Vec<Step>,
    /// The words that make root's run independent of this user's daemon.
    pub(super) root_words: Vec<String>,
}

impl Work<'_> {
    /// Does it, and tells.
    pub(super) fn run(self, place: &Place, stores: Vec<Store>, output: &Output) -> Result<(), Failure> {
        let planned: Vec<(Store, Vec<Step>)> = stores
            .into_iter()
            .map(|store| {
                let steps = (self.plan)(&store);
                (store, steps)
            })
            .collect();
        let only_told = |steps: &[Step]| steps.iter().all(|step| matches!(step, Step::Tell(_)));
        let first_state = |store: &Store, steps: &[Step]| match steps {
            [] => self.states[1],
            steps if only_told(steps) => State::Manual,
            _ if store.needs_root(place) => State::NeedsRoot,
            _ => State::Planned,
        };
        let states: Vec<State> = planned.iter().map(|(store, steps)| first_state(store, steps)).collect();
        let for_root: Vec<&Store> = planned
            .iter()
            .zip(&states)
            .filter(|(_, state)| **state == State::NeedsRoot)
            .map(|((store, _), _)| store)
            .collect();
        let as_root = (!for_root.is_empty()).then(|| self.as_root(&for_root));
        if let Some(command) = as_root.as_ref().filter(|_| !self.dry_run) {
            for store in &for_root {
                output.note(&format!(
                    "{} ({}) needs root and is left as it is. Run:\n  {command}",
                    store.family.name(),
                    store.title
                ));
            }
        }
        if !self.dry_run && states.iter().any(|state| matches!(state, State::Planned | State::NeedsRoot)) {
            under_journal(place, self.what, &self.first)?;
        }
        let rows: Vec<Row> = planned
            .iter()
            .zip(states)
            .map(|((store, steps), state)| {
                let (state, error) = match state {
                    State::Planned if !self.dry_run => match self.change(place, store, steps) {
                        Ok(()) => (self.states[0], None),
                        Err(fault) => (State::Failed, Some(fault.what)),
                    },
                    state => (state, None),
                };
                let steps = steps.iter().map(Step::words).collect();
                Row { store: store.family.name(), location: store.title.clone(), state, steps, error }
            })
            .collect();
        let told = Told {
            dry_run: self.dry_run,
            fingerprints_sha256: self.marks.iter().map(Mark::shown).collect(),
            stores: rows,
            as_root,
            note: None,
        };
        self.tell(told, output)
    }

    fn change(&self, place: &Place, store: &Store, steps: &[Step]) -> Result<(), Fault> {
        under_journal(place, self.what, steps)?;
        if (self.plan)(store).is_empty() {
            return Ok(());
        }
        // A program that succeeds and changes nothing; or somebody else has put it there once more.
        Err(Fault::new(Kind::CommandFailed, "every step succeeded, and the store is not as it should be"))
    }

    fn tell(&self, told: Told, output: &Output) -> Result<(), Failure> {
        let failed: Vec<String> = told
            .stores
            .iter()
            .filter_map(|row| Some(format!("{} ({}): {}", row.store, row.location, row.error.as_ref()?)))
            .collect();
        let stuck = !self.dry_run
            && !told.stores.is_empty()
            && told.stores.iter().all(|row| row.state == State::NeedsRoot);
        let failure = if !failed.is_empty() {
            Fault::new(Kind::CommandFailed, failed.join("; "))
        } else if let (true, Some(command)) = (stuck, &told.as_root) {
            let stores: Vec<_> = told.stores.iter().map(|row| &*row.location).collect();
            Fault::new(Kind::NeedsRoot, format!("{} can be changed by root only", stores.join(" and ")))
                .cure_with(format!("run `{command}`"))
        } else {
            return output.show(&told);
        };
        if !output.is_json() && !failed.is_empty() {
            output.show(&told)?;
        }
        Err(failure.into())
    }

    /// By its own path: root's PATH is another.
    fn as_root(&self, stores: &[&Store]) -> String {
        let program =
            std::env::current_exe().map_or_else(|_| "aigwctl".to_owned(), |path| path.display().to_string());
        let mut words = vec!["sudo".to_owned(), program];
        words.extend(self.what.split(' ').map(str::to_owned));
        for family in [Family::System, Family::Java] {
            if stores.iter().any(|store| store.family == family) {
                words.extend(["--store".to_owned(), family.name().to_owned()]);
            }
        }
        if stores.iter().any(|store| store.is_second_choice()) {
            words.push("--system".to_owned());
        }
        for store in stores.iter().filter(|store| store.family == Family::Java) {
            words.extend(["--java".to_owned(), store.title.clone()]);
        }
        words.extend(self.root_words.iter().cloned());
        command_line(words.iter().map(String::as_str))
    }
}

// -- our own records --------------------------------------------------------------------------------------------------

fn journal_file(place: &Place) -> PathBuf {
    place.records.join("journal.json")
}

/// The stores that were changed, one a line: kind, space, path.
fn stores_file(place: &Place) -> PathBuf {
    place.records.join("stores")
}

/// A plan that fails is not resumed: whether a store is half changed is seen in the store, and the next run plans anew.
fn under_journal(place: &Place, what: &str, steps: &[Step]) -> Result<(), Fault> {
    if steps.is_empty() {
        return Ok(());
    }
    place.make_records()?;
    let mut journal = Journal::begin(&journal_file(place), what, steps)?;
    let done = apply::apply(&mut journal, &apply::command);
    journal.end()?;
    done
}

/// Completes what a crash left.
pub(super) fn complete(place: &Place, dry_run: bool, output: &Output) -> Result<(), Failure> {
    let Some(mut journal) = Journal::open(&journal_file(place))? else { return Ok(()) };
    if dry_run {
        output.note(&format!(
            "An earlier `aigwctl {}` was cut short; the next run completes it first.",
            journal.what
        ));
        return Ok(());
    }
    output.note(&format!("Completing an earlier `aigwctl {}` that was cut short.", journal.what));
    for fault in apply::resume(&mut journal, &apply::command) {
        output.note(&format!("  {}", tame(&fault.what)));
    }
    Ok(journal.end()?)
}

/// The steps that write down what is going to be where.
pub(super) fn record(place: &Place, roots: &[Root], stores: &[&Store]) -> Vec<Step> {
    let mut lines = recorded_lines(place);
    for line in stores.iter().map(|store| format!("{} {}", store.family.name(), store.title)) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    let list: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let files = roots.iter().map(|root| (root.file.clone(), root.pem.clone()));
    files
        .chain([(stores_file(place), list)])
        .filter(|(file, text)| fs::read(file).ok().as_deref() != Some(text.as_bytes()))
        .map(|(file, text)| Step::Write {
            file,
            content: crate::steps::Bytes(text.into_bytes()),
            mode: Some(0o644),
        })
        .collect()
}

fn recorded_lines(place: &Place) -> Vec<String> {
    let text = fs::read_to_string(stores_file(place)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Whether an earlier run has changed this store.
pub(super) fn is_recorded(place: &Place, store: &Store) -> bool {
    recorded_lines(place).contains(&format!("{} {}", store.family.name(), store.title))
}

/// Java keystores that an earlier run has changed.
pub(super) fn recorded_keystores(place: &Place) -> Vec<String> {
    recorded_lines(place).iter().filter_map(|line| line.strip_prefix("java ").map(str::to_owned)).collect()
}

/// The roots that earlier runs have installed.
pub(super) fn recorded_roots(place: &Place) -> Vec<Root> {
    let entries = fs::read_dir(&place.records).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| has_ending(path, "pem")).collect();
    files.sort();
    files.iter().filter_map(|file| Root::read(file, &place.records).ok()).collect()
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|found| found == ending)
}

/// Forgets what is in no store any more.
pub(super) fn forget(place: &Place) {
    let stores = trust::stores(place, &recorded_keystores(place));
    let unknown = stores.iter().any(|store| !store.is_readable(place) && is_recorded(place, store));
    for root in recorded_roots(place) {
        let marks = [root.mark.clone()];
        if !unknown && stores.iter().all(|store| store.held(place, &marks).is_empty()) {
            // What cannot be removed is looked at again by the next run.
            let _ = fs::remove_file(&root.file);
        }
    }
    if recorded_roots(place).is_empty() {
        let _ = fs::remove_file(stores_file(place));
        let _ = fs::remove_dir(&place.records);
        // What root has of ours is this alone.
        if let Some(folder) = place.records.parent().filter(|_| place.is_root) {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// The stores for `ca status`.
pub(in crate::commands) fn overview(status: &CaStatus) -> Vec<status::Store> {
    let (false, Some(mark), Ok(place)) =
        (status.company, Mark::parse(&status.fingerprint_sha256), Place::here())
    else {
        return Vec::new();
    };
    let marks: Vec<Mark> =
        Root::of(&status.root_pem, "", &place.records).map_or_else(|_| vec![mark], |root| vec![root.mark]);
    let stores = trust::stores(&place, &recorded_keystores(&place));
    stores
        .iter()
        .filter(|store| store.is_readable(&place))
        .map(|store| (store, store.held(&place, &marks).iter().any(|held| held.trusted)))
        .filter(|(store, installed)| *installed || !store.is_second_choice())
        .map(|(store, installed)| status::Store {
            store: format!("{} ({})", store.family.name(), store.title),
            installed,
        })
        .collect()
}
