//! Running a library against all that the thief shows.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use super::thief::{Issuer, Theft, Thief};
use crate::desk::{Desk, Told};

/// Longer than any of them takes.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Something that verifies certificates.
pub trait Library {
    /// Asks each of these addresses for something, trusting this root alone.
    fn ask(&self, desk: &Desk, root: &Path, urls: &[String]) -> Vec<Told>;
}

/// A program that takes one address, or all of them.
pub struct Program {
    /// What is run.
    pub program: std::path::PathBuf,
    /// Its words; `ROOT` is the root's file.
    pub words: Vec<String>,
    /// Its variables, likewise.
    pub variables: Vec<(String, String)>,
    /// Whether it takes all addresses at once.
    pub all_at_once: bool,
}

impl Program {
    /// `program("curl", &["--cacert", "ROOT"], &[])`: one address each.
    pub fn new(program: impl AsRef<Path>, words: &[&str], variables: &[(&str, &str)]) -> Self {
        let text = |text: &&str| (*text).to_owned();
        Self {
            program: program.as_ref().to_owned(),
            words: words.iter().map(text).collect(),
            variables: variables.iter().map(|(name, value)| (text(name), text(value))).collect(),
            all_at_once: false,
        }
    }

    /// All addresses at once.
    pub fn all_at_once(self) -> Self {
        Self { all_at_once: true, ..self }
    }
}

impl Library for Program {
    fn ask(&self, desk: &Desk, root: &Path, urls: &[String]) -> Vec<Told> {
        let with_root = |text: &String| text.replace("ROOT", &root.display().to_string());
        let words: Vec<_> = self.words.iter().map(with_root).collect();
        let variables: Vec<_> = self.variables.iter().map(|(name, value)| (name, with_root(value))).collect();
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let run = |urls: &[String]| {
            let words: Vec<_> = words.iter().chain(urls).map(String::as_str).collect();
            desk.run(&self.program, &words, &variables, LIMIT)
        };
        if self.all_at_once { vec![run(urls)] } else { urls.chunks(1).map(run).collect() }
    }
}

/// What a library believed.
#[derive(Debug)]
pub struct Seen {
    believed: HashMap<(Issuer, Theft), bool>,
    /// What it said.
    told: Vec<Told>,
}

impl Seen {
    /// Lets it try everything.
    pub fn by(thief: &Thief, library: &dyn Library) -> Self {
        let mut seen = Self { believed: HashMap::new(), told: Vec::new() };
        for issuer in [Issuer::Ours, Issuer::Twin] {
            let before = Theft::ALL.map(|theft| thief.visits(issuer, theft));
            let urls =
                Theft::ALL.map(|theft| format!("https://{}:{}/", theft.host(), thief.port(issuer, theft)));
            seen.told.extend(library.ask(&thief.desk, &thief.root(issuer), &urls));
            for (theft, before) in Theft::ALL.into_iter().zip(before) {
                seen.believed.insert((issuer, theft), thief.visits(issuer, theft) > before);
            }
        }
        seen
    }

    /// As if it had not been asked about common names.
    pub fn but_common_name(mut self) -> Self {
        self.believed.insert((Issuer::Ours, Theft::CommonName), false);
        self
    }

    /// Whether it believed this from our CA.
    pub fn under_ours(&self, theft: Theft) -> bool {
        self.believed[&(Issuer::Ours, theft)]
    }

    /// Whether it believed this from a CA without bounds.
    pub fn under_twin(&self, theft: Theft) -> bool {
        self.believed[&(Issuer::Twin, theft)]
    }
}
