//! Plans of the user's own at a tool's maker: how one is noticed, and what has to be in the tool's files so that it is the one
//! that pays.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::fill::key_path;
use super::{Desk, Mode, Way};
use crate::settings::{Format, place};

/// Who pays for what a tool asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Pays {
    /// The company, through the gateway's own keys.
    Company,
    /// The user's own plan: the tool's own sign-in goes along.
    Own,
}

/// How a tool is set up for the user's own plan.
pub(crate) struct Own {
    /// What shows that there is one.
    pub(crate) logins: &'static [Login],
    /// Whether macOS has it in the keychain, where nobody looks.
    pub(crate) keychain: bool,
    /// The provider that has to let the tool's own credential through; none where that is always so.
    pub(crate) provider: Option<&'static str>,
    /// As those of the tool.
    pub(crate) ways: &'static [Way],
}

/// A file in which a tool keeps its sign-in.
pub(crate) struct Login {
    /// Below the user's home.
    pub(crate) file: &'static str,
    /// As those of the tool's files.
    pub(crate) moved: &'static [(&'static str, &'static str)],
    /// What is in it of a plan, and not of a mere key. Its value is looked at by nobody.
    pub(crate) key: &'static [&'static str],
}

impl Own {
    /// The way of this mode.
    pub(crate) fn way(&self, mode: Mode) -> Option<&'static Way> {
        self.ways.iter().find(|way| way.mode == mode)
    }

    /// The file that shows a sign-in.
    pub(crate) fn login(&self, desk: &Desk) -> Option<PathBuf> {
        self.logins.iter().find_map(|login| {
            let file = desk.at(login.file, login.moved);
            let text = place::read(&file).ok().flatten()?;
            let found = Format::Json.find(&text, &key_path(login.key, "")).ok().flatten()?;
            (!found.value.is_null()).then_some(file)
        })
    }
}
