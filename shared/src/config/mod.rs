//! Settings: defaults < system file < user file < environment < flags, and the managed policy as a lock on top.
//!
//! All sources are handed in as values, so that nothing here depends on the process. Each source is read into a
//! layer; the layers are laid over each other; what is in force is put into [`Config`] row by row of the
//! schema. Every value is checked, also one that another replaces: a mistake should not wait for the day on which
//! the other one goes away.

pub mod edit;
mod env;
mod file;
mod layer;
mod policy;
mod proxy;
pub(crate) mod schema;
mod settings;
#[cfg(test)]
mod tests;
mod value;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use env::Given;
use layer::{Entry, Layer, Merged, Place, Rank};
pub use proxy::{Leaving, NoProxy, ProxyChoice, UpstreamProxy};
pub use settings::*;
pub use value::{Cidr, Headers, InterceptHost, Version};

use crate::fault::{Fault, Kind};
use crate::finding::{Finding, Severity};
use crate::paths::Paths;

/// Where settings come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The machine's file; none when `AIGW_HOME` hides it.
    pub system: Option<PathBuf>,
    /// The user's file.
    pub user: PathBuf,
    /// The managed policy: [`crate::paths::policy_file`] everywhere but in tests.
    pub policy: PathBuf,
    /// The environment; only what begins with `AIGW_` is looked at.
    pub environment: Vec<(String, String)>,
    /// Flags as key and text.
    pub flags: Vec<(String, String)>,
    /// The user's home, for `~/`.
    pub home: Option<PathBuf>,
}

impl Sources {
    /// The usual ones: the files of these paths, the managed policy, and what the process was started with.
    ///
    /// # Errors
    /// When an `AIGW_` variable is no Unicode text.
    pub fn of(
        paths: &Paths,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        flags: Vec<(String, String)>,
    ) -> Result<Self, Fault> {
        let ours = environment.into_iter().filter_map(|(name, text)| Some((name.into_string().ok()?, text)));
        // `AIGW_HOME` may be any path, and has already been used for the paths.
        let ours = ours.filter(|(name, _)| name.starts_with("AIGW_") && name != "AIGW_HOME");
        let text = |(name, text): (String, OsString)| match text.into_string() {
            Ok(text) => Ok((name, text)),
            Err(_) => Err(fault(format!("{name}: expected Unicode text"))),
        };
        Ok(Self {
            system: paths.system_config.clone(),
            user: paths.config_file(),
            policy: crate::paths::policy_file().to_owned(),
            environment: ours.map(text).collect::<Result<_, _>>()?,
            flags,
            home: paths.user_home.clone(),
        })
    }
}

/// The settings in force, and what there is to say about them.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// What the environment hands over besides settings.
    pub given: Given,
    /// The same settings for people, by key.
    pub shown: Vec<Shown>,
    /// What is odd about them.
    pub findings: Vec<Finding>,
    /// Whether a policy governs them.
    pub policy: PolicyState,
}

/// What became of the managed policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyState {
    /// There is none.
    None,
    /// Its values are part of the settings.
    InForce,
    /// There is one, and it cannot be believed or read: nothing may be forwarded. The text says why.
    Unreadable(String),
}

/// One line of `config show`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Dotted key.
    pub key: String,
    /// The value in force, without secrets.
    pub value: String,
    /// Who set it: `policy (/etc/aigw/policy.toml)`.
    pub origin: String,
    /// Whose values it replaced, the weakest first: `user file`. Defaults are not named.
    pub overrides: Vec<String>,
    /// It is the policy's.
    pub locked: bool,
}

/// What can be set, for help texts.
#[derive(Clone, Debug)]
pub struct Described {
    /// Dotted key, with NAME where the user chooses one.
    pub key: String,
    /// Default as TOML; empty when there is none.
    pub default: &'static str,
    /// One line.
    pub help: &'static str,
    /// The variable that sets it.
    pub variable: Option<String>,
}

