//! The system's store on Windows: the user's own trusted roots, through the `certutil` of Windows (NSS has a program of
//! the same name).

use std::path::PathBuf;

use super::certificate::{Mark, Root};
use super::place::{Place, text};
use super::{Held, Store, Where};
use crate::steps::Step;

const ASKS: &str = "Windows asks in a window whether the change of trusted roots is wanted";

pub(super) fn stores(_: &Place) -> Vec<Store> {
    vec![Store::system("CurrentUser\\Root".to_owned(), Where::Windows)]
}

fn certutil(place: &Place) -> PathBuf {
    place.at("System32").join("certutil.exe")
}

/// Windows finds a certificate by its SHA-1.
pub(super) fn held(place: &Place, marks: &[Mark]) -> Vec<Held> {
    let there = |sha1: &&String| (place.look)(&certutil(place), &["-user", "-store", "Root", sha1]).is_some();
    marks.iter().filter_map(|mark| Some(Held::named(mark, mark.sha1.as_ref().filter(there)?, true))).collect()
}

pub(super) fn add(place: &Place, roots: &[&Root]) -> Vec<Step> {
    let run = |root: &&Root| Step::run(&certutil(place), &["-user", "-addstore", "Root", &text(&root.file)]);
    [Step::Tell(ASKS.to_owned())].into_iter().chain(roots.iter().map(run)).collect()
}

pub(super) fn remove(place: &Place, held: &[Held]) -> Vec<Step> {
    let run = |held: &Held| Step::run(&certutil(place), &["-user", "-delstore", "Root", &held.name]);
    [Step::Tell(ASKS.to_owned())].into_iter().chain(held.iter().map(run)).collect()
}
