//! Changes single settings in the text of a file; every other line stays as it is.

use toml_edit::{Document, DocumentMut, Item, Table, TableLike, TomlError, Value};

use crate::fault::Fault;

/// Sets values by path, making the tables that are missing, at the end of the file.
///
/// # Errors
/// When the text is no TOML, or a path leads through something that is no table.
pub fn set(text: &str, changes: &[(Vec<String>, Value)]) -> Result<String, Fault> {
    edit(text, |document| changes.iter().try_for_each(|(path, value)| set_one(document, path, value)))
}

/// Removes keys or whole tables. One that is not there is no error.
///
/// # Errors
/// When the text is no TOML.
pub fn remove(text: &str, paths: &[Vec<String>]) -> Result<String, Fault> {
    edit(text, |document| {
        paths.iter().for_each(|path| remove_one(document, path));
        Ok(())
    })
}

fn edit(text: &str, change: impl FnOnce(&mut DocumentMut) -> Result<(), Fault>) -> Result<String, Fault> {
    let damaged = |error: TomlError| {
        let line = error.span().map_or(1, |span| super::file::line_of(text.as_bytes(), span.start));
        super::fault(format!("line {line} cannot be read: {}", error.message()))
    };
    let mut document = Document::parse(text).map_err(damaged)?.into_mut();
    change(&mut document)?;
    let edited = document.to_string();
    // The parser forgets how lines ended, and that the file began with a mark.
    let mark = if text.starts_with('\u{feff}') { "\u{feff}" } else { "" };
    let windows = text.matches('\n').count() == text.matches("\r\n").count() && text.contains('\n');
    let edited = if windows { edited.replace("\r\n", "\n").replace('\n', "\r\n") } else { edited };
    Ok(format!("{mark}{}", edited.trim_start_matches('\u{feff}')))
}

fn set_one(document: &mut DocumentMut, path: &[String], value: &Value) -> Result<(), Fault> {
    let Some((leaf, parents)) = path.split_last() else { return Ok(()) };
    let no_table = || super::fault(format!("{} cannot be set: it is in no table", path.join(".")));
    make_tables(document, parents);
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for parent in parents {
        table = table.get_mut(parent).and_then(Item::as_table_like_mut).ok_or_else(no_table)?;
    }
    match table.get_mut(leaf) {
        Some(Item::Value(old)) => {
            let decor = old.decor().clone();
            *old = value.clone();
            *old.decor_mut() = decor;
        }
        Some(Item::None) | None => drop(table.insert(leaf, Item::Value(value.clone()))),
        Some(_) => return Err(super::fault(format!("{} cannot be set: it is a table", path.join(".")))),
    }
    Ok(())
}

/// Makes the missing tables with a header of their own. Inside an inline or dotted table they become like it.
fn make_tables(document: &mut DocumentMut, parents: &[String]) {
    let last = last_position(document.as_table());
    let comments = end_of(document);
    let mut table: &mut dyn TableLike = document.as_table_mut();
    let mut moved = false;
    for (depth, parent) in parents.iter().enumerate() {
        let missing = !table.contains_key(parent);
        if missing {
            let mut new = Table::new();
            new.set_dotted(table.is_dotted());
            new.set_implicit(depth + 1 < parents.len());
            new.set_position(Some(last + 1));
            table.insert(parent, Item::Table(new));
        }
        let Some(item) = table.get_mut(parent) else { return };
        if let Item::Table(new) = item
            && missing
            && !new.is_dotted()
            && !new.is_implicit()
        {
            new.decor_mut().set_prefix(comments.as_str());
            moved = true;
        }
        match item.as_table_like_mut() {
            Some(next) => table = next,
            None => return,
        }
    }
    if moved {
        document.set_trailing("");
    }
}

/// The comments at the end of the file, which stay before what is added after them, and a blank line.
fn end_of(document: &DocumentMut) -> String {
    let mut end = document.trailing().as_str().unwrap_or_default().to_owned();
    if !end.is_empty() && !end.ends_with('\n') {
        end.push('\n');
    }
    if !(end.is_empty() && document.as_table().is_empty()) {
        end.push('\n');
    }
    end
}

fn last_position(table: &Table) -> isize {
    let below = table.iter().map(|(_, item)| match item {
        Item::Table(table) => last_position(table),
        Item::ArrayOfTables(tables) => tables.iter().map(last_position).max().unwrap_or(0),
        _ => 0,
    });
    below.chain(table.position()).max().unwrap_or(0)
}

