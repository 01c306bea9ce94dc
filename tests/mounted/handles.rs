//! What the flags mean that a file is opened with.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::process::{Command, Stdio};

use rustix::fs::{OFlags, fcntl_getfl};

use super::bench::Bench;

const PAGE: usize = 4096;

fn read(file: &File, at: u64, bytes: usize) -> Vec<u8> {
    let mut read = vec![0; bytes];
    file.read_exact_at(&mut read, at).unwrap();
    read
}

/// Whole pages at an address that is a multiple of a page's size, as `O_DIRECT` asks on disks.
struct Pages(Vec<u8>);

impl Pages {
    fn of(byte: u8, bytes: usize) -> Self {
        Self(vec![byte; bytes + PAGE])
    }

    fn bytes(&mut self) -> &mut [u8] {
        let start = self.0.as_ptr().align_offset(PAGE);
        let bytes = self.0.len() - PAGE;
        &mut self.0[start..start + bytes]
    }
}

#[test]
fn direct_and_cached_handles_see_each_others_writes() {
    let Some(bench) = Bench::mounted() else { return };
    let path = bench.at("file");
    fs::write(&path, vec![b'a'; 4 * PAGE]).unwrap();
    let mut options = OpenOptions::new();
    let cached = options.read(true).write(true).open(&path).unwrap();
    assert_eq!(read(&cached, 0, 4 * PAGE), vec![b'a'; 4 * PAGE]);
    let direct = options.custom_flags(libc::O_DIRECT).open(&path).unwrap();
    let mut pages = Pages::of(b'b', 2 * PAGE);
    assert_eq!(direct.write_at(pages.bytes(), PAGE as u64).unwrap(), 2 * PAGE);
    assert_eq!(read(&cached, PAGE as u64 - 1, 3), b"abb");
    cached.write_all_at(b"c", 2 * PAGE as u64).unwrap();
    assert_eq!(direct.read_at(pages.bytes(), 2 * PAGE as u64).unwrap(), 2 * PAGE);
    assert_eq!(pages.bytes()[..2], *b"cb");
    assert_eq!(pages.bytes()[PAGE], b'a');
    drop((cached, direct));
    bench.remount();
    let file = File::open(&path).unwrap();
    assert_eq!(read(&file, 2 * PAGE as u64 - 1, 3), b"bcb");
}

#[test]
fn direct_handles_take_any_offset_and_length() {
    let Some(bench) = Bench::mounted() else { return };
    let path = bench.at("file");
    fs::write(&path, "0123456789").unwrap();
    let mut options = OpenOptions::new();
    let direct = options.read(true).write(true).custom_flags(libc::O_DIRECT).open(&path).unwrap();
    direct.write_all_at(b"abc", 3).unwrap();
    assert_eq!(read(&direct, 1, 7), b"12abc67");
    assert_eq!(fs::read(&path).unwrap(), b"012abc6789");
}

#[test]
fn appends_of_several_processes_are_all_there_and_whole() {
    const WRITERS: usize = 4;
    const LINES: usize = 200;
    let Some(bench) = Bench::mounted() else { return };
    let script = format!(
        "import os, sys\nf = os.open('log', os.O_WRONLY | os.O_APPEND | os.O_CREAT)\n\
         for line in range({LINES}): os.write(f, (sys.argv[1] + ' %03d\\n' % line).encode() * 9)"
    );
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            Command::new("python3")
                .args(["-c", &script, &writer.to_string()])
                .current_dir(bench.mount_point())
                .stdin(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    writers.into_iter().for_each(|mut writer| assert!(writer.wait().unwrap().success()));
    bench.remount();
    let text = fs::read_to_string(bench.at("log")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), WRITERS * LINES * 9);
    // Each write stands by itself, and a writer's in their order.
    assert!(lines.chunks(9).all(|write| write.iter().all(|line| *line == write[0])));
    for writer in 0..WRITERS {
        let own = lines.chunks(9).map(|write| write[0]);
        let own: Vec<_> = own.filter(|line| line.starts_with(&format!("{writer} "))).collect();
        assert!(own.len() == LINES && own.is_sorted());
    }
}

