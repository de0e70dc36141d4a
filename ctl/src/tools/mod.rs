//! The AI tools that `setup` knows. What is known of one stands in its row of [`table`], as data; nothing here asks which tool
//! it is.

pub(crate) mod packaged;
mod table;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::settings::change::Wanted;
use crate::settings::{Format, KeyPath, place};
pub(crate) use table::TOOLS;

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
}

/// One way in which a tool comes to us.
pub(crate) struct Way {
    pub(crate) mode: Mode,
    pub(crate) how: How,
    /// Variables with which the tool works for one command, without its files.
    pub(crate) variables: &'static [(&'static str, Put)],
    pub(crate) evidence: Evidence,
    /// What the user gains, loses or has to know.
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
    /// By hand, in these steps. `{anthropic}`, `{openai}` and `{key}` are filled in.
    Steps(&'static [&'static str]),
    /// Not at all, for this reason, and what can be done instead.
    Impossible { why: &'static str, instead: &'static str },
}

/// One file of a tool.
pub(crate) struct Settings {
    /// Below the user's home.
    pub(crate) file: &'static str,
    /// A variable that names another folder, and the file's place in that.
    pub(crate) moved: Option<(&'static str, &'static str)>,
    pub(crate) format: Format,
    pub(crate) keys: &'static [(&'static [&'static str], Put)],
    /// Files of the machine's administrator that go before this one.
    pub(crate) managed: &'static [&'static str],
}

/// What goes into a key.
pub(crate) enum Put {
    Text(&'static str),
    Flag(bool),
    /// Our address, with this path.
    Url(&'static str),
    /// Our address with the tool's local key in its path, for what has no place for a key.
    UrlWithKey(&'static str),
    /// The tool's local key.
    Key,
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
    /// Its maker's documents, or those who tried, say that it cannot be done.
    Impossible,
}

impl Proof {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ran => "ran",
            Self::Documented => "documented",
            Self::Impossible => "impossible",
        }
    }
}

/// Where a user's tools are looked for.
pub(crate) struct Desk {
    pub(crate) home: PathBuf,
    pub(crate) path: Vec<PathBuf>,
    /// Whether this is Linux inside Windows.
    pub(crate) in_wsl: bool,
    /// Variables that move a tool's files.
    pub(crate) variable: fn(&str) -> Option<PathBuf>,
}

/// How a tool comes to the daemon.
pub(crate) struct Door {
    /// `127.0.0.1:PORT`
    pub(crate) address: String,
    pub(crate) key: String,
}

impl Tool {
    /// The row of this id.
    pub(crate) fn named(id: &str) -> Option<&'static Self> {
        TOOLS.iter().find(|tool| tool.id == id)
    }

    /// What shows that it is here.
    pub(crate) fn found(&self, desk: &Desk) -> Option<PathBuf> {
        // A program of Windows has its files there.
        let is_program = |file: &PathBuf| {
            let foreign = packaged::package(file, desk.in_wsl) == Some(packaged::Package::Windows);
            !foreign && (file.is_file() || file.with_extension("exe").is_file())
        };
        let program = |name: &&str| desk.path.iter().map(|folder| folder.join(name)).find(is_program);
        let folder = |name: &&str| Some(desk.home.join(name)).filter(|folder| folder.is_dir());
        self.programs
            .iter()
            .find_map(program)
            .or_else(|| self.folders.iter().find_map(folder))
            .or_else(|| desk.flatpak(self.id))
    }

    /// The way of this mode, or the first.
    pub(crate) fn way(&self, mode: Option<Mode>) -> Option<&'static Way> {
        mode.map_or_else(|| self.ways.first(), |mode| self.ways.iter().find(|way| way.mode == mode))
    }
}

