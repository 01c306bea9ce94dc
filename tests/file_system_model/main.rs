//! The file system without a mount against a plain model: random operations, the whole tree
//! compared after each, over publications, remounts and kills.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

mod bench;
mod compare;
mod lists;
mod model;
mod pair;
mod steps;
#[path = "../bench/verified.rs"]
mod verified;

use std::path::Path;

use hushfs::format::Ino;
use hushfs::fs::{AllocateMode, AttributeChange, FsError, NewNode, XattrMode};
use proptest::prelude::*;

use bench::Bench;
use pair::{NEW, Pair};
use steps::{Step, content, step};

fn run(chunk_bytes: u32, steps: &[Step]) {
    let mut pair = Pair::new(chunk_bytes);
    for step in steps {
        pair.apply(step);
        pair.compare();
    }
    pair.fs().shut_down().unwrap();
    // Another device, with nothing but the vault, sees the same.
    pair.fs = None;
    pair.fs = Some(pair.bench.open("other device"));
    pair.compare();
    let report = pair.bench.verify();
    assert!(report.damaged.is_empty() && report.strangers.is_empty(), "{report:?}");
    assert_no_leftovers(pair.bench.folder.path());
}

/// A clean end leaves no staged pack behind.
fn assert_no_leftovers(folder: &Path) {
    let staged = std::fs::read_dir(folder.join("state/staged")).unwrap();
    let left: Vec<_> = staged.map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// As many cases as `PROPTEST_CASES` says; by default so many that they take a few seconds.
fn config() -> ProptestConfig {
    let from_environment = ProptestConfig::default();
    let is_set = std::env::var_os("PROPTEST_CASES").is_some();
    let cases = if is_set { from_environment.cases } else { 60 };
    // A failure is kept as a test of its own, with a name.
    ProptestConfig { cases, failure_persistence: None, ..from_environment }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn random_histories_agree_with_a_plain_model(steps in prop::collection::vec(step(), 1..60)) {
        run(4096, &steps);
    }

    #[test]
    fn random_histories_agree_with_a_plain_model_in_large_chunks(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        run(65536, &steps);
    }
}

#[test]
fn regression_a_hole_of_any_size_is_made_at_once() {
    let bench = Bench::new(4096);
    let fs = bench.open("state");
    let ino = fs.create(Ino::ROOT, b"sparse", NEW).unwrap().ino;
    let size = 1 << 60;
    let change = AttributeChange { size: Some(size), ..AttributeChange::default() };
    fs.set_attributes(ino, &change).unwrap();
    for offset in [0, 1 << 40, size - 5000] {
        fs.write(ino, offset, &content(1, 5000), false).unwrap();
    }
    fs.allocate(ino, AllocateMode::PunchHole, 10, size - 20).unwrap();
    let read = |offset| {
        let mut out = vec![0xEE; 5000];
        assert_eq!(fs.read(ino, offset, &mut out).unwrap(), 5000);
        out
    };
    assert_eq!(read(0)[..10], content(1, 5000)[..10]);
    assert!(read(0)[10..].iter().chain(&read(1 << 40)).all(|byte| *byte == 0));
    assert_eq!(read(size - 5000)[4990..], content(1, 5000)[4990..]);
    fs.shut_down().unwrap();
}

#[test]
fn regression_who_writes_faster_than_the_vault_takes_it_is_slowed_down_and_not_refused() {
    let bench = Bench::new(4096);
    // Nothing is published here but by who writes.
    let fs = bench.open("state");
    fs.limit_waiting(64 << 20);
    let (ino, piece) = (fs.create(Ino::ROOT, b"large", NEW).unwrap().ino, content(1, 1 << 20));
    for nth in 0..200 {
        fs.write(ino, nth << 20, &piece, false).unwrap();
    }
    assert!(fs.status().unpublished_bytes <= 64 << 20);
    fs.shut_down().unwrap();
    assert!(bench.verify().damaged.is_empty());
}

#[test]
fn regression_the_capabilities_of_a_program_go_with_its_content() {
    let bench = Bench::new(4096);
    let fs = bench.open("state");
    let name = b"security.capability";
    let ino = fs.create(Ino::ROOT, b"program", NEW).unwrap().ino;
    let cut = AttributeChange { size: Some(3), ..AttributeChange::default() };
    let write = || fs.write(ino, 2, b"changed", false).unwrap();
    let cut = || assert_eq!(fs.set_attributes(ino, &cut).unwrap().size, 3);
    for change in [&write as &dyn Fn(), &cut] {
        fs.set_xattr(ino, name, b"all", XattrMode::Set).unwrap();
        change();
        assert!(matches!(fs.xattr(ino, name), Err(FsError::NoAttribute)));
    }
    fs.shut_down().unwrap();
    drop(fs);
    let fs = bench.open("state");
    assert!(fs.xattr_names(fs.lookup(Ino::ROOT, b"program").unwrap().ino).unwrap().is_empty());
}

#[test]
fn setuid_and_setgid_are_taken_where_there_are_any() {
    let bench = Bench::new(4096);
    let fs = bench.open("state");
    let new = NewNode { mode: 0o6755, ..NEW };
    let ino = fs.create(Ino::ROOT, b"program", new).unwrap().ino;
    assert!(fs.clear_set_ids(ino).unwrap());
    assert_eq!(fs.attributes(ino).unwrap().mode, 0o755);
    assert!(!fs.clear_set_ids(ino).unwrap());
}

#[test]
fn regression_an_attribute_needs_a_name_behind_its_namespace() {
    let bench = Bench::new(4096);
    let fs = bench.open("state");
    for name in [&b"user."[..], b"trusted.", b"security."] {
        let set = fs.set_xattr(Ino::ROOT, name, b"x", XattrMode::Set);
        assert!(matches!(set, Err(FsError::Invalid(_))), "{set:?}");
    }
}

#[test]
fn regression_a_pack_that_went_to_another_disk_is_not_kept_open() {
    let bench = Bench::new(4096);
    let elsewhere = tempfile::tempdir_in("/dev/shm").unwrap();
    let state = elsewhere.path().join("state");
    let fs = bench.open(state.to_str().unwrap());
    let ino = fs.create(Ino::ROOT, b"file", NEW).unwrap().ino;
    fs.write(ino, 0, &content(1, 100_000), false).unwrap();
    let mut out = vec![0; 100_000];
    fs.read(ino, 0, &mut out).unwrap();
    fs.publish().unwrap();
    let open_files = std::fs::read_dir("/proc/self/fd").unwrap();
    let open_files = open_files.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    let staged = state.join("staged");
    assert_eq!(open_files.filter(|path| path.starts_with(&staged)).count(), 0);
    fs.read(ino, 0, &mut out).unwrap();
    assert!(out == content(1, 100_000));
}
