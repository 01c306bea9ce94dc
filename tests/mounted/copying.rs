//! Copies within the mount: they share the packs' chunks, and are files of their own.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use rustix::fs::copy_file_range;
use rustix::io::Errno;

use super::bench::Bench;

const CHUNK: usize = 4096;
const MEBIBYTE: usize = 1 << 20;

/// Content that is the same nowhere else.
fn pattern(bytes: usize, seed: usize) -> Vec<u8> {
    (0..bytes).map(|at| ((at * 29 + at / 253 + seed * 19) % 256) as u8).collect()
}

/// Copies all of a range with as many calls as it takes; gives how many bytes it was.
fn copy(from: &File, mut from_at: u64, to: &File, mut to_at: u64, bytes: usize) -> usize {
    let mut done = 0;
    while done < bytes {
        let copied =
            copy_file_range(from, Some(&mut from_at), to, Some(&mut to_at), bytes - done).unwrap();
        if copied == 0 {
            break;
        }
        done += copied;
    }
    done
}

fn open(path: &Path) -> File {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).unwrap()
}

fn pack_bytes(bench: &Bench) -> u64 {
    let folders = fs::read_dir(bench.vault().join("data")).unwrap();
    let packs = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
    packs.map(|pack| pack.unwrap().metadata().unwrap().len()).sum()
}

fn verify(bench: &Bench) {
    let verified = bench.run("verify", &["--key-file".as_ref()], |command| {
        command.arg(bench.key_file()).arg(bench.vault());
    });
    assert!(verified.status.success(), "{verified:?}");
}

#[test]
fn cp_takes_no_room_and_its_copy_outlives_the_original() {
    let Some(bench) = Bench::mounted() else { return };
    let content = pattern(40 * MEBIBYTE + 777, 1);
    fs::write(bench.at("original"), &content).unwrap();
    bench.remount();
    let before = pack_bytes(&bench);
    for copy in ["copy", "copy of the copy"] {
        let from = if copy == "copy" { "original" } else { "copy" };
        let copied = Command::new("cp").arg(bench.at(from)).arg(bench.at(copy)).status().unwrap();
        assert!(copied.success());
    }
    bench.remount();
    assert_eq!(pack_bytes(&bench), before, "no content was written again");
    fs::remove_file(bench.at("original")).unwrap();
    bench.unmount();
    verify(&bench);
    bench.mount_elsewhere();
    for copy in ["copy", "copy of the copy"] {
        assert!(fs::read(bench.at(copy)).unwrap() == content, "{copy}");
    }
}

#[test]
fn a_change_of_either_file_does_not_show_in_the_other() {
    let Some(bench) = Bench::mounted() else { return };
    let mut expected = [pattern(MEBIBYTE, 2), pattern(MEBIBYTE, 2)];
    let files = ["original", "copy"].map(|name| open(&bench.at(name)));
    files[0].write_all_at(&expected[0], 0).unwrap();
    assert_eq!(copy(&files[0], 0, &files[1], 0, 2 * MEBIBYTE), MEBIBYTE);
    for (nth, at) in [(0, 10), (1, 5 * CHUNK), (0, 9 * CHUNK - 3), (1, MEBIBYTE - 2)] {
        files[nth].write_all_at(b"new", at as u64).unwrap();
        expected[nth].resize(expected[nth].len().max(at + 3), 0);
        expected[nth][at..at + 3].copy_from_slice(b"new");
    }
    files[0].set_len(300_000).unwrap();
    expected[0].truncate(300_000);
    let check = || {
        for (name, expected) in ["original", "copy"].iter().zip(&expected) {
            assert!(fs::read(bench.at(name)).unwrap() == *expected, "{name}");
        }
    };
    check();
    drop(files);
    bench.remount();
    check();
}

