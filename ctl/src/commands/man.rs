//! `man`: the manual page, made from the same table as the parser, with the exit codes.

use std::path::Path;

use aigw_shared::fault::{Failure, Fault, Kind};
use clap::CommandFactory;
use serde::Serialize;

use crate::cli::Cli;
use crate::output::Output;

#[derive(Serialize)]
struct Page {
    schema: u32,
    page: String,
}

pub(super) fn run(folder: Option<&Path>, output: &Output) -> Result<(), Failure> {
    let failed =
        |error| Fault::new(Kind::CommandFailed, format!("the manual pages cannot be written: {error}"));
    if let Some(folder) = folder {
        return Ok(clap_mangen::generate_to(Cli::command(), folder).map_err(failed)?);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(failed)?;
    if !output.is_json() {
        return output.show_raw(&page);
    }
    output.show_json(&Page { schema: 1, page: String::from_utf8_lossy(&page).into_owned() })
}
