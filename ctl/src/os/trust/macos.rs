//! The system's store on macOS: the user's login keychain, or on request the machine's. A certificate in a keychain is
//! trusted only if a trust setting says so, and both are taken away.

use std::path::PathBuf;

use super::certificate::{Mark, Root, blocks, certificates};
use super::place::{Place, text};
use super::{Held, Store, Where};
use crate::steps::{Bytes, Step};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keychain {
    Login,
    Machine,
}

impl Keychain {
    fn file(self, place: &Place) -> PathBuf {
        match self {
            Self::Login => place.home.join("Library/Keychains/login.keychain-db"),
            Self::Machine => place.at("/Library/Keychains/System.keychain"),
        }
    }

    /// What a trust setting of this one begins with: the machine's are another domain.
    fn domain(self) -> &'static [&'static str] {
        match self {
            Self::Login => &[],
            Self::Machine => &["-d"],
        }
    }
}

pub(super) fn stores(place: &Place) -> Vec<Store> {
    [Keychain::Login, Keychain::Machine]
        .map(|keychain| Store::system(text(&keychain.file(place)), Where::Keychain(keychain)))
        .into()
}

fn security(place: &Place) -> PathBuf {
    place.at("/usr/bin/security")
}

pub(super) fn held(keychain: Keychain, place: &Place, marks: &[Mark]) -> Vec<Held> {
    let listed =
        (place.look)(&security(place), &["find-certificate", "-a", "-p", &text(&keychain.file(place))]);
    let listed = listed.unwrap_or_default();
    let found: Vec<(Mark, &str)> = blocks(&listed)
        .flat_map(|block| certificates(block.as_bytes()).into_iter().map(move |it| (Mark::of(&it), block)))
        .filter(|(mark, _)| marks.iter().any(|wanted| wanted.sha256 == mark.sha256))
        .collect();
    let settings = if found.is_empty() { String::new() } else { settings(keychain, place) };
    found
        .iter()
        .map(|(mark, block)| {
            let sha1 = mark.sha1.clone().unwrap_or_default();
            Held { pem: format!("{block}\n"), ..Held::named(mark, &sha1, settings.contains(&sha1)) }
        })
        .collect()
}

/// The trust settings, in which each certificate stands by its SHA-1.
fn settings(keychain: Keychain, place: &Place) -> String {
    let read = || {
        let folder = tempfile::tempdir().ok()?;
        let file = folder.path().join("settings.plist");
        let path = text(&file);
        let words: Vec<&str> =
            ["trust-settings-export"].iter().chain(keychain.domain()).copied().chain([&*path]).collect();
        (place.look)(&security(place), &words)?;
        std::fs::read_to_string(&file).ok()
    };
    read().unwrap_or_default()
}

pub(super) fn add(keychain: Keychain, place: &Place, roots: &[&Root]) -> Vec<Step> {
    let program = security(place);
    let store = text(&keychain.file(place));
    let run = |root: &&Root| {
        let file = text(&root.file);
        let words: Vec<&str> = ["add-trusted-cert"]
            .iter()
            .chain(keychain.domain())
            .copied()
            .chain(["-r", "trustRoot", "-p", "ssl", "-k", &store, &file])
            .collect();
        Step::run(&program, &words)
    };
    [Step::Tell("macOS asks for a password to change what is trusted".to_owned())]
        .into_iter()
        .chain(roots.iter().map(run))
        .collect()
}

/// The machine's trust setting is named by a file, of which there is a copy among our records.
pub(super) fn remove(keychain: Keychain, place: &Place, held: &[Held]) -> Vec<Step> {
    let program = security(place);
    let store = text(&keychain.file(place));
    let mut steps = vec![Step::Tell("macOS asks for a password to change what is trusted".to_owned())];
    for held in held {
        match (keychain, held.trusted) {
            (Keychain::Login, true) => {
                steps.push(Step::run(&program, &["delete-certificate", "-Z", &held.name, "-t", &store]));
                continue;
            }
            (Keychain::Machine, true) => {
                let file = place.records.join(format!("{}.pem", held.mark.short()));
                let content = Bytes(held.pem.clone().into_bytes());
                steps.push(Step::Write { file: file.clone(), content, mode: Some(0o644) });
                steps.push(Step::run(&program, &["remove-trusted-cert", "-d", &text(&file)]));
            }
            (_, false) => {}
        }
        steps.push(Step::run(&program, &["delete-certificate", "-Z", &held.name, &store]));
    }
    steps
}
