//! A restore that was cut off goes on, and one that was done changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;

use hushfs::format::NodeKind;

use crate::bench::Bench;
use crate::bench::device::content;

/// For each path: inode number, mode, time, size.
type Look = BTreeMap<String, (u64, u32, i64, u64)>;

fn look(folder: &Path) -> Look {
    let mut found = Look::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let time = metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            found.insert(name, (metadata.ino(), metadata.mode(), time, metadata.size()));
            if metadata.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

/// A vault of 12 files in 3 folders, a link of each kind, and a pipe.
fn filled(bytes: usize) -> Bench {
    let bench = Bench::new();
    let device = bench.device();
    for folder in 0..3 {
        device.make(format!("folder {folder}"), NodeKind::Folder);
        for file in 0..4 {
            device.file(format!("folder {folder}/{file}"), &content(folder * 4 + file, bytes));
        }
    }
    device.link(device.ino("folder 0/0"), "folder 2/link");
    device.make("symlink", NodeKind::Symlink(b"folder 0/0"));
    device.make("pipe", NodeKind::Fifo);
    device.unmount();
    bench
}

fn check(folder: &Path, bytes: usize) {
    for nth in 0..12 {
        let found = fs::read(folder.join(format!("folder {}/{}", nth / 4, nth % 4))).unwrap();
        assert!(found == content(nth, bytes), "file {nth}");
    }
    let drafts = look(folder).into_keys().filter(|name| name.contains(".hushfs-restore-"));
    assert_eq!(drafts.collect::<Vec<_>>(), [] as [String; 0]);
}

#[test]
fn a_second_run_says_what_was_there_and_changes_nothing() {
    let bench = filled(10_000);
    let destination = bench.place("restored");
    bench.restore(&destination, &[]).expect(0, &["restored 19 entries, 120 kB\n"]);
    let before = look(&destination);
    let said = bench.restore(&destination, &[]);
    said.expect(0, &["0 bytes; 15 files were there already\n"]);
    assert_eq!(said.stderr, "");
    assert_eq!(look(&destination), before);
    check(&destination, 10_000);
}

#[test]
fn what_is_missing_is_restored_and_stale_drafts_go() {
    let bench = filled(10_000);
    let destination = bench.place("restored");
    bench.restore(&destination, &[]).expect(0, &[]);
    let mut before = look(&destination);
    let device = bench.device();
    for (name, folder) in [("folder 1/2", "folder 1"), ("symlink", ""), ("folder 0/0", "folder 0")]
    {
        fs::remove_file(destination.join(name)).unwrap();
        before.remove(name);
        let draft = format!(".hushfs-restore-{:016x}", device.ino(name).0);
        fs::write(destination.join(folder).join(draft), b"half").unwrap();
    }
    device.unmount();
    let said = bench.restore(&destination, &[]);
    // A file that lost one of its names gets it back, and the other one is a name of the same.
    said.expect(0, &["; 11 files were there already\n"]);
    before.remove("folder 2/link");
    check(&destination, 10_000);
    let after = look(&destination);
    for (path, was) in before {
        assert_eq!(after[&path], was, "{path}");
    }
    assert_eq!(after["folder 0/0"].0, after["folder 2/link"].0);
}

#[test]
fn a_restore_that_was_killed_leaves_only_whole_files_and_goes_on() {
    let bytes = 4_000_000;
    let bench = filled(bytes);
    let destination = bench.place("restored");
    let vault = bench.vault();
    for rounds in 1..20 {
        let arguments = [vault.as_os_str(), destination.as_os_str()];
        let mut restore =
            bench.command("restore", &arguments).stdout(Stdio::null()).spawn().unwrap();
        // Until a little more is there, or all of it.
        let is_there = |nth: u32| destination.join(format!("folder {}/{}", nth / 4, nth % 4));
        while restore.try_wait().unwrap().is_none()
            && (0..12).filter(|nth| is_there(*nth).exists()).count() < rounds
        {
            std::thread::yield_now();
        }
        restore.kill().unwrap();
        let ended = restore.wait().unwrap();
        for nth in (0..12).filter(|nth| is_there(*nth).exists()) {
            assert!(fs::read(is_there(nth)).unwrap() == content(nth, bytes), "file {nth}");
        }
        if ended.success() {
            break;
        }
    }
    bench.restore(&destination, &[]).expect(0, &["were there already"]);
    check(&destination, bytes);
}
