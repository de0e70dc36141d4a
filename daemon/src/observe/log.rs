//! Logs: for people on a terminal, JSON under a service. No body, header value, query or key goes in, at any level;
//! hyper and rustls, which would print some of them, are capped.

use std::io::IsTerminal;

use aigw_shared::config::{Log, LogFormat};
use aigw_shared::fault::{Fault, Kind};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Crates that log what they parse.
const CAPPED: &str =
    "hyper=warn,hyper_util=warn,h2=warn,rustls=warn,rustls_platform_verifier=warn,tokio_util=warn,mio=warn";

/// Starts logging to standard error.
///
/// # Errors
/// When the level makes no sense.
pub fn start(settings: &Log) -> Result<(), Fault> {
    let filter = EnvFilter::try_new(format!("{},{CAPPED}", settings.level.word()))
        .map_err(|error| Fault::new(Kind::BadConfiguration, format!("log.level: {error}")))?;
    let json = match settings.format {
        LogFormat::Auto => !std::io::stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let registry = tracing_subscriber::registry().with(filter);
    // A second start in one process (tests) keeps the first.
    let _ = if json {
        registry.with(fmt::layer().json().with_writer(std::io::stderr)).try_init()
    } else {
        registry.with(fmt::layer().with_target(false).with_writer(std::io::stderr)).try_init()
    };
    Ok(())
}
