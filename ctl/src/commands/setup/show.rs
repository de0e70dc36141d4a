//! What setup says: the tools that are here, what is going to be done, and what was done.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use super::super::edits::shown;
use super::Choice;
use crate::output::{Answer, BAD, GOOD, LABEL, STRONG, WARN};
use crate::settings::change::Wanted;
use crate::settings::ledger::Ledger;
use crate::tools::models::Offered;
use crate::tools::{Desk, Door, Evidence, How, Mode, TOOLS, Tool};
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
    pub(super) notes: Vec<&'static str>,
    /// Managed files that go before ours.
    pub(super) overruled: Vec<String>,
    pub(super) evidence: Evidence,
    pub(super) error: Option<String>,
}

#[derive(Serialize)]
pub(super) struct FileRow {
    pub(super) file: PathBuf,
    pub(super) keys: Vec<String>,
    pub(super) changed: bool,
    pub(super) diff: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Told {
    pub(super) dry_run: bool,
    pub(super) tools: Vec<Row>,
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
                    None => writeln!(to, "  {}", tame(&file.file.display().to_string()))?,
                }
            }
            row.steps.iter().try_for_each(|step| writeln!(to, "  {step}"))?;
            row.overruled.iter().try_for_each(|words| writeln!(to, "  {WARN}{}{WARN:#}", tame(words)))?;
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
pub(super) fn plan(chosen: &[Choice], desk: &Desk, offered: &Offered) -> String {
    let mut text = String::new();
    let door = Door { models: offered.clone(), ..Door::default() };
    for Choice { tool, way } in chosen.iter().filter(|choice| matches!(choice.way.how, How::Files(_))) {
        text += &format!("{STRONG}{}{STRONG:#}\n", tool.name);
        for (file, wanted) in way.wanted(tool.id, desk, &door) {
            let file = tame(&file.display().to_string());
            text += &format!("  {file}: {}\n", key_names(&wanted).join(", "));
        }
        way.notes.iter().for_each(|note| text += &format!("  {note}\n"));
    }
    text
}

fn key_names(wanted: &Wanted<'_>) -> Vec<String> {
    wanted.keys.iter().map(|(path, _)| path.join(".")).collect()
}
