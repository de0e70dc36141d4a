//! `byok`: the user's own provider keys, which aigwd keeps and sends to the gateway alone.

use std::io::{self, Write};

use aigw_shared::fault::Failure;
use aigw_shared::ipc::message::{Request, Response};
use aigw_shared::ipc::payload::{ByokAction, ByokKeys, ByokQuery};
use serde::Serialize;

use super::login::{key_of, prompt, read_stdin};
use crate::cli::Byok;
use crate::daemon;
use crate::output::{Answer, LABEL, Output};
use crate::wording::{columns, tame};

#[derive(Serialize)]
struct Keys {
    gateway: String,
    keys: Vec<Key>,
    #[serde(skip)]
    done: String,
}

#[derive(Serialize)]
struct Key {
    provider: String,
    fingerprint: String,
}

pub(super) async fn run(
    action: Option<&Byok>,
    gateway: Option<String>,
    output: &Output,
) -> Result<(), Failure> {
    let (action, done) = match action {
        None | Some(Byok::List) => (ByokAction::List, String::new()),
        Some(Byok::Set { provider, stdin }) => {
            let key = match stdin {
                true => read_stdin()?,
                false => prompt(&format!("Your key for {} (not shown): ", tame(provider)))?,
            };
            let done =
                format!("Your own key is used for {provider} from now on. It is sent to the gateway alone.");
            (ByokAction::Set(key_of(provider, &key)?), done)
        }
        Some(Byok::Unset { provider }) => {
            let done = format!("Your key for {provider} is forgotten: the deployment's key is used again.");
            (ByokAction::Unset(provider.clone()), done)
        }
    };
    match daemon::ask(Request::Byok(ByokQuery { gateway, action })).await? {
        Response::Byok(ByokKeys { gateway, keys }) => {
            let keys = keys.into_iter().map(|(provider, fingerprint)| Key { provider, fingerprint });
            output.show(&Keys { gateway, keys: keys.collect(), done })
        }
        _ => Err(daemon::unexpected()),
    }
}

impl Answer for Keys {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        if !self.done.is_empty() {
            return writeln!(to, "{}", tame(&self.done));
        }
        if self.keys.is_empty() {
            return writeln!(to, "There is none at {}: the deployment's keys are used.", tame(&self.gateway));
        }
        let shown = |key: &Key| match key.fingerprint.as_str() {
            "" => "(short)".to_owned(),
            fingerprint => format!("{fingerprint}…"),
        };
        let rows: Vec<_> = self.keys.iter().map(|key| vec![key.provider.clone(), shown(key)]).collect();
        columns(to, Some((LABEL, &["PROVIDER", "KEY"])), &rows)
    }
}
