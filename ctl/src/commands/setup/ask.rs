//! What setup asks besides whether to do it: who pays, and whether to try what nobody has run.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use aigw_shared::fault::Failure;

use super::super::edits::{answer, is_yes, nothing_changed};
use super::choice::{self, Choice};
use crate::output::{Output, STRONG};
use crate::settings::ledger::Ledger;
use crate::tools::{Desk, How, Pays, Proof, Tool};
use crate::wording::tame;

/// A sign-in to a plan of the user's own, where such a plan could pay.
pub(super) fn login(choice: &Choice, desk: &Desk) -> Option<PathBuf> {
    choice.paid_by(Pays::Own)?.tool.own.as_ref()?.login(desk)
}

/// Asks who is to pay, where there is a choice and nobody has said so yet. Without a terminal it is the company.
pub(super) fn who_pays(
    choice: Choice,
    desk: &Desk,
    ledger: &Ledger,
    output: &Output,
) -> Result<Choice, Failure> {
    let Some(file) = login(&choice, desk).filter(|_| !ledger.pays.contains_key(choice.tool.id)) else {
        return Ok(choice);
    };
    if output.is_json() || !io::stdin().is_terminal() {
        return Ok(choice);
    }
    let said = answer(
        output,
        &format!(
            "{STRONG}{}{STRONG:#} is signed in to a plan of your own ({}).\nWho pays for what it asks: the company, or \
             your own plan? [COMPANY/own]",
            choice.tool.name,
            tame(&file.display().to_string()),
        ),
    );
    let pays = match said.as_str() {
        "" | "c" | "company" => Pays::Company,
        "o" | "own" => Pays::Own,
        _ => return Err(nothing_changed("answer company or own, or say so with `--pays`")),
    };
    Ok(choice.paid_by(pays).unwrap_or(choice))
}

/// Who is to pay, for those of these tools about which somebody has to be asked.
pub(in super::super) fn payers(
    tools: &[&'static Tool],
    desk: &Desk,
    ledger: &Ledger,
    output: &Output,
) -> Result<Vec<(&'static str, Pays)>, Failure> {
    let mut said = Vec::new();
    for tool in tools {
        let choice = choice::one(tool.id, None, None, ledger)?;
        if login(&choice, desk).is_some() {
            said.push((tool.id, who_pays(choice, desk, ledger, output)?.pays));
        }
    }
    Ok(said)
}

/// Whether somebody has to say yes to this one alone.
pub(super) fn is_unproven(choice: &Choice) -> bool {
    let proven = matches!(choice.way.evidence.kind, Proof::Ran | Proof::Documented);
    !proven && matches!(choice.way.how, How::Files(_))
}

/// Asks whether to write what nobody has run, even where all the rest is agreed to.
pub(super) fn dares(choice: &Choice, yes: bool, output: &Output) -> bool {
    if yes || !is_unproven(choice) {
        return true;
    }
    let evidence = choice.way.evidence;
    let question = format!(
        "{STRONG}{}{STRONG:#}: nobody has run this ({}, {}). Write it all the same? [y/N]",
        choice.tool.name,
        evidence.kind.word(),
        evidence.date
    );
    is_yes(&answer(output, &question))
}