#[test]
fn a_copy_of_what_no_pack_holds_yet_survives_a_kill_without_its_original() {
    let Some(bench) = Bench::mounted() else { return };
    let content = pattern(10 * CHUNK + 100, 3);
    let [from, to] = ["from", "to"].map(|name| open(&bench.at(name)));
    from.write_all_at(&content, 0).unwrap();
    // The name goes first: what is copied is an unnamed file's.
    fs::remove_file(bench.at("from")).unwrap();
    copy(&from, 0, &to, 0, content.len());
    to.sync_all().unwrap();
    bench.kill();
    bench.mount();
    assert!(fs::read(bench.at("to")).unwrap() == content);
    bench.unmount();
    verify(&bench);
}

#[test]
fn holes_stay_holes_and_what_was_there_before_is_gone() {
    let Some(bench) = Bench::mounted() else { return };
    let [from, to] = ["from", "to"].map(|name| open(&bench.at(name)));
    from.write_all_at(&pattern(CHUNK, 4), 0).unwrap();
    from.write_all_at(&pattern(CHUNK, 5), 100 * CHUNK as u64).unwrap();
    to.write_all_at(&pattern(200 * CHUNK, 6), 0).unwrap();
    copy(&from, 0, &to, 0, 101 * CHUNK);
    let mut expected = pattern(200 * CHUNK, 6);
    expected[..101 * CHUNK].fill(0);
    expected[..CHUNK].copy_from_slice(&pattern(CHUNK, 4));
    expected[100 * CHUNK..101 * CHUNK].copy_from_slice(&pattern(CHUNK, 5));
    assert!(fs::read(bench.at("to")).unwrap() == expected);
    to.sync_all().unwrap();
    assert_eq!(bench.at("to").metadata().unwrap().blocks(), 101 * 8);
}

#[test]
fn ranges_of_one_file_may_touch_but_not_overlap() {
    let Some(bench) = Bench::mounted() else { return };
    let file = open(&bench.at("file"));
    let mut expected = pattern(8 * CHUNK, 7);
    file.write_all_at(&expected, 0).unwrap();
    assert_eq!(copy(&file, 0, &file, 8 * CHUNK as u64, 8 * CHUNK), 8 * CHUNK);
    expected.extend_from_within(..);
    assert!(fs::read(bench.at("file")).unwrap() == expected);
    let refused = copy_file_range(&file, Some(&mut 0), &file, Some(&mut 100), 8 * CHUNK);
    assert_eq!(refused, Err(Errno::INVAL));
}

#[test]
fn a_run_over_chunks_of_two_originals_is_no_damage() {
    let Some(bench) = Bench::mounted() else { return };
    // One after the other in one pack, so that what is copied from both stands back to back.
    let [a, b, to] = ["a", "b", "to"].map(|name| open(&bench.at(name)));
    a.write_all_at(&pattern(16 * CHUNK, 8), 0).unwrap();
    b.write_all_at(&pattern(16 * CHUNK, 9), 0).unwrap();
    copy(&a, 0, &to, 0, 16 * CHUNK);
    copy(&b, 0, &to, 16 * CHUNK as u64, 16 * CHUNK);
    drop([a, b, to]);
    bench.unmount();
    verify(&bench);
    bench.mount();
    let expected = [pattern(16 * CHUNK, 8), pattern(16 * CHUNK, 9)].concat();
    assert!(fs::read(bench.at("to")).unwrap() == expected);
}

#[test]
fn a_copy_into_a_setuid_file_by_root_keeps_the_bit_as_a_write_does() {
    let Some(bench) = Bench::mounted() else { return };
    let [from, to] = ["from", "to"].map(|name| open(&bench.at(name)));
    from.write_all_at(&pattern(CHUNK, 1), 0).unwrap();
    fs::set_permissions(bench.at("to"), fs::Permissions::from_mode(0o4755)).unwrap();
    copy(&from, 0, &to, 0, CHUNK);
    let after_copy = fs::metadata(bench.at("to")).unwrap().mode();
    to.write_all_at(b"x", 0).unwrap();
    assert_eq!(after_copy, fs::metadata(bench.at("to")).unwrap().mode());
}
