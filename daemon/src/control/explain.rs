//! What would happen to a request, and why. Nothing here decides: it asks the very functions that do.

use std::net::SocketAddr;
use std::sync::Arc;

use aigw_shared::config::Mode;
use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::payload::{ExplainQuery, ExplainStep, Explanation};
use http::header::HOST;
use http::request::Parts;
use http::{Method, Request, Uri};

use crate::app::App;
use crate::dial::Wanted;
use crate::keys::Admission;
use crate::listen::connect::{self, Way};
use crate::listen::plain;
use crate::pipeline::admit::{self, Target};
use crate::pipeline::hosts::{Host, Turn};
use crate::pipeline::route;

/// The story so far.
struct Story {
    outcome: &'static str,
    steps: Vec<ExplainStep>,
}

impl Story {
    fn step(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.steps.push(ExplainStep { what: what.into(), why: why.into() });
    }
}

/// Tells of a request that was not made.
///
/// # Errors
/// When it is none that could be made.
pub async fn request(app: &Arc<App>, query: &ExplainQuery) -> Result<Explanation, Fault> {
    let parts = parts(query)?;
    let listener = app.listening().first().copied().unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
    let mut story = Story { outcome: "refused", steps: Vec::new() };
    let told = tell(app, &mut story, parts, listener, query.gateway.as_deref()).await;
    Ok(Explanation {
        outcome: if told.is_ok() { story.outcome } else { "refused" }.to_owned(),
        steps: story.steps,
        refusal: told.err().map(Failure::from),
    })
}

/// As the request would come in: `HOST:PORT` alone is a CONNECT.
fn parts(query: &ExplainQuery) -> Result<Parts, Fault> {
    let bad = |what: &dyn std::fmt::Display| {
        Fault::new(Kind::Usage, format!("not a request: {what}"))
            .cure_with("give a URL such as https://api.anthropic.com/v1/messages, or HOST:PORT")
    };
    let uri: Uri = query.url.parse().map_err(|error| bad(&error))?;
    let connect = uri.scheme().is_none() && uri.authority().is_some();
    let method = if connect { Method::CONNECT } else { query.method.parse().map_err(|error| bad(&error))? };
    if uri.authority().is_none() || !matches!(uri.scheme_str(), None | Some("http" | "https")) {
        return Err(bad(&"it has no host"));
    }
    let host = uri.authority().map_or_else(String::new, ToString::to_string);
    let mut request = Request::builder().method(method).uri(uri).header(HOST, host);
    for (name, value) in &query.headers {
        request = request.header(name, value);
    }
    Ok(request.body(()).map_err(|error| bad(&error))?.into_parts().0)
}

async fn tell(
    app: &Arc<App>,
    story: &mut Story,
    parts: Parts,
    listener: SocketAddr,
    gateway: Option<&str>,
) -> Result<(), Fault> {
    if let Some(fault) = &app.current().closed {
        return Err(fault.clone());
    }
    if parts.uri.scheme_str() != Some("https") {
        if admit::target(&parts, listener)? == Target::Ours {
            story.step("the forwarder takes it", "the address is aigwd's own");
            admit::forwarder(&parts, &app.rules(listener))?;
            app.check_not_paused()?;
            return to_gateway(app, story, gateway, parts.uri.path()).await;
        }
        admit::proxy(&parts)?;
    }
    let default = if parts.uri.scheme_str() == Some("http") { 80 } else { 443 };
    let Some(authority) = parts.uri.authority() else { return Ok(()) };
    let (host, port) = admit::host_and_port(authority, default);
    let container = app.keys.are_given();
    let admission = Admission { gateway: gateway.map(str::to_owned), container, ..Admission::keyless() };
    if parts.uri.scheme_str() == Some("http") {
        story.step("the proxy forwards it", "it is plain http");
        let (host, port) = plain::check(app, authority)?;
        story.outcome = "plain";
        return reach(app, story, &host, port, &admission).await;
    }
    match connect::way(app, &host, port, gateway) {
        Way::Intercepted(row) => {
            let why =
                if row.by_policy { "the managed policy lists the host" } else { "the host is in the table" };
            story.step(format!("the tunnel to {} is intercepted", row.authority()), why);
            if app.ca.outgrown_by(std::slice::from_ref(&row.name)).is_empty() {
                inside(app, story, &row, &parts, gateway).await
            } else if row.by_policy {
                Err(Fault::new(Kind::CaOutgrown, format!("this machine's CA cannot sign for {host}")))
            } else {
                story.step("it is tunnelled after all", "the CA cannot sign for it: `aigwctl ca rotate`");
                story.outcome = "tunnel";
                reach(app, story, &host, port, &admission).await
            }
        }
        Way::Relayed(gateway) => {
            let what = format!("it goes through the proxy of the gateway {}, unread", gateway.settings.name);
            story.step(what, "`intercept.via` is `gateway-proxy`");
            story.outcome = "gateway";
            Ok(())
        }
        Way::Tunnel(why) => {
            story.step(format!("a blind tunnel to {host}:{port}"), why);
            story.outcome = "tunnel";
            reach(app, story, &host, port, &admission).await
        }
    }
}

