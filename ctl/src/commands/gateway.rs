//! `gateway`: the deployments that aigwd knows. The daemon changes the user's settings, everything else in them stays.

use std::io::{self, Write};
use std::path::Path;

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{GatewayChange, GatewayChanged, GatewayDraft, GatewayHeader, SettingRow};
use aigw_shared::secret::Secret;
use serde::Serialize;

use super::account::Account;
use super::login::{absolute, with_scheme};
use super::logout::LoggedOut;
use super::status::{self, Gateway};
use crate::cli::{self, GatewayAdd};
use crate::daemon;
use crate::output::{Answer, LABEL, Output, STRONG};
use crate::wording::{Moment, columns, line, tame};

pub(super) async fn run(action: Option<&cli::Gateway>, output: &Output) -> Result<(), Failure> {
    match action {
        None | Some(cli::Gateway::List) => output.show(&List { gateways: status::fetch().await?.gateways }),
        Some(cli::Gateway::Show { name }) => show(name.as_deref(), output).await,
        Some(cli::Gateway::Add(arguments)) => {
            change(GatewayChange::Set(Box::new(draft(arguments)?)), Done::Added, output).await
        }
        Some(cli::Gateway::Use { name }) => {
            change(GatewayChange::Default(name.clone()), Done::Chosen, output).await
        }
        Some(cli::Gateway::Remove { name }) => {
            change(GatewayChange::Remove(name.clone()), Done::Removed, output).await
        }
    }
}

fn draft(arguments: &GatewayAdd) -> Result<GatewayDraft, Failure> {
    let file = |path: &Option<std::path::PathBuf>| path.as_deref().map(Path::new).map(absolute).transpose();
    let settings = [
        ("url", arguments.url.as_deref().map(with_scheme)),
        ("kind", arguments.kind.clone()),
        ("coder_url", arguments.coder_url.as_deref().map(with_scheme)),
        ("ca_file", file(&arguments.ca_file)?),
        ("header_command", arguments.header_command.clone()),
        ("client_cert", file(&arguments.client_cert)?),
        ("client_key", file(&arguments.client_key)?),
    ];
    let settings = settings.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let headers = arguments.headers.iter().map(|header| {
        let (name, value) = pair("--header", "NAME=VALUE", header)?;
        Ok(GatewayHeader { name: name.to_owned(), value: Secret::new(value) })
    });
    let providers = arguments.providers.iter().map(|provider| {
        let (name, url) = pair("--provider", "NAME=URL", provider)?;
        Ok((name.to_owned(), with_scheme(url)))
    });
    Ok(GatewayDraft {
        name: arguments.name.clone(),
        settings: settings.collect(),
        headers: headers.collect::<Result<_, Failure>>()?,
        providers: providers.collect::<Result<_, Failure>>()?,
    })
}

fn pair<'a>(flag: &str, form: &str, text: &'a str) -> Result<(&'a str, &'a str), Failure> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.trim().is_empty())
        .ok_or_else(|| Fault::new(Kind::Usage, format!("{flag} takes {form}")))?;
    Ok((name.trim(), value.trim()))
}

#[derive(Serialize)]
struct List {
    gateways: Vec<Gateway>,
}

impl Answer for List {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        if self.gateways.is_empty() {
            return writeln!(to, "There is none yet: `aigwctl login URL`");
        }
        let row = |it: &Gateway| {
            let name = if it.default { format!("{} *", it.name) } else { it.name.clone() };
            let url = it.url.clone().unwrap_or_else(|| "-".to_owned());
            let user = match (&it.user, &it.token) {
                (Some(user), Some(_)) => user.clone(),
                (None, Some(_)) => "logged in".to_owned(),
                (_, None) => "not logged in".to_owned(),
            };
            vec![name, it.kind.clone(), url, user]
        };
        let rows: Vec<_> = self.gateways.iter().map(row).collect();
        columns(to, Some((LABEL, &["NAME", "KIND", "URL", "LOGIN"])), &rows)
    }
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    gateway: Gateway,
    settings: Vec<Setting>,
}

#[derive(Serialize)]
struct Setting {
    key: String,
    value: String,
    origin: String,
}

async fn show(name: Option<&str>, output: &Output) -> Result<(), Failure> {
    let gateways = status::fetch().await?.gateways;
    let wanted = |it: &&Gateway| name.map_or(it.default, |name| it.name == name);
    let Some(gateway) = gateways.iter().find(wanted).cloned() else {
        let what =
            name.map_or("there is no default gateway".to_owned(), |name| format!("no gateway {name:?}"));
        return Err(Fault::new(Kind::Usage, what).cure_with("see `aigwctl gateway list`").into());
    };
    let rows = match daemon::ask(Request::Settings).await? {
        Response::Settings(settings) => settings.rows,
        _ => return Err(daemon::unexpected()),
    };
    let table = format!("gateway.{}.", gateway.name);
    let of_it = rows.into_iter().filter_map(|SettingRow { key, value, origin, .. }| {
        Some(Setting { key: key.strip_prefix(&table)?.to_owned(), value, origin })
    });
    output.show(&Shown { gateway, settings: of_it.collect() })
}

impl Answer for Shown {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        self.gateway.lines(to)?;
        writeln!(to)?;
        let rows: Vec<_> = self
            .settings
            .iter()
            .map(|it| vec![it.key.clone(), it.value.clone(), it.origin.clone()])
            .collect();
        columns(to, None, &rows)
    }
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Done {
    Added,
    Chosen,
    Removed,
}

#[derive(Serialize)]
struct Changed {
    name: String,
    done: Done,
    /// It was not there before.
    new: bool,
    /// The login that went with it.
    logged_out: Option<LoggedOut>,
}

async fn change(change: GatewayChange, done: Done, output: &Output) -> Result<(), Failure> {
    match daemon::ask(Request::Gateway(change)).await? {
        Response::GatewayChanged(GatewayChanged { name, new, logged_out }) => {
            output.show(&Changed { name, done, new, logged_out: logged_out.map(LoggedOut::from) })
        }
        _ => Err(daemon::unexpected()),
    }
}

impl Answer for Changed {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        if let Some(logged_out) = &self.logged_out {
            logged_out.text(to)?;
        }
        let name = tame(&self.name);
        match (self.done, self.new) {
            (Done::Added, true) => writeln!(to, "Added the gateway {name}."),
            (Done::Added, false) => writeln!(to, "Changed the gateway {name}."),
            (Done::Chosen, _) => writeln!(to, "Requests that name no gateway go to {name} now."),
            (Done::Removed, _) => writeln!(to, "Removed the gateway {name}."),
        }?;
        if matches!(self.done, Done::Added) {
            writeln!(to, "\nNext: {STRONG}aigwctl login --name {name}{STRONG:#}")?;
        }
        Ok(())
    }
}

impl Gateway {
    /// Its state, one line a matter.
    pub(super) fn lines(&self, to: &mut dyn Write) -> io::Result<()> {
        let default = if self.default { " (default)" } else { "" };
        line(to, LABEL, "gateway", &format!("{}{default}, {}", self.name, self.kind))?;
        line(to, LABEL, "url", &self.url_words())?;
        line(to, LABEL, "login", &self.login_words(Moment::now()))?;
        let account = self.account.as_ref();
        let scope = self.token.as_ref().and_then(|token| token.scope.clone());
        for (label, words) in [
            ("  scope", scope),
            ("version", account.and_then(Account::deployment_words)),
            ("budget", account.and_then(Account::budget_words)),
        ] {
            if let Some(words) = words {
                line(to, LABEL, label, &words)?;
            }
        }
        Ok(())
    }
}
