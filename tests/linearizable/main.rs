//! Several threads on the same names, inodes and ranges of one file system, while it is published
//! and flushed: what each call answered must be what some order of all calls gives in a plain
//! model, in which each call comes after those that had ended when it began (linearizability).
//!
//! All calls take part, content too. At this level a read is as of one moment in all of its range,
//! and a write or a hole is there in all of it or not at all: what a read copies and where it finds
//! the rest is taken down under the lock, and objects never change. A program on a mount gets
//! this for each request that the kernel makes; `tests/mounted/parallel.rs` says for which.
//!
//! A failure prints seed and history. The seed fixes what each thread asks for, not how threads
//! meet: it may take many rounds to see it again.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

#[path = "../file_system_model/bench.rs"]
mod bench;
mod calls;
mod checker;
mod checker_tests;
#[path = "../power_loss/dice.rs"]
#[allow(dead_code, reason = "shared with tests that draw more")]
mod dice;
mod plain_model;
mod threads;
#[path = "../bench/verified.rs"]
mod verified;

use std::sync::atomic::{AtomicBool, Ordering};

use hushfs::format::{Ino, NodeKind};
use hushfs::fs::NewNode;

use bench::Bench;
use plain_model::Model;

/// Histories of one file system, which then is unmounted and read by another device.
const HISTORIES_EACH: u64 = 250;

/// As many histories as `HISTORIES` says; by default so many that they take a few seconds.
fn histories() -> u64 {
    let asked = std::env::var("HISTORIES").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(8 * HISTORIES_EACH)
}

/// Ends what runs beside, also where a check fails.
struct SetAtEnd<'a>(&'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn check_histories(threads: usize, calls_each: usize, first_seed: u64) {
    let (mut calls, mut overlaps) = (0, 0);
    let seeds: Vec<u64> = (0..histories()).map(|nth| first_seed + nth).collect();
    for seeds in seeds.chunks(HISTORIES_EACH as usize) {
        let bench = Bench::new(4096);
        let fs = bench.open("state");
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| threads::disturb(&fs, || !is_over.load(Ordering::SeqCst)));
            let _over = SetAtEnd(&is_over);
            for seed in seeds {
                let new = NewNode { mode: 0o755, umask: 0, uid: 0, gid: 0 };
                let name = format!("history-{seed}");
                let root = fs.make(Ino::ROOT, name.as_bytes(), NodeKind::Folder, new).unwrap();
                let history = threads::run(&fs, root.ino.0, threads, calls_each, *seed);
                let is_linearizable = history.is_linearizable(&Model::of_folder(root.ino.0));
                assert!(is_linearizable, "seed {seed}, in folder {}:\n{history}", root.ino.0);
                calls += history.0.len();
                overlaps += history.overlaps();
            }
        });
        fs.shut_down().unwrap();
        drop(fs);
        let report = bench.verify();
        assert!(report.damaged.is_empty() && report.strangers.is_empty(), "{report:?}");
    }
    println!("{} histories, {calls} calls, {overlaps} overlapping pairs", seeds.len());
}

#[test]
fn three_threads_see_one_order() {
    check_histories(3, 6, 0);
}

#[test]
fn four_threads_see_one_order() {
    check_histories(4, 4, 1 << 32);
}
