//! `docs/semantics.md` names a test for every sentence; each of them is there.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

use std::fs;
use std::path::Path;

/// A row of a table whose last column names tests: `path::name`, `path` below `tests/`.
struct Row {
    sentence: String,
    tests: Vec<String>,
}

fn rows(text: &str) -> Vec<Row> {
    let cells = |line: &str| -> Option<Vec<String>> {
        let line = line.strip_prefix("| ")?.strip_suffix(" |")?;
        Some(line.split(" | ").map(str::to_owned).collect())
    };
    let rows = text.lines().filter_map(cells);
    rows.filter(|cells| !["what it does", "---"].contains(&cells[0].as_str()))
        .map(|mut cells| {
            let named = cells.pop().unwrap();
            let tests = named.split(", ").map(|test| test.trim_matches('`').to_owned()).collect();
            Row { sentence: cells.join(" | "), tests }
        })
        .collect()
}

/// Whether a source below `tests/` has a test of that name.
fn has_test(test: &str) -> bool {
    let Some((path, name)) = test.rsplit_once("::") else { return false };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(path).with_extension("rs");
    let Ok(source) = fs::read_to_string(file) else { return false };
    let signature = format!("fn {name}(");
    // The attribute stands within the lines before it, up to the end of what is above.
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    lines.iter().position(|line| line.starts_with(&signature)).is_some_and(|at| {
        let above = lines[..at].iter().rev().take_while(|line| !["", "}"].contains(line));
        above.into_iter().any(|line| *line == "#[test]")
    })
}

#[test]
fn every_sentence_of_the_semantics_names_tests_that_are_there() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/semantics.md");
    let rows = rows(&fs::read_to_string(document).unwrap());
    assert!(rows.len() > 50, "only {} rows were found", rows.len());
    for Row { sentence, tests } in &rows {
        assert!(sentence.ends_with('.'), "no sentence: {sentence}");
        for test in tests {
            assert!(has_test(test), "“{sentence}” names {test}, which is no test");
        }
    }
}

#[test]
fn a_test_that_is_not_there_or_none_is_found_out() {
    assert!(has_test("documents::a_test_that_is_not_there_or_none_is_found_out"));
    assert!(!has_test("documents::a_test_that_is_not_there"));
    assert!(!has_test("documents::has_test"));
    assert!(!has_test("nowhere::a_test_that_is_not_there_or_none_is_found_out"));
    assert!(!has_test(""));
    let text = "| what it does | test |\n| --- | --- |\n| One | two. | `a::b`, `c::d` |\nno row\n";
    let rows = rows(text);
    assert_eq!((rows.len(), &*rows[0].sentence), (1, "One | two."));
    assert_eq!(rows[0].tests, ["a::b", "c::d"]);
}
