//! `man`: the manual page, made from the same table as the parser, with the exit codes.

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

pub(super) fn run(output: &Output) -> Result<(), Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .map_err(|error| Fault::new(Kind::Internal, format!("the manual page cannot be made: {error}")))?;
    if !output.is_json() {
        return output.show_raw(&page);
    }
    output.show_json(&Page { schema: 1, page: String::from_utf8_lossy(&page).into_owned() })
}
