//! Changes to the user's settings file, made for `aigwctl`: nothing else in it changes, and what would not load is never put
//! there.

use aigw_shared::config::{self, Loaded, Sources};
use aigw_shared::fault::{Fault, Kind};
use aigw_shared::files::{self, Draft};

use super::App;

/// A configuration is longer only if it is none.
const MAX_CONFIG: u64 = 1024 * 1024;

impl App {
    /// The user's file with a change made to its text, and the settings that would then be in force.
    ///
    /// # Errors
    /// When it cannot be read or written, or would not load.
    pub fn draft_settings(
        &self,
        change: impl FnOnce(&str) -> Result<String, Fault>,
    ) -> Result<(Draft, Loaded), Fault> {
        let paths = &self.origins.paths;
        let file = paths.config_file();
        let text = files::read_limited(&file, MAX_CONFIG)?.unwrap_or_default();
        let text = String::from_utf8(text)
            .map_err(|_| Fault::new(Kind::BadConfiguration, format!("{} is not text", file.display())))?;
        files::create_private_dir(&paths.config)?;
        let draft = Draft::of(&file, change(&text)?.as_bytes())?;
        let sources = Sources::of(paths, self.origins.environment.clone(), self.origins.flags.clone())?;
        let loaded =
            config::load(&Sources { user: draft.path().to_owned(), ..sources }).map_err(|fault| {
                let real = file.display().to_string();
                let what = fault.what.replace(&draft.path().display().to_string(), &real);
                Fault::new(fault.kind, what)
                    .cure_with("correct what you gave, or mend that file; nothing was changed")
            })?;
        Ok((draft, loaded))
    }
}
