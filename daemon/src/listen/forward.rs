//! Door 1: requests of tools that have a base-URL setting.

use std::sync::Arc;

use aigw_shared::fault::{Fault, Kind};
use http::{Response, StatusCode};
use hyper::body::Incoming;

use crate::app::App;
use crate::pipeline;
use crate::pipeline::admit::{self, Rules};
use crate::pipeline::body::{Answer, discard};
use crate::pipeline::inbound::Inbound;

/// Answers a request, or says why it stops here, giving its body back unread.
pub async fn request(
    app: &Arc<App>,
    mut inbound: Inbound,
    rules: &Rules<'_>,
) -> Result<Response<Answer>, (Fault, Incoming)> {
    let admitted =
        admit::forwarder(&inbound.parts, rules).and_then(|()| match health(app, inbound.parts.uri.path()) {
            Some(status) => Ok(Err(status)),
            None => admit::caller(&mut inbound.parts, inbound.caller.owner, rules, Kind::KeyMissing).map(Ok),
        });
    match admitted {
        Ok(Ok(admission)) => Ok(pipeline::handle(app, inbound, admission).await),
        Ok(Err(status)) => {
            discard(inbound.body, &app.tasks);
            let mut response = Response::new(Answer::empty());
            *response.status_mut() = status;
            Ok(response)
        }
        Err(fault) => Err((fault, inbound.body)),
    }
}

/// The two paths that need no key, and reveal nothing but that the daemon is there and takes requests.
fn health(app: &App, path: &str) -> Option<StatusCode> {
    match path {
        "/healthz" => Some(StatusCode::OK),
        "/readyz" => {
            let ready = app.current().closed.is_none() && !app.draining.is_cancelled();
            Some(if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE })
        }
        _ => None,
    }
}
