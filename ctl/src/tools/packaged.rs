//! Tools whose files are elsewhere than their rows say, since a snap or a flatpak has a home of its own; and, in WSL, programs
//! of Windows, which have nothing here. Functions of paths and texts; what is on the disk is looked up by the caller.

use std::path::{Path, PathBuf};

use super::{Desk, Settings, Tool};

/// How a program was installed, where that moves its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Package {
    /// Its name.
    Snap(String),
    /// Its application id.
    Flatpak(String),
    /// A program of Windows, seen from inside WSL.
    Windows,
}

/// Where flatpaks leave programs: below the machine's folder, or the user's.
const FLATPAK_BIN: &str = "flatpak/exports/bin";
/// Flatpaks of tools, whose programs are named by their id.
const FLATPAKS: &[(&str, &str)] = &[
    ("vscode", "com.visualstudio.code"),
    ("zed", "dev.zed.Zed"),
    ("jetbrains", "com.jetbrains.IntelliJ-IDEA-Community"),
    ("jetbrains", "com.jetbrains.IntelliJ-IDEA-Ultimate"),
    ("jetbrains", "com.jetbrains.PyCharm-Community"),
];

/// How a program was installed, from its path.
pub(crate) fn package(program: &Path, in_wsl: bool) -> Option<Package> {
    let words: Vec<&str> = program.iter().filter_map(|part| part.to_str()).collect();
    let name = words.last()?;
    match words.as_slice() {
        ["/", "snap", "bin", _] | ["/", "var", "lib", "snapd", "snap", "bin", _] => {
            // `code.url-handler` is a second program of the snap `code`.
            let snap = name.split('.').next().unwrap_or(name);
            Some(Package::Snap(snap.to_owned()))
        }
        ["/", "snap", snap, _, ..] => Some(Package::Snap((*snap).to_owned())),
        [.., ".var", "app", id] => Some(Package::Flatpak((*id).to_owned())),
        ["/", "mnt", drive, ..] if in_wsl && drive.len() == 1 => Some(Package::Windows),
        _ if program.parent().is_some_and(|folder| folder.ends_with(FLATPAK_BIN)) => {
            Some(Package::Flatpak((*name).to_owned()))
        }
        _ => None,
    }
}

/// Whether this is Linux inside Windows, by `/proc/version` and `WSL_DISTRO_NAME`.
pub(crate) fn is_wsl(proc_version: &str, distro: Option<&str>) -> bool {
    distro.is_some_and(|name| !name.is_empty()) || proc_version.to_lowercase().contains("microsoft")
}

/// Whether a snap keeps its files in the user's own home, by its `snap.yaml`.
fn is_classic(snap_yaml: &str) -> bool {
    snap_yaml.lines().any(|line| line.trim_end() == "confinement: classic")
}

/// A home of a tool's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// The snap's, which stands for the user's.
    Snap(PathBuf),
    /// The flatpak's, with a folder for each kind of files.
    Flatpak(PathBuf),
}

impl Home {
    /// The one that a package has, if it has one; a snap's by its `snap.yaml`.
    fn of(package: &Package, user: &Path, snap_yaml: &str) -> Option<Self> {
        match package {
            Package::Snap(_) if is_classic(snap_yaml) => None,
            Package::Snap(name) => Some(Self::Snap(user.join("snap").join(name).join("current"))),
            Package::Flatpak(id) => Some(Self::Flatpak(user.join(".var/app").join(id))),
            Package::Windows => None,
        }
    }

    /// Where a file is that others have below the user's home; `None` where that cannot be said.
    pub(super) fn at(&self, file: &str) -> Option<PathBuf> {
        match self {
            Self::Snap(home) => Some(home.join(file)),
            Self::Flatpak(home) => {
                let kinds = [(".config/", "config"), (".local/share/", "data"), (".cache/", "cache")];
                kinds
                    .into_iter()
                    .find_map(|(usual, there)| Some(home.join(there).join(file.strip_prefix(usual)?)))
            }
        }
    }
}

impl Desk {
    /// How the tool that is found here was installed, if that moves its files.
    pub(crate) fn package(&self, tool: &Tool) -> Option<Package> {
        tool.found(self).and_then(|found| package(&found, self.in_wsl))
    }

    /// The same desk for this tool: with the home that it has of its own.
    pub(crate) fn of(&self, tool: &Tool) -> Self {
        let own_home = self.package(tool).and_then(|package| {
            let yaml = match &package {
                Package::Snap(name) => {
                    let file = Path::new("/snap").join(name).join("current/meta/snap.yaml");
                    std::fs::read_to_string(file).unwrap_or_default()
                }
                Package::Flatpak(_) | Package::Windows => String::new(),
            };
            Home::of(&package, &self.home, &yaml)
        });
        Self { own_home, ..self.clone() }
    }

    /// The folder that a tool has as a flatpak.
    pub(super) fn flatpak(&self, id: &str) -> Option<PathBuf> {
        let names = FLATPAKS.iter().filter(|(tool, _)| *tool == id);
        names.map(|(_, name)| self.home.join(".var/app").join(name)).find(|folder| folder.is_dir())
    }

