//! `ca uninstall`: exactly our roots leave every store that has them, whether a daemon runs or not and whether the CA still
//! exists or not.

use aigw_shared::fault::{Failure, Fault, Kind};
use aigw_shared::ipc::payload::CaAction;

use super::trust::{self, State, Told, Work};
use crate::cli::CaUninstall;
use crate::os::trust::{Mark, Place};
use crate::output::Output;
use crate::steps::Step;

pub(super) async fn run(arguments: &CaUninstall, output: &Output) -> Result<(), Failure> {
    let place = Place::here()?;
    trust::complete(&place, arguments.dry_run, output)?;
    let marks = if arguments.fingerprint.is_empty() {
        ours(&place).await
    } else {
        let parse = |text: &String| {
            Mark::parse(text).ok_or_else(|| {
                Fault::new(Kind::Usage, format!("{text:?} is no SHA-256 fingerprint"))
                    .cure_with("use the one that `aigwctl ca status` shows")
            })
        };
        arguments.fingerprint.iter().map(parse).collect::<Result<_, _>>()?
    };
    if marks.is_empty() {
        return output.show(&Told::nothing(
            "Nothing was installed from here, so there is nothing to remove.".to_owned(),
        ));
    }
    let mut keystores = trust::recorded_keystores(&place);
    keystores.extend(arguments.java.iter().cloned());
    let mut stores = trust::choose(&place, &arguments.store, &keystores, true);
    // The machine's keychain is none of our business as long as nothing of ours is in it.
    stores.retain(|store| !store.is_second_choice() || !store.held(&place, &marks).is_empty());
    // Nor is a store that we cannot read and have never written to.
    stores.retain(|store| store.is_readable(&place) || trust::is_recorded(&place, store));
    let in_them =
        |mark: &&Mark| stores.iter().any(|store| !store.held(&place, std::slice::from_ref(*mark)).is_empty());
    let root_words =
        marks.iter().filter(in_them).flat_map(|mark| ["--fingerprint".to_owned(), mark.shown()]).collect();
    let result = Work {
        what: "ca uninstall",
        dry_run: arguments.dry_run,
        marks: &marks,
        plan: &|store| {
            if store.is_readable(&place) {
                store.remove(&place, &marks)
            } else {
                vec![Step::Tell(
                    "certutil, with which it was installed, is gone: install it again and repeat this"
                        .to_owned(),
                )]
            }
        },
        states: [State::Removed, State::Absent],
        first: Vec::new(),
        root_words,
    }
    .run(&place, stores, output);
    if !arguments.dry_run {
        trust::forget(&place);
    }
    result
}

/// Every root that was ever installed from here, and those that the daemon knows, if it runs.
async fn ours(place: &Place) -> Vec<Mark> {
    let mut marks: Vec<Mark> = trust::recorded_roots(place).into_iter().map(|root| root.mark).collect();
    // The company's certificates are not ours to remove. The answer of a daemon that does not run is none.
    if let Ok(status) = super::ask(CaAction::Status).await
        && !status.company
    {
        let root =
            crate::os::trust::Root::of(&status.root_pem, "", &place.records).map(|root| root.mark).ok();
        let others = status
            .next
            .into_iter()
            .chain(status.relayed)
            .map(|next| next.fingerprint_sha256)
            .chain(status.retired);
        for mark in root.into_iter().chain(others.filter_map(|text| Mark::parse(&text))) {
            if !marks.iter().any(|known| known.sha256 == mark.sha256) {
                marks.push(mark);
            }
        }
    }
    marks
}
