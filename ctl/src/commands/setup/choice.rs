//! Which tools, and each in which way: what the command line says, else what was chosen when it was set up last, else what
//! its row has first.

use aigw_shared::fault::{Failure, Fault, Kind};

use crate::cli::Setup;
use crate::settings::ledger::Ledger;
use crate::tools::{Desk, How, Mode, Pays, TOOLS, Tool, Way};

/// A tool, and the way in which it is to come to us.
#[derive(Clone, Copy)]
pub(super) struct Choice {
    pub(super) tool: &'static Tool,
    pub(super) way: &'static Way,
    pub(super) pays: Pays,
}

impl Choice {
    /// The same tool in the same mode, where somebody else is to pay.
    pub(super) fn paid_by(self, pays: Pays) -> Option<Self> {
        let mode = self.way.mode;
        let way = match pays {
            Pays::Company => self.tool.way(Some(mode))?,
            Pays::Own => self.tool.own.as_ref()?.way(mode)?,
        };
        Some(Self { way, pays, ..self })
    }
}

/// The rows of these ids.
pub(super) fn named(arguments: &Setup, ledger: &Ledger) -> Result<Vec<Choice>, Failure> {
    arguments.tools.iter().map(|id| one(id, arguments.mode, arguments.pays, ledger)).collect()
}

/// The row of this id.
pub(super) fn one(
    id: &str,
    mode: Option<Mode>,
    pays: Option<Pays>,
    ledger: &Ledger,
) -> Result<Choice, Failure> {
    let tool = Tool::named(id).ok_or_else(|| {
        let all: Vec<_> = TOOLS.iter().map(|tool| tool.id).collect();
        Fault::new(Kind::Usage, format!("no tool is named {id:?}"))
            .cure_with(format!("use one of {}", all.join(", ")))
    })?;
    if let Some(Way { how: How::Impossible { why, instead }, evidence, .. }) = tool.ways.first() {
        let what = format!("{} cannot be set up ({}): {why}", tool.name, evidence.date);
        return Err(Fault::new(Kind::Impossible, what).cure_with(*instead).into());
    }
    let impossible = |what: &str| {
        Fault::new(Kind::Impossible, format!("{} cannot be set up {what}", tool.name))
            .cure_with(format!("aigwctl setup {id}"))
    };
    let kept = kept_mode(tool, ledger);
    let way = tool.way(mode.or(kept)).ok_or_else(|| impossible("in that mode"))?;
    let company = Choice { tool, way, pays: Pays::Company };
    let who = pays.or(kept_pays(tool, ledger)).unwrap_or(Pays::Company);
    match company.paid_by(who) {
        Some(choice) => Ok(choice),
        None if pays.is_some() => Err(impossible("for a plan of your own").into()),
        None => Ok(company),
    }
}

/// The tools that are here, and have that mode. Who has no way for a plan of one's own is paid by the company.
pub(super) fn found(desk: &Desk, arguments: &Setup, ledger: &Ledger) -> Vec<Choice> {
    let here = TOOLS.iter().filter(|tool| tool.found(desk).is_some());
    here.filter_map(|tool| {
        let mode = arguments.mode.or(kept_mode(tool, ledger));
        let company = Choice { tool, way: tool.way(mode)?, pays: Pays::Company };
        let who = arguments.pays.or(kept_pays(tool, ledger)).unwrap_or(Pays::Company);
        company.paid_by(who).or(Some(company))
    })
    .collect()
}

/// The mode that it has, if its row still knows it.
fn kept_mode(tool: &Tool, ledger: &Ledger) -> Option<Mode> {
    ledger.tools.get(tool.id).copied().filter(|mode| tool.way(Some(*mode)).is_some())
}

fn kept_pays(tool: &Tool, ledger: &Ledger) -> Option<Pays> {
    ledger.pays.get(tool.id).map(|paid| paid.who)
}
