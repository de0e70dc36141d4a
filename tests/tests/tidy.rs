//! Reads the source tree and keeps what the architecture promises, so that no reviewer has to remember it.
//!
//! A test that fails names the places and says what to do. Where a rule has exceptions they stand in a table here, each
//! with its reason; a row that is not needed any more fails too, so the tables say how things are.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

/// What may lie at the top. Names that begin with a dot may too: they are settings of tools.
const TOP: [&str; 14] = [
    "ARCHITECTURE.md",
    "BENCHMARKS.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "ctl",
    "daemon",
    "launchd",
    "shared",
    "systemd",
    "tests",
];

/// Who may look into a `Secret`, and why. Tests may always.
const REVEALS: &[(&str, &str)] = &[
    ("ctl/src/commands/env.rs", "prints a local key for the shell that asked for it"),
    ("ctl/src/commands/keys.rs", "shows a new local key, which is what the command is for"),
    ("ctl/src/commands/login.rs", "checks the form of what was typed before it is sent"),
    ("daemon/src/control/gateways.rs", "writes a header that was given into the settings"),
    ("daemon/src/credentials/mod.rs", "writes the credential file"),
    ("daemon/src/deployment/oauth.rs", "fills in the forms of the deployment's token endpoint"),
    ("daemon/src/deployment/tokens.rs", "the part of a token in front of its secret names it"),
    ("daemon/src/keys.rs", "writes the machine's secret file"),
    ("daemon/src/keys/lent.rs", "gives the successor of this daemon a key that is lent"),
    ("daemon/src/pipeline/admit.rs", "compares the local key that was presented"),
    (
        "daemon/src/pipeline/credential.rs",
        "puts the credential on a request: the one place where tokens leave",
    ),
    ("daemon/src/pipeline/present.rs", "takes the local key out of a header"),
    ("daemon/src/practice/mod.rs", "plays a tool, which holds a local key"),
];

/// Dependencies that few files may name, so that replacing one is a small change. A row that ends in `/` is a folder.
const CRATES: [(&str, &[&str]); 12] = [
    ("bincode", &["shared/src/ipc/codec.rs"]),
    ("directories", &["shared/src/os/dirs/"]),
    ("interprocess", &["daemon/src/control/mod.rs", "shared/src/os/socket/"]),
    ("keyring_core", &["daemon/src/os/keyring/"]),
    ("rcgen", &["daemon/src/ca/"]),
    (
        "rustls",
        &[
            "daemon/src/ca/",
            "daemon/src/dial/",
            "daemon/src/listen/connect.rs",
            "daemon/src/listen/intercept.rs",
            "daemon/src/os/roots/",
            "daemon/src/practice/request.rs",
        ],
    ),
    ("rustls_native_certs", &["daemon/src/os/roots/"]),
    ("rustls_platform_verifier", &["daemon/src/dial/tls.rs"]),
    ("secret_service", &["daemon/src/os/keyring/"]),
    ("sysinfo", &["daemon/src/app/logins.rs", "daemon/src/control/status.rs"]),
    (
        "tokio_rustls",
        &["daemon/src/dial/", "daemon/src/listen/intercept.rs", "daemon/src/practice/request.rs"],
    ),
    ("x509_parser", &["ctl/src/commands/ca/show.rs", "daemon/src/ca/", "daemon/src/dial/witness.rs"]),
];

/// Files that are long for a reason.
const LONG: [(&str, &str); 0] = [];
const LINES: usize = 500;

#[test]
fn the_top_holds_what_a_visitor_needs_and_no_more() {
    let mut found: Vec<_> = TREE.iter().map(|file| file.path.split('/').next().unwrap_or_default()).collect();
    found.sort_unstable();
    found.dedup();
    none(
        found.into_iter().filter(|name| !name.starts_with('.') && !TOP.contains(name)).map(String::from),
        "Move it into the folder of the program it belongs to, or give it a name with a dot if a tool demands it at the \
         top. Ignore it in .gitignore if it is only made here.",
    );
}

#[test]
fn every_source_file_says_why_it_exists() {
    none(
        rust()
            .filter(|file| !is_tests_module(&file.path) && !file.text.starts_with("//!"))
            .map(|file| file.path.clone()),
        "Begin the file with a `//!` line that says why it exists. (Only a module of unit tests, tests.rs, needs none.)",
    );
}

