//! `ca status`: what this machine's CA can sign, where it is kept, and which stores trust it.

use std::io::{self, Write};

use aigw_shared::fault::Failure;
use aigw_shared::ipc::payload::{CaAction, CaStatus, NextRoot};
use serde::Serialize;

use crate::output::{Answer, BAD, GOOD, LABEL, Output, WARN};
use crate::wording::{Moment, line};

/// What `ca status` shows, and what changes the CA shows afterwards.
#[derive(Serialize)]
pub(super) struct Status {
    root_cert: String,
    intermediate_cert: String,
    intermediate_key: String,
    bundle: String,
    fingerprint_sha256: String,
    not_after: Moment,
    permitted: Vec<String>,
    stores: Vec<Store>,
    company: bool,
    next: Option<Next>,
    relayed: Option<Next>,
    outgrown: Vec<String>,
    trouble: Option<String>,
}

/// The root that will take over.
#[derive(Serialize)]
struct Next {
    root_cert: String,
    fingerprint_sha256: String,
}

/// A trust store, and whether our root is in it.
#[derive(Serialize)]
pub(in crate::commands) struct Store {
    pub(in crate::commands) store: String,
    pub(in crate::commands) installed: bool,
}

pub(super) async fn run(output: &Output) -> Result<(), Failure> {
    output.show(&Status::from(super::ask(CaAction::Status).await?))
}

impl From<CaStatus> for Status {
    fn from(status: CaStatus) -> Self {
        let stores = super::trust::overview(&status);
        let other =
            |root: NextRoot| Next { root_cert: root.root_cert, fingerprint_sha256: root.fingerprint_sha256 };
        Self {
            root_cert: status.root_cert,
            intermediate_cert: status.intermediate_cert,
            intermediate_key: status.intermediate_key,
            bundle: status.bundle,
            fingerprint_sha256: status.fingerprint_sha256,
            not_after: Moment(status.not_after),
            permitted: status.permitted,
            stores,
            company: status.company,
            next: status.next.map(other),
            relayed: status.relayed.map(other),
            outgrown: status.outgrown,
            trouble: status.trouble,
        }
    }
}

impl Answer for Status {
    fn text(&self, to: &mut dyn Write) -> io::Result<()> {
        let signed = if self.company { "a company's CA" } else { "its own root, whose key is destroyed" };
        line(to, LABEL, "signed by", signed)?;
        line(to, LABEL, "root", &self.root_cert)?;
        line(to, LABEL, "SHA-256", &self.fingerprint_sha256)?;
        let ends = format!("{} ({})", self.not_after.words(), self.not_after.seen_from(Moment::now()));
        line(to, LABEL, "ends", &ends)?;
        line(to, LABEL, "key", &self.intermediate_key)?;
        line(to, LABEL, "bundle", &self.bundle)?;
        line(to, LABEL, "names", &self.permitted.join(", "))?;
        for store in &self.stores {
            let (style, word) =
                if store.installed { (GOOD, "trusts it") } else { (WARN, "does not trust it") };
            line(to, style, "store", &format!("{}: {word}", store.store))?;
        }
        if let Some(trouble) = &self.trouble {
            line(to, BAD, "error", trouble)?;
        }
        if !self.outgrown.is_empty() {
            line(to, WARN, "outgrown", &format!("it cannot sign for {}", self.outgrown.join(", ")))?;
        }
        if let Some(relayed) = &self.relayed {
            line(to, WARN, "relayed", &format!("{}, of the deployment's own proxy", relayed.root_cert))?;
        }
        match &self.next {
            Some(next) => line(
                to,
                WARN,
                "next",
                &format!("{} (waits for `aigwctl ca rotate --finish`)", next.root_cert),
            ),
            None => Ok(()),
        }
    }
}
