//! A policy that a system keeps as values of its own, as the TOML that would say the same.

use std::collections::BTreeMap;

use toml_edit::{Array, DocumentMut, Item, Table, Value};

use crate::config::schema::{self, Put};

/// A value of such a policy.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Text(String),
    Number(i64),
    #[cfg_attr(all(windows, not(test)), expect(dead_code, reason = "the registry has no truth values"))]
    Flag(bool),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
    /// What no setting takes.
    Other,
}

/// The same as TOML. The registry of Windows has neither truth values nor lists of numbers: 0 and 1 are taken for the
/// former, texts for the latter, where a setting wants them.
///
/// # Errors
/// Names a value that TOML has no word for, or that no setting takes.
pub(super) fn toml(values: Node) -> Result<String, String> {
    let Node::Table(values) = values else { return Err("expected a table".to_owned()) };
    let mut document = DocumentMut::new();
    *document = table(values, &mut Vec::new())?;
    Ok(document.to_string())
}

fn table(values: BTreeMap<String, Node>, key: &mut Vec<String>) -> Result<Table, String> {
    let mut table = Table::new();
    table.set_implicit(values.values().all(|value| matches!(value, Node::Table(_))) && !values.is_empty());
    for (name, node) in values {
        key.push(name);
        let item = match node {
            Node::Table(below) => Item::Table(self::table(below, key)?),
            node => Item::Value(value(node, key)?),
        };
        if let Some(name) = key.pop() {
            table.insert(&name, item);
        }
    }
    Ok(table)
}

fn value(node: Node, key: &[String]) -> Result<Value, String> {
    let wanted = schema::find(key).map(|row| &row.put);
    let refused =
        || Err(format!("{}: expected text, a whole number, a truth value or a list", key.join(".")));
    Ok(match (node, wanted) {
        (Node::Number(number @ (0 | 1)), Some(Put::Flag(_))) => (number == 1).into(),
        (Node::Number(number), _) => number.into(),
        (Node::Text(text), Some(Put::Flag(_))) if ["true", "false"].contains(&text.as_str()) => {
            (text == "true").into()
        }
        (Node::Text(text), _) => text.into(),
        (Node::Flag(flag), _) => flag.into(),
        (Node::List(items), wanted) => {
            let numbers = matches!(wanted, Some(Put::Numbers(_)));
            let item = |item| match item {
                Node::Text(text) if numbers => Ok(text
                    .trim()
                    .parse()
                    .map_or_else(|_| Value::from(text.as_str()), |number: i64| number.into())),
                Node::Text(text) => Ok(text.into()),
                Node::Number(number) => Ok(number.into()),
                Node::Flag(flag) => Ok(flag.into()),
                Node::List(_) | Node::Table(_) | Node::Other => refused(),
            };
            Value::Array(items.into_iter().map(item).collect::<Result<Array, _>>()?)
        }
        (Node::Table(_) | Node::Other, _) => return refused(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<const N: usize>(values: [(&str, Node); N]) -> Node {
        Node::Table(values.map(|(name, node)| (name.to_owned(), node)).into())
    }

    fn text(text: &str) -> Node {
        Node::Text(text.to_owned())
    }

    /// As the registry has it: words of 32 bits, texts, several texts, and keys in keys.
    #[test]
    fn a_registry_says_what_a_file_would_say() {
        let registry = of([
            ("default_gateway", text("corp")),
            (
                "listen",
                of([("port", Node::Number(2500)), ("share", Node::Number(0)), ("keyless", text("true"))]),
            ),
            (
                "tunnel",
                of([
                    ("ports", Node::List(vec![text("443"), text("8443")])),
                    ("allow_cidrs", Node::List(vec![text("10.0.0.0/8")])),
                ]),
            ),
            ("gateway", of([("corp", of([("url", text(r#"https://a.example/"b""#))])), ("empty", of([]))])),
            ("policy", of([("allow_pause", Node::Number(1))])),
        ]);
        assert_eq!(
            toml(registry).unwrap(),
            "default_gateway = \"corp\"\n\n[gateway.corp]\nurl = 'https://a.example/\"b\"'\n\n[gateway.empty]\n\n\
             [listen]\nkeyless = true\nport = 2500\nshare = false\n\n[policy]\nallow_pause = true\n\n\
             [tunnel]\nallow_cidrs = [\"10.0.0.0/8\"]\nports = [443, 8443]\n"
        );
    }

    /// A mistake stays one: whoever reads the TOML says what was expected.
    #[test]
    fn what_does_not_fit_is_not_made_to_fit() {
        let wrong = of([
            ("listen", of([("share", Node::Number(2)), ("no setting", text("a\nb"))])),
            ("tunnel", of([("ports", Node::List(vec![text("https")]))])),
        ]);
        assert_eq!(
            toml(wrong).unwrap(),
            "[listen]\n\"no setting\" = \"\"\"\na\nb\"\"\"\nshare = 2\n\n[tunnel]\nports = [\"https\"]\n"
        );
        for bad in [text("x"), of([("listen", of([("port", Node::Other)]))])] {
            assert!(toml(bad).is_err());
        }
    }
}
