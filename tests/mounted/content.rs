//! What is in regular files: of every size, cut, extended, with holes, open after their last name.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::fs::{FallocateFlags, SeekFrom as HoleSeek, fallocate, seek};
use rustix::io::Errno;

use super::bench::Bench;
use super::snapshot;

const CHUNK: u64 = 4096;
const TERABYTE: u64 = 1 << 40;

/// Content that is the same nowhere else.
fn pattern(bytes: u64, seed: u64) -> Vec<u8> {
    (0..bytes).map(|at| ((at * 31 + at / 251 + seed * 17) % 256) as u8).collect()
}

fn open(path: &std::path::Path) -> File {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).unwrap()
}

#[test]
fn files_of_every_size_come_back_as_they_were_written() {
    let Some(bench) = Bench::mounted() else { return };
    let sizes = [0, 1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 65_535, 65_536, 65_537, 131_072 + 5];
    let large = [1_048_576, 1_048_577, 16 * 1_048_576, 17 * 1_048_576 + 3];
    let sizes: Vec<u64> = sizes.into_iter().chain(large).collect();
    for &size in &sizes {
        fs::write(bench.at(size.to_string()), pattern(size, size)).unwrap();
    }
    let check = || {
        for &size in &sizes {
            let read = fs::read(bench.at(size.to_string())).unwrap();
            assert!(read == pattern(size, size), "{size} bytes");
        }
    };
    check();
    let before = snapshot::of(&bench.mount_point());
    bench.remount();
    check();
    snapshot::assert_same(&snapshot::of(&bench.mount_point()), &before);
    bench.unmount();
    bench.mount_elsewhere();
    snapshot::assert_same(&snapshot::of(&bench.mount_point()), &before);
}

#[test]
fn writes_of_any_size_at_any_place_make_what_they_make_elsewhere() {
    let Some(bench) = Bench::mounted() else { return };
    let ours = open(&bench.at("file"));
    let plain = open(&bench.folder().join("plain"));
    let mut random: u64 = 88_172_645_463_325_252;
    for round in 0..300 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let (at, bytes) = (random % 300_000, (random >> 32) % 9_000);
        for file in [&ours, &plain] {
            match random % 11 {
                0 => file.set_len(at).unwrap(),
                _ => file.write_all_at(&pattern(bytes, round), at).unwrap(),
            }
        }
    }
    let same =
        || fs::read(bench.at("file")).unwrap() == fs::read(bench.folder().join("plain")).unwrap();
    assert!(same());
    drop(ours);
    bench.remount();
    assert!(same());
}

#[test]
fn a_cut_file_that_grows_again_has_zeroes_there() {
    let Some(bench) = Bench::mounted() else { return };
    for cut in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 77] {
        let path = bench.at(cut.to_string());
        fs::write(&path, pattern(5 * CHUNK, cut)).unwrap();
        let file = open(&path);
        file.set_len(cut).unwrap();
        file.set_len(6 * CHUNK).unwrap();
        drop(file);
        let mut expected = pattern(cut, cut);
        expected.resize(6 * 4096, 0);
        assert!(fs::read(&path).unwrap() == expected, "cut to {cut}");
        bench.remount();
        assert!(fs::read(&path).unwrap() == expected, "cut to {cut}, mounted again");
    }
    let cut_at_open = bench.at("cut-at-open");
    fs::write(&cut_at_open, "long").unwrap();
    fs::write(&cut_at_open, "x").unwrap();
    bench.remount();
    assert_eq!(fs::read(&cut_at_open).unwrap(), b"x");
}