/// The request inside an intercepted tunnel.
async fn inside(
    app: &Arc<App>,
    story: &mut Story,
    host: &Host,
    parts: &Parts,
    gateway: Option<&str>,
) -> Result<(), Fault> {
    if parts.method == Method::CONNECT {
        story.step("each request in it is looked at by its path", "ask again with a whole URL");
        story.outcome = "gateway";
        return Ok(());
    }
    let unmatched = app.current().config.intercept.unmatched;
    match host.turn(parts, unmatched) {
        Turn::Gateway(path) => {
            story.step(format!("{} is an AI call", parts.uri.path()), "the gateway serves this path");
            to_gateway(app, story, gateway, path.split('?').next().unwrap_or_default()).await
        }
        Turn::Onward(why) => {
            story.step(format!("it goes to {} itself, with the tool's own credential", host.name), why);
            story.outcome = "host";
            Ok(())
        }
        Turn::Refuse(fault) => Err(fault),
    }
}

async fn to_gateway(app: &App, story: &mut Story, gateway: Option<&str>, path: &str) -> Result<(), Fault> {
    let (route, gateway) = {
        let current = app.current();
        let route = route::decide(&current.config, gateway, path)?;
        let gateway = current.gateways.get(&route.gateway).cloned();
        (route, gateway.ok_or_else(|| Fault::new(Kind::NoGateway, "no gateway is configured"))?)
    };
    if let Some(asked) = &route.mended {
        story.step(
            format!("{asked} is taken as /{}{}", route.provider, route.path),
            "the tool's base URL is not quite right",
        );
    }
    if route.translated {
        let what = "it is translated for the provider whose model stands for the one that is asked for";
        story.step(what, format!("gateway {}, by its models and `gemini_models`", route.gateway));
    } else {
        let there = gateway.uri(&route, None).await?;
        story.step(
            format!("it goes to {there}"),
            format!("gateway {}, provider {}", route.gateway, route.provider),
        );
    }
    let (what, why) = match route.mode {
        Mode::Central => ("the tool's credentials are dropped, and the stored one is sent", "mode central"),
        Mode::Byok if route.own_login => (
            "the tool's own login stays, and the stored token is added",
            "the provider takes the user's login only",
        ),
        Mode::Byok => ("the tool's own key stays, and the stored token is added", "mode byok"),
        Mode::Auto => ("the tool's own key stays if it has the form of one", "mode auto"),
    };
    story.step(what, why);
    app.await_login(&gateway).await?;
    if gateway.held().is_empty() {
        return Err(crate::pipeline::credential::not_logged_in(&route.gateway));
    }
    story.outcome = "gateway";
    Ok(())
}

/// Whether the addresses of a tunnel's end may be reached.
async fn reach(
    app: &App,
    story: &mut Story,
    host: &str,
    port: u16,
    admission: &Admission,
) -> Result<(), Fault> {
    let outbound = app.current().outbound.clone();
    let wanted = Wanted { host, port, block_private: admission.container };
    let there = outbound.check(story.outcome == "tunnel", &wanted).await?;
    story.step(format!("it may go {there}"), "no rule about addresses and ports forbids it");
    Ok(())
}
