//! `ca import`: what a company's CA has signed.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::payload::CaAction;
use serde::Serialize;

use super::status::Status;
use crate::output::{Answer, Output};

/// More than any chain; and it has to fit into a message.
const LIMIT: u64 = 512 * 1024;

#[derive(Serialize)]
struct Imported {
    #[serde(flatten)]
    status: Status,
}

impl Answer for Imported {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        writeln!(
            to,
            "The company's CA has signed this machine's, which signs from now on. No trust store was touched.\n"
        )?;
        self.status.text(to)
    }
}

pub(super) async fn run(chain: &Path, output: &Output) -> Result<(), Failure> {
    let trouble = |error: &dyn std::fmt::Display| {
        Fault::new(Kind::File, format!("{} cannot be read: {error}", chain.display()))
    };
    let mut text = String::new();
    File::open(chain)
        .and_then(|file| file.take(LIMIT + 1).read_to_string(&mut text))
        .map_err(|error| trouble(&error))?;
    if text.len() as u64 > LIMIT {
        return Err(trouble(&"it is too long for a chain of certificates").into());
    }
    // A file that holds a key beside the certificates must not send it along.
    let status = super::ask(CaAction::Import(certificates_only(&text))).await?;
    output.show(&Imported { status: Status::from(status) })
}

/// The blocks of certificates in a PEM file.
fn certificates_only(text: &str) -> String {
    let mut kept = String::new();
    let mut inside = false;
    for line in text.lines() {
        inside |= line.starts_with("-----BEGIN CERTIFICATE-----");
        if inside {
            kept.push_str(line);
            kept.push('\n');
        }
        inside &= !line.starts_with("-----END");
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_the_file_stays_where_it_is() {
        let certificate = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n";
        let text = format!(
            "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n{certificate}words\n{certificate}"
        );
        assert_eq!(certificates_only(&text), format!("{certificate}{certificate}"));
    }
}
