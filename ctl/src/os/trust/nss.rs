//! NSS databases: each Firefox profile has one, and Chromium's programs on Linux share one. They are changed through NSS's
//! own `certutil`.

use std::fs;
use std::path::{Path, PathBuf};

use super::certificate::{Mark, Root, certificates};
use super::place::{Place, System, folders_in, text};
use super::{Held, Store, Where, held_of};
use crate::steps::Step;

/// Below the home: folders of Firefox profiles.
const PROFILES: [(System, &str); 6] = [
    (System::Linux, ".mozilla/firefox"),
    (System::Linux, ".config/mozilla/firefox"),
    (System::Linux, "snap/firefox/common/.mozilla/firefox"),
    (System::Linux, ".var/app/org.mozilla.firefox/.mozilla/firefox"),
    (System::Linux, ".var/app/org.mozilla.firefox/config/mozilla/firefox"),
    (System::Macos, "Library/Application Support/Firefox/Profiles"),
];

/// Below the home: databases of Chromium and its kin.
const CHROMIUM: [&str; 3] = [".pki/nssdb", ".local/share/pki/nssdb", "snap/chromium/current/.pki/nssdb"];

/// What brings `certutil`.
const PACKAGES: [(&str, &str); 5] = [
    ("/etc/debian_version", "apt-get install libnss3-tools"),
    ("/etc/fedora-release", "dnf install nss-tools"),
    ("/etc/redhat-release", "dnf install nss-tools"),
    ("/etc/arch-release", "pacman -S nss"),
    ("/etc/SUSE-brand", "zypper install mozilla-nss-tools"),
];

/// Only databases in the format that every version since 2018 uses.
pub(super) fn stores(place: &Place) -> Vec<Store> {
    let mut folders: Vec<PathBuf> = PROFILES
        .iter()
        .filter(|(system, _)| *system == place.system)
        .map(|(_, folder)| place.home.join(folder))
        .chain(place.roaming.iter().map(|folder| folder.join("Mozilla/Firefox/Profiles")))
        .flat_map(|folder| [folders_in(&folder), elsewhere(&folder)].concat())
        .collect();
    if place.system == System::Linux {
        folders.extend(CHROMIUM.map(|folder| place.home.join(folder)));
        for app in folders_in(&place.home.join(".var/app")) {
            folders.extend([app.join(".pki/nssdb"), app.join("data/pki/nssdb")]);
        }
    }
    let mut seen = Vec::new();
    folders
        .into_iter()
        .filter(|folder| folder.join("cert9.db").is_file())
        .filter(|folder| {
            let real = fs::canonicalize(folder).unwrap_or_else(|_| folder.clone());
            let new = !seen.contains(&real);
            seen.push(real);
            new
        })
        .map(|folder| Store { family: super::Family::Nss, title: text(&folder), place: Where::Nss(folder) })
        .collect()
}

/// Profiles that the person put somewhere else.
fn elsewhere(folder: &Path) -> Vec<PathBuf> {
    // On macOS and Windows the list lies beside the folder of profiles.
    let lists =
        [Some(folder), folder.parent()].into_iter().flatten().map(|folder| folder.join("profiles.ini"));
    let lines = lists.filter_map(|list| fs::read_to_string(list).ok());
    lines
        .flat_map(|list| {
            let paths = list
                .lines()
                .filter_map(|line| line.strip_prefix("Path=").map(|path| PathBuf::from(path.trim())));
            paths.filter(|path| path.is_absolute()).collect::<Vec<_>>()
        })
        .collect()
}

/// NSS's, and never the program of Windows that has its name.
fn certutil(place: &Place) -> Option<PathBuf> {
    place.program("certutil").filter(|file| place.system != System::Windows || !file.starts_with(&place.base))
}

fn database(folder: &Path) -> String {
    format!("sql:{}", text(folder))
}

/// A name in a database, and the certificates that are shown for it: all that have the subject of the one it names, the
/// newest first.
struct Row {
    name: String,
    for_servers: bool,
    shown: Vec<Mark>,
}

