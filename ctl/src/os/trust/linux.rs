//! The system's store on Linux: a folder for certificates that the machine's owner adds, and a program that makes the
//! bundles which programs read from it. Distributions are told apart by what lies on the disk.

use std::fs;
use std::path::PathBuf;

use super::certificate::{Mark, Root, marks_in};
use super::place::Place;
use super::{Held, Store, held_of};
use crate::steps::{Bytes, Step};

/// One way of doing it.
#[derive(Debug)]
pub(super) struct Family {
    name: &'static str,
    /// The owner's own certificates.
    anchors: &'static str,
    /// What makes the bundle, the first that is there.
    refresh: &'static [&'static [&'static str]],
    /// Further words after a certificate was taken away.
    removed: &'static [&'static str],
    /// What is made.
    bundle: &'static str,
    package: &'static str,
}

const FAMILIES: [Family; 4] = [
    Family {
        name: "SUSE",
        anchors: "/etc/pki/trust/anchors",
        refresh: &[&["update-ca-certificates"]],
        removed: &[],
        bundle: "/var/lib/ca-certificates/ca-bundle.pem",
        package: "ca-certificates",
    },
    Family {
        name: "Fedora, RHEL",
        anchors: "/etc/pki/ca-trust/source/anchors",
        refresh: &[&["update-ca-trust", "extract"]],
        removed: &[],
        bundle: "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        package: "ca-certificates",
    },
    Family {
        name: "Arch",
        anchors: "/etc/ca-certificates/trust-source/anchors",
        refresh: &[&["update-ca-trust"], &["trust", "extract-compat"]],
        removed: &[],
        bundle: "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
        package: "ca-certificates-utils",
    },
    Family {
        name: "Debian, Ubuntu, Alpine",
        anchors: "/usr/local/share/ca-certificates",
        refresh: &[&["update-ca-certificates"]],
        // Else links to what is gone stay, and the hashes by which OpenSSL finds certificates.
        removed: &["--fresh"],
        bundle: "/etc/ssl/certs/ca-certificates.crt",
        package: "ca-certificates",
    },
];

/// Where programs look that ask no distribution.
const ANY_BUNDLE: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// How this machine does it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Layout {
    /// Certificates lie in a folder.
    Anchors(&'static Family),
    /// The machine is described in one file, which only its owner edits.
    NixOs,
    /// None that we know.
    Unknown,
}

pub(super) fn stores(place: &Place) -> Vec<Store> {
    let layout = if place.at("/etc/NIXOS").exists() {
        Layout::NixOs
    } else {
        let family = FAMILIES.iter().find(|family| place.at(family.anchors).is_dir());
        family.map_or(Layout::Unknown, Layout::Anchors)
    };
    let title = match layout {
        Layout::Anchors(family) => format!("{} ({})", family.anchors, family.name),
        Layout::NixOs => "NixOS".to_owned(),
        Layout::Unknown => "an unknown distribution".to_owned(),
    };
    vec![Store::system(title, super::Where::Linux(layout))]
}

/// Only what is in the bundle too is trusted.
pub(super) fn held(layout: Layout, place: &Place, marks: &[Mark]) -> Vec<Held> {
    let Layout::Anchors(family) = layout else {
        let bundles: Vec<Mark> = ANY_BUNDLE.iter().flat_map(|file| marks_in(&place.at(file))).collect();
        return held_of(&bundles, marks).map(|mark| Held::named(mark, "", true)).collect();
    };
    let bundle = marks_in(&place.at(family.bundle));
    let mut held: Vec<Held> = files_in(place, family)
        .into_iter()
        .flat_map(|file| {
            let found = marks_in(&file);
            let name = file.to_string_lossy().into_owned();
            let trusted = |mark: &Mark| held_of(&bundle, std::slice::from_ref(mark)).next().is_some();
            held_of(&found, marks).map(|mark| Held::named(mark, &name, trusted(mark))).collect::<Vec<_>>()
        })
        .collect();
    // Its file is gone, and the bundle was not made since.
    let lost: Vec<&Mark> =
        held_of(&bundle, marks).filter(|mark| !held.iter().any(|held| held.is(mark))).collect();
    held.extend(lost.into_iter().map(|mark| Held::named(mark, "", false)));
    held
}

fn files_in(place: &Place, family: &Family) -> Vec<PathBuf> {
    let entries = fs::read_dir(place.at(family.anchors)).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

pub(super) fn add(layout: Layout, place: &Place, roots: &[&Root]) -> Vec<Step> {
    match layout {
        Layout::Anchors(family) => {
            let write = |root: &&Root| Step::Write {
                file: place.at(family.anchors).join(format!("aigw-{}.crt", root.mark.short())),
                content: Bytes(root.pem.clone().into_bytes()),
                mode: Some(0o644),
            };
            with_refresh(family, place, roots.iter().map(write).collect(), &[])
        }
        Layout::NixOs => vec![Step::Tell(format!(
            "write this into configuration.nix, then run `nixos-rebuild switch`:\n{}",
            nix(roots)
        ))],
        Layout::Unknown => vec![Step::Tell(format!(
            "add {} to this system's trusted roots, as its documentation says",
            roots.iter().map(|root| root.file.display().to_string()).collect::<Vec<_>>().join(" and ")
        ))],
    }
}

fn nix(roots: &[&Root]) -> String {
    let certificates: String = roots.iter().map(|root| format!("''\n{}''\n", root.pem)).collect();
    format!("security.pki.certificates = [ {certificates}];")
}

pub(super) fn remove(layout: Layout, place: &Place, held: &[Held]) -> Vec<Step> {
    match layout {
        Layout::Anchors(family) => {
            let files = held.iter().filter(|held| !held.name.is_empty());
            let steps = files.map(|held| Step::Remove { file: PathBuf::from(&held.name) }).collect();
            with_refresh(family, place, steps, family.removed)
        }
        Layout::NixOs => vec![Step::Tell(
            "take aigw's certificate out of security.pki in configuration.nix, then run `nixos-rebuild switch`".to_owned(),
        )],
        Layout::Unknown => vec![Step::Tell(format!(
            "take the certificate with SHA-256 {} out of this system's trusted roots, as its documentation says",
            held.iter().map(|held| held.mark.shown()).collect::<Vec<_>>().join(" and ")
        ))],
    }
}

/// Without the program nothing is touched: the file alone would change nothing now, and surprise somebody later.
fn with_refresh(family: &Family, place: &Place, mut steps: Vec<Step>, more: &[&str]) -> Vec<Step> {
    let refresh = family.refresh.iter().find_map(|words| {
        let (name, arguments) = words.split_first()?;
        Some(Step::run(&place.program(name)?, &[arguments, more].concat()))
    });
    match refresh {
        Some(run) => steps.push(run),
        None => {
            let names: Vec<_> = family.refresh.iter().map(|words| words.join(" ")).collect();
            steps = vec![Step::Tell(format!(
                "there is no {}; install the package {}",
                names.join(" and no "),
                family.package
            ))];
        }
    }
    steps
}
