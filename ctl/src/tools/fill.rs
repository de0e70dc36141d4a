//! What a row becomes for this machine, its port, the tool's key and the deployment's models: keys of files, variables,
//! arguments and steps.

use std::path::{Path, PathBuf};

use aigw_shared::ipc::payload::CaGiven;
use serde_json::Value;

use super::desk::Desk;
use super::{Door, ForModels, How, Keys, Put, Settings, Tool, Way};
use crate::settings::change::Wanted;
use crate::settings::{Format, KeyPath, place};
use crate::{no_proxy, os};

/// What stands for a model where none is known.
const ANY_MODEL: &str = "MODEL";

impl Way {
    /// The tool's files, each with the keys that are ours.
    pub(crate) fn wanted(
        &self,
        tool: &'static str,
        desk: &Desk,
        door: &Door,
    ) -> Vec<(PathBuf, Wanted<'static>)> {
        let desk = Tool::named(tool).map_or_else(|| desk.clone(), |tool| desk.of(tool));
        let wanted = |settings: &'static Settings| {
            let settings = settings.in_use(&desk);
            let file = settings.place(&desk);
            let keys = settings.wanted(&file, door);
            (file, Wanted { tool, format: settings.format, keys })
        };
        // A file that is about models of which there are none is left alone.
        let files = self.files().iter().map(wanted).filter(|(_, wanted)| !wanted.keys.is_empty());
        files.chain(self.block(tool, &desk, door)).collect()
    }

    /// The variables of a tool that has no file, in that of the user's shell.
    fn block(&self, tool: &'static str, desk: &Desk, door: &Door) -> Option<(PathBuf, Wanted<'static>)> {
        let file = desk.shell_file.clone().filter(|_| matches!(self.how, How::Steps(_)))?;
        let shell = os::shell_in_use();
        let lines: Vec<_> = self.variables(door).iter().map(|(name, value)| shell.set(name, value)).collect();
        let keys = vec![(vec![tool.to_owned()], Value::from(lines.join("\n")))];
        (!lines.is_empty()).then_some((file, Wanted { tool, format: Format::Shell, keys }))
    }

    pub(crate) fn files(&self) -> &'static [Settings] {
        match self.how {
            How::Files(files) => files,
            How::Steps(_) | How::Impossible { .. } => &[],
        }
    }

    /// Whether its files have to be told of models.
    pub(crate) fn names_models(&self) -> bool {
        self.files().iter().any(|settings| !settings.for_models.is_empty())
    }

    /// Whether there is none for them.
    pub(crate) fn lacks_models(&self, door: &Door) -> bool {
        let offered = |provider: &str| !door.models.all(provider).is_empty();
        let served = |models: &ForModels| match models {
            ForModels::Each(provider, _) => offered(provider),
            ForModels::One(providers) => providers.iter().any(|(provider, _)| offered(provider)),
        };
        self.names_models() && !self.files().iter().flat_map(|settings| settings.for_models).any(served)
    }

    /// Files of certificates that stand in the tool's files where ours are to stand. The daemon passes over its own.
    pub(crate) fn trusted(&self, desk: &Desk) -> Vec<CaGiven> {
        let given = |settings: &'static Settings| {
            let text = place::read(&settings.place(desk)).ok().flatten().unwrap_or_default();
            let given = move |(path, put): &(&[&str], Put)| {
                let adds = match put {
                    Put::CaFile => true,
                    Put::CaBundle => false,
                    _ => return None,
                };
                let found = settings.format.find(&text, &key_path(path, "")).ok().flatten()?;
                Some(CaGiven { path: found.value.as_str()?.to_owned(), adds })
            };
            settings.keys.iter().filter_map(given)
        };
        self.files().iter().flat_map(given).collect()
    }

    /// Why ours has no effect, in words: managed files that set one of our keys, and files that the tool passes over.
    pub(crate) fn overruled(&self, desk: &Desk) -> Vec<String> {
        let words = |settings: &'static Settings| {
            let managed = settings.managed.iter().filter_map(|file| settings.overruled_by(Path::new(file)));
            managed.chain(settings.passed_over(&settings.place(desk)))
        };
        self.files().iter().flat_map(words).collect()
    }

    /// What is to be done by hand.
    pub(crate) fn steps(&self, door: &Door) -> Vec<String> {
        // One that people have to name, where none is offered.
        let any = self.for_model.first().map(|(_, more)| (ANY_MODEL, *more));
        let (model, more) = self.one_model(door).or(any).unwrap_or((ANY_MODEL, &[]));
        let steps = match self.how {
            How::Steps(steps) => steps,
            How::Files(_) => self.then,
            How::Impossible { .. } => &[],
        };
        let mut lines: Vec<_> = steps.iter().map(|step| door.fill(step, model)).collect();
        if matches!(self.how, How::Steps(_)) {
            let shell = os::shell_in_use();
            let variables = self.variables.iter().chain(more);
            lines.extend(variables.map(|(name, put)| shell.set(name, &put.text(door, model))));
        }
        lines
    }

    /// The variables for one command: those that it always needs, and those that choose a model.
    pub(crate) fn variables(&self, door: &Door) -> Vec<(&'static str, String)> {
        let (model, more) = self.one_model(door).unwrap_or((ANY_MODEL, &[]));
        self.variables.iter().chain(more).map(|(name, put)| (*name, put.text(door, model))).collect()
    }

    /// The model that it is given, and the variables that go with it.
    fn one_model<'a>(&self, door: &'a Door) -> Option<(&'a str, &'static [(&'static str, Put)])> {
        self.for_model.iter().find_map(|(provider, more)| Some((door.models.first(provider)?, *more)))
    }

    /// The arguments for one command.
    pub(crate) fn arguments(&self, door: &Door) -> Vec<String> {
        self.arguments.iter().map(|argument| door.fill(argument, ANY_MODEL)).collect()
    }

    /// Whether there is a model for its variables.
    pub(crate) fn finds_model(&self, door: &Door) -> bool {
        self.one_model(door).is_some()
    }
}

impl Settings {
    /// Our keys in it.
    fn wanted(&self, file: &Path, door: &Door) -> Vec<(KeyPath, Value)> {
        // What is wrong with the file is told when it is changed.
        let text = place::read(file).ok().flatten().unwrap_or_default();
        let mut all: Vec<(KeyPath, Value)> = Vec::new();
        let mut add = |keys: Keys, model: &str| {
            for (path, put) in keys {
                let path = key_path(path, model);
                // What is about a provider is said once for all its models.
                if all.iter().any(|(known, _)| *known == path) {
                    continue;
                }
                let there = || self.format.find(&text, &path).ok().flatten().map(|found| found.value);
                let value = match put {
                    // A list of hosts that is in the file stays in ours.
                    Put::NoProxy => {
                        let there = there();
                        let there = there.as_ref().and_then(Value::as_str).unwrap_or_default();
                        Value::from(no_proxy::with_loopback(&[there, &door.exceptions]))
                    }
                    Put::Fallback(_) => there().unwrap_or_else(|| put.value(door, model)),
                    _ => put.value(door, model),
                };
                all.push((path, value));
            }
        };
        add(self.keys, ANY_MODEL);
        for models in self.for_models {
            match models {
                ForModels::Each(provider, keys) => {
                    door.models.all(provider).iter().for_each(|model| add(keys, model));
                }
                ForModels::One(providers) => {
                    let one = |(provider, keys): &(&str, Keys)| Some((door.models.first(provider)?, *keys));
                    if let Some((model, keys)) = providers.iter().find_map(one) {
                        add(keys, model);
                    }
                }
            }
        }
        all
    }

    /// Says so if the tool does not read this file, for the way in which it is written.
    pub(crate) fn passed_over(&self, file: &Path) -> Option<String> {
        let text = place::read(file).ok().flatten().filter(|_| self.plain)?;
        let body = text.trim_start_matches('\u{feff}');
        let error = serde_json::from_str::<Value>(body).err().filter(|_| !body.trim().is_empty())?;
        let (line, column) = (error.line(), error.column());
        Some(format!(
            "{}, line {line}, column {column}: the tool takes no comments and no trailing commas, and passes over the whole \
             file: take them out",
            file.display()
        ))
    }

    pub(super) fn overruled_by(&self, file: &Path) -> Option<String> {
        // What cannot be read says nothing, to the tool either.
        let text = place::read(file).ok().flatten()?;
        let is_set = |path: &KeyPath| self.format.find(&text, path).ok().flatten().is_some();
        let of_models = self.for_models.iter().flat_map(|models| match models {
            ForModels::Each(_, keys) => vec![*keys],
            ForModels::One(providers) => providers.iter().map(|(_, keys)| *keys).collect(),
        });
        let all = [self.keys].into_iter().chain(of_models).flatten();
        let mut keys: Vec<_> = all.map(|(path, _)| key_path(path, "")).filter(is_set).collect();
        keys.sort();
        keys.dedup();
        let names: Vec<_> = keys.iter().map(|path| path.join(".")).collect();
        let words = || format!("{} sets {}, and goes before this", file.display(), names.join(", "));
        (!names.is_empty()).then(words)
    }
}

impl Put {
    fn value(&self, door: &Door, model: &str) -> Value {
        match self {
            Self::Text(text) => Value::from(door.fill(text, model)),
            Self::Fallback(put) => put.value(door, model),
            Self::Flag(flag) => Value::from(*flag),
            Self::Number(number) => Value::from(*number),
            Self::Url(path) => Value::from(door.url(path)),
            Self::UrlWithKey(path) => Value::from(door.url(&format!("/_k/{}{path}", door.key))),
            Self::Key => Value::from(door.key.as_str()),
            Self::Proxy => Value::from(proxy_url(&door.address, &door.key)),
            Self::CaFile => Value::from(door.trust.as_ref().map(|files| &*files.added)),
            Self::CaBundle => Value::from(door.trust.as_ref().map(|files| &*files.bundle)),
            Self::NoProxy => Value::from(no_proxy::with_loopback(&[&door.exceptions])),
        }
    }

    /// As a variable has it.
    fn text(&self, door: &Door, model: &str) -> String {
        let value = self.value(door, model);
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }
}

impl Door {
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn fill(&self, text: &str, model: &str) -> String {
        text.replace("{anthropic}", &self.url("/anthropic"))
            .replace("{openai}", &self.url("/openai/v1"))
            .replace("{address}", &self.address)
            .replace("{key}", &self.key)
            .replace("{model}", model)
    }
}

/// A proxy's URL has a user, too, and any will do.
pub(crate) fn proxy_url(address: &str, key: &str) -> String {
    format!("http://aigw:{key}@{address}")
}

pub(super) fn key_path(path: &[&str], model: &str) -> KeyPath {
    path.iter().map(|name| name.replace("{model}", model)).collect()
}