#[test]
fn a_write_at_an_offset_through_an_appending_handle_appends() {
    let Some(bench) = Bench::mounted() else { return };
    fs::write(bench.at("file"), "abc").unwrap();
    let file = OpenOptions::new().append(true).open(bench.at("file")).unwrap();
    file.write_all_at(b"X", 0).unwrap();
    assert_eq!(fs::read(bench.at("file")).unwrap(), b"abcX");
}

#[test]
fn opening_a_file_cut_is_seen_by_handles_that_were_open() {
    let Some(bench) = Bench::mounted() else { return };
    let path = bench.at("file");
    fs::write(&path, vec![b'a'; 3 * PAGE]).unwrap();
    let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    assert_eq!(read(&file, PAGE as u64, 1), b"a");
    let mut cut = File::create(&path).unwrap();
    assert_eq!(file.metadata().unwrap().len(), 0);
    assert_eq!(file.read_at(&mut [0; 9], 0).unwrap(), 0);
    cut.write_all(b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    file.write_all_at(b"z", 2 * PAGE as u64).unwrap();
    assert_eq!(read(&file, 3, 5), vec![0; 5]);
}

/// What is written through a handle with this flag, to a file that is then neither closed nor
/// synced, is there after a crash of hushfs.
fn assert_synchronous(flag: i32, is_readable: bool) {
    let Some(bench) = Bench::mounted() else { return };
    let mut options = OpenOptions::new();
    options.read(is_readable).write(true).create(true).custom_flags(flag);
    let file = options.open(bench.at("file")).unwrap();
    let bits = OFlags::from_bits_retain(flag as u32);
    assert!(fcntl_getfl(&file).unwrap().contains(bits));
    file.write_all_at(&[b'x'; 100_000], 0).unwrap();
    file.write_all_at(b"second", 50_000).unwrap();
    bench.kill();
    drop(file);
    bench.mount();
    let mut expected = vec![b'x'; 100_000];
    expected[50_000..50_006].copy_from_slice(b"second");
    assert!(fs::read(bench.at("file")).unwrap() == expected);
}

#[test]
fn every_write_through_a_synchronous_handle_survives_a_killed_daemon() {
    assert_synchronous(libc::O_SYNC, true);
    assert_synchronous(libc::O_DSYNC, true);
}

#[test]
fn regression_a_synchronous_handle_that_only_writes_is_synchronous_too() {
    assert_synchronous(libc::O_SYNC, false);
    assert_synchronous(libc::O_DSYNC, false);
}

#[test]
fn numbers_links_and_blocks_are_the_same_after_a_new_mount() {
    let Some(bench) = Bench::mounted() else { return };
    fs::create_dir_all(bench.at("folder/inner")).unwrap();
    fs::write(bench.at("file"), vec![b'x'; 100_001]).unwrap();
    fs::hard_link(bench.at("file"), bench.at("folder/again")).unwrap();
    fs::write(bench.at("empty"), "").unwrap();
    let sparse = File::create(bench.at("sparse")).unwrap();
    sparse.write_all_at(b"x", 1_000_000).unwrap();
    drop(sparse);
    std::os::unix::fs::symlink("file", bench.at("link")).unwrap();
    let paths = ["", "folder", "folder/inner", "folder/again", "file", "empty", "sparse", "link"];
    let told = || {
        paths.map(|path| {
            let told = fs::symlink_metadata(bench.at(path)).unwrap();
            (told.ino(), told.nlink(), told.size(), told.blocks(), told.blksize())
        })
    };
    let before = told();
    assert_eq!(before[4].3, 25 * 8, "whole chunks, in units of 512 bytes");
    assert_eq!((before[5].3, before[6].3, before[1].2), (0, 8, 0));
    assert!(before.iter().all(|told| told.4 == 4096));
    bench.remount();
    assert_eq!(told(), before);
    bench.unmount();
    bench.mount_elsewhere();
    assert_eq!(told(), before, "on another device");
}
