//! The AI tools that `setup` knows. What is known of one stands in its row of [`table`], as data; nothing here asks which tool
//! it is.
//!
//! | module | holds |
//! | --- | --- |
//! | [`table`] | the rows |
//! | [`desk`] | whose machine it is: where files are, and which tools |
//! | [`fill`] | what a row becomes for this machine: keys of files, variables, arguments, steps |
//! | [`models`] | the models that the deployment offers |
//! | [`own`] | plans of the user's own at a tool's maker |
//! | [`packaged`] | snaps, flatpaks, and programs of Windows |
//! | [`recipes`] | how each is made to ask one short thing and end |

pub(crate) mod desk;
mod fill;
#[cfg(test)]
mod fixtures;
pub(crate) mod models;
mod own;
pub(crate) mod packaged;
pub(crate) mod recipes;
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tried;

use aigw_shared::ipc::payload::CaTrust;
use serde::{Deserialize, Serialize};

use crate::settings::Format;
pub(crate) use desk::{Desk, Places, desk};
pub(crate) use fill::proxy_url;
use models::Offered;
pub use own::Pays;
pub(crate) use own::{Login, Own};
pub(crate) use table::{SESSION, TOOLS};

/// One tool.
pub(crate) struct Tool {
    /// What scripts call it, and its local key.
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    /// Its programs, as they are found in `PATH`.
    pub(crate) programs: &'static [&'static str],
    /// Folders below the user's home that only it makes.
    pub(crate) folders: &'static [&'static str],
    /// The ways in which it comes to us; the first is taken unless another is asked for.
    pub(crate) ways: &'static [Way],
    /// How it is set up for a plan of the user's own, if it can be.
    pub(crate) own: Option<Own>,
}

/// One way in which a tool comes to us.
pub(crate) struct Way {
    pub(crate) mode: Mode,
    pub(crate) how: How,
    /// What is left to be done by hand once the files are written.
    pub(crate) then: &'static [&'static str],
    /// Variables with which the tool works for one command, without its files, besides those that many programs read.
    pub(crate) variables: &'static [(&'static str, Put)],
    /// More of them, for the first of these providers that offers a model. One that is there already stays.
    pub(crate) for_model: &'static [(&'static str, &'static [(&'static str, Put)])],
    /// Arguments that it needs besides, filled in like steps. No key is among them: all users see arguments.
    pub(crate) arguments: &'static [&'static str],
    pub(crate) evidence: Evidence,
    /// What is better with it than without us, or stays as good.
    pub(crate) gains: &'static [&'static str],
    /// What the user has to do without.
    pub(crate) loses: &'static [&'static str],
    /// What the user has to know besides.
    pub(crate) notes: &'static [&'static str],
}

/// Through which door it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A base URL that leads to us.
    BaseUrl,
    /// We are its proxy, and it trusts our CA.
    Proxy,
}

/// How it is pointed at us.
pub(crate) enum How {
    /// By keys in files of its own.
    Files(&'static [Settings]),
    /// By hand, in these steps, with the variables of the way if it has any. `{anthropic}`, `{openai}`,
    /// `{address}`, `{key}` and `{model}` are filled in.
    Steps(&'static [&'static str]),
    /// Not at all, for this reason, and what can be done instead.
    Impossible { why: &'static str, instead: &'static str },
}

/// Keys of a file, outermost name first, and what goes there. `{model}` in a name is filled in where it is about models.
pub(crate) type Keys = &'static [(&'static [&'static str], Put)];

/// One file of a tool.
pub(crate) struct Settings {
    pub(crate) places: Places,
    /// Variables that name another folder, and the one whose place that takes. The first that is set counts.
    pub(crate) moved: &'static [(&'static str, &'static str)],
    pub(crate) format: Format,
    pub(crate) keys: Keys,
    /// More of them, for models of the deployment.
    pub(crate) for_models: &'static [ForModels],
    /// Files of the machine's administrator that go before this one.
    pub(crate) managed: &'static [&'static str],
    /// The tool takes neither comments nor trailing commas in it, and passes over the whole of a file that has some.
    pub(crate) plain: bool,
    /// An older form of it, which this one would silence: written to if it is there and this one is not.
    pub(crate) older: Option<&'static Settings>,
}

/// Which models keys are about.
pub(crate) enum ForModels {
    /// Every one of this provider.
    Each(&'static str, Keys),
    /// One, of the first of these providers that offers any.
    One(&'static [(&'static str, Keys)]),
}

/// What goes into a key.
pub(crate) enum Put {
    /// Filled in like steps.
    Text(&'static str),
    Flag(bool),
    Number(u64),
    /// This where the file says nothing.
    Fallback(&'static Put),
    /// Our address, with this path.
    Url(&'static str),
    /// Our address with the tool's local key in its path, for what has no place for a key.
    UrlWithKey(&'static str),
    /// The tool's local key.
    Key,
    /// Us as a proxy, with the tool's local key as the password.
    Proxy,
    /// The file of certificates for what adds to the roots that a tool trusts.
    CaFile,
    /// The file of certificates for what replaces them.
    CaBundle,
    /// The hosts that are reached without a proxy: the user's and the loopback names.
    NoProxy,
}

/// How we know that it works.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Evidence {
    pub(crate) kind: Proof,
    /// The version that it is about, if it is about one.
    pub(crate) version: &'static str,
    /// Year, month and, where it is known, day.
    pub(crate) date: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Proof {
    /// It was run, set up like this.
    Ran,
    /// Its maker's documents say so.
    Documented,
    /// Others say that they do it so.
    Reported,
    /// Its maker's documents, or those who tried, say that it cannot be done.
    Impossible,
}

impl Proof {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ran => "ran",
            Self::Documented => "documented",
            Self::Reported => "reported",
            Self::Impossible => "impossible",
        }
    }
}

/// How a tool comes to the daemon.
#[derive(Default)]
pub(crate) struct Door {
    /// `127.0.0.1:PORT`
    pub(crate) address: String,
    pub(crate) key: String,
    /// The files that it is to trust, where we are its proxy.
    pub(crate) trust: Option<CaTrust>,
    /// The user's `NO_PROXY`.
    pub(crate) exceptions: String,
    /// The models that it may be told of.
    pub(crate) models: Offered,
}

impl Tool {
    /// The row of this id.
    pub(crate) fn named(id: &str) -> Option<&'static Self> {
        TOOLS.iter().chain([&SESSION]).find(|tool| tool.id == id)
    }

    /// The row whose program this is, if it is one's.
    pub(crate) fn of_program(program: &std::path::Path) -> Option<&'static Self> {
        let name = program.file_stem()?.to_str()?;
        TOOLS.iter().find(|tool| tool.programs.contains(&name))
    }

    /// The way of this mode, or the first.
    pub(crate) fn way(&self, mode: Option<Mode>) -> Option<&'static Way> {
        mode.map_or_else(|| self.ways.first(), |mode| self.ways.iter().find(|way| way.mode == mode))
    }
}
