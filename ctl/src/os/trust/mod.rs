//! Trust stores: which there are, whether a certificate is in them, and the steps that put it in or take it out. One
//! store a file, all with the same functions; they only look and plan, and are compiled and tested on every system.

mod certificate;
mod java;
mod linux;
mod macos;
mod nss;
mod place;
mod windows;

use std::path::PathBuf;

pub(crate) use certificate::{Mark, Root};
pub(crate) use place::Place;
use place::System;

use crate::steps::Step;

/// Kinds of stores, as `--store` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Family {
    /// The operating system's
    System,
    /// Firefox and, on Linux, Chromium
    Nss,
    /// Java keystores named by --java
    Java,
}

impl Family {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Nss => "nss",
            Self::Java => "java",
        }
    }
}

/// One store.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) family: Family,
    /// What it is called to people: mostly its path.
    pub(crate) title: String,
    place: Where,
}

#[derive(Debug)]
enum Where {
    Linux(linux::Layout),
    Keychain(macos::Keychain),
    Windows,
    Nss(PathBuf),
    Java(PathBuf),
}

/// A certificate that is in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) mark: Mark,
    /// What the store calls it.
    name: String,
    /// Whether it also has the effect: a file may be there and the bundle not made, a certificate without its setting.
    pub(crate) trusted: bool,
    /// The certificate, where taking it out needs it.
    pem: String,
}

impl Held {
    fn named(mark: &Mark, name: &str, trusted: bool) -> Self {
        Self { mark: mark.clone(), name: name.to_owned(), trusted, pem: String::new() }
    }

    fn is(&self, mark: &Mark) -> bool {
        self.mark.sha256 == mark.sha256
    }
}

/// Those wanted that were found.
fn held_of<'a>(found: &'a [Mark], wanted: &'a [Mark]) -> impl Iterator<Item = &'a Mark> {
    wanted.iter().filter(|wanted| found.iter().any(|found| found.sha256 == wanted.sha256))
}

/// Every store of this machine and user that we know, and these Java keystores.
pub(crate) fn stores(place: &Place, keystores: &[String]) -> Vec<Store> {
    let system = match place.system {
        System::Linux => linux::stores(place),
        System::Macos => macos::stores(place),
        System::Windows => windows::stores(place),
    };
    system.into_iter().chain(nss::stores(place)).chain(java::stores(place, keystores)).collect()
}

impl Store {
    fn system(title: String, place: Where) -> Self {
        Self { family: Family::System, title, place }
    }

    /// Whether it is the machine's own where the user has one too: used on request only.
    pub(crate) fn is_second_choice(&self) -> bool {
        matches!(self.place, Where::Keychain(macos::Keychain::Machine))
    }

    /// Whether this user may not change it.
    pub(crate) fn needs_root(&self, place: &Place) -> bool {
        match &self.place {
            Where::Linux(_) | Where::Keychain(macos::Keychain::Machine) => !place.is_root,
            Where::Java(file) => !place.is_root && !java::is_writable(file),
            Where::Keychain(macos::Keychain::Login) | Where::Windows | Where::Nss(_) => false,
        }
    }

    /// Whether what is in it can be found out.
    pub(crate) fn is_readable(&self, place: &Place) -> bool {
        !matches!(self.place, Where::Nss(_)) || nss::is_readable(place)
    }

    /// Which of these certificates are in it.
    pub(crate) fn held(&self, place: &Place, marks: &[Mark]) -> Vec<Held> {
        match &self.place {
            Where::Linux(layout) => linux::held(*layout, place, marks),
            Where::Keychain(keychain) => macos::held(*keychain, place, marks),
            Where::Windows => windows::held(place, marks),
            Where::Nss(folder) => nss::held(folder, place, marks),
            Where::Java(file) => java::held(file, place, marks),
        }
    }

    /// Makes it trust these; no steps when it does.
    pub(crate) fn add(&self, place: &Place, roots: &[Root]) -> Vec<Step> {
        let marks: Vec<Mark> = roots.iter().map(|root| root.mark.clone()).collect();
        let held = self.held(place, &marks);
        let trusted = |root: &&Root| held.iter().any(|held| held.is(&root.mark) && held.trusted);
        let missing: Vec<&Root> = roots.iter().filter(|root| !trusted(root)).collect();
        if missing.is_empty() {
            return Vec::new();
        }
        match &self.place {
            Where::Linux(layout) => linux::add(*layout, place, &missing),
            Where::Keychain(keychain) => macos::add(*keychain, place, &missing),
            Where::Windows => windows::add(place, &missing),
            Where::Nss(folder) => nss::add(folder, place, &missing),
            Where::Java(file) => java::add(file, place, &missing),
        }
    }

    /// Takes these out, and nothing else; no steps when none is in it.
    pub(crate) fn remove(&self, place: &Place, marks: &[Mark]) -> Vec<Step> {
        let held = self.held(place, marks);
        if held.is_empty() {
            return Vec::new();
        }
        match &self.place {
            Where::Linux(layout) => linux::remove(*layout, place, &held),
            Where::Keychain(keychain) => macos::remove(*keychain, place, &held),
            Where::Windows => windows::remove(place, &held),
            Where::Nss(folder) => nss::remove(folder, place, &held),
            Where::Java(file) => java::remove(file, place, &held),
        }
    }
}

// Windows would join the paths of the other systems by its own sign.
#[cfg(test)]
#[cfg(unix)]
mod tests;
