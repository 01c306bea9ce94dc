//! Every kind of object, tampered with in every way: each tampering is found and named, no wrong
//! byte comes out of any file, and what is intact stays as it was.
//!
//! The table in `docs/threat-model.md` is made by this test. `HUSHFS_TAMPERING=table` writes it
//! anew; `HUSHFS_TAMPERING=every` tries every bit and every length of every small object (five
//! times as many, in two minutes of processor time), and leaves the table alone.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

mod cells;
#[path = "../bench/decorate.rs"]
mod decorate;
#[path = "../bench/device.rs"]
mod device;
#[path = "../bench/files.rs"]
mod files;
mod image;
mod judge;
mod look;
mod make;
mod matrix;
mod packs;
mod reasons;
mod slots;
mod state_folder;
mod table;
mod view;

use crate::make::Subject;

#[test]
fn every_tampering_is_found_and_named_and_changes_nothing_that_is_intact() {
    let wish = std::env::var("HUSHFS_TAMPERING").unwrap_or_default();
    let subject = Subject::make();
    let cells = cells::all(&subject, wish == "every");
    let rows = matrix::run(&subject, &cells);
    let cases: usize = rows.iter().map(|row| row.cases).sum();
    println!("{cases} tampered objects in {} cells", cells.len());
    reasons::expect_all_used(&rows);
    match wish.as_str() {
        "every" => println!("{}", table::rendered(&rows)),
        "table" => table::rewrite(&rows),
        _ => table::expect(&rows),
    }
}
