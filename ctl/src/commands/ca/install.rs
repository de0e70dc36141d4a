//! `ca install`: the trust stores of this machine and user get the root certificate, and nothing else of the CA.

use std::path::{Path, PathBuf};

use aigw_shared::fault::Failure;
use aigw_shared::ipc::payload::CaAction;

use super::trust::{self, State, Told, Work};
use crate::cli::CaInstall;
use crate::os::trust::{Mark, Place, Root};
use crate::output::Output;

pub(super) async fn run(arguments: &CaInstall, output: &Output) -> Result<(), Failure> {
    let place = Place::here()?;
    let mut roots: Vec<(Root, PathBuf)> = Vec::new();
    for file in &arguments.root_cert {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
        roots.push((Root::read(&file, &place.records)?, file));
    }
    if roots.is_empty() {
        let status = super::ask(CaAction::Status).await?;
        if status.company {
            return output.show(&Told::nothing(
                "A company's CA has signed this machine's: machines that trust the company's need nothing."
                    .to_owned(),
            ));
        }
        // During a rotation both are needed: the daemon changes from one to the other at once.
        // And while calls go through the deployment's own proxy, that one's.
        let next = status.next.into_iter().chain(status.relayed).map(|next| (next.root_pem, next.root_cert));
        for (pem, file) in [(status.root_pem, status.root_cert)].into_iter().chain(next) {
            roots.push((Root::of(&pem, &file, &place.records)?, PathBuf::from(file)));
        }
    }
    trust::complete(&place, arguments.dry_run, output)?;
    let (roots, files): (Vec<Root>, Vec<PathBuf>) = roots.into_iter().unzip();
    let marks: Vec<Mark> = roots.iter().map(|root| root.mark.clone()).collect();
    let stores = trust::choose(&place, &arguments.store, &arguments.java, arguments.system);
    let changed: Vec<_> = stores.iter().filter(|store| !store.add(&place, &roots).is_empty()).collect();
    Work {
        what: "ca install",
        dry_run: arguments.dry_run,
        marks: &marks,
        plan: &|store| store.add(&place, &roots),
        states: [State::Installed, State::AlreadyInstalled],
        first: trust::record(&place, &roots, &changed),
        root_words: files.iter().flat_map(|file| ["--root-cert".to_owned(), words(file)]).collect(),
    }
    .run(&place, stores, output)
}

fn words(file: &Path) -> String {
    file.display().to_string()
}
