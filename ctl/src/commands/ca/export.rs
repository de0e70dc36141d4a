//! `ca export`: the root certificate, for a trust store that `aigwctl` does not know. While a new CA waits, both.

use std::io::{self, Write};
use std::path::Path;

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::payload::CaAction;
use serde::Serialize;

use crate::output::{Answer, Output};

#[derive(Serialize)]
struct Exported<'a> {
    root_pem: &'a str,
    next_root_pem: Option<&'a str>,
    out: Option<String>,
}

impl Answer for Exported<'_> {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        match &self.out {
            Some(out) => writeln!(to, "Wrote {out}. It holds no key, and may be given to anyone."),
            None => write!(to, "{}", self.pem()),
        }
    }
}

impl Exported<'_> {
    fn pem(&self) -> String {
        format!("{}{}", self.root_pem, self.next_root_pem.unwrap_or_default())
    }
}

pub(super) async fn run(out: Option<&Path>, output: &Output) -> Result<(), Failure> {
    let status = super::ask(CaAction::Status).await?;
    let exported = Exported {
        root_pem: &status.root_pem,
        next_root_pem: status.next.as_ref().map(|next| next.root_pem.as_str()),
        out: out.map(|path| path.display().to_string()),
    };
    if let Some(out) = out {
        std::fs::write(out, exported.pem()).map_err(|error| {
            Fault::new(Kind::File, format!("{} cannot be written: {error}", out.display()))
        })?;
    }
    output.show(&exported)
}