    /// Why the files of a tool cannot be set up from here, if so.
    pub(crate) fn unplaced(&self, tool: &Tool, files: &[Settings]) -> Option<String> {
        if tool.found(self).is_none()
            && let Some(program) = self.in_windows(tool)
        {
            return Some(format!(
                "{} is a program of Windows, whose settings are there: set it up with an aigw in Windows",
                program.display()
            ));
        }
        let Some(Package::Flatpak(id)) = self.package(tool) else { return None };
        let desk = self.of(tool);
        let elsewhere = files
            .iter()
            .map(|file| file.place(&desk))
            .find(|file| !file.starts_with(self.home.join(".var/app")));
        elsewhere.map(|file| {
            format!(
                "it is the flatpak {id}, and whether that sees {} depends on its permissions; \
                 `flatpak override --user --env=NAME=VALUE {id}` sets variables for it",
                file.display()
            )
        })
    }

    /// Programs of Windows that would be this tool's, if it is not here otherwise.
    fn in_windows(&self, tool: &Tool) -> Option<PathBuf> {
        let seen = |name: &&str| {
            let files = self
                .path
                .iter()
                .flat_map(|folder| [folder.join(name), folder.join(name).with_extension("exe")]);
            files
                .into_iter()
                .find(|file| package(file, self.in_wsl) == Some(Package::Windows) && file.is_file())
        };
        if self.in_wsl { tool.programs.iter().find_map(seen) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No path is absolute on Windows without a drive.
    #[cfg(unix)]
    #[test]
    fn a_program_s_path_says_how_it_was_installed() {
        let snap = |name: &str| Some(Package::Snap(name.to_owned()));
        let flatpak = |id: &str| Some(Package::Flatpak(id.to_owned()));
        for (path, in_wsl, expected) in [
            ("/snap/bin/codex", false, snap("codex")),
            ("/snap/bin/code.url-handler", false, snap("code")),
            ("/var/lib/snapd/snap/bin/codex", false, snap("codex")),
            ("/snap/codex/12/bin/codex", false, snap("codex")),
            ("/var/lib/flatpak/exports/bin/dev.zed.Zed", false, flatpak("dev.zed.Zed")),
            ("/home/a/.local/share/flatpak/exports/bin/dev.zed.Zed", true, flatpak("dev.zed.Zed")),
            ("/home/a/.var/app/dev.zed.Zed", false, flatpak("dev.zed.Zed")),
            ("/mnt/c/Program Files/nodejs/claude", true, Some(Package::Windows)),
            ("/mnt/c/Program Files/nodejs/claude", false, None),
            ("/mnt/data/bin/claude", true, None),
            ("/usr/bin/claude", true, None),
            ("/home/a/snap/bin/claude", false, None),
        ] {
            assert_eq!(package(Path::new(path), in_wsl), expected, "{path}");
        }
    }

    #[test]
    fn each_kind_has_its_files_in_its_own_home_or_says_why_not() {
        let user = Path::new("/home/a");
        let place = |package: &Package, file: &str, yaml: &str| Home::of(package, user, yaml)?.at(file);
        let snap = Package::Snap("codex".to_owned());
        let strict = "name: codex\nconfinement: strict\n";
        assert_eq!(
            place(&snap, ".codex/config.toml", strict),
            Some("/home/a/snap/codex/current/.codex/config.toml".into())
        );
        assert_eq!(Home::of(&snap, user, "name: codex\nconfinement: classic\n"), None);
        let flatpak = Package::Flatpak("dev.zed.Zed".to_owned());
        for (file, there) in
            [(".config/zed/settings.json", "config/zed/settings.json"), (".local/share/zed/x", "data/zed/x")]
        {
            assert_eq!(place(&flatpak, file, ""), Some(user.join(".var/app/dev.zed.Zed").join(there)));
        }
        assert_eq!(place(&flatpak, ".claude/settings.json", ""), None);
        assert_eq!(Home::of(&Package::Windows, user, ""), None);
    }

    #[test]
    fn a_flatpak_is_found_by_its_folder_and_its_file_is_there() {
        let scratch = tempfile::tempdir().unwrap();
        let desk = Desk {
            home: scratch.path().to_owned(),
            system: crate::tools::desk::System::Linux,
            path: Vec::new(),
            in_wsl: false,
            own_home: None,
            variable: |_| None,
            shell_file: None,
        };
        let zed = Tool::named("zed").unwrap();
        assert_eq!(zed.found(&desk), None);
        let own = scratch.path().join(".var/app/dev.zed.Zed");
        std::fs::create_dir_all(&own).unwrap();
        assert_eq!(zed.found(&desk), Some(own.clone()));
        let files = zed.way(None).unwrap().files();
        assert_eq!(files[0].place(&desk.of(zed)), own.join("config/zed/settings.json"));
        assert_eq!(desk.unplaced(zed, files), None);
    }

    #[test]
    fn wsl_is_known_by_its_kernel_or_its_variable() {
        let kernel = "Linux version 5.15.167.4-microsoft-standard-WSL2 (root@x) (gcc) #1 SMP";
        assert!(is_wsl(kernel, None) && is_wsl("Linux version 6.1.0", Some("Debian")));
        assert!(!is_wsl("Linux version 6.1.0-28-amd64 (debian-kernel@lists.debian.org)", Some("")));
        assert!(!is_wsl("", None));
    }
}
