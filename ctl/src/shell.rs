//! Lines that a shell can evaluate, for values of any content.

use clap::ValueEnum;

/// Whose language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// sh, bash, zsh, dash and so on
    Sh,
    /// fish
    Fish,
    /// PowerShell
    #[value(alias = "pwsh")]
    Powershell,
}

impl Shell {
    /// The shell that `$SHELL` names; without it, the system's usual one.
    pub fn of(variable: Option<&str>, usual: Self) -> Self {
        let Some(path) = variable.filter(|path| !path.is_empty()) else { return usual };
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        match name.trim_end_matches(".exe") {
            "fish" => Self::Fish,
            "pwsh" | "powershell" => Self::Powershell,
            _ => Self::Sh,
        }
    }

    /// A line that sets a variable for this shell and what it starts.
    pub fn set(self, name: &str, value: &str) -> String {
        let value = self.quote(value);
        match self {
            Self::Sh => format!("export {name}={value}"),
            Self::Fish => format!("set -gx {name} {value}"),
            Self::Powershell => format!("$env:{name} = {value}"),
        }
    }

    /// A line that takes it away.
    pub fn unset(self, name: &str) -> String {
        match self {
            Self::Sh => format!("unset {name}"),
            Self::Fish => format!("set -e {name}"),
            Self::Powershell => format!("Remove-Item Env:{name} -ErrorAction SilentlyContinue"),
        }
    }

    /// How a person has `aigwctl env` evaluated.
    pub fn evaluate(self, command: &str) -> String {
        match self {
            Self::Sh => format!("eval \"$({command})\""),
            Self::Fish => format!("{command} | source"),
            Self::Powershell => format!("{command} | Out-String | Invoke-Expression"),
        }
    }

    /// A value as one word.
    pub fn quote(self, value: &str) -> String {
        let inner = match self {
            Self::Sh => value.replace('\'', r"'\''"),
            Self::Fish => value.replace('\\', r"\\").replace('\'', r"\'"),
            Self::Powershell => doubled(value),
        };
        format!("'{inner}'")
    }
}

/// PowerShell takes the typographic quotes for quotes too, and any of them twice for itself.
fn doubled(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for letter in value.chars() {
        if matches!(letter, '\'' | '\u{2018}'..='\u{201b}') {
            text.push(letter);
        }
        text.push(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_has_its_own_quotes() {
        let value = "a'b\\c \u{2019}$(x)";
        assert_eq!(Shell::Sh.set("V", value), "export V='a'\\''b\\c \u{2019}$(x)'");
        assert_eq!(Shell::Fish.set("V", value), "set -gx V 'a\\'b\\\\c \u{2019}$(x)'");
        assert_eq!(Shell::Powershell.set("V", value), "$env:V = 'a''b\\c \u{2019}\u{2019}$(x)'");
    }

    #[test]
    fn the_shell_is_the_one_in_use() {
        assert_eq!(Shell::of(Some("/usr/bin/fish"), Shell::Sh), Shell::Fish);
        assert_eq!(Shell::of(Some("/bin/zsh"), Shell::Powershell), Shell::Sh);
        assert_eq!(Shell::of(Some(r"C:\Program Files\PowerShell\7\pwsh.exe"), Shell::Sh), Shell::Powershell);
        assert_eq!(Shell::of(None, Shell::Powershell), Shell::Powershell);
        assert_eq!(Shell::of(Some(""), Shell::Sh), Shell::Sh);
    }
}
