//! Changes to a machine as plain data: made by whoever plans them, shown by `--dry-run`, done one by one under a journal.

pub(crate) mod apply;
pub(crate) mod journal;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::shell::Shell;

/// One change. Doing one twice is the same as doing it once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    /// Gives a file this content, whole or not at all. Without a mode the file keeps its own; a new one is private.
    Write { file: PathBuf, content: Bytes, mode: Option<u32> },
    /// Takes a file away, if it is there.
    Remove { file: PathBuf },
    /// Runs a program, which must succeed.
    Run { program: PathBuf, arguments: Vec<String> },
    /// Something that only a person can do.
    Tell(String),
}

/// A file's content, readable in the journal if it is text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Step {
    pub(crate) fn run(program: &Path, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|word| (*word).to_owned()).collect();
        Self::Run { program: program.to_owned(), arguments }
    }

    /// What it would do, in one line.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Write { file, .. } => format!("write {}", file.display()),
            Self::Remove { file } => format!("remove {}", file.display()),
            Self::Run { program, arguments } => {
                let program = program.to_string_lossy();
                format!(
                    "run {}",
                    command_line([&*program].into_iter().chain(arguments.iter().map(|word| &**word)))
                )
            }
            Self::Tell(text) => text.clone(),
        }
    }
}

/// A command as a person types it.
pub(crate) fn command_line<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:,@+".contains(c);
    let word = |word: &str| {
        if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { Shell::Sh.quote(word) }
    };
    words.map(word).collect::<Vec<_>>().join(" ")
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form<'a> {
    Text(std::borrow::Cow<'a, str>),
    Raw(Vec<u8>),
}

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => Form::Text(text.into()),
            Err(_) => Form::Raw(self.0.clone()),
        }
        .serialize(to)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(match Form::deserialize(from)? {
            Form::Text(text) => text.into_owned().into_bytes(),
            Form::Raw(bytes) => bytes,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_any_kind_come_back_from_the_journal() {
        for content in [&b"text\r\n\x00"[..], b"", &[0xff, 0xfe, 0]] {
            let json = serde_json::to_string(&Bytes(content.to_vec())).unwrap();
            assert_eq!(serde_json::from_str::<Bytes>(&json).unwrap().0, content, "{json}");
        }
        assert_eq!(serde_json::to_string(&Bytes(b"a\n".to_vec())).unwrap(), r#""a\n""#);
    }

    #[test]
    fn a_command_can_be_typed_as_it_is_shown() {
        let step = Step::run(Path::new("/bin/certutil"), &["-n", "aigw root 1", "-t", "C,,", "it's"]);
        assert_eq!(step.words(), r"run /bin/certutil -n 'aigw root 1' -t C,, 'it'\''s'");
    }
}
