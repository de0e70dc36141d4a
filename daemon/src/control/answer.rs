//! One line for each request.

use std::sync::Arc;

use aigw_shared::config::LogLevel;
use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::hello;
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{Access, AccessQuery, BrowserLogin, Build, LoginBegun, SettingRow, Settings};

use super::{byok, ca, explain, gateways, reach, status};
use crate::app::App;
use crate::credentials::login;
use crate::credentials::oauth::{self, Begun};
use crate::deployment::{account, models, sessions};
use crate::handover::give;
use crate::keys::Lent;
use crate::observe::log;

/// What belongs to a conversation, and is given up with it.
#[derive(Default)]
pub struct Belongings {
    /// A login with the browser.
    pub begun: Option<Begun>,
    /// A key that was lent.
    pub key: Option<Lent>,
}

/// The answer to a request.
pub async fn to(app: &Arc<App>, request: Request, own: &mut Belongings) -> Response {
    let answer = match request {
        Request::Describe => Ok(Response::Described(build())),
        Request::Stop => stop(app),
        Request::Reload => app.reload().map(|()| Response::Done),
        Request::Status => Ok(Response::Status(Box::new(status::of(app)))),
        Request::LoginNeeds(query) => login::needs(app, &query).await.map(Response::LoginNeeds),
        Request::Login(details) => login::log_in(app, details).await.map(Response::LoggedIn),
        Request::Logout(name) => login::log_out(app, name).await.map(Response::LoggedOut),
        Request::RenewLogin(name) => login::renew(app, name).await.map(Response::LoggedIn),
        Request::BeginLogin(query) => begin_login(app, &query, &mut own.begun).await,
        Request::FinishLogin => match own.begun.take() {
            Some(begun) => begun.finish().await.map(Response::LoggedIn),
            None => Err(Fault::new(Kind::BadRequest, "no login was begun here")),
        },
        Request::Access(query) => access(app, &query).map(Response::Access),
        Request::LendKey(gateway) => lend_key(app, gateway.as_deref(), &mut own.key).map(Response::Access),
        Request::LendProofKey => lend_proof_key(app, &mut own.key).map(Response::Access),
        Request::Proof => match own.key.as_ref().and_then(|lent| lent.proof.as_ref()) {
            Some(proof) => Ok(Response::Proof(proof.seen())),
            None => Err(Fault::new(Kind::BadRequest, "no key for a proof was lent here")),
        },
        Request::Keys => Ok(Response::Keys(app.keys.rows())),
        Request::RevokeKey(name) => app.keys.revoke(&name).map(|()| Response::Done),
        Request::Explain(query) => explain::request(app, &query).await.map(Response::Explained),
        Request::Settings => Ok(Response::Settings(settings(app))),
        Request::Gateway(change) => gateways::to(app, change).await.map(Response::GatewayChanged),
        Request::Byok(query) => byok::to(app, query).await.map(Response::Byok),
        Request::Accounts => Ok(Response::Accounts(account::all(app).await)),
        Request::Sessions(query) => sessions::recent(app, query).await.map(Response::Sessions),
        Request::Models(gateway) => models::of(app, gateway).await.map(Response::Models),
        Request::Reach => Ok(Response::Reached(reach::all(app).await)),
        Request::Ca(action) => ca::to(app, action).await,
        Request::HandOver(how) => give::over(app, &how).await.map(Response::HandedOver),
        Request::Pause(on) => app.pause(on).map(|()| Response::Done),
        Request::LogLevel(word) => log_level(app, &word).map(|()| Response::Done),
    };
    answer.unwrap_or_else(|fault| Response::Failed(Failure::from(fault)))
}

async fn begin_login(
    app: &Arc<App>,
    query: &BrowserLogin,
    begun: &mut Option<Begun>,
) -> Result<Response, Fault> {
    *begun = None;
    let mut answer = LoginBegun { page: None, why_not: None, patience_s: oauth::PATIENCE.as_secs() };
    match oauth::begin(app, query).await? {
        Ok(new) => answer.page = Some(begun.insert(new).page()),
        Err(words) => answer.why_not = words,
    }
    Ok(Response::LoginBegun(answer))
}

/// Who this is.
pub fn build() -> Build {
    Build { version: env!("CARGO_PKG_VERSION").to_owned(), pid: std::process::id(), protocol: hello::NEWEST }
}

fn stop(app: &App) -> Result<Response, Fault> {
    app.stopping.cancel();
    Ok(Response::Done)
}

fn log_level(app: &App, word: &str) -> Result<(), Fault> {
    let level = LogLevel::from_word(word)
        .ok_or_else(|| Fault::new(Kind::Usage, format!("there is no log level {word:?}")))?;
    if let Some(row) = app.current().shown.iter().find(|row| row.locked && row.key == "log.level") {
        return Err(Fault::new(Kind::PolicyForbids, format!("log.level is set by the {}", row.origin)));
    }
    log::set_level(level);
    tracing::info!(level = word, "the log level was changed");
    Ok(())
}

fn access(app: &App, query: &AccessQuery) -> Result<Access, Fault> {
    app.check_not_paused()?;
    let gateway = query.gateway.as_deref();
    check_gateway(app, gateway)?;
    Ok(Access { listen: listening(app), key: app.keys.get_or_make(&query.key, gateway)? })
}

fn lend_key(app: &App, gateway: Option<&str>, own: &mut Option<Lent>) -> Result<Access, Fault> {
    app.check_not_paused()?;
    check_gateway(app, gateway)?;
    let lent = own.insert(app.keys.lend(gateway)?);
    Ok(Access { listen: listening(app), key: lent.key.clone() })
}

fn lend_proof_key(app: &App, own: &mut Option<Lent>) -> Result<Access, Fault> {
    let lent = own.insert(app.keys.lend_for_proof()?);
    Ok(Access { listen: listening(app), key: lent.key.clone() })
}

fn check_gateway(app: &App, name: Option<&str>) -> Result<(), Fault> {
    match name.filter(|name| !app.current().gateways.contains_key(*name)) {
        None => Ok(()),
        Some(name) => Err(Fault::new(Kind::Usage, format!("no gateway {name:?} is configured"))
            .cure_with("see `aigwctl gateway list`")),
    }
}

fn listening(app: &App) -> Vec<String> {
    app.listening().iter().map(ToString::to_string).collect()
}

fn settings(app: &App) -> Settings {
    let current = app.current();
    let rows = current.shown.iter().cloned().map(|row| SettingRow {
        key: row.key,
        value: row.value,
        origin: row.origin,
        overrides: row.overrides,
        locked: row.locked,
    });
    Settings { rows: rows.collect(), refused: current.refused.clone() }
}
