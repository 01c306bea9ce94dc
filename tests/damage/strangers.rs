//! Files that sync clients and people leave in a vault.

use std::fs;

use crate::bench::Bench;
use crate::victim::{Left, Victim};

const ALL_WHOLE: [Left; 3] = [Left::Whole, Left::Whole, Left::Whole];

#[test]
fn copies_and_garbage_are_named_and_harm_nothing() {
    let victim = Victim::new();
    let (log, pack) = (victim.logs[1].clone(), victim.packs[0].clone());
    let copies = [
        (&log, log.replace(".log", " (1).log")),
        (&log, log.replace(".log", ".sync-conflict-20260131-101010-ABCDEFG.log")),
        (&log, log.replace(".log", " 2.log")),
        (&log, log.replace(".log", ".LOG")),
        (&pack, pack.replace(".pack", " (1).pack")),
        (&pack, pack.replace(".pack", " (Jo's conflicted copy 2026-01-31).pack")),
        (&pack, format!("data/zz/{}", pack.rsplit('/').next().unwrap())),
    ];
    fs::create_dir(victim.path("data/zz")).unwrap();
    for (from, to) in &copies {
        victim.write(to, &victim.read(from));
    }
    let litter = ["log/.DS_Store", "log/desktop.ini", "log/.syncthing.x.log.tmp", "Thumbs.db"];
    let garbage = ["log/1-1.log", "data/readme", "data/zz/x.pack", "keys/garbage", "x.pack"];
    for path in litter.iter().chain(&garbage) {
        victim.write(path, b"garbage");
    }
    for folder in ["log/folder", "log/0123456789abcdef-00000001.log", "data/zz/folder"] {
        fs::create_dir(victim.path(folder)).unwrap();
    }
    let (said, json) = victim.verify();
    for (object, copy) in &copies {
        said.expect(0, &[&format!("copy     {copy}: a copy of {object}, not needed")]);
    }
    for stranger in garbage.into_iter().chain(["log/folder", "data/zz/folder"]) {
        said.expect(0, &[&format!("not used {stranger}")]);
    }
    let count = |list: &str| json[list].as_array().unwrap().len();
    assert_eq!((count("copies"), count("strangers"), count("litter")), (7, 8, 4));
    said.expect(0, &["4 files and folders: all is whole"]);
    let (said, left) = victim.restore();
    said.expect(0, &[]);
    assert_eq!((said.stderr.as_str(), left), ("", ALL_WHOLE));
}

#[test]
fn a_copy_of_a_slot_opens_and_a_damaged_copy_is_named() {
    let victim = Victim::new();
    let slot = victim.slot();
    let copy = slot.replace(".key", " (1).key");
    victim.write(&copy, &victim.read(&slot));
    victim.remove(&slot);
    victim.verify().0.expect(0, &["all is whole"]);
    victim.write(&slot, b"half");
    victim.verify().0.expect(11, &[&format!("DAMAGED  {slot}")]);
    let (said, left) = victim.restore();
    assert_eq!((said.code, left), (0, ALL_WHOLE));
}

#[test]
fn a_slot_of_another_vault_is_not_taken_for_damage() {
    let (victim, other) = (Victim::new(), Victim::new());
    victim.write(&other.slot(), &other.read(&other.slot()));
    let (said, _) = victim.verify();
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    fs::write(victim.bench.key(), "0123456789abcdef".repeat(4)).unwrap();
    victim.expect_refusal(10, &["wrong 64-digit key"]);
}

#[test]
fn what_stands_under_an_objects_name_and_is_no_file_ends_in_an_error() {
    let victim = Victim::new();
    let log = &victim.logs[2];
    victim.remove(log);
    let made = std::process::Command::new("mkfifo").arg(victim.path(log)).status().unwrap();
    assert!(made.success());
    victim.verify().0.expect(11, &[log]);
    victim.mount().expect(11, &[log]);
    let (said, left) = victim.restore();
    said.expect(11, &[log]);
    assert_eq!(left, [Left::Whole, Left::Whole, Left::Nothing]);
    victim.remove(log);
    std::os::unix::fs::symlink("nowhere", victim.path(log)).unwrap();
    victim.verify().0.expect(11, &[log]);
    victim.remove(log);
    fs::create_dir(victim.path(log)).unwrap();
    victim.verify().0.expect(11, &[log]);
}

#[test]
fn a_vault_that_nobody_wrote_to_is_whole() {
    let bench = Bench::new();
    bench.verify().expect(0, &["0 files and folders: all is whole"]);
    let destination = bench.place("restored");
    bench.restore(&destination, &[]).expect(0, &["restored 1 entry, 0 bytes"]);
    // Sync clients leave out empty folders.
    for folder in ["log", "data"] {
        fs::remove_dir(bench.vault().join(folder)).unwrap();
    }
    bench.verify().expect(0, &["0 files and folders: all is whole"]);
}
