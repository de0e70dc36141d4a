//! What setup says: the tools that are here, what is going to be done, and what was done.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use super::super::edits::shown;
use super::ask;
use super::choice::Choice;
use crate::output::{Answer, BAD, GOOD, LABEL, STRONG, WARN};
use crate::settings::change::Wanted;
use crate::settings::ledger::Ledger;
use crate::tools::models::Offered;
use crate::tools::{Desk, Door, Evidence, How, Mode, Pays, TOOLS, Tool};
use crate::wording::{columns, tame};

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    SetUp,
    Unchanged,
    Planned,
    ByHand,
    Impossible,
    Failed,
}

#[derive(Serialize)]
pub(super) struct Row {
    pub(super) tool: &'static str,
    pub(super) name: &'static str,
    pub(super) mode: Mode,
    pub(super) state: State,
    pub(super) files: Vec<FileRow>,
    /// What is to be done by hand.
    pub(super) steps: Vec<String>,
    /// Who pays for what it asks.
    pub(super) pays: Pays,
    /// The file that shows a sign-in to a plan of the user's own, where such a plan could pay.
    pub(super) login: Option<PathBuf>,
    pub(super) gains: &'static [&'static str],
    pub(super) loses: &'static [&'static str],
    pub(super) notes: Vec<String>,
    /// Managed files that go before ours.
    pub(super) overruled: Vec<String>,
    pub(super) evidence: Evidence,
    pub(super) error: Option<String>,
}

#[derive(Serialize)]
pub(super) struct FileRow {
    pub(super) file: PathBuf,
    /// Ours in it; none where another mode's are taken out.
    pub(super) keys: Vec<String>,
    /// Keys that were ours, and that somebody has changed since. They stay.
    pub(super) left: Vec<String>,
    pub(super) changed: bool,
    pub(super) diff: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Told {
    /// What is gained and lost is told with it, since nobody was asked.
    #[serde(skip)]
    pub(super) explained: bool,
    pub(super) dry_run: bool,
    pub(super) tools: Vec<Row>,
}

impl Row {
    /// What is known before anything is looked at.
    pub(super) fn of(choice: Choice, desk: &Desk, door: &Door) -> Self {
        let Choice { tool, way, pays } = choice;
        let mut notes: Vec<String> = way.notes.iter().map(|note| (*note).to_owned()).collect();
        if std::env::consts::OS == "macos" && tool.own.as_ref().is_some_and(|own| own.keychain) {
            notes.push(
                "a sign-in in the keychain is not looked at; say `--pays own` if it is to pay".to_owned(),
            );
        }
        let by_hand = matches!(way.how, How::Steps(_));
        let has_block = by_hand && desk.shell_file.is_some() && !way.variables(door).is_empty();
        Self {
            tool: tool.id,
            name: tool.name,
            mode: way.mode,
            state: match way.how {
                How::Files(_) => State::Unchanged,
                How::Steps(_) if has_block => State::Unchanged,
                How::Steps(_) => State::ByHand,
                How::Impossible { .. } => State::Impossible,
            },
            files: Vec::new(),
            steps: if has_block {
                vec!["Open a new shell: those that are open do not have the variables.".to_owned()]
            } else {
                way.steps(door)
            },
            pays,
            login: ask::login(&choice, desk),
            gains: way.gains,
            loses: way.loses,
            notes,
            overruled: way.overruled(&desk.of(tool)),
            evidence: way.evidence,
            error: match way.how {
                How::Impossible { why, .. } => Some(why.to_owned()),
                How::Files(_) | How::Steps(_) => None,
            },
        }
    }

    pub(super) fn fail(&mut self, why: &str) {
        self.state = State::Failed;
        self.error = Some(why.to_owned());
    }

