//! What `.ci/full clients` has seen, held against the rows and the README.

use super::{Mode, Proof, TOOLS};

const SEEN: &str = include_str!("../../../tests/fixtures/tools.tsv");
const README: &str = include_str!("../../../README.md");

/// Its lines: tool, version, mode, result, date.
fn seen() -> Vec<[&'static str; 5]> {
    let fields = |line: &'static str| -> [&'static str; 5] {
        let fields: Vec<_> = line.split('\t').collect();
        fields.try_into().unwrap_or_else(|fields| panic!("{fields:?}"))
    };
    SEEN.lines().skip(1).map(fields).collect()
}

#[test]
fn rows_say_ran_of_what_has_run_and_of_nothing_else() {
    let ways = TOOLS.iter().flat_map(|tool| tool.ways.iter().map(move |way| (tool, way)));
    let mut said: Vec<_> = ways
        .filter(|(_, way)| way.evidence.kind == Proof::Ran)
        .map(|(tool, way)| {
            let mode = match way.mode {
                Mode::BaseUrl => "base-url",
                Mode::Proxy => "proxy",
            };
            [tool.id, way.evidence.version, mode, way.evidence.kind.word(), way.evidence.date]
        })
        .collect();
    let mut seen = seen();
    seen.retain(|[tool, ..]| TOOLS.iter().any(|known| known.id == *tool));
    said.sort_unstable();
    seen.sort_unstable();
    assert_eq!(said, seen, "left: the rows; right: tests/fixtures/tools.tsv");
}

/// Libraries have no row, since there is nothing to set up.
#[test]
fn the_readme_has_the_libraries() {
    let libraries = seen().into_iter().filter(|[tool, ..]| TOOLS.iter().all(|known| known.id != *tool));
    let rows = libraries
        .map(|[tool, version, _, result, date]| format!("| `{tool}` | {version} | {result}, {date} |\n"));
    let rows: String = rows.collect();
    assert!(!rows.is_empty());
    let readme = README.replace("\r\n", "\n");
    assert!(readme.contains(&format!("| --- | --- | --- |\n{rows}\n")), "README.md should say\n{rows}");
}
