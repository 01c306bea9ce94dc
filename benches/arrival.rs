//! How long it takes until what another device has published is shown: 10,000 operations into a vault of
//! many files, in a row, and at the same time as a change of this device.
//!
//! `cargo bench --bench arrival -- FILES` (default: 100,000). Run once, not over and over: it says what
//! each step took.
#![allow(clippy::unwrap_used, reason = "a bench fails where its vault does")]

#[path = "../tests/file_system_model/bench.rs"]
#[allow(dead_code, reason = "made for tests, which need more of it")]
mod bench;
mod setup;
#[path = "../tests/bench/verified.rs"]
#[allow(dead_code, reason = "made for tests, which verify")]
mod verified;

use std::time::Instant;

use bench::Bench;
use hushfs::format::{Ino, NodeKind};
use hushfs::fs::{FileSystem, NewNode};
use setup::{CHUNK, name};

const ARRIVING: u64 = 10_000;
const PER_FOLDER: u64 = 1000;
const NEW: NewNode = NewNode { mode: 0o644, umask: 0, uid: 0, gid: 0 };

/// So many empty files, a thousand to a folder.
fn fill(files: &FileSystem, folder_name: &str, count: u64) {
    for nth in (0..count).step_by(PER_FOLDER as usize) {
        let folder = format!("{folder_name}-{nth}");
        let folder = files.make(Ino::ROOT, folder.as_bytes(), NodeKind::Folder, NEW).unwrap().ino;
        for nth in nth..count.min(nth + PER_FOLDER) {
            files.make(folder, name(nth).as_bytes(), NodeKind::File, NEW).unwrap();
        }
    }
}

fn timed(what: &str, work: impl FnOnce()) {
    let start = Instant::now();
    work();
    println!("{what}: {:.3} s", start.elapsed().as_secs_f64());
}

fn main() {
    let count = std::env::args().filter_map(|argument| argument.parse().ok()).next();
    let count: u64 = count.unwrap_or(100_000);
    let bench = Bench::new(CHUNK.field());
    let here = bench.open("here");
    timed(&format!("making {count} files"), || fill(&here, "old", count));
    timed("publishing them", || here.publish().unwrap());
    let mut there = None;
    timed("opening on another device", || there = Some(bench.open("there")));
    let there = there.unwrap();
    fill(&there, "new", ARRIVING);
    there.publish().unwrap();
    timed("taking 10,000 operations in a row", || here.take_arrivals().unwrap());
    fill(&there, "newer", ARRIVING);
    there.publish().unwrap();
    // In the way of nothing, and yet not known to the other.
    here.make(Ino::ROOT, b"here", NodeKind::File, NEW).unwrap();
    here.publish().unwrap();
    timed("merging 10,000 operations with one", || here.take_arrivals().unwrap());
    assert_eq!(here.status().files, there.status().files + 1);
}