fn remove_one(document: &mut DocumentMut, path: &[String]) {
    let Some((leaf, parents)) = path.split_last() else { return };
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for parent in parents {
        match table.get_mut(parent).and_then(Item::as_table_like_mut) {
            Some(next) => table = next,
            None => return,
        }
    }
    table.remove(leaf);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(key: &str) -> Vec<String> {
        key.split('.').map(str::to_owned).collect()
    }

    fn set_all(text: &str, changes: &[(&str, Value)]) -> String {
        let changes: Vec<_> = changes.iter().map(|(key, value)| (path(key), value.clone())).collect();
        set(text, &changes).unwrap()
    }

    #[test]
    fn rows_of_before_and_after() {
        let url = || ("gateway.new.url", Value::from("https://a.example"));
        let table = "[gateway.new]\nurl = \"https://a.example\"\n";
        let rows = [
            ("", table.to_owned()),
            ("# mine\n", format!("# mine\n\n{table}")),
            ("# mine", format!("# mine\n\n{table}")),
            ("a = 1", format!("a = 1\n\n{table}")),
            ("a = 1\r\n# b\r\n", format!("a = 1\n# b\n\n{table}").replace('\n', "\r\n")),
            ("\u{feff}a = 1\n", format!("\u{feff}a = 1\n\n{table}")),
            (
                "[gateway.old] # o\nurl = \"x\"\n\n[log]\nlevel = \"info\" # l\n# end\n",
                format!("[gateway.old] # o\nurl = \"x\"\n\n[log]\nlevel = \"info\" # l\n# end\n\n{table}"),
            ),
            (
                "[gateway.new]\n# here\nurl   = \"x\"   # there\nwait_s = 1\n",
                "[gateway.new]\n# here\nurl   = \"https://a.example\"   # there\nwait_s = 1\n".to_owned(),
            ),
            (
                "[gateway.new]\nwait_s = 1\n\n# about the log\n[log]\n",
                "[gateway.new]\nwait_s = 1\nurl = \"https://a.example\"\n\n# about the log\n[log]\n"
                    .to_owned(),
            ),
            (
                "gateway.old.url = \"x\"\n# end\n",
                "gateway.old.url = \"x\"\ngateway.new.url = \"https://a.example\"\n# end\n".to_owned(),
            ),
            (
                "gateway = { old = { url = \"x\" } }\n# end\n",
                "gateway = { old = { url = \"x\" } , new = { url = \"https://a.example\" } }\n# end\n"
                    .to_owned(),
            ),
        ];
        for (before, after) in rows {
            assert_eq!(set_all(before, &[url()]), after, "{before:?}");
            assert_eq!(set_all(&after, &[url()]), after, "a second time: {before:?}");
        }
    }

    #[test]
    fn a_table_may_appear_above_one_made_before_it() {
        let changes =
            [("gateway.g.providers.p.mode", Value::from("byok")), ("gateway.g.kind", Value::from("coder"))];
        let expected = "# c\n\n[gateway.g.providers.p]\nmode = \"byok\"\n";
        let edited = set_all("# c\n", &changes[..1]);
        assert_eq!(edited, expected);
        let edited = set_all(&edited, &changes);
        assert_eq!(edited.matches("# c").count(), 1, "{edited}");
        assert_eq!(edited.matches("[gateway.g]\nkind = \"coder\"").count(), 1, "{edited}");
        assert_eq!(edited, set_all("# c\n", &changes));
    }

    #[test]
    fn what_cannot_be_set_says_so() {
        for (text, key) in [("a = 1\n", "a.b"), ("[a.b]\n", "a.b"), ("[[a]]\n", "a.b")] {
            let fault = set(text, &[(path(key), Value::from(1))]).unwrap_err();
            assert!(fault.what.contains(key), "{fault}");
        }
        assert!(set("a = 1\nb = \n", &[]).unwrap_err().what.contains("line 2"));
    }

    #[test]
    fn a_removed_table_takes_nothing_else_with_it() {
        let text =
            "# top\na = 1\n\n[gateway.x]\nurl = \"u\"\n\n[gateway.x.headers]\nA = \"b\"\n\n# log\n[log]\n";
        assert_eq!(remove(text, &[path("gateway.x")]).unwrap(), "# top\na = 1\n\n# log\n[log]\n");
        assert_eq!(remove(text, &[path("gateway.y"), path("a.b.c")]).unwrap(), text);
    }

    /// A line that may stand anywhere, or a table of its own with a key.
    fn lines() -> impl Strategy<Value = String> {
        let line =
            (0..5, any::<u16>(), "[ -~]{0,12}", any::<bool>()).prop_map(|(kind, id, words, spaced)| {
                let gap = if spaced { "   " } else { "" };
                match kind {
                    0 => format!("# {words}\n"),
                    1 => format!("{gap}\n"),
                    2 => format!("[t{id}]{gap}# {words}\n\tk{gap}={gap}[ 1,{gap}2, ] # {words}\n"),
                    3 => format!("[gateway.g{id}] \nurl = '{id}' #{words}\n"),
                    _ => format!("[[many]]{gap}\nx={gap}0x{id:x}\n"),
                }
            });
        proptest::collection::vec(line, 0..8).prop_map(|lines| lines.concat())
    }

    proptest! {
        #[test]
        fn every_other_line_stays(text in lines(), windows in any::<bool>()) {
            prop_assume!(text.parse::<DocumentMut>().is_ok());
            let text = if windows { text.replace('\n', "\r\n") } else { text };
            let once = set_all(&text, &[("gateway.new.url", Value::from("one"))]);
            let added = |line: &&str| !["[gateway.new]", "url = \"one\"", "url = \"two\""].contains(&line.trim_end());
            let kept: String = once.split_inclusive('\n').filter(added).collect();
            let blank = if windows { "\r\n" } else { "\n" };
            prop_assert!(kept == text || kept == format!("{text}{blank}"), "{text:?} became {once:?}");
            let twice = set_all(&once, &[("gateway.new.url", Value::from("two"))]);
            prop_assert_eq!(once.replace("\"one\"", "\"two\""), twice);
        }
    }
}
