//! The table in `docs/threat-model.md`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::matrix::Row;
use crate::reasons::reason;

const START: &str = "<!-- tampering: start -->\n";
const END: &str = "<!-- tampering: end -->\n";

fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/threat-model.md")
}

/// What stands before the table, in it and behind it.
fn parts(text: &str) -> (&str, &str, &str) {
    let (before, rest) = text.split_once(START).expect("the marker where the table starts");
    let (table, after) = rest.split_once(END).expect("the marker where the table ends");
    (before, table, after)
}

/// Rows of one object with the same outcome are one row.
pub fn rendered(rows: &[Row]) -> String {
    let mut lines: Vec<(Vec<String>, &Row)> = Vec::new();
    for row in rows {
        let tampering = format!("{} ({})", row.tampering, row.cases);
        let same = lines.iter_mut().find(|(_, first)| {
            first.object == row.object
                && first.outcome == row.outcome
                && first.written == row.written
                && reason(first) == reason(row)
        });
        match same {
            Some((tamperings, _)) => tamperings.push(tampering),
            None => lines.push((vec![tampering], row)),
        }
    }
    let mut text = String::from(
        "| object | tampering (cases) | it is | a read-only mount shows | a writable mount is |\n\
         | --- | --- | --- | --- | --- |\n",
    );
    for (tamperings, row) in lines {
        let Row { object, outcome, written, .. } = row;
        let why = reason(row).map_or(String::new(), |reason| format!(" ({reason})"));
        let (told, shown) = (&outcome.told, &outcome.shown);
        let tamperings = tamperings.join(", ");
        text.push_str(&format!(
            "| {object} | {tamperings} | {told}{why} | {shown} | {written} |\n"
        ));
    }
    let cases: usize = rows.iter().map(|row| row.cases).sum();
    text.push_str(&format!("\nTampered objects tried: {cases}.\n"));
    text
}

pub fn expect(rows: &[Row]) {
    let text = fs::read_to_string(document()).unwrap();
    assert!(
        parts(&text).1 == rendered(rows),
        "the table in docs/threat-model.md is not what happens; write it anew with \
         HUSHFS_TAMPERING=table cargo test --test tampering\n{}",
        rendered(rows)
    );
}

pub fn rewrite(rows: &[Row]) {
    let text = fs::read_to_string(document()).unwrap();
    let (before, _, after) = parts(&text);
    fs::write(document(), format!("{before}{START}{}{END}{after}", rendered(rows))).unwrap();
}