/// Every setting there is.
pub fn describe() -> impl Iterator<Item = Described> {
    schema::ROWS.iter().map(|row| Described {
        key: row.key.replace('*', "NAME"),
        default: row.default,
        help: row.help,
        variable: row.variable(),
    })
}

/// Reads all sources.
///
/// # Errors
/// [`Kind::BadConfiguration`], naming file and line, for the first mistake outside the policy. A mistake in the policy
/// is [`PolicyState::Unreadable`].
pub fn load(sources: &Sources) -> Result<Loaded, Fault> {
    combine(sources, policy::content(&sources.policy))
}

/// Apart from [`load`] so that tests can bring a policy without being root.
fn combine(sources: &Sources, policy: policy::Content) -> Result<Loaded, Fault> {
    let home = sources.home.as_deref();
    let mut findings = Vec::new();
    let (locks, policy) = policy::read(policy, &sources.policy, home, &mut findings);
    let mut layers = Vec::new();
    if let Some(system) = &sources.system {
        layers.push(file::read(system, Rank::System)?);
    }
    layers.push(file::read(&sources.user, Rank::User)?);
    let (environment, given) = env::variables(&sources.environment, home, &mut findings)?;
    layers.push(environment);
    layers.push(env::flags(&sources.flags)?);
    for layer in &layers {
        check_values(layer, home)?;
    }
    layers.push(locks);
    layers.insert(0, defaults(&layers));

    let mut merged = Merged::default();
    for layer in layers {
        merged.cover(layer);
    }
    let config = build(&mut merged, home)?;
    findings.extend(locked(&merged));
    findings.extend(lost_default(&config, &merged));
    let shown = merged.settings.into_iter().map(shown).collect();
    Ok(Loaded { config, given, shown, findings, policy })
}

/// The defaults of all rows, for every name that some layer mentions.
fn defaults(layers: &[Layer]) -> Layer {
    let mut defaults = Layer::default();
    let tables: Vec<&String> = layers.iter().flat_map(|layer| layer.named.keys()).collect();
    for row in schema::ROWS {
        let Some(raw) = file::default(row.default) else { continue };
        let entry = Entry { raw, place: Place::Default };
        match row.key.rsplit_once(".*.") {
            None => defaults.insert(&split(row.key), entry),
            Some((_, leaf)) => {
                let depth = row.key.split('.').count();
                for table in tables.iter().filter(|table| table.split('.').count() + 1 == depth) {
                    defaults.insert(&split(&format!("{table}.{leaf}")), entry.clone());
                }
            }
        }
    }
    defaults
}

/// A gateway of this name about which nothing was said yet.
pub fn new_gateway(name: &str) -> Gateway {
    let mut config = Config::default();
    let at = schema::At { names: vec![name], folder: None, home: None };
    for row in schema::ROWS {
        let leaf = row.key.strip_prefix("gateway.*.").filter(|leaf| !leaf.contains('.'));
        if let Some(raw) = leaf.and_then(|_| file::default(row.default)) {
            // Defaults fit; a test puts each in its place.
            let _ = row.apply(&mut config, &at, &raw);
        }
    }
    schema::gateway(&mut config, name).clone()
}

fn split(key: &str) -> Vec<String> {
    key.split('.').map(str::to_owned).collect()
}

/// Puts every value into a configuration that is thrown away, to find out whether it can be used.
fn check_values(layer: &Layer, home: Option<&Path>) -> Result<(), Fault> {
    let mut scratch = Config::default();
    layer.values.iter().try_for_each(|(key, entry)| apply(&mut scratch, key, entry, home))
}

fn apply(config: &mut Config, key: &str, entry: &Entry, home: Option<&Path>) -> Result<(), Fault> {
    let path = split(key);
    let wrong = |why: String| bad(&entry.place, Some(key), &why);
    let row = schema::find(&path).ok_or_else(|| unknown(&entry.place, &path))?;
    let at = schema::At { names: schema::names(&path).map_err(wrong)?, folder: entry.place.folder(), home };
    row.apply(config, &at, &entry.raw).map_err(wrong)
}

