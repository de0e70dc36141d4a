//! What belongs into a tool's files, for whoever makes them in another way.

use std::io::{self, Write};
use std::path::PathBuf;

use aigw_shared::fault::Failure;
use serde::Serialize;

use super::access;
use super::choice::Choice;
use crate::output::{Answer, LABEL, Output};
use crate::settings::change;
use crate::tools::Desk;
use crate::tools::models::Offered;

/// Snippets for places where a machine is made anew each time: what they are called, the file, and what belongs into it.
const SNIPPETS: [(&str, &str, &str); 2] = [
    ("coder-template", "aigw.tf", include_str!("../../../packaging/coder/aigw.tf")),
    (
        "devcontainer",
        ".devcontainer/devcontainer.json",
        include_str!("../../../packaging/devcontainer/devcontainer.json"),
    ),
];

/// Prints these snippets, if they are some. Whether they were.
pub(super) fn snippets(names: &[String], output: &Output) -> Result<bool, Failure> {
    let named = |name: &String| SNIPPETS.iter().find(|(known, _, _)| known == name);
    let Some(found) = names.iter().map(named).collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())
    else {
        return Ok(false);
    };
    if let ([(_, _, text)], false) = (found.as_slice(), output.is_json()) {
        // As it goes into the file.
        output.show_raw(text.as_bytes())?;
        return Ok(true);
    }
    let tools = found.into_iter().map(|(tool, file, text)| {
        let file = Printed { file: PathBuf::from(file), text: (*text).to_owned() };
        PrintedTool { tool, files: vec![file], steps: Vec::new() }
    });
    output.show(&Prints { tools: tools.collect() })?;
    Ok(true)
}

/// What belongs into the files, for whoever makes them in another way.
pub(super) async fn run(
    chosen: &[Choice],
    desk: &Desk,
    offered: &Offered,
    output: &Output,
) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for choice in chosen {
        let Choice { tool, way, .. } = choice;
        let door = access(*choice, desk, offered).await?;
        if way.lacks_models(&door) {
            let cure = format!("aigwctl setup --print {} --model NAME", tool.id);
            return Err(door.models.none_for(tool.name, &cure).into());
        }
        let files = way.wanted(tool.id, desk, &door).into_iter().map(|(file, wanted)| {
            let text = change::done(&wanted, None, None, Vec::new()).map(|(text, _)| text);
            text.map(|text| Printed { file: file.clone(), text }).map_err(|refusal| refusal.fault(&file, ""))
        });
        let files = files.collect::<Result<Vec<_>, _>>()?;
        rows.push(PrintedTool { tool: tool.id, files, steps: way.steps(&door) });
    }
    output.show(&Prints { tools: rows })
}

#[derive(Serialize)]
struct Prints {
    tools: Vec<PrintedTool>,
}

#[derive(Serialize)]
struct PrintedTool {
    tool: &'static str,
    files: Vec<Printed>,
    steps: Vec<String>,
}

#[derive(Serialize)]
struct Printed {
    file: PathBuf,
    text: String,
}

impl Answer for Prints {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        for tool in &self.tools {
            for file in &tool.files {
                writeln!(to, "{LABEL}{}{LABEL:#}\n{}", file.file.display(), file.text)?;
            }
            tool.steps.iter().try_for_each(|step| writeln!(to, "{step}"))?;
        }
        Ok(())
    }
}