#[test]
fn differences_between_systems_stand_in_os_folders() {
    let systems = ["unix", "windows", "target_os", "target_family", "target_vendor"];
    none(
        // A test may need what one system has.
        programs().filter(|file| !file.path.contains("/os/") && !is_tests_module(&file.path)).flat_map(
            |file| {
                lines(without_tests(&file.code)).filter_map(move |(number, line)| {
                    let says = line.contains("cfg") && systems.iter().any(|system| has_word(line, system));
                    says.then(|| format!("{}:{number}", file.path))
                })
            },
        ),
        "Give what differs a folder under os/ in the same crate, with one file for each system and the same functions in \
         all, and call those.",
    );
}

#[test]
fn secrets_are_revealed_in_few_places() {
    // The type itself is in shared/src/secret.rs, and puts itself on the control connection.
    let found: Vec<_> = programs()
        .filter(|file| file.path != "shared/src/secret.rs" && !is_tests_module(&file.path))
        .filter(|file| {
            let code = without_tests(&file.code);
            code.contains(".reveal()") || code.contains("::reveal")
        })
        .map(|file| file.path.as_str())
        .collect();
    let may: Vec<_> = REVEALS.iter().map(|(path, _)| *path).collect();
    same(
        &found,
        &may,
        "Hand the `Secret` on to a file that has a reason to look into it. If this one has, add it to REVEALS with the \
         reason.",
        "Take it out of REVEALS: it calls `reveal()` no more.",
    );
}

#[test]
fn an_outside_crate_is_named_in_few_files() {
    for (name, may) in CRATES {
        let mut found: Vec<_> = programs()
            .filter(|file| names_crate(&file.code, name))
            .map(|file| {
                may.iter()
                    .find(|row| row.ends_with('/') && file.path.starts_with(*row))
                    .map_or(file.path.as_str(), |row| *row)
            })
            .collect();
        found.dedup();
        same(
            &found,
            may,
            &format!(
                "Call a function of the files that know `{name}`, and add one there if it is missing (see CRATES)."
            ),
            &format!("Take it out of CRATES: it names `{name}` no more."),
        );
    }
}

#[test]
fn shared_knows_no_tool() {
    let tools = ["aider", "claude", "codex", "copilot", "opencode"];
    none(
        programs()
            // Providers are named after who sells them; one has the name of a tool.
            .filter(|file| file.path.starts_with("shared/") && file.path != "shared/src/provider.rs")
            .filter(|file| !is_tests_module(&file.path))
            .flat_map(|file| {
                lines(without_tests(&file.code)).filter_map(move |(number, line)| {
                    let line = line.to_lowercase();
                    let tool = tools.iter().find(|tool| line.contains(**tool))?;
                    Some(format!("{}:{number}: {tool}", file.path))
                })
            }),
        "What one tool needs belongs to aigwctl. `shared` is what both programs agree on.",
    );
}

#[test]
fn a_file_has_one_concern() {
    let found: Vec<_> =
        programs().filter(|file| file.text.lines().count() > LINES).map(|file| file.path.as_str()).collect();
    let may: Vec<_> = LONG.iter().map(|(path, _)| *path).collect();
    same(
        &found,
        &may,
        &format!(
            "Over {LINES} lines: find the second concern in it and give that a file. If there is none, add it to LONG \
                  with the reason."
        ),
        &format!("Take it out of LONG: it has at most {LINES} lines now."),
    );
}

#[test]
fn modules_are_named_after_what_they_hold() {
    let empty = ["common", "helper", "helpers", "manager", "misc", "util", "utils"];
    none(
        rust()
            .filter(|file| file.path.split('/').any(|part| empty.contains(&part.trim_end_matches(".rs"))))
            .map(|file| file.path.clone())
            .chain(rust().flat_map(|file| {
                lines(&file.code).filter_map(move |(number, line)| {
                    let (_, name) = line.trim_end().trim_end_matches(['{', ';', ' ']).rsplit_once("mod ")?;
                    empty.contains(&name).then(|| format!("{}:{number}", file.path))
                })
            })),
        "Name it after the thing it is about (door, route, ledger), or move each function to where it is used.",
    );
}

#[test]
fn nothing_points_into_somebodys_own_folders() {
    // In pieces, or this file would contain them.
    let folders = [concat!("/wo", "rk/main"), concat!("/wo", "rk/shared")];
    none(
        TREE.iter().flat_map(|file| {
            lines(&file.text)
                .filter(move |(_, line)| folders.iter().any(|folder| line.contains(folder)))
                .map(|(number, _)| format!("{}:{number}", file.path))
        }),
        "Name the file relative to the top of the repository.",
    );
}

// -- the tree ---------------------------------------------------------------------------------------------------------

struct File {
    /// From the top of the repository, with `/` between the parts.
    path: String,
    text: String,
    /// The text without comments, line for line, for Rust; else empty.
    code: String,
}

