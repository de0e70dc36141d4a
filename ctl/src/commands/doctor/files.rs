//! What the user's own files say: startup files of shells, and settings of tools. A line that leads to a port where the daemon
//! does not listen, or holds somebody's token, is named by file and number and never shown.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use aigw_shared::key;
use aigw_shared::os::listener;
use url::{Host, Url};

use super::Seen;
use super::report::Line;
use crate::daemon;
use crate::redact::{Kind, kind_of};
use crate::settings::ledger::Ledger;
use crate::tools::{self, TOOLS};
use crate::wording::count_of;

/// Longer ones are no settings.
const LIMIT: u64 = 1024 * 1024;

/// Below the user's home. Of a folder, every file in it.
const STARTUP: [&str; 20] = [
    ".profile",
    ".bash_profile",
    ".bash_login",
    ".bashrc",
    ".bash_aliases",
    ".zshenv",
    ".zprofile",
    ".zshrc",
    ".zlogin",
    ".config/fish/config.fish",
    ".config/fish/conf.d",
    ".config/environment.d",
    ".pam_environment",
    ".config/powershell/profile.ps1",
    ".config/powershell/Microsoft.PowerShell_profile.ps1",
    "Documents/PowerShell/profile.ps1",
    "Documents/PowerShell/Microsoft.PowerShell_profile.ps1",
    "Documents/WindowsPowerShell/Microsoft.PowerShell_profile.ps1",
    ".env",
    ".netrc",
];

/// Paths of ours in a URL: without one, a port of this machine is somebody else's business.
const OURS: [&str; 4] = ["/anthropic", "/openai", "/copilot", "/_k/"];

/// What is the matter with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Token,
    ProviderKey,
    /// A URL of ours with this port.
    Port(u16),
}

/// Every file that is there.
pub(super) fn look(seen: &Seen) -> Vec<Line> {
    let Ok(paths) = daemon::paths() else { return vec![Line::skipped("files", "there is no home folder")] };
    let Some(home) = paths.user_home.clone() else {
        return vec![Line::skipped("files", "this user has no home folder")];
    };
    let ports = ports(seen);
    // Where those lead to is looked at by what setup wrote down.
    let set_up: BTreeSet<PathBuf> =
        Ledger::look(&paths).map(|ledger| ledger.files.into_keys().collect()).unwrap_or_default();
    let (mut lines, mut looked) = (Vec::new(), 0);
    for file in candidates(&home) {
        let Ok(Some(content)) = aigw_shared::files::read_limited(&file, LIMIT) else { continue };
        looked += 1;
        for (number, trouble) in troubles(&String::from_utf8_lossy(&content)) {
            let astray = |port: &u16| !ports.is_empty() && !ports.contains(port) && !set_up.contains(&file);
            if !matches!(&trouble, Trouble::Port(port) if !astray(port)) {
                lines.push(told(&file, number, trouble));
            }
        }
    }
    if lines.is_empty() {
        let text =
            format!("{} of shells and tools lead nowhere else, and hold no token", count_of(looked, "file"));
        lines.push(Line::ok("files", text));
    }
    lines
}

fn told(file: &Path, number: usize, trouble: Trouble) -> Line {
    let place = format!("{}:{number}", file.display());
    match trouble {
        Trouble::Token => Line::warning(
            "files",
            format!("{place} holds a deployment's token, which every program of this user can read"),
            "take it out, revoke it at the deployment, and log in with `aigwctl login`",
        ),
        Trouble::ProviderKey => Line::warning(
            "files",
            format!(
                "{place} holds a provider's key; a tool that finds it asks the provider, and not the gateway"
            ),
            "take it out and run `aigwctl setup`; a key of your own goes into `aigwctl byok set`",
        ),
        Trouble::Port(port) => {
            let who = listener::of(port).map_or_else(
                || "where nobody listens".to_owned(),
                |owner| format!("where {} listens, and not aigwd", owner.words),
            );
            Line::error(
                "files",
                format!("{place} leads to port {port}, {who}"),
                "take the line out, or let the shell run `aigwctl env` instead",
            )
        }
    }
}

