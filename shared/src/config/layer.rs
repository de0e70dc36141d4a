//! What one source says, and how sources are laid over each other: every value remembers where it comes from and
//! what it replaced.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::value::without_login;

/// A value as it was written, before anybody asked what it means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Raw {
    Text(String),
    Number(i64),
    Flag(bool),
    List(Vec<Raw>),
    Pairs(Vec<(String, String)>),
    /// What no setting takes: a date, a fraction, tables in lists.
    Other,
}

/// As `config show` prints it. Values of headers, and a login in a URL, are for nobody's eyes.
impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&without_login(text)),
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::List(items) => write_joined(f, items),
            Self::Pairs(pairs) => write_joined(f, pairs.iter().map(|(name, _)| format!("{name}: ***"))),
            Self::Other => f.write_str("?"),
        }
    }
}

fn write_joined(
    f: &mut fmt::Formatter<'_>,
    items: impl IntoIterator<Item = impl fmt::Display>,
) -> fmt::Result {
    for (index, item) in items.into_iter().enumerate() {
        write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
    }
    Ok(())
}

/// The kinds of source, from the weakest to the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Default,
    System,
    User,
    Environment,
    Flag,
    Policy,
}

impl Rank {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::System => "system file",
            Self::User => "user file",
            Self::Environment => "environment",
            Self::Flag => "flag",
            Self::Policy => "policy",
        }
    }
}

/// Where exactly a value was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    Default,
    /// The line counts from 1; it is 0 for what is no text.
    File {
        rank: Rank,
        path: PathBuf,
        line: usize,
    },
    Variable(String),
    Flag(String),
}

impl Place {
    pub(super) fn rank(&self) -> Rank {
        match self {
            Self::Default => Rank::Default,
            Self::File { rank, .. } => *rank,
            Self::Variable(_) => Rank::Environment,
            Self::Flag(_) => Rank::Flag,
        }
    }

    /// As `config show` names it: `policy (/etc/aigw/policy.toml)`.
    pub(super) fn origin(&self) -> String {
        let word = self.rank().word();
        match self {
            Self::Default | Self::Flag(_) => word.to_owned(),
            Self::File { path, .. } => format!("{word} ({})", path.display()),
            Self::Variable(name) => format!("{word} ({name})"),
        }
    }

    /// Paths written in a file begin at its folder.
    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Self::File { path, .. } => path.parent(),
            _ => None,
        }
    }
}

/// As an error names it: `FILE:LINE`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line: 0, .. } => write!(f, "{}", path.display()),
            Self::File { path, line, .. } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(key) => write!(f, "flag {key}"),
        }
    }
}

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) raw: Raw,
    pub(super) place: Place,
}

/// What one source says.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    /// By key; names never contain a dot.
    pub(super) values: BTreeMap<String, Entry>,
    /// Tables that bear a name, even empty ones: `gateway.corp`.
    pub(super) named: BTreeMap<String, Place>,
}

impl Layer {
    /// Takes a value, and with it the named tables it stands in.
    pub(super) fn insert(&mut self, path: &[String], entry: Entry) {
        self.name(path, &entry.place);
        self.values.insert(path.join("."), entry);
    }

    /// Takes note of the named tables among the parents of this key, and of itself if it is one.
    pub(super) fn name(&mut self, path: &[String], place: &Place) {
        for length in 1..=path.len() {
            if super::schema::is_named_table(&path[..length]) {
                self.named.entry(path[..length].join(".")).or_insert_with(|| place.clone());
            }
        }
    }
}

/// A value in force, with what it replaced.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) entry: Entry,
    /// The weakest first, defaults left out.
    pub(super) replaced: Vec<Place>,
}

/// All layers as one.
#[derive(Clone, Debug, Default)]
pub(super) struct Merged {
    pub(super) settings: BTreeMap<String, Setting>,
    pub(super) named: BTreeMap<String, Place>,
}

impl Merged {
    /// Lays a stronger layer over what is there. Lists are replaced like everything else.
    pub(super) fn cover(&mut self, layer: Layer) {
        self.named.extend(layer.named);
        for (key, entry) in layer.values {
            let mut replaced = Vec::new();
            if let Some(below) = self.settings.remove(&key) {
                replaced = below.replaced;
                replaced.extend(Some(below.entry.place).filter(|place| place.rank() != Rank::Default));
            }
            self.settings.insert(key, Setting { entry, replaced });
        }
    }

    /// Who wrote a value that is in force; `None` for a default.
    pub(super) fn written(&self, key: &str) -> Option<&Place> {
        self.settings
            .get(key)
            .map(|setting| &setting.entry.place)
            .filter(|place| place.rank() != Rank::Default)
    }
}
