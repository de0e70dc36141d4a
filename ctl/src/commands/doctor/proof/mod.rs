//! The proof: a tool's own program makes one real request with a key of `doctor`'s, which the daemon answers itself, and what
//! it did is told. Nothing of it reaches a gateway, and none of the user's files is touched.

mod home;
mod program;
mod verdict;

use std::time::Duration;

use aigw_shared::fault::Failure;
use aigw_shared::ipc::message::{Request, Response};

use self::home::Home;
use self::program::Ran;
pub(super) use self::verdict::Proved;
use super::report::Line;
use crate::commands::{env, trust};
use crate::daemon;
use crate::settings::ledger::Ledger;
use crate::tools::models::Offered;
use crate::tools::recipes::{MODELS, Recipe};
use crate::tools::{Desk, Door, How, Mode, Tool};

/// The longest that a tool may take for one short question.
const LIMIT: Duration = Duration::from_secs(120);
/// And for its version.
const VERSION: Duration = Duration::from_secs(30);

/// What came of proving one tool.
pub(super) struct Outcome {
    pub(super) lines: Vec<Line>,
    pub(super) proved: Vec<Proved>,
}

/// Proves a tool in every way that it has.
pub(super) async fn of(tool: &'static Tool, mode: Option<Mode>, desk: &Desk) -> Outcome {
    let mut outcome = Outcome { lines: Vec::new(), proved: Vec::new() };
    let recipes: Vec<_> =
        tool.recipes().filter(|recipe| mode.is_none_or(|mode| mode == recipe.mode)).collect();
    if recipes.is_empty() {
        outcome.lines.push(Line::skipped("proof", no_recipe(tool)));
        return outcome;
    }
    let Some(program) = tool.program(desk) else {
        let text = format!("{}: there is no {} in PATH", tool.name, tool.programs.join(" or "));
        outcome.lines.push(Line::error("proof", text, "install it, or name another tool"));
        return outcome;
    };
    for recipe in recipes {
        match one(tool, recipe, &program, desk).await {
            Ok(proved) => {
                outcome.lines.extend(proved.lines());
                outcome.proved.push(proved);
            }
            Err(failure) => {
                let text = format!("{} {}: {}", tool.name, verdict::words(recipe.mode), failure.text);
                outcome.lines.push(Line::error("proof", text, failure.cure));
            }
        }
    }
    outcome
}

fn no_recipe(tool: &Tool) -> String {
    match tool.ways.first().map(|way| &way.how) {
        Some(How::Impossible { why, .. }) => format!("{}: it cannot be set up: {why}", tool.name),
        _ => format!("{}: it has no command that asks one thing and ends, so it cannot be proved", tool.name),
    }
}

async fn one(
    tool: &'static Tool,
    recipe: &'static Recipe,
    program: &std::path::Path,
    desk: &Desk,
) -> Result<Proved, Failure> {
    // The key is valid as long as this connection.
    let mut connection = daemon::connect().await?;
    let Response::Access(access) = connection.call(Request::LendProofKey).await? else {
        return Err(daemon::unexpected());
    };
    let trust = match recipe.mode {
        Mode::Proxy => Some(trust::files(Vec::new()).await?),
        Mode::BaseUrl => None,
    };
    let door = Door {
        address: env::loopback(&access.listen)?.to_owned(),
        key: env::local_key(&access),
        trust: trust.clone(),
        models: Offered::default().limited_to(&MODELS.map(str::to_owned)),
        ..Door::default()
    };
    let way = tool.way(Some(recipe.mode));
    let home = Home::made(tool, way, desk, &door, &Ledger::look(&daemon::paths()?)?)?;
    let mut variables = home.variables();
    let mut arguments = Vec::new();
    // What its files say is to be enough. Without any it is started as `run` does it.
    if way.is_none_or(|way| way.files().is_empty()) {
        for (name, value) in env::set(&access, trust.as_ref(), "")? {
            variables.extend(env::spellings(name).filter_map(|name| Some((name, value.clone()?))));
        }
        if let Some(way) = way {
            let more = way.variables(&door).into_iter();
            variables.extend(more.map(|(name, value)| (name.to_owned(), value)));
            arguments = way.arguments(&door);
        }
    }
    variables.extend(recipe.variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    arguments.extend(recipe.arguments.iter().map(|word| (*word).to_owned()));

    let ran = program::run(program, &arguments, &variables, &home, LIMIT).await?;
    let version = program::version(program, &variables, &home, VERSION).await;
    let Response::Proof(seen) = connection.call(Request::Proof).await? else {
        return Err(daemon::unexpected());
    };
    Ok(Proved::of(tool, recipe, version, &ran, &seen, home.copied()))
}