fn ports(seen: &Seen) -> Vec<u16> {
    let Ok(status) = &seen.status else { return Vec::new() };
    let addresses = status.daemon.listen.iter().filter_map(|address| address.parse::<SocketAddr>().ok());
    addresses.map(|address| address.port()).collect()
}

fn candidates(home: &Path) -> BTreeSet<PathBuf> {
    let desk = tools::desk(home);
    let ways = TOOLS.iter().flat_map(|tool| tool.ways);
    let of_tools = ways.flat_map(|way| way.files()).map(|settings| settings.place(&desk));
    let of_shells = STARTUP.iter().flat_map(|name| below(&home.join(name)));
    of_shells.chain(of_tools).collect()
}

/// The file, or those in the folder.
fn below(path: &Path) -> Vec<PathBuf> {
    match std::fs::read_dir(path) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect(),
        Err(_) => vec![path.to_owned()],
    }
}

/// What is wrong in a text, by the number of the line; once a line for each matter.
fn troubles(text: &str) -> Vec<(usize, Trouble)> {
    let mut all = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let is_comment = ["#", "//"].iter().any(|mark| line.trim_start().starts_with(mark));
        let tokens =
            line.split(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c))).filter_map(|word| {
                match kind_of(word) {
                    Some(Kind::DeploymentToken) => Some(Trouble::Token),
                    Some(Kind::ProviderKey) => Some(Trouble::ProviderKey),
                    _ => None,
                }
            });
        // A comment leads nowhere, and a token in it is still one.
        let ports = urls(line).filter_map(port_of_ours).map(Trouble::Port).filter(|_| !is_comment);
        for trouble in tokens.chain(ports) {
            if all.last() != Some(&(index + 1, trouble)) {
                all.push((index + 1, trouble));
            }
        }
    }
    all
}

fn urls(line: &str) -> impl Iterator<Item = Url> {
    let ends = |c: char| c.is_whitespace() || "\"'`<>,;)}".contains(c);
    line.match_indices("http://").filter_map(move |(at, _)| {
        let rest = &line[at..];
        Url::parse(&rest[..rest.find(ends).unwrap_or(rest.len())]).ok()
    })
}

/// The port of a URL that only we can have made.
fn port_of_ours(url: Url) -> Option<u16> {
    let here = match url.host()? {
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
        Host::Domain(name) => name == "localhost",
    };
    let ours = OURS.iter().any(|path| url.path().starts_with(path))
        || url.password().is_some_and(|password| password.starts_with(key::PREFIX));
    (here && ours).then(|| url.port_or_known_default()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_judged_by_what_stands_in_it() {
        const TOKEN: &str = "abcdefghij-0123456789abcdefghijkl";
        for (line, troubles_in_it) in [
            (format!("export ANTHROPIC_AUTH_TOKEN={TOKEN}"), vec![Trouble::Token]),
            (format!("# old: {TOKEN}"), vec![Trouble::Token]),
            ("$env:OPENAI_API_KEY = 'sk-proj-0123456789abcdefghij'".to_owned(), vec![Trouble::ProviderKey]),
            ("set -gx OPENAI_BASE_URL \"http://127.0.0.1:1/openai/v1\"".to_owned(), vec![Trouble::Port(1)]),
            ("export HTTPS_PROXY=http://aigw:aigw_env_x@localhost:9".to_owned(), vec![Trouble::Port(9)]),
            (
                "export A=http://[::1]:7/anthropic B=http://127.0.0.1:7/anthropic".to_owned(),
                vec![Trouble::Port(7)],
            ),
            ("// \"baseURL\": \"http://127.0.0.1:1/anthropic\"".to_owned(), vec![]),
            ("curl http://127.0.0.1:8080/metrics http://example.com/openai".to_owned(), vec![]),
            ("eval \"$(aigwctl env)\"".to_owned(), vec![]),
            ("skip-the-line-and-go-on=1 task-force".to_owned(), vec![]),
        ] {
            let all: Vec<_> = troubles(&format!("\n{line}\n")).into_iter().collect();
            let expected: Vec<_> = troubles_in_it.into_iter().map(|trouble| (2, trouble)).collect();
            assert_eq!(all, expected, "{line}");
        }
    }
}