/// Makes the typed settings, and checks what concerns more than one of them.
fn build(merged: &mut Merged, home: Option<&Path>) -> Result<Config, Fault> {
    let mut config = Config::default();
    for table in merged.named.keys() {
        let path = split(table);
        if let [_, name] = path.as_slice() {
            schema::gateway(&mut config, name);
        }
    }
    for (key, setting) in &merged.settings {
        apply(&mut config, key, &setting.entry, home)?;
    }
    config.listen.keys_set = merged.written("listen.keys").is_some();
    for gateway in config.gateways.values() {
        for (name, provider) in &gateway.providers {
            let table = format!("gateway.{}.providers.{name}", gateway.name);
            if gateway.kind == GatewayKind::Generic {
                require_base_url(merged, &table, provider)?;
            } else {
                refuse_generic_keys(merged, &table, gateway.kind)?;
            }
        }
    }
    Ok(config)
}

fn require_base_url(merged: &Merged, table: &str, provider: &ProviderSettings) -> Result<(), Fault> {
    let place = merged.named.get(table).unwrap_or(&Place::Default);
    match provider.base_url {
        Some(_) => Ok(()),
        None => Err(bad(place, Some(table), "expected a `base_url`: the gateway is a generic one")),
    }
}

/// The deployment knows address and credential itself; its providers' defaults for them mean nothing.
fn refuse_generic_keys(merged: &mut Merged, table: &str, kind: GatewayKind) -> Result<(), Fault> {
    for leaf in ["base_url", "credential"] {
        let key = format!("{table}.{leaf}");
        if let Some(place) = merged.written(&key) {
            return Err(bad(
                place,
                Some(&key),
                &format!("expected only with `kind = \"generic\"`, not `{}`", kind.word()),
            ));
        }
        merged.settings.remove(&key);
    }
    Ok(())
}

/// What somebody set in vain.
fn locked(merged: &Merged) -> Vec<Finding> {
    let locked = merged.settings.iter().filter(|(_, setting)| setting.entry.place.rank() == Rank::Policy);
    let in_vain =
        locked.flat_map(|(key, setting)| setting.replaced.iter().map(move |place| (key, setting, place)));
    in_vain
        .map(|(key, setting, place)| {
            Finding::new(
                "policy-overrides",
                Severity::Warning,
                format!("{key} is set by the {}; {place} has no effect", setting.entry.place.origin()),
                format!("remove it from {place}"),
            )
        })
        .collect()
}

fn lost_default(config: &Config, merged: &Merged) -> Option<Finding> {
    let name = config.default_gateway.as_ref().filter(|name| !config.gateways.contains_key(*name))?;
    let place = merged.written("default_gateway")?;
    Some(Finding::new(
        "default-gateway-missing",
        Severity::Warning,
        format!("{place}: default_gateway names `{name}`, and there is no such gateway"),
        "set it to a gateway that exists, or log in to that one",
    ))
}

fn shown((key, setting): (String, layer::Setting)) -> Shown {
    Shown {
        key,
        value: setting.entry.raw.to_string(),
        origin: setting.entry.place.origin(),
        overrides: setting.replaced.iter().map(|place| place.rank().word().to_owned()).collect(),
        locked: setting.entry.place.rank() == Rank::Policy,
    }
}

fn fault(what: impl Into<String>) -> Fault {
    Fault::new(Kind::BadConfiguration, what)
}

/// A value that cannot be used.
fn bad(place: &Place, key: Option<&str>, why: &str) -> Fault {
    let why = why.lines().collect::<Vec<_>>().join(", ");
    match key {
        Some(key) => fault(format!("{place}: {key}: {why}")),
        None => fault(format!("{place}: {why}")),
    }
}

/// A key that is no setting.
fn unknown(place: &Place, path: &[String]) -> Fault {
    let key = path.join(".");
    fault(format!("{place}: no such setting as `{key}`; the nearest is `{}`", schema::nearest(path)))
}
