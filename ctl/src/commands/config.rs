//! `config show`: each setting in force, and where it comes from.

use std::io::{self, Write};

use aigw_shared::fault::Failure;
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{SettingRow, Settings};
use serde::Serialize;

use crate::daemon;
use crate::output::{Answer, BAD, Output};
use crate::wording;

#[derive(Serialize)]
struct Shown {
    settings: Vec<SettingRow>,
    /// Why the newest configuration is not in force; null if it is.
    refused: Option<String>,
}

impl From<Settings> for Shown {
    fn from(settings: Settings) -> Self {
        Self { settings: settings.rows, refused: settings.refused }
    }
}

impl Answer for Shown {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        let rows: Vec<Vec<String>> =
            self.settings.iter().map(|row| vec![row.key.clone(), row.value.clone(), origin(row)]).collect();
        wording::columns(to, None, &rows)?;
        if let Some(reason) = &self.refused {
            let reason = wording::tame(reason);
            writeln!(to, "\n{BAD}The newest configuration is not in force:{BAD:#} {reason}")?;
            writeln!(to, "Above is the last good one. Mend it, then run `aigwctl reload`.")?;
        }
        Ok(())
    }
}

fn origin(row: &SettingRow) -> String {
    let mut text = row.origin.clone();
    if !row.overrides.is_empty() {
        text += ", overrides ";
        text += &row.overrides.join(" and ");
    }
    text
}

pub(super) async fn show(output: &Output) -> Result<(), Failure> {
    match daemon::ask(Request::Settings).await? {
        Response::Settings(settings) => output.show(&Shown::from(settings)),
        _ => Err(daemon::unexpected()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_stand_in_a_column() {
        let row = |key: &str, value: &str, origin: &str, overrides: &[&str]| SettingRow {
            key: key.into(),
            value: value.into(),
            origin: origin.into(),
            overrides: overrides.iter().map(|text| (*text).into()).collect(),
            locked: false,
        };
        let rows = vec![
            row("gateway.url", "https://coder.example.com", "policy (/etc/aigw/policy.toml)", &["user file"]),
            row("listen.port", "2449", "default", &[]),
        ];
        let mut text = Vec::new();
        Shown { settings: rows, refused: None }.text(&mut text).unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "gateway.url   https://coder.example.com   policy (/etc/aigw/policy.toml), overrides user file\n\
             listen.port   2449                        default\n"
        );
    }
}