impl Way {
    /// The tool's files, each with the keys that are ours.
    pub(crate) fn wanted(
        &self,
        tool: &'static str,
        desk: &Desk,
        door: &Door,
    ) -> Vec<(PathBuf, Wanted<'static>)> {
        let wanted = |settings: &Settings| {
            let keys = settings.keys.iter().map(|(path, put)| (key_path(path), put.value(door)));
            Wanted { tool, format: settings.format, keys: keys.collect() }
        };
        let place = |settings: &Settings| match Tool::named(tool) {
            Some(tool) => desk.place(tool, settings).unwrap_or_else(|_| settings.place(desk)),
            None => settings.place(desk),
        };
        self.files().iter().map(|settings| (place(settings), wanted(settings))).collect()
    }

    pub(crate) fn files(&self) -> &'static [Settings] {
        match self.how {
            How::Files(files) => files,
            How::Steps(_) | How::Impossible { .. } => &[],
        }
    }

    /// Managed files that set one of our keys, so that ours has no effect, in words.
    pub(crate) fn overruled(&self) -> Vec<String> {
        let words = |settings: &'static Settings| {
            settings.managed.iter().filter_map(|file| settings.overruled_by(Path::new(file)))
        };
        self.files().iter().flat_map(words).collect()
    }

    /// What is to be done by hand.
    pub(crate) fn steps(&self, door: &Door) -> Vec<String> {
        let How::Steps(steps) = self.how else { return Vec::new() };
        let fill = |step: &&str| {
            step.replace("{anthropic}", &door.url("/anthropic"))
                .replace("{openai}", &door.url("/openai/v1"))
                .replace("{key}", &door.key)
        };
        steps.iter().map(fill).collect()
    }
}

impl Settings {
    /// Where it is.
    pub(crate) fn place(&self, desk: &Desk) -> PathBuf {
        let moved = self.moved.and_then(|(variable, file)| Some((desk.variable)(variable)?.join(file)));
        moved.unwrap_or_else(|| desk.home.join(self.file))
    }

    fn overruled_by(&self, file: &Path) -> Option<String> {
        // What cannot be read says nothing, to the tool either.
        let text = place::read(file).ok().flatten()?;
        let is_set = |path: &KeyPath| self.format.find(&text, path).ok().flatten().is_some();
        let keys: Vec<_> = self.keys.iter().map(|(path, _)| key_path(path)).filter(is_set).collect();
        let names: Vec<_> = keys.iter().map(|path| path.join(".")).collect();
        let words = || format!("{} sets {}, and goes before this", file.display(), names.join(", "));
        (!names.is_empty()).then(words)
    }
}

impl Put {
    fn value(&self, door: &Door) -> Value {
        match self {
            Self::Text(text) => Value::from(*text),
            Self::Flag(flag) => Value::from(*flag),
            Self::Url(path) => Value::from(door.url(path)),
            Self::UrlWithKey(path) => Value::from(door.url(&format!("/_k/{}{path}", door.key))),
            Self::Key => Value::from(door.key.as_str()),
        }
    }
}

