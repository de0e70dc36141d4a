//! Door 1: requests of tools that have a base-URL setting.

use std::sync::Arc;

use aigw_shared::fault::Fault;
use http::{Response, StatusCode};

use crate::app::App;
use crate::pipeline;
use crate::pipeline::admit::{self, Rules};
use crate::pipeline::body::Answer;
use crate::pipeline::inbound::Inbound;

/// Answers a request, or says why it stops here.
pub async fn request(
    app: &Arc<App>,
    mut inbound: Inbound,
    rules: &Rules<'_>,
) -> Result<Response<Answer>, Fault> {
    admit::forwarder(&inbound.parts, rules)?;
    if let Some(status) = health(app, inbound.parts.uri.path()) {
        let mut response = Response::new(Answer::empty());
        *response.status_mut() = status;
        return Ok(response);
    }
    let admission = admit::caller(&mut inbound.parts, inbound.caller.owner, rules)?;
    app.check_not_paused()?;
    Ok(pipeline::handle(app, inbound, admission).await)
}

/// The two paths that need no key, and reveal nothing but that the daemon is there and takes requests.
fn health(app: &App, path: &str) -> Option<StatusCode> {
    match path {
        "/healthz" => Some(StatusCode::OK),
        "/readyz" => {
            let takes_any = app.current().closed.is_none() && app.paused().is_none();
            let ready = takes_any && !app.draining.is_cancelled();
            Some(if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE })
        }
        _ => None,
    }
}
