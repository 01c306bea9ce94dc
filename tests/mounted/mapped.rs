//! Files mapped into memory.
#![allow(unsafe_code, reason = "memory cannot be mapped without it")]

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::ptr;

use rustix::mm::{MapFlags, MsyncFlags, ProtFlags, mmap, msync, munmap};

use super::bench::Bench;

const PAGE: usize = 4096;

/// A mapping of a file's first bytes, all of which are in the file.
struct Mapping {
    start: *mut u8,
    bytes: usize,
}

impl Mapping {
    fn new(file: &File, bytes: usize, flags: MapFlags) -> Self {
        assert!(file.metadata().unwrap().len() >= bytes as u64);
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the kernel chooses a free place.
        let start = unsafe { mmap(ptr::null_mut(), bytes, access, flags, file, 0) }.unwrap();
        Self { start: start.cast(), bytes }
    }

    fn get(&self, at: usize) -> u8 {
        assert!(at < self.bytes);
        // SAFETY: within the mapping, which can be read; the file is not cut while it lives.
        unsafe { self.start.add(at).read_volatile() }
    }

    fn set(&self, at: usize, byte: u8) {
        assert!(at < self.bytes);
        // SAFETY: within the mapping, which can be written; the file is not cut while it lives.
        unsafe { self.start.add(at).write_volatile(byte) }
    }

    fn sync(&self) {
        // SAFETY: the whole mapping.
        unsafe { msync(self.start.cast(), self.bytes, MsyncFlags::SYNC) }.unwrap();
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the whole mapping, which nobody uses any more.
        unsafe { munmap(self.start.cast(), self.bytes) }.unwrap();
    }
}

fn file_of(bench: &Bench, pages: usize) -> File {
    fs::write(bench.at("file"), vec![b'a'; pages * PAGE]).unwrap();
    OpenOptions::new().read(true).write(true).open(bench.at("file")).unwrap()
}

#[test]
fn what_a_shared_mapping_changes_is_in_the_file_at_once_and_after_a_new_mount() {
    let Some(bench) = Bench::mounted() else { return };
    let file = file_of(&bench, 20);
    let mapping = Mapping::new(&file, 20 * PAGE, MapFlags::SHARED);
    assert_eq!(mapping.get(3 * PAGE), b'a');
    mapping.set(5, b'b');
    mapping.set(19 * PAGE + 7, b'c');
    let read = fs::read(bench.at("file")).unwrap();
    assert_eq!((read[5], read[19 * PAGE + 7]), (b'b', b'c'));
    file.write_all_at(b"d", 2 * PAGE as u64).unwrap();
    assert_eq!(mapping.get(2 * PAGE), b'd');
    mapping.sync();
    mapping.set(6, b'e');
    drop((mapping, file));
    let expected = fs::read(bench.at("file")).unwrap();
    assert_eq!(expected[6], b'e');
    bench.remount();
    assert!(fs::read(bench.at("file")).unwrap() == expected);
}

#[test]
fn what_a_synced_mapping_changed_survives_a_killed_daemon() {
    let Some(bench) = Bench::mounted() else { return };
    let file = file_of(&bench, 3);
    let mapping = Mapping::new(&file, 3 * PAGE, MapFlags::SHARED);
    mapping.set(2 * PAGE, b'z');
    mapping.sync();
    bench.kill();
    drop((mapping, file));
    bench.mount();
    assert_eq!(fs::read(bench.at("file")).unwrap()[2 * PAGE], b'z');
}

#[test]
fn what_a_private_mapping_changes_is_not_in_the_file() {
    let Some(bench) = Bench::mounted() else { return };
    let file = file_of(&bench, 2);
    let mapping = Mapping::new(&file, 2 * PAGE, MapFlags::PRIVATE);
    mapping.set(PAGE, b'x');
    assert_eq!(mapping.get(PAGE), b'x');
    assert_eq!(mapping.get(PAGE + 1), b'a');
    drop((mapping, file));
    assert!(fs::read(bench.at("file")).unwrap().iter().all(|byte| *byte == b'a'));
}

#[test]
fn a_mapping_beside_a_handle_that_only_writes_sees_what_is_written() {
    let Some(bench) = Bench::mounted() else { return };
    // The writer first: its writes bypass the page cache.
    fs::write(bench.at("file"), vec![b'a'; 2 * PAGE]).unwrap();
    let writer = OpenOptions::new().write(true).open(bench.at("file")).unwrap();
    let file = OpenOptions::new().read(true).write(true).open(bench.at("file")).unwrap();
    let mapping = Mapping::new(&file, 2 * PAGE, MapFlags::SHARED);
    assert_eq!(mapping.get(9), b'a');
    writer.write_all_at(b"w", 9).unwrap();
    assert_eq!(mapping.get(9), b'w');
    mapping.set(10, b'm');
    mapping.sync();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 10).unwrap();
    assert_eq!(&byte, b"m");
    drop((mapping, file, writer));
    bench.remount();
    assert_eq!(&fs::read(bench.at("file")).unwrap()[9..11], b"wm");
}
