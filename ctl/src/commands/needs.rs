//! What one tool needs for one command, besides the variables that many programs read.

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::payload::Access;

use super::env;
use crate::os;
use crate::tools::{Door, How, Mode, Put, TOOLS, Tool, Way, models};

/// What is given to the command, and what its user has to know.
#[derive(Default)]
pub(super) struct Needs {
    pub(super) variables: Vec<(&'static str, String)>,
    pub(super) arguments: Vec<String>,
    /// Why it may not work.
    pub(super) trouble: Option<Failure>,
}

/// The row of this id.
pub(super) fn tool(id: &str) -> Result<&'static Tool, Failure> {
    Tool::named(id).ok_or_else(|| {
        let all: Vec<_> = TOOLS.iter().map(|tool| tool.id).collect();
        Fault::new(Kind::Usage, format!("no tool is named {id:?}"))
            .cure_with(format!("use one of {}", all.join(", ")))
            .into()
    })
}

/// Through which door it comes: the one that is asked for, else the one that it is best served by.
pub(super) fn mode(tool: Option<&Tool>, asked: Option<Mode>) -> Mode {
    let best = || {
        let way = tool?.ways.first().filter(|way| !matches!(way.how, How::Impossible { .. }))?;
        Some(way.mode)
    };
    asked.or_else(best).unwrap_or(Mode::BaseUrl)
}

/// What this tool needs through this door.
pub(super) async fn of(
    tool: &Tool,
    mode: Mode,
    access: &Access,
    model: Option<&String>,
    gateway: Option<&String>,
) -> Result<Needs, Failure> {
    let Some(way) = tool.way(Some(mode)) else { return Ok(Needs::default()) };
    let mut door = Door {
        address: env::loopback(&access.listen)?.to_owned(),
        key: env::local_key(access),
        ..Door::default()
    };
    let mut trouble = None;
    if !way.for_model.is_empty() {
        let names: Vec<_> = model.cloned().or_else(|| chosen(way)).into_iter().collect();
        match models::ask(&names, gateway.cloned()).await {
            Ok(offered) => door.models = offered,
            Err(failure) => door.models = models::Offered::without(failure.text),
        }
        if !way.finds_model(&door) {
            let cure = format!("aigwctl run --tool {} --model NAME -- ...", tool.id);
            trouble = Some(door.models.none_for(tool.name, &cure).into());
        }
    }
    Ok(Needs { variables: way.variables(&door), arguments: way.arguments(&door), trouble })
}

/// The variables by name, to take them away again.
pub(super) fn names(tool: &Tool, mode: Mode) -> Vec<&'static str> {
    let Some(way) = tool.way(Some(mode)) else { return Vec::new() };
    let more = way.for_model.iter().flat_map(|(_, more)| *more);
    let mut names: Vec<_> = way.variables.iter().chain(more).map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The model that the user has chosen in the tool's own variable.
fn chosen(way: &Way) -> Option<String> {
    let mut all = way.for_model.iter().flat_map(|(_, more)| *more);
    all.find_map(|(name, put)| match put {
        Put::Text(text) if text.contains("{model}") => os::variable(name).filter(|value| !value.is_empty()),
        _ => None,
    })
}