#[test]
fn sparse_terabytes_take_no_room_and_read_where_they_were_written() {
    let Some(bench) = Bench::mounted() else { return };
    let file = open(&bench.at("sparse"));
    file.set_len(4 * TERABYTE).unwrap();
    for at in [0, TERABYTE - 3, 2 * TERABYTE, 4 * TERABYTE - 5] {
        file.write_all_at(b"here!", at).unwrap();
    }
    file.sync_all().unwrap();
    let check = |file: &File| {
        assert_eq!(file.metadata().unwrap().size(), 4 * TERABYTE);
        assert!(file.metadata().unwrap().blocks() * 512 < 1_000_000, "it is mostly holes");
        let mut read = [1; 9];
        file.read_exact_at(&mut read, TERABYTE - 5).unwrap();
        assert_eq!(&read, b"\0\0here!\0\0");
        file.read_exact_at(&mut read[..5], 4 * TERABYTE - 5).unwrap();
        assert_eq!(&read[..5], b"here!");
        assert_eq!(seek(file, HoleSeek::Data(100_000)), Ok(TERABYTE - CHUNK));
        assert_eq!(seek(file, HoleSeek::Hole(0)), Ok(CHUNK));
        assert_eq!(seek(file, HoleSeek::Data(2 * TERABYTE + CHUNK)), Ok(4 * TERABYTE - CHUNK));
    };
    check(&file);
    drop(file);
    bench.remount();
    check(&open(&bench.at("sparse")));
    let room: u64 = bench.status().object_bytes;
    assert!(room < 1_000_000, "{room} bytes in the vault");
}

#[test]
fn holes_are_punched_zeroed_and_allocated_as_asked() {
    let Some(bench) = Bench::mounted() else { return };
    let path = bench.at("file");
    let mut expected = pattern(10 * CHUNK, 1);
    fs::write(&path, &expected).unwrap();
    let file = open(&path);
    let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    fallocate(&file, punch, CHUNK + 10, 3 * CHUNK).unwrap();
    expected[4106..4106 + 3 * 4096].fill(0);
    fallocate(&file, FallocateFlags::ZERO_RANGE, 8 * CHUNK, 4 * CHUNK).unwrap();
    expected[8 * 4096..].fill(0);
    expected.resize(12 * 4096, 0);
    fallocate(&file, FallocateFlags::KEEP_SIZE, 0, 20 * CHUNK).unwrap();
    assert!(fs::read(&path).unwrap() == expected);
    fallocate(&file, FallocateFlags::empty(), 0, 20 * CHUNK).unwrap();
    expected.resize(20 * 4096, 0);
    assert_eq!(seek(&file, HoleSeek::Hole(0)), Ok(2 * CHUNK));
    let collapse = fallocate(&file, FallocateFlags::COLLAPSE_RANGE, 0, CHUNK);
    assert_eq!(collapse, Err(Errno::OPNOTSUPP));
    drop(file);
    bench.remount();
    assert!(fs::read(&path).unwrap() == expected);
}

#[test]
fn appends_of_many_handles_are_all_there_and_whole() {
    let Some(bench) = Bench::mounted() else { return };
    let path = bench.at("log");
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
                for line in 0..250 {
                    file.write_all(format!("{writer} {line:03}\n").as_bytes()).unwrap();
                }
            });
        }
    });
    bench.remount();
    let text = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 1000);
    for writer in ["0 ", "1 ", "2 ", "3 "] {
        let own: Vec<_> = lines.iter().filter(|line| line.starts_with(writer)).collect();
        assert!(own.is_sorted(), "a writer's own lines are in order");
    }
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), 1000);
}

#[test]
fn a_reader_beside_a_writer_sees_only_what_was_written_and_never_less_than_before() {
    let Some(bench) = Bench::mounted() else { return };
    let path = bench.at("growing");
    let mut writer = File::create(&path).unwrap();
    let whole = pattern(3_000_000, 5);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for part in whole.chunks(7_777) {
                writer.write_all(part).unwrap();
            }
        });
        let mut reader = File::open(&path).unwrap();
        let mut read = 0;
        while read < whole.len() {
            let mut part = [0; 10_000];
            let bytes = reader.read(&mut part).unwrap();
            assert!(part[..bytes] == whole[read..read + bytes], "at {read}");
            read += bytes;
            let size = fs::metadata(&path).unwrap().len() as usize;
            assert!(size >= read, "{size} bytes, and {read} were read");
        }
    });
    assert!(fs::read(&path).unwrap() == whole);
}

