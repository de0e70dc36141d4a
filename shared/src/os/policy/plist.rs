//! macOS: what device management writes for our domain, a property list that is root's. One for a single user is not
//! read: it would be found by the user's name.

use std::io::Cursor;
#[cfg(target_os = "macos")]
use std::path::Path;

use plist::Value;

use super::values::{Node, toml};
#[cfg(target_os = "macos")]
use crate::files::read_open;
#[cfg(target_os = "macos")]
use crate::os::owner::open_managed;

#[cfg(target_os = "macos")]
pub(crate) const PLACE: &str = "/Library/Managed Preferences/dev.aigw.plist";

#[cfg(target_os = "macos")]
pub(super) fn read(place: &Path, longest: u64) -> Result<Option<Vec<u8>>, String> {
    let wrong = |why: String| format!("{}: {why}", place.display());
    let Some(file) = open_managed(place)? else { return Ok(None) };
    let content = read_open(file, longest).map_err(|error| wrong(error.to_string()))?;
    text(&content).map(|text| Some(text.into_bytes())).map_err(wrong)
}

/// Of a list in either form, XML or binary.
fn text(content: &[u8]) -> Result<String, String> {
    let value = Value::from_reader(Cursor::new(content)).map_err(|error| error.to_string())?;
    toml(node(value))
}

fn node(value: Value) -> Node {
    match value {
        Value::Dictionary(table) => {
            Node::Table(table.into_iter().map(|(name, one)| (name, node(one))).collect())
        }
        Value::Array(items) => Node::List(items.into_iter().map(node).collect()),
        Value::String(text) => Node::Text(text),
        Value::Boolean(flag) => Node::Flag(flag),
        Value::Integer(number) => number.as_signed().map_or(Node::Other, Node::Number),
        _ => Node::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
  <key>listen</key><dict><key>port</key><integer>2500</integer><key>share</key><false/></dict>
  <key>gateway</key><dict><key>default</key><dict>
    <key>url</key><string>https://coder.example.com</string>
    <key>headers</key><dict><key>X-Team</key><string>a "b"</string></dict>
  </dict></dict>
  <key>tunnel</key><dict><key>ports</key><array><integer>443</integer></array></dict>
</dict></plist>"#;
    const TOML: &str = "[gateway.default]\nurl = \"https://coder.example.com\"\n\n[gateway.default.headers]\n\
        X-Team = 'a \"b\"'\n\n[listen]\nport = 2500\nshare = false\n\n[tunnel]\nports = [443]\n";

    #[test]
    fn a_profile_says_what_a_file_would_say() {
        assert_eq!(text(PROFILE.as_bytes()).as_deref(), Ok(TOML));
        let mut binary = Vec::new();
        Value::from_reader(Cursor::new(PROFILE)).unwrap().to_writer_binary(&mut binary).unwrap();
        assert_eq!(text(&binary).as_deref(), Ok(TOML));
    }

    #[test]
    fn what_no_setting_takes_is_named() {
        let list = PROFILE.replace("<integer>443</integer>", "<date>2026-01-01T00:00:00Z</date>");
        let error = text(list.as_bytes()).unwrap_err();
        assert!(error.contains("tunnel.ports"), "{error}");
        assert!(text(b"<plist><dict><key>listen</key>").is_err());
        assert!(text(b"<plist><string>listen</string></plist>").is_err());
    }
}
