//! Tries every case of every cell, each on a vault that is whole but for that.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::cells::{Case, Cell};
use crate::image::{image_of, temporary_folder, write_image};
use crate::judge::{Outcome, copy_of, is_refused, judge, refused, written};
use crate::make::Subject;

/// Cases of one cell that had the same outcome.
#[derive(Clone, Debug)]
pub struct Row {
    pub object: &'static str,
    pub tampering: &'static str,
    pub outcome: Outcome,
    /// What comes of a writable mount.
    pub written: &'static str,
    pub cases: usize,
}

/// Failures of one cell that are told; more only repeat themselves.
const TOLD: usize = 2;
/// Failures that are told in all.
const SHOWN: usize = 100;

/// Rows in the order of the cells.
pub fn run(subject: &Subject, cells: &[Cell]) -> Vec<Row> {
    let next = AtomicUsize::new(0);
    let found: Mutex<BTreeMap<usize, Vec<Row>>> = Mutex::default();
    let failures: Mutex<Vec<String>> = Mutex::default();
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let place = temporary_folder();
                write_image(&subject.pristine, place.path());
                loop {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    let Some(cell) = cells.get(nth) else { break };
                    let (rows, failed) = try_cell(subject, place.path(), cell);
                    found.lock().unwrap().insert(nth, rows);
                    failures.lock().unwrap().extend(failed);
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    let shown = failures.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(failures.is_empty(), "{} failures, the first of them:\n{shown}", failures.len());
    found.into_inner().unwrap().into_values().flatten().collect()
}

fn try_cell(subject: &Subject, folder: &Path, cell: &Cell) -> (Vec<Row>, Vec<String>) {
    let mut rows: Vec<Row> = Vec::new();
    let mut failures = Vec::new();
    for case in &cell.cases {
        case.edits.iter().for_each(|edit| edit.apply(folder));
        let tried = catch_unwind(AssertUnwindSafe(|| try_case(subject, folder, case, &rows)));
        case.edits.iter().rev().for_each(|edit| edit.undo(folder, &subject.pristine));
        let (outcome, written) = match tried {
            Ok(tried) => tried,
            Err(panic) => {
                let said = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                let Cell { object, tampering, .. } = cell;
                if failures.len() < TOLD {
                    failures.push(format!("{object}, {tampering}, {}: {said}", case.label));
                }
                continue;
            }
        };
        match rows.iter_mut().find(|row| (&row.outcome, row.written) == (&outcome, written)) {
            Some(row) => row.cases += 1,
            None => {
                let Cell { object, tampering, .. } = *cell;
                rows.push(Row { object, tampering, outcome, written, cases: 1 });
            }
        }
    }
    if image_of(folder) != subject.pristine {
        failures.push(format!("{}, {}: files were changed", cell.object, cell.tampering));
        write_image(&subject.pristine, folder);
    }
    rows.sort_by(|a, b| (b.cases, &a.outcome).cmp(&(a.cases, &b.outcome)));
    (rows, failures)
}

/// Where a mount is refused, every case tries it; where it is possible, the first of those with
/// the same outcome does, in a copy.
fn try_case(
    subject: &Subject,
    folder: &Path,
    case: &Case,
    rows: &[Row],
) -> (Outcome, &'static str) {
    let outcome = judge(subject, folder, case);
    let like = rows.iter().find(|row| row.outcome == outcome);
    let written = match like {
        Some(row) if is_refused(row.written) => refused(subject, folder, case),
        Some(row) => row.written,
        None => written(subject, copy_of(folder).path(), case),
    };
    (outcome, written)
}
