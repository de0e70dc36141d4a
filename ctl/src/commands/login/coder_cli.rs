//! The login of Coder's own command-line tool, read to make a token for this machine, and never changed.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use aigw_shared::files;
use aigw_shared::secret::Secret;
use tokio::process::Command;

use super::environment::same;
use crate::os;

/// The first version that prints its token; an earlier one would take the word for a deployment's name.
const PRINTS_TOKEN: (u32, u32) = (2, 31);
/// For each run of the program.
const PATIENCE: Duration = Duration::from_secs(5);
/// Its files and what it prints are longer only if they are something else.
const LIMIT: u64 = 4096;

/// What was found.
pub(super) enum Found {
    /// A token for this deployment, and where it was.
    Token(Secret, &'static str),
    /// Why there is none, in words that follow `the Coder CLI`.
    Nothing(String),
}

/// The tool's token for this deployment. Its program is asked, since only that may read its keyring; else the file.
pub(super) async fn token(deployment: &str) -> Found {
    let nothing = |why: &str| Found::Nothing(why.to_owned());
    let Some(folder) = folder() else { return nothing("has no folder here") };
    let read = |name: &str| {
        let bytes = files::read_limited(&folder.join(name), LIMIT).ok().flatten()?;
        Some(String::from_utf8(bytes).ok()?.trim().to_owned()).filter(|text| !text.is_empty())
    };
    // It keeps one login, whatever URL it is asked for.
    match read("url") {
        None => return nothing("is not logged in here"),
        Some(url) if !same(&url, deployment) => {
            return Found::Nothing(format!("is logged in to another deployment, {url}"));
        }
        Some(_) => {}
    }
    if let Some(token) = printed(deployment).await {
        return Found::Token(token, "`coder login token`");
    }
    match read("session") {
        Some(token) => Found::Token(Secret::new(token), "its file"),
        None => nothing(
            "keeps its token in the system's keyring, which only `coder` (2.31 or newer, in PATH) may read",
        ),
    }
}

fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("CODER_CONFIG_DIR").filter(|path| !path.is_empty());
    named.map(PathBuf::from).or_else(|| Some(os::settings_folder()?.join("coderv2")))
}

/// What the program prints as its token, if it is here and new enough.
async fn printed(deployment: &str) -> Option<Secret> {
    let version = said(&["version"]).await?;
    if version_in(&version)? < PRINTS_TOKEN {
        return None;
    }
    let token = said(&["login", "token", "--url", deployment]).await?;
    let token = token.trim();
    (!token.is_empty() && !token.contains(char::is_whitespace)).then(|| Secret::new(token))
}

async fn said(arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("coder");
    command
        .args(arguments)
        // What it has stored, not what this shell says.
        .env_remove("CODER_URL")
        .env_remove("CODER_SESSION_TOKEN")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.ok()?.ok()?;
    let short = output.status.success() && output.stdout.len() as u64 <= LIMIT;
    short.then(|| String::from_utf8(output.stdout).ok()).flatten()
}

/// `Coder v2.31.4+0a1b2c3 ...`
fn version_in(text: &str) -> Option<(u32, u32)> {
    let word = text.split_whitespace().find(|word| word.starts_with('v'))?;
    let mut numbers = word[1..].split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_word_with_a_v() {
        for (text, version) in [
            ("Coder v2.31.4+0a1b2c3 Wed Jun 3 2026\nhttps://github.com/x\n", Some((2, 31))),
            ("v3.0.0", Some((3, 0))),
            ("Coder v0.0.0-devel", Some((0, 0))),
            ("coder", None),
            ("v2", None),
        ] {
            assert_eq!(version_in(text), version, "{text}");
        }
    }
}
