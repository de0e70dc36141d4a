//! A home for one run: the user's own settings files of the tool, copied, with the edits that `setup` makes and a key of
//! `doctor`'s. It is gone afterwards.

use std::fs;
use std::path::{Path, PathBuf};

use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files;
use tempfile::TempDir;

use crate::no_proxy;
use crate::os::{self, group};
use crate::settings::ledger::Ledger;
use crate::settings::{change, place};
use crate::tools::{Desk, Door, Settings, Tool, Way};

/// What a program needs of the environment to start at all. Everything else could lead it astray, which another check sees.
const KEPT: [&str; 9] =
    ["PATH", "LANG", "LC_ALL", "SystemRoot", "SystemDrive", "ComSpec", "PATHEXT", "VOLTA_HOME", "NVM_DIR"];

impl Drop for Home {
    /// What is still there of the tool would write into the folder while that is removed.
    fn drop(&mut self) {
        group::end_at(self.folder.path());
    }
}

/// Copies one file of the user's, if it is there, without what `setup` has put into it: the tool's own key would lead it past
/// the proof.
fn copy(settings: &'static Settings, from: &Desk, to: &Desk, ledger: &Ledger) -> Result<bool, Fault> {
    let own = settings.place(from);
    let Some(text) = place::read(&own)? else { return Ok(false) };
    let text = match ledger.files.get(&own) {
        Some(touched) => {
            change::undone(touched, Some(&text)).map_err(|refusal| refusal.fault(&own, &text))?.text
        }
        None => Some(text),
    };
    let Some(text) = text else { return Ok(false) };
    let below = own.strip_prefix(&from.home).map(|below| to.home.join(below));
    write(&below.unwrap_or_else(|_| settings.place(to)), &text)?;
    Ok(true)
}

fn write(file: &Path, text: &str) -> Result<(), Fault> {
    if let Some(folder) = file.parent() {
        files::create_private_dir(folder)?;
    }
    files::write_private(file, text.as_bytes())
}

/// The home.
pub(super) struct Home {
    folder: TempDir,
    copied: bool,
}

impl Home {
    /// Makes it.
    pub(super) fn made(
        tool: &'static Tool,
        way: Option<&Way>,
        desk: &Desk,
        door: &Door,
        ledger: &Ledger,
    ) -> Result<Self, Fault> {
        let cannot = |error: std::io::Error| {
            Fault::new(Kind::File, format!("there is no room for a scratch folder: {error}"))
        };
        let folder = tempfile::Builder::new().prefix("aigw-proof").tempdir().map_err(cannot)?;
        for name in ["tmp", "work"] {
            fs::create_dir(folder.path().join(name)).map_err(cannot)?;
        }
        let there = Desk {
            home: folder.path().to_owned(),
            path: Vec::new(),
            own_home: None,
            variable: |_| None,
            shell_file: None,
            ..desk.clone()
        };
        let mut copied = false;
        for settings in way.iter().flat_map(|way| way.files()) {
            for settings in [Some(settings), settings.older].into_iter().flatten() {
                copied |= copy(settings, desk, &there, ledger)?;
            }
        }
        for (file, wanted) in way.map_or_else(Vec::new, |way| way.wanted(tool.id, &there, door)) {
            let text = place::read(&file)?;
            let (text, _) = change::done(&wanted, None, text.as_deref(), Vec::new())
                .map_err(|refusal| refusal.fault(&file, text.as_deref().unwrap_or_default()))?;
            write(&file, &text)?;
        }
        Ok(Self { folder, copied })
    }

    /// Whether there was something of the user's to copy.
    pub(super) fn copied(&self) -> bool {
        self.copied
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where the program is started: an empty folder.
    pub(super) fn work(&self) -> PathBuf {
        self.path().join("work")
    }

    /// All of the program's environment that is not the tool's own.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let kept = KEPT.iter().filter_map(|name| Some(((*name).to_owned(), os::variable(name)?)));
        let text = |path: &Path| path.display().to_string();
        let (home, scratch) = (text(self.path()), text(&self.path().join("tmp")));
        let homes = ["HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"].map(|name| (name, &home));
        let scratches = ["TMPDIR", "TMP", "TEMP"].map(|name| (name, &scratch));
        let loopback = no_proxy::with_loopback(&[]);
        let exceptions = ["NO_PROXY", "no_proxy"].map(|name| (name, &loopback));
        let dumb = ("TERM", &"dumb".to_owned());
        let all = homes.into_iter().chain(scratches).chain(exceptions).chain([dumb]);
        kept.chain(all.map(|(name, value)| (name.to_owned(), value.clone()))).collect()
    }
}
