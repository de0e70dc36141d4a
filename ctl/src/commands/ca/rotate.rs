//! `ca rotate`: a new CA beside the old one, and later in its place.

use std::io::{self, Write};

use aigw_shared::fault::Failure;
use aigw_shared::ipc::payload::{CaAction, CaStatus};
use serde::Serialize;

use super::status::Status;
use crate::output::{Answer, Output};

/// What is left to do, as commands.
const INSTALL: &str = "aigwctl ca install";
const FINISH: &str = "aigwctl ca rotate --finish";

#[derive(Serialize)]
struct Rotated {
    #[serde(flatten)]
    status: Status,
    then: Vec<&'static str>,
}

impl Answer for Rotated {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        let waits = self.then.contains(&FINISH);
        if waits {
            writeln!(
                to,
                "A new CA stands beside the old one, which goes on signing until tools trust both."
            )?;
        } else {
            writeln!(to, "The new CA signs from now on; the old one and its key are gone.")?;
        }
        for (number, command) in (1..).zip(&self.then) {
            writeln!(to, "  {number}. {command}")?;
        }
        if waits {
            writeln!(to, "Tools that were started before step 1 may need a restart before step 2.")?;
        }
        writeln!(to)?;
        self.status.text(to)
    }
}

pub(super) async fn run(finish: bool, output: &Output) -> Result<(), Failure> {
    let action = if finish { CaAction::Finish } else { CaAction::Rotate };
    let status = super::ask(action).await?;
    let then = left_to_do(&status, finish);
    output.show(&Rotated { status: Status::from(status), then })
}

/// A finished change was installed before; one without a second step was not.
fn left_to_do(status: &CaStatus, finish: bool) -> Vec<&'static str> {
    match (&status.next, finish) {
        (Some(_), _) => vec![INSTALL, FINISH],
        (None, false) => vec![INSTALL],
        (None, true) => Vec::new(),
    }
}