impl Door {
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn key_path(path: &[&str]) -> KeyPath {
    path.iter().map(|name| (*name).to_owned()).collect()
}

/// The home and the programs of whoever is here.
pub(crate) fn desk(home: &Path) -> Desk {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Desk {
        home: home.to_owned(),
        path: std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect(),
        in_wsl: packaged::is_wsl(
            &std::fs::read_to_string("/proc/version").unwrap_or_default(),
            std::env::var("WSL_DISTRO_NAME").ok().as_deref(),
        ),
        variable: |name| std::env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    fn at(folder: &Path) -> Desk {
        Desk { home: folder.to_owned(), path: vec![folder.join("bin")], in_wsl: false, variable: |_| None }
    }

    #[test]
    fn a_row_names_a_key_that_can_be_and_files_of_its_own() {
        let (mut ids, mut files) = (HashSet::new(), HashMap::new());
        let door = Door { address: "127.0.0.1:2449".into(), key: "aigw_x_y".into() };
        for tool in TOOLS {
            assert!(aigw_shared::key::is_name(tool.id) && ids.insert(tool.id), "{}", tool.id);
            assert!(!tool.ways.is_empty(), "{}", tool.id);
            for way in tool.ways {
                let impossible = matches!(way.how, How::Impossible { .. });
                assert_eq!(impossible, way.evidence.kind == Proof::Impossible, "{}", tool.id);
                assert!(way.evidence.date.starts_with("20"), "{}", tool.id);
                assert_eq!(tool.way(Some(way.mode)).map(std::ptr::from_ref), Some(std::ptr::from_ref(way)));
                for (file, wanted) in way.wanted(tool.id, &at(Path::new("/home")), &door) {
                    let other = files.insert(file.clone(), tool.id).is_some_and(|other| other != tool.id);
                    assert!(!other, "{} twice", file.display());
                    let text = wanted.keys.iter().map(|(_, value)| value.to_string()).collect::<String>();
                    assert!(text.contains("aigw_x_y") && text.contains("127.0.0.1:2449"), "{text}");
                }
            }
        }
    }

    /// What the README says of a tool.
    fn readme_row(tool: &Tool, way: &Way) -> String {
        let mode = match way.mode {
            Mode::BaseUrl => "base URL",
            Mode::Proxy => "proxy",
        };
        let (mode, how) = match way.how {
            How::Files(files) => {
                let files: Vec<_> = files.iter().map(|settings| format!("`~/{}`", settings.file)).collect();
                (mode, files.join(", "))
            }
            How::Steps(_) => (mode, "prints the steps".to_owned()),
            How::Impossible { .. } => ("none", "refuses, with the reason".to_owned()),
        };
        let Evidence { kind, version, date } = way.evidence;
        let proof = format!("{} {version}", kind.word());
        format!("| `{}` | {} | {mode} | {how} | {}, {date} |\n", tool.id, tool.name, proof.trim_end())
    }

    #[test]
    fn the_readme_has_these_rows() {
        let ways = TOOLS.iter().flat_map(|tool| tool.ways.iter().map(move |way| (tool, way)));
        let rows: String = ways.map(|(tool, way)| readme_row(tool, way)).collect();
        let readme = include_str!("../../../README.md").replace("\r\n", "\n");
        assert!(
            readme.contains(&format!("| --- | --- | --- | --- | --- |\n{rows}\n")),
            "README.md should say\n{rows}"
        );
    }

    #[test]
    fn a_managed_file_is_named_if_it_sets_our_keys() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("managed-settings.json");
        let How::Files([settings]) = &Tool::named("claude-code").unwrap().way(None).unwrap().how else {
            panic!()
        };
        assert_eq!(settings.overruled_by(&file), None);
        for (text, words) in [
            ("{ \"env\": { \"OTHER\": \"1\" } }", None),
            ("no JSON", None),
            (
                "{ \"env\": { \"ANTHROPIC_BASE_URL\": \"https://a\" } }",
                Some("sets env.ANTHROPIC_BASE_URL, and goes"),
            ),
        ] {
            std::fs::write(&file, text).unwrap();
            let said = settings.overruled_by(&file);
            assert_eq!(said.is_some(), words.is_some(), "{text}");
            assert!(said.is_none_or(|said| said.contains(words.unwrap_or_default())), "{text}");
        }
    }

    #[test]
    fn a_tool_is_found_by_its_program_or_its_folder() {
        let scratch = tempfile::tempdir().unwrap();
        let desk = at(scratch.path());
        let tool = Tool::named("codex").unwrap();
        assert_eq!(tool.found(&desk), None);
        std::fs::create_dir(scratch.path().join(".codex")).unwrap();
        assert_eq!(tool.found(&desk), Some(scratch.path().join(".codex")));
        std::fs::create_dir(scratch.path().join("bin")).unwrap();
        std::fs::write(scratch.path().join("bin/codex"), "").unwrap();
        assert_eq!(tool.found(&desk), Some(scratch.path().join("bin/codex")));
    }
}
