//! `explain`: what would happen to a request, and why.

use std::io::{self, Write};

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{ExplainQuery, ExplainStep, Explanation};
use serde::Serialize;

use crate::cli::Explain;
use crate::daemon;
use crate::output::{Answer, BAD, LABEL, Output};
use crate::wording;

#[derive(Serialize)]
struct Explained {
    outcome: String,
    steps: Vec<ExplainStep>,
    /// Why it is refused; null if it is not.
    refusal: Option<Failure>,
}

impl From<Explanation> for Explained {
    fn from(told: Explanation) -> Self {
        Self { outcome: told.outcome, steps: told.steps, refusal: told.refusal }
    }
}

impl Answer for Explained {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        for (number, step) in (1..).zip(&self.steps) {
            writeln!(to, "{number}. {}", wording::tame(&step.what))?;
            writeln!(to, "   {LABEL}because {}{LABEL:#}", wording::tame(&step.why))?;
        }
        match &self.refusal {
            Some(refusal) => writeln!(
                to,
                "{BAD}Refused{BAD:#} ({}): {}. {}",
                refusal.code,
                wording::tame(&refusal.text),
                wording::tame(&refusal.cure)
            ),
            None => Ok(()),
        }
    }
}

pub(super) async fn run(arguments: &Explain, output: &Output) -> Result<(), Failure> {
    let headers: Option<Vec<_>> = arguments
        .headers
        .iter()
        .map(|field| {
            field.split_once(':').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        })
        .collect();
    let headers = headers.ok_or_else(|| Fault::new(Kind::Usage, "a header is written as 'NAME: VALUE'"))?;
    let query = ExplainQuery {
        url: arguments.url.clone(),
        method: arguments.method.clone(),
        headers,
        gateway: arguments.gateway.clone(),
    };
    match daemon::ask(Request::Explain(query)).await? {
        Response::Explained(told) => output.show(&Explained::from(told)),
        _ => Err(daemon::unexpected()),
    }
}
