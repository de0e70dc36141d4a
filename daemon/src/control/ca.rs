//! What is asked about this machine's CA.

use std::sync::Arc;

use aigw_shared::config::Via;
use aigw_shared::fault::{Fault, Kind};
use aigw_shared::finding::{Finding, Severity};
use aigw_shared::ipc::message::Response;
use aigw_shared::ipc::payload::CaAction;

use crate::app::App;
use crate::deployment;

/// The answer to one action. Reading the system's roots takes a while, so it is done where nobody waits.
pub async fn to(app: &Arc<App>, action: CaAction) -> Result<Response, Fault> {
    fetch_relayed(app).await;
    let app = app.clone();
    let done = tokio::task::spawn_blocking(move || {
        let changes = matches!(action, CaAction::Finish | CaAction::Import(_));
        let answer = act(&app, action);
        if changes {
            app.distrust.forget(&app.health);
        }
        app.look_at_ca();
        answer
    });
    done.await.map_err(|error| Fault::new(Kind::Internal, format!("the CA: {error}")))?
}

/// While calls go through the deployment's own proxy, tools have to trust its CA: it is asked for each time, since the
/// deployment may change it.
async fn fetch_relayed(app: &Arc<App>) {
    const CODE: &str = "gateway-proxy-ca";
    let gateway = {
        let current = app.current();
        let relays = current.config.intercept.via == Via::GatewayProxy;
        let settings = current.config.default_gateway().filter(|_| relays);
        settings.and_then(|settings| current.gateways.get(&settings.name).cloned())
    };
    let kept = match gateway {
        Some(gateway) => match deployment::proxy_ca(&gateway).await {
            Ok(pem) => app.ca.keep_relayed(Some(&pem)),
            Err(fault) => Err(fault),
        },
        None => app.ca.keep_relayed(None),
    };
    match kept {
        Ok(()) => app.health.clear(CODE, CODE),
        Err(fault) => {
            app.health.note(CODE, Finding::new(CODE, Severity::Warning, fault.what.clone(), fault.cure()));
        }
    }
}

fn act(app: &App, action: CaAction) -> Result<Response, Fault> {
    let (ca, names) = (&app.ca, app.ca_names());
    match action {
        CaAction::Status => {}
        CaAction::Rotate => ca.rotate(&names)?,
        CaAction::Finish => ca.finish()?,
        CaAction::Import(chain) => ca.import(&chain, &names)?,
        CaAction::Request => return ca.request(&names).map(Response::CaRequest),
        CaAction::Trust(given) => return ca.trust(&given, &names).map(Response::CaTrust),
    }
    Ok(Response::Ca(Box::new(ca.status(&names)?)))
}
