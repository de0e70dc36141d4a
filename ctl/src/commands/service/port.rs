//! The port of the service: the configured one, else 2449, else the next that is free, which is then written into the user's
//! configuration before any tool is led there. Several users of one machine have one each.

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::path::Path;

use aigw_shared::config::{self, Loaded, Sources};
use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::os::listener;

use crate::commands::status;
use crate::daemon;
use crate::steps::{Bytes, Step};

/// So many ports after the usual one are tried.
const TRIED: u16 = 200;
/// The default.
pub(super) const USUAL: u16 = 2449;

/// A port, and the step that writes it down if it is not the configured one.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) port: u16,
    pub(super) step: Option<Step>,
}

/// Whether variables of this shell count: they do for a daemon that it starts, and not for one that a service manager does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Variables {
    Count,
    DoNot,
}

/// The port that the files name.
pub(super) fn configured() -> Result<u16, Failure> {
    Ok(load(Variables::DoNot)?.config.listen.port)
}

/// Chooses one. `kept` is the port that a service of ours keeps already.
pub(super) async fn choose(variables: Variables, kept: Option<u16>) -> Result<Choice, Failure> {
    let loaded = load(variables)?;
    let wanted = loaded.config.listen.port;
    // A daemon that is asked for any port has one by itself; a service has to know it.
    if wanted == 0 && variables == Variables::Count {
        return Ok(Choice { port: 0, step: None });
    }
    let mut ours: Vec<u16> = kept.into_iter().collect();
    // A daemon that was started by hand makes room.
    if !daemon::has_ended()?
        && let Ok(status) = status::fetch().await
    {
        let ports = status.daemon.listen.iter().filter_map(|at| at.rsplit(':').next()?.parse::<u16>().ok());
        ours.extend(ports);
    }
    let is_good = |port: u16| is_free(port) || (ours.contains(&port) && is_us(port));
    if wanted != 0 && is_good(wanted) {
        return Ok(Choice { port: wanted, step: None });
    }
    let origin = loaded.shown.iter().find(|shown| shown.key == "listen.port");
    let origin = origin.map_or("default", |shown| shown.origin.as_str());
    if origin != "default" && wanted != 0 {
        let who = listener::of(wanted).map_or_else(|| "another program".to_owned(), |owner| owner.words);
        let text = format!("listen.port is {wanted} by the {origin}, and {who} has that port");
        let cure = if origin.starts_with("policy") {
            "end that program, or ask whoever manages this machine for another port"
        } else {
            "end that program, or set listen.port to another, or remove it from there"
        };
        return Err(Fault::new(Kind::PortTaken, text).cure_with(cure).into());
    }
    let first = if wanted == 0 { USUAL } else { wanted };
    let port = next(first, is_good)?;
    // The default need not be written.
    let step = if origin == "default" && port == wanted { None } else { Some(write(port)?) };
    Ok(Choice { port, step })
}

/// The first free one for a service of the machine.
pub(super) fn free() -> Result<u16, Failure> {
    next(USUAL, is_free)
}

fn next(first: u16, is_good: impl Fn(u16) -> bool) -> Result<u16, Failure> {
    (first..first.saturating_add(TRIED)).find(|port| is_good(*port)).ok_or_else(|| {
        Fault::new(Kind::PortTaken, format!("no port from {first} to {} is free", first + TRIED)).into()
    })
}

fn write(port: u16) -> Result<Step, Failure> {
    let file = daemon::paths()?.config_file();
    let text = read(&file)?;
    let path = ["listen", "port"].map(str::to_owned).to_vec();
    let edited = config::edit::set(&text, &[(path, i64::from(port).into())])?;
    Ok(Step::Write { file, content: Bytes(edited.into_bytes()), mode: None })
}

fn read(file: &Path) -> Result<String, Fault> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Fault::new(Kind::File, format!("{} cannot be read: {error}", file.display()))),
    }
}

fn load(variables: Variables) -> Result<Loaded, Failure> {
    let paths = daemon::paths()?;
    let environment: Vec<_> = match variables {
        Variables::Count => std::env::vars_os().collect(),
        Variables::DoNot => Vec::new(),
    };
    Ok(config::load(&Sources::of(&paths, environment, Vec::new())?)?)
}

/// On both loopback addresses, where there are two.
fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        && match TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
            Ok(_) => true,
            Err(error) => error.kind() != std::io::ErrorKind::AddrInUse,
        }
}

/// Where the system does not tell, whoever says so is believed.
fn is_us(port: u16) -> bool {
    listener::of(port).is_none_or(|owner| owner.is_us)
}