impl Row {
    /// The certificate that it names, if the others of that subject leave one over.
    fn named<'a>(&'a self, rows: &'a [Row]) -> Option<&'a Mark> {
        let ours = |row: &'a Row| row.shown.iter().find(|mark| row.name == nickname(mark));
        let of_subject = || rows.iter().filter(|row| same_marks(&row.shown, &self.shown));
        ours(self).or_else(|| {
            let taken: Vec<&Mark> = of_subject().filter_map(ours).collect();
            let left: Vec<&Mark> = self.shown.iter().filter(|mark| !taken.contains(mark)).collect();
            let one_name = of_subject().filter(|row| ours(row).is_none()).count() == 1;
            left.first().copied().filter(|_| one_name && left.len() == 1)
        })
    }
}

fn same_marks(one: &[Mark], other: &[Mark]) -> bool {
    one.len() == other.len() && one.iter().all(|mark| other.contains(mark))
}

fn nickname(mark: &Mark) -> String {
    format!("aigw root {}", mark.short())
}

/// One whose name cannot be told from others of its subject, which only happens to those put in by hand, has none.
pub(super) fn held(folder: &Path, place: &Place, marks: &[Mark]) -> Vec<Held> {
    let Some(program) = certutil(place) else { return Vec::new() };
    let database = database(folder);
    let listed = (place.look)(&program, &["-L", "-d", &database]).unwrap_or_default();
    let rows: Vec<Row> = listed
        .lines()
        .filter_map(row)
        .map(|(name, flags)| {
            let text = (place.look)(&program, &["-L", "-d", &database, "-n", name, "-a"]).unwrap_or_default();
            Row {
                name: name.to_owned(),
                for_servers: flags.split(',').next().unwrap_or_default().contains('C'),
                shown: certificates(text.as_bytes()).iter().map(Mark::of).collect(),
            }
        })
        .collect();
    let found = |mark: &Mark| {
        let here: Vec<&Row> = rows
            .iter()
            .filter(|row| !held_of(&row.shown, std::slice::from_ref(mark)).collect::<Vec<_>>().is_empty())
            .collect();
        if here.is_empty() {
            return None;
        }
        let row = here.iter().find(|row| row.named(&rows).is_some_and(|named| named.sha256 == mark.sha256));
        Some(match row {
            Some(row) => Held::named(mark, &row.name, row.for_servers),
            None => Held::named(mark, "", here.iter().all(|row| row.for_servers)),
        })
    };
    marks.iter().filter_map(found).collect()
}

/// A name, and three groups of flags.
fn row(line: &str) -> Option<(&str, &str)> {
    let (name, flags) = line.trim_end().rsplit_once(' ')?;
    let name = name.trim_end();
    (!name.trim().is_empty() && flags.matches(',').count() == 2).then_some((name, flags))
}

pub(super) fn add(folder: &Path, place: &Place, roots: &[&Root]) -> Vec<Step> {
    let Some(program) = certutil(place) else { return vec![missing(place)] };
    let database = database(folder);
    let run = |root: &&Root| {
        let name = nickname(&root.mark);
        Step::run(&program, &["-A", "-d", &database, "-n", &name, "-t", "C,,", "-i", &text(&root.file)])
    };
    roots.iter().map(run).collect()
}

pub(super) fn remove(folder: &Path, place: &Place, held: &[Held]) -> Vec<Step> {
    let Some(program) = certutil(place) else { return vec![missing(place)] };
    let database = database(folder);
    let step = |held: &Held| match &*held.name {
        "" => Step::Tell(format!(
            "take out the certificate with SHA-256 {} in the browser's settings: it has a name that others share",
            held.mark.shown()
        )),
        name => Step::run(&program, &["-D", "-d", &database, "-n", name]),
    };
    held.iter().map(step).collect()
}

/// Whether it can be read at all.
pub(super) fn is_readable(place: &Place) -> bool {
    certutil(place).is_some()
}

fn missing(place: &Place) -> Step {
    Step::Tell(match place.system {
        System::Linux => {
            let command = PACKAGES.iter().find(|(file, _)| place.at(file).exists()).map(|(_, command)| *command);
            format!("needs NSS's certutil: {}", command.unwrap_or("install the package that has it (nss-tools, libnss3-tools)"))
        }
        System::Macos => "needs NSS's certutil: brew install nss. (Firefox 120 and later trust what the keychain trusts.)".to_owned(),
        System::Windows => {
            "nothing to do: Firefox 120 and later trust what Windows trusts, unless security.enterprise_roots.enabled is off".to_owned()
        }
    })
}