/// Every text file that is or could be committed.
static TREE: LazyLock<Vec<File>> = LazyLock::new(|| {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests crate lies in the repository");
    let mut paths = from_git(top).unwrap_or_else(|| {
        let mut paths = Vec::new();
        walk(top, "", &mut paths);
        paths
    });
    paths.sort();
    let files: Vec<_> = paths
        .into_iter()
        .filter_map(|path| {
            // What git still knows may be deleted here, and what is no text has no rules.
            let text = fs::read_to_string(top.join(&path)).ok()?;
            let code = if path.ends_with(".rs") { without_comments(&text) } else { String::new() };
            Some(File { path, text, code })
        })
        .collect();
    assert!(files.iter().any(|file| file.path == "shared/src/lib.rs"), "no sources in {}", top.display());
    files
});

/// With files that are not added yet, so that they are judged before the commit.
fn from_git(top: &Path) -> Option<Vec<String>> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(top)
        .output()
        .ok()
        .filter(|listed| listed.status.success() && !listed.stdout.is_empty())?;
    let listed = String::from_utf8(listed.stdout).ok()?;
    Some(listed.split_terminator('\0').map(String::from).collect())
}

/// For a tree that is no git checkout.
fn walk(top: &Path, folder: &str, into: &mut Vec<String>) {
    for entry in fs::read_dir(top.join(folder)).expect("a folder that can be read").flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            into.push(path);
        } else if !matches!(name.as_str(), ".git" | "target" | ".scratch") {
            walk(top, &path, into);
        }
    }
}

fn rust() -> impl Iterator<Item = &'static File> {
    TREE.iter().filter(|file| file.path.ends_with(".rs"))
}

/// The sources of what is shipped.
fn programs() -> impl Iterator<Item = &'static File> {
    rust().filter(|file| {
        ["shared/src/", "daemon/src/", "ctl/src/"].iter().any(|folder| file.path.starts_with(folder))
    })
}

// -- reading Rust, as far as these rules need it ----------------------------------------------------------------------

fn is_tests_module(path: &str) -> bool {
    path.ends_with("/tests.rs")
}

/// Ends each line at its `//`, unless that belongs to a URL.
fn without_comments(text: &str) -> String {
    text.lines().fold(String::new(), |mut code, line| {
        let comment = line.match_indices("//").map(|(at, _)| at).find(|at| !line[..*at].ends_with(':'));
        code.push_str(&line[..comment.unwrap_or(line.len())]);
        code.push('\n');
        code
    })
}

/// Unit tests stand last in a file.
fn without_tests(code: &str) -> &str {
    code.find("#[cfg(test)]\nmod tests").map_or(code, |at| &code[..at])
}

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines())
}

fn in_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What stands before and after `word`, each time it stands for itself and is no part of a longer name.
fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    text.match_indices(word)
        .map(move |(at, _)| (&text[..at], &text[at + word.len()..]))
        .filter(|(before, after)| !before.ends_with(in_name) && !after.starts_with(in_name))
}

fn has_word(text: &str, word: &str) -> bool {
    words(text, word).next().is_some()
}

/// In a path or a `use`. The same word in a message is not meant, nor a module of another crate with that name.
fn names_crate(code: &str, name: &str) -> bool {
    words(code, name).any(|(before, after)| {
        let within = before.strip_suffix("::").is_some_and(|path| path.ends_with(in_name));
        !within && (after.starts_with("::") || before.ends_with("use "))
    })
}

// -- saying what is wrong ---------------------------------------------------------------------------------------------

#[track_caller]
fn none(found: impl Iterator<Item = String>, cure: &str) {
    let found: Vec<_> = found.collect();
    assert!(found.is_empty(), "{}", complaint(&found, cure));
}

/// Fails for a place that is not in the table, and for a row of the table that is no such place.
#[track_caller]
fn same(found: &[&str], may: &[&str], cure: &str, stale: &str) {
    let new: Vec<_> = found.iter().filter(|path| !may.contains(path)).collect();
    let gone: Vec<_> = may.iter().filter(|path| !found.contains(path)).collect();
    let mut complaints = String::new();
    if !new.is_empty() {
        complaints += &complaint(&new, cure);
    }
    if !gone.is_empty() {
        complaints += &complaint(&gone, stale);
    }
    assert!(complaints.is_empty(), "{complaints}");
}

fn complaint(places: &[impl std::fmt::Display], cure: &str) -> String {
    let mut text = String::new();
    for place in places {
        let _ = write!(text, "\n    {place}");
    }
    let _ = writeln!(text, "\n{cure}");
    text
}
