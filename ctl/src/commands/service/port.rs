//! The port of the service: the configured one, else 2449, else the next that is free, which is then written into the user's
//! configuration before any tool is led there. Several users of one machine have one each.

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};

use aigw_shared::config::{self, Loaded, Sources};
use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::os::listener;

use crate::daemon;
use crate::steps::{Bytes, Step};

/// So many ports after the usual one are tried.
const TRIED: u16 = 200;

/// A port, and the step that writes it down if it is not the configured one.
pub(super) struct Choice {
    pub(super) port: u16,
    pub(super) step: Option<Step>,
}

/// The port that the configuration names.
pub(super) fn configured() -> Result<u16, Failure> {
    Ok(load()?.config.listen.port)
}

pub(super) async fn choose() -> Result<Choice, Failure> {
    let loaded = load()?;
    let wanted = loaded.config.listen.port;
    if wanted != 0 && is_ours_or_free(wanted) {
        return Ok(Choice { port: wanted, step: None });
    }
    let chosen = loaded.shown.iter().any(|shown| shown.key == "listen.port" && shown.origin != "default");
    if chosen && wanted != 0 {
        let who = listener::of(wanted).map_or_else(|| "another program".to_owned(), |owner| owner.words);
        return Err(Fault::new(Kind::PortTaken, format!("listen.port is {wanted}, and {who} has that port"))
            .cure_with("set listen.port to another in the configuration, or remove it from there")
            .into());
    }
    let first = if wanted == 0 { 2449 } else { wanted };
    let port = (first..first.saturating_add(TRIED)).find(|port| is_ours_or_free(*port)).ok_or_else(|| {
        Fault::new(Kind::PortTaken, format!("no port from {first} to {} is free", first + TRIED))
    })?;
    let file = daemon::paths()?.config_file();
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => {
            return Err(Fault::new(Kind::File, format!("{} cannot be read: {error}", file.display())).into());
        }
    };
    let path = ["listen", "port"].map(str::to_owned).to_vec();
    let edited = config::edit::set(&text, &[(path, i64::from(port).into())])?;
    Ok(Choice { port, step: Some(Step::Write { file, content: Bytes(edited.into_bytes()), mode: None }) })
}

fn load() -> Result<Loaded, Failure> {
    let paths = daemon::paths()?;
    Ok(config::load(&Sources::of(&paths, std::env::vars_os(), Vec::new())?)?)
}

/// Free on both loopback addresses, or held by a process of this user: an aigwd, which makes room.
fn is_ours_or_free(port: u16) -> bool {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        && match TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
            Ok(_) => true,
            Err(error) => error.kind() != std::io::ErrorKind::AddrInUse,
        };
    // A service manager holds it for an aigwd.
    let holders = ["aigwd", "systemd", "launchd"];
    let is_ours = |owner: &str| holders.iter().any(|holder| owner.contains(holder));
    free || listener::of(port).is_some_and(|owner| owner.is_us && is_ours(&owner.words))
}
