//! Java keystores, on request: each JDK has one, and the programs in it know no other roots.

use std::fs;
use std::path::{Path, PathBuf};

use super::certificate::{Mark, Root, certificates};
use super::place::{Place, System, folders_in, text};
use super::{Family, Held, Store, Where, held_of};
use crate::steps::Step;

/// The password of every keystore that comes with Java, as its documentation says; it keeps nobody out.
const PUBLIC_PASSWORD: &str = "changeit";
/// Names the password of a keystore that has another. `keytool` reads it itself, so it stands in no command.
const PASSWORD: &str = "AIGW_KEYSTORE_PASSWORD";

/// The stores of these files; `auto` stands for those of the JDKs in their usual places.
pub(super) fn stores(place: &Place, wanted: &[String]) -> Vec<Store> {
    let mut files: Vec<PathBuf> = Vec::new();
    for wanted in wanted {
        let found = if wanted == "auto" { installed(place) } else { vec![PathBuf::from(wanted)] };
        for file in found {
            let file = fs::canonicalize(&file).unwrap_or(file);
            if !files.contains(&file) {
                files.push(file);
            }
        }
    }
    files
        .into_iter()
        .map(|file| Store { family: Family::Java, title: text(&file), place: Where::Java(file) })
        .collect()
}

fn installed(place: &Place) -> Vec<PathBuf> {
    let homes: Vec<PathBuf> = match place.system {
        System::Linux => ["/usr/lib/jvm", "/usr/java", "/opt/java"]
            .iter()
            .flat_map(|folder| folders_in(&place.at(folder)))
            .collect(),
        System::Macos => folders_in(&place.at("/Library/Java/JavaVirtualMachines"))
            .into_iter()
            .map(|folder| folder.join("Contents/Home"))
            .collect(),
        System::Windows => Vec::new(),
    };
    let stores = |home: PathBuf| [home.join("lib/security/cacerts"), home.join("jre/lib/security/cacerts")];
    place.java_home.iter().cloned().chain(homes).flat_map(stores).filter(|file| file.is_file()).collect()
}

/// The JDK's own, since an older one may not read a newer store.
fn keytool(file: &Path, place: &Place) -> Option<PathBuf> {
    let name = if place.system == System::Windows { "keytool.exe" } else { "keytool" };
    let mut beside = file.ancestors().skip(3).take(2).map(|home| home.join("bin").join(name));
    beside.find(|program| program.is_file()).or_else(|| place.program("keytool"))
}

fn password() -> [&'static str; 2] {
    if std::env::var_os(PASSWORD).is_some() {
        ["-storepass:env", PASSWORD]
    } else {
        ["-storepass", PUBLIC_PASSWORD]
    }
}

pub(super) fn held(file: &Path, place: &Place, marks: &[Mark]) -> Vec<Held> {
    let Some(program) = keytool(file, place) else { return Vec::new() };
    let store = text(file);
    // In English, or the word before the name is another.
    let words = [&["-J-Duser.language=en", "-list", "-rfc", "-keystore", &store][..], &password()].concat();
    let listed = (place.look)(&program, &words).unwrap_or_default();
    let entries = listed.split("Alias name: ").skip(1);
    entries
        .flat_map(|entry| {
            let name = entry.lines().next().unwrap_or_default().trim();
            let found: Vec<Mark> = certificates(entry.as_bytes()).iter().map(Mark::of).collect();
            held_of(&found, marks).map(|mark| Held::named(mark, name, true)).collect::<Vec<_>>()
        })
        .collect()
}

pub(super) fn add(file: &Path, place: &Place, roots: &[&Root]) -> Vec<Step> {
    let Some(program) = keytool(file, place) else { return vec![missing()] };
    let store = text(file);
    let run = |root: &&Root| {
        let (name, certificate) = (format!("aigw-root-{}", root.mark.short()), text(&root.file));
        let words = ["-importcert", "-noprompt", "-alias", &name, "-file", &certificate, "-keystore", &store];
        Step::run(&program, &[&words[..], &password()].concat())
    };
    roots.iter().map(run).collect()
}

pub(super) fn remove(file: &Path, place: &Place, held: &[Held]) -> Vec<Step> {
    let Some(program) = keytool(file, place) else { return vec![missing()] };
    let store = text(file);
    let run = |held: &Held| {
        let words = ["-delete", "-alias", &held.name, "-keystore", &store];
        Step::run(&program, &[&words[..], &password()].concat())
    };
    held.iter().map(run).collect()
}

/// It is written in place, so the file alone decides.
pub(super) fn is_writable(file: &Path) -> bool {
    fs::OpenOptions::new().append(true).open(file).is_ok()
}

fn missing() -> Step {
    Step::Tell("needs keytool, which comes with every JDK".to_owned())
}
