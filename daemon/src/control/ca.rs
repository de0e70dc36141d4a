//! What is asked about this machine's CA.

use std::sync::Arc;

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::ipc::message::Response;
use aigw_shared::ipc::payload::CaAction;

use crate::app::App;

/// The answer to one action. Reading the system's roots takes a while, so it is done where nobody waits.
pub async fn to(app: &Arc<App>, action: CaAction) -> Result<Response, Fault> {
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