#[test]
fn an_unlinked_file_is_read_and_written_until_it_is_closed_and_leaves_nothing() {
    let Some(bench) = Bench::mounted() else { return };
    let mut file = open(&bench.at("file"));
    file.write_all(b"before").unwrap();
    fs::remove_file(bench.at("file")).unwrap();
    file.write_all(b", and after").unwrap();
    file.sync_all().unwrap();
    file.set_len(100_000).unwrap();
    assert_eq!(file.metadata().unwrap().nlink(), 0);
    file.seek(SeekFrom::Start(0)).unwrap();
    let mut text = vec![0; 17];
    file.read_exact(&mut text).unwrap();
    assert_eq!(text, b"before, and after");
    fs::write(bench.at("file"), "another of that name").unwrap();

    // The same for one that is replaced by a rename, and in a folder that is gone by then.
    fs::create_dir(bench.at("folder")).unwrap();
    let replaced = open(&bench.at("folder/old"));
    replaced.write_all_at(b"old", 0).unwrap();
    fs::write(bench.at("new"), "new").unwrap();
    fs::rename(bench.at("new"), bench.at("folder/old")).unwrap();
    fs::remove_file(bench.at("folder/old")).unwrap();
    fs::remove_dir(bench.at("folder")).unwrap();
    replaced.write_all_at(b"still", 0).unwrap();
    let mut text = [0; 5];
    replaced.read_exact_at(&mut text, 0).unwrap();
    assert_eq!(&text, b"still");
    drop((file, replaced));
    bench.remount();
    assert_eq!(fs::read(bench.at("file")).unwrap(), b"another of that name");
    assert_eq!(bench.status().files, 1);
}

/// Cuts a file by its path, with no handle.
#[allow(unsafe_code, reason = "the standard library and rustix have no truncate(2)")]
fn truncate(path: &std::path::Path, size: u64) {
    let path = CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: the path is a string with a NUL at its end, alive throughout the call.
    assert_eq!(unsafe { libc::truncate(path.as_ptr(), size as i64) }, 0);
}

#[test]
fn a_small_file_is_what_was_written_last_however_many_others_open_it_meanwhile() {
    let Some(bench) = Bench::mounted() else { return };
    let path = bench.at("file");
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let opened: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut count = 0;
                    while !ended.load(Ordering::Relaxed) {
                        count += u64::from(fs::read(&path).is_ok());
                    }
                    count
                })
            })
            .collect();
        let mut expected = Vec::new();
        for nth in 0..4000_u32 {
            let bytes = vec![nth as u8; 1 + nth as usize * 37 % 12_000];
            match nth % 6 {
                0 => fs::write(&path, &bytes).unwrap(),
                1 => {
                    expected.truncate(expected.len() / 2);
                    let file = File::options().write(true).open(&path).unwrap();
                    file.set_len(expected.len() as u64).unwrap();
                }
                2 => {
                    let file = File::options().append(true).open(&path).unwrap();
                    (&file).write_all(&bytes).unwrap();
                    expected.extend_from_slice(&bytes);
                }
                3 => {
                    let file = File::options().read(true).write(true).open(&path).unwrap();
                    file.write_all_at(&bytes, 0).unwrap();
                    expected.resize(expected.len().max(bytes.len()), 0);
                    expected[..bytes.len()].copy_from_slice(&bytes);
                }
                4 => {
                    // Without a handle, just when whoever reads first is to be given the content.
                    drop(File::options().append(true).open(&path).unwrap());
                    std::thread::sleep(Duration::from_micros(u64::from(nth % 300)));
                    expected.resize(expected.len() * 2 / 3, 0);
                    truncate(&path, expected.len() as u64);
                }
                _ => {
                    let new = bench.at("new");
                    fs::write(&new, &bytes).unwrap();
                    fs::rename(&new, &path).unwrap();
                }
            }
            if matches!(nth % 6, 0 | 5) {
                expected = bytes;
            }
            assert!(fs::read(&path).unwrap() == expected, "after change {nth}");
            assert_eq!(fs::metadata(&path).unwrap().len(), expected.len() as u64);
        }
        ended.store(true, Ordering::Relaxed);
        assert!(opened.into_iter().all(|thread| thread.join().unwrap() > 0));
    });
}