    /// What somebody should know before agreeing.
    fn explain(&self, to: &mut dyn Write) -> io::Result<()> {
        if let Some(file) = &self.login {
            let file = tame(&file.display().to_string());
            let who = match self.pays {
                Pays::Company => format!("the company; your own plan is not used ({file})"),
                Pays::Own => format!("your own plan ({file})"),
            };
            writeln!(to, "  {LABEL}pays{LABEL:#}   {who}")?;
        }
        for (label, lines) in [("gains", self.gains), ("loses", self.loses)] {
            lines.iter().try_for_each(|line| writeln!(to, "  {LABEL}{label}{LABEL:#}  {line}"))?;
        }
        self.notes.iter().try_for_each(|line| writeln!(to, "  {LABEL}note{LABEL:#}   {line}"))?;
        self.overruled.iter().try_for_each(|words| writeln!(to, "  {WARN}{}{WARN:#}", tame(words)))
    }
}

impl Answer for Told {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        if self.tools.is_empty() {
            return writeln!(to, "None of the tools that aigwctl knows is here.");
        }
        for row in &self.tools {
            let (style, words) = match row.state {
                State::SetUp => (GOOD, "set up"),
                State::Unchanged => (GOOD, "set up already, nothing changed"),
                State::Planned => (WARN, "would be set up"),
                State::ByHand => (WARN, "to be done by hand"),
                State::Impossible => (WARN, "cannot be set up"),
                State::Failed => (BAD, "failed"),
            };
            writeln!(to, "{STRONG}{}{STRONG:#}: {style}{words}{style:#}", row.name)?;
            for file in &row.files {
                match &file.diff {
                    Some(diff) => write!(to, "{}", shown(diff))?,
                    None if file.keys.is_empty() => {
                        writeln!(to, "  {}: put back", tame(&file.file.display().to_string()))?;
                    }
                    None => writeln!(to, "  {}", tame(&file.file.display().to_string()))?,
                }
                if !file.left.is_empty() {
                    writeln!(to, "  changed by somebody since, and left: {}", tame(&file.left.join(", ")))?;
                }
            }
            row.steps.iter().try_for_each(|step| writeln!(to, "  {step}"))?;
            if self.explained && row.state != State::Unchanged {
                row.explain(to)?;
            } else {
                row.overruled.iter().try_for_each(|words| writeln!(to, "  {WARN}{}{WARN:#}", tame(words)))?;
            }
            if let Some(error) = &row.error {
                writeln!(to, "  {}", tame(error))?;
            }
        }
        Ok(())
    }
}

/// What is here, for whoever named no tool.
#[derive(Serialize)]
pub(super) struct Overview {
    tools: Vec<Here>,
}

#[derive(Serialize)]
struct Here {
    tool: &'static str,
    name: &'static str,
    found: Option<PathBuf>,
    set_up: bool,
    way: &'static str,
    gets: Vec<String>,
    evidence: Evidence,
}

impl Answer for Overview {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        let found: Vec<_> = self.tools.iter().filter(|tool| tool.found.is_some()).collect();
        if found.is_empty() {
            writeln!(to, "None of the tools that aigwctl knows is here.")?;
        } else {
            let cells = |here: &&Here| {
                let state = if here.set_up { "set up" } else { here.way };
                let evidence = format!("{} {}", here.evidence.kind.word(), here.evidence.version);
                let proof = format!("{}, {}", evidence.trim_end(), here.evidence.date);
                vec![here.tool.to_owned(), state.to_owned(), proof, here.gets.join(", ")]
            };
            let rows: Vec<_> = found.iter().map(cells).collect();
            columns(to, Some((LABEL, &["TOOL", "STATE", "EVIDENCE", "WOULD CHANGE"])), &rows)?;
        }
        let others: Vec<_> =
            self.tools.iter().filter(|tool| tool.found.is_none()).map(|tool| tool.tool).collect();
        writeln!(to, "{LABEL}not found:{LABEL:#} {}", others.join(", "))
    }
}

pub(super) fn overview(desk: &Desk, ledger: &Ledger) -> Overview {
    let set_up = ledger.all_tools();
    let here = |tool: &'static Tool| {
        let way = tool.way(None)?;
        Some(Here {
            tool: tool.id,
            name: tool.name,
            found: tool.found(desk),
            set_up: set_up.contains(tool.id),
            way: match way.how {
                How::Files(_) => "can be set up",
                How::Steps(_) => "by hand",
                How::Impossible { .. } => "impossible",
            },
            gets: match way.how {
                How::Files(files) => {
                    let desk = desk.of(tool);
                    files.iter().map(|file| file.place(&desk).display().to_string()).collect()
                }
                How::Steps(_) => vec!["nothing: the steps are shown".to_owned()],
                How::Impossible { .. } => vec!["nothing".to_owned()],
            },
            evidence: way.evidence,
        })
    };
    Overview { tools: TOOLS.iter().filter_map(here).collect() }
}

/// What would be done, for whoever is to agree.
pub(super) fn plan(chosen: &[Choice], desk: &Desk, offered: &Offered, ledger: &Ledger) -> String {
    let mut text = Vec::new();
    let door = Door { models: offered.clone(), ..Door::default() };
    for choice in chosen.iter().filter(|choice| matches!(choice.way.how, How::Files(_))) {
        let Choice { tool, way, .. } = choice;
        let wanted = way.wanted(tool.id, desk, &door);
        let mut lines = vec![format!("{STRONG}{}{STRONG:#}", tool.name)];
        for (file, wanted) in &wanted {
            lines.push(format!("  {}: {}", tame(&file.display().to_string()), key_names(wanted).join(", ")));
        }
        for (file, _) in ledger.files_of(tool.id) {
            if !wanted.iter().any(|(other, _)| *other == file) {
                lines.push(format!("  {}: put back", tame(&file.display().to_string())));
            }
        }
        text.extend(lines.into_iter().flat_map(|line| format!("{line}\n").into_bytes()));
        // A text takes whatever is written to it.
        let _ = Row::of(*choice, desk, &door).explain(&mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn key_names(wanted: &Wanted<'_>) -> Vec<String> {
    wanted.keys.iter().map(|(path, _)| path.join(".")).collect()
}
