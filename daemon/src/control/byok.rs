//! The user's own provider keys at Coder's gateway: kept with the login, bound to the gateway's URL, and sent to nobody
//! but that gateway.

use std::sync::Arc;

use aigw_shared::config::{GatewayKind, Mode};
use aigw_shared::fault::{Fault, Kind};
use aigw_shared::ipc::payload::{ByokAction, ByokKeys, ByokQuery, Credential};
use aigw_shared::provider;

use crate::app::App;
use crate::credentials::{Held, aim};
use crate::deployment;
use crate::gateway::{Gateway, bound_to};
use crate::pipeline::credential;

/// Does it, and lists them.
///
/// # Errors
/// When the gateway is of another kind, or nobody is logged in, or the key is refused. Nothing has changed then.
pub async fn to(app: &Arc<App>, query: ByokQuery) -> Result<ByokKeys, Fault> {
    let gateway = aim::named(app, query.gateway)?;
    let name = &gateway.settings.name;
    if gateway.settings.kind == GatewayKind::Generic {
        return Err(Fault::new(Kind::Usage, format!("the gateway {name} takes keys of providers anyway"))
            .cure_with(format!("run `aigwctl login --name {name}`")));
    }
    if query.action == ByokAction::List {
        return Ok(list(name, &gateway.held()));
    }
    app.check_not_given(name, None)?;
    let _alone = app.logins.alone(name).await;
    let mut held = (**gateway.held()).clone();
    if held.token.is_none() {
        return Err(credential::not_logged_in(name));
    }
    match query.action {
        ByokAction::List => {}
        ByokAction::Set(Credential { provider, secret }) => {
            let provider = provider.unwrap_or_default();
            may_have_key(app, &gateway, &provider)?;
            deployment::takes_own_key(&gateway, &held, &provider, &secret).await?;
            held.key_urls.insert(provider.clone(), bound_to(&gateway.settings));
            held.keys.insert(provider, secret);
        }
        ByokAction::Unset(provider) => {
            held.key_urls.remove(&provider);
            held.keys.remove(&provider).ok_or_else(|| {
                Fault::new(Kind::Usage, format!("there is no key of yours for {provider:?}"))
                    .cure_with("see `aigwctl byok list`")
            })?;
        }
    }
    let listed = list(name, &held);
    app.keep(name, None, held, None).await?;
    Ok(listed)
}

fn list(gateway: &str, held: &Held) -> ByokKeys {
    let keys = held.keys.iter().map(|(provider, key)| (provider.clone(), key.fingerprint()));
    ByokKeys { gateway: gateway.to_owned(), keys: keys.collect() }
}

fn may_have_key(app: &App, gateway: &Gateway, provider: &str) -> Result<(), Fault> {
    if !provider::is_name(provider) {
        return Err(Fault::new(Kind::Usage, "a provider's name is lower-case words joined by hyphens"));
    }
    if provider::known(provider).is_some_and(|known| known.own_login) {
        return Err(Fault::new(Kind::Usage, format!("{provider} works with the tool's own login only"))
            .cure_with("sign in with the tool"));
    }
    let key = format!("gateway.{}.providers.{provider}.mode", gateway.settings.name);
    let locked = app.current().shown.iter().any(|row| row.locked && row.key == key);
    let mode = gateway.settings.providers.get(provider).map(|settings| settings.mode);
    if locked && mode == Some(Mode::Central) {
        return Err(Fault::new(Kind::PolicyForbids, format!("the managed policy sets {key} to `central`")));
    }
    Ok(())
}
