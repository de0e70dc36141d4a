//! `keys`: the local keys that tools show instead of a token.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::KeyRow;
use aigw_shared::key::{self, KeySpec, MachineSecret};
use aigw_shared::secret::Secret;
use serde::Serialize;

use crate::daemon;
use crate::output::{Answer, LABEL, Output};
use crate::wording::{self, Moment};

/// More than any machine secret.
const SECRET_LIMIT: u64 = 64 * 1024;

#[derive(Serialize)]
struct Keys {
    keys: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    generation: u32,
    created_at: Option<Moment>,
    last_used_at: Option<Moment>,
    expires_at: Option<Moment>,
    gateway: Option<String>,
}

impl From<KeyRow> for Row {
    fn from(row: KeyRow) -> Self {
        Self {
            name: row.name,
            generation: row.generation,
            created_at: row.created_at.map(Moment),
            last_used_at: row.last_used_at.map(Moment),
            expires_at: row.expires_at.map(Moment),
            gateway: row.gateway,
        }
    }
}

impl Answer for Keys {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        if self.keys.is_empty() {
            return writeln!(to, "No local keys yet. `aigwctl env` makes one.");
        }
        let words = |moment: Option<Moment>| moment.map_or_else(|| "never".to_owned(), Moment::words);
        let cells = |row: &Row| {
            vec![
                row.name.clone(),
                row.generation.to_string(),
                row.created_at.map_or_else(|| "-".to_owned(), Moment::words),
                words(row.last_used_at),
                words(row.expires_at),
                row.gateway.clone().unwrap_or_else(|| "any".to_owned()),
            ]
        };
        let rows: Vec<_> = self.keys.iter().map(cells).collect();
        let head = ["NAME", "GENERATION", "CREATED", "LAST USED", "EXPIRES", "GATEWAY"];
        wording::columns(to, Some((LABEL, &head)), &rows)
    }
}

pub(super) async fn list(output: &Output) -> Result<(), Failure> {
    match daemon::ask(Request::Keys).await? {
        Response::Keys(rows) => {
            output.show(&Keys { keys: rows.into_iter().map(Row::from).collect() })?;
            output.hint("`aigwctl keys revoke NAME` makes a key invalid for ever.");
            Ok(())
        }
        _ => Err(daemon::unexpected()),
    }
}

#[derive(Serialize)]
struct Revoked<'a> {
    name: &'a str,
    revoked: bool,
}

impl Answer for Revoked<'_> {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        writeln!(to, "Revoked {}. Give a new key to the tools that used it.", self.name)
    }
}

pub(super) async fn revoke(name: &str, output: &Output) -> Result<(), Failure> {
    check_name(name)?;
    match daemon::ask(Request::RevokeKey(name.to_owned())).await? {
        Response::Done => output.show(&Revoked { name, revoked: true }),
        _ => Err(daemon::unexpected()),
    }
}

/// A name that no key can have is refused before anyone is asked.
pub(super) fn check_name(name: &str) -> Result<(), Failure> {
    if key::is_name(name) { Ok(()) } else { Err(bad_name(name)) }
}

fn bad_name(name: &str) -> Failure {
    Fault::new(Kind::Usage, format!("{name:?} cannot name a local key"))
        .cure_with("use 1 to 32 of a-z, 0-9 and -")
        .into()
}

#[derive(Serialize)]
struct Derived {
    name: String,
    generation: u32,
    #[serde(with = "aigw_shared::secret::wire")]
    key: Secret,
}

impl Answer for Derived {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        writeln!(to, "{}", self.key.reveal())
    }
}

pub(super) fn derive(spec: &str, secret_file: &Path, output: &Output) -> Result<(), Failure> {
    let spec = KeySpec::parse(spec).ok_or_else(|| bad_name(spec))?;
    // A pipe will do as well: `--secret-file <(fetch secret)`.
    let mut content = Vec::new();
    File::open(secret_file).and_then(|file| file.take(SECRET_LIMIT).read_to_end(&mut content)).map_err(
        |error| Fault::new(Kind::File, format!("{} cannot be read: {error}", secret_file.display())),
    )?;
    let machine = MachineSecret::from_file(&content).ok_or_else(|| {
        Fault::new(
            Kind::BadConfiguration,
            format!("{} is too short for a machine secret", secret_file.display()),
        )
        .cure_with("it needs at least 32 random bytes, as they are or in base64")
    })?;
    let key = machine.key(&spec);
    output.show(&Derived { name: spec.name, generation: spec.generation, key })
}
