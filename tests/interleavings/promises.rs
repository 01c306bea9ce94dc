//! What `fsync` and `close` promise, beside each other and beside publications.

use std::sync::Arc;

use hushfs::format::Ino;
use hushfs::fs::FileSystem;
use shuttle::thread;

use crate::bench::{BULK_BYTES, Bench, CHUNK_BYTES, NEW, names, read, write};
use crate::schedules::explore;

/// All bytes are this letter, or nothing is there yet that was written before it.
fn is_all(bytes: &[u8], letter: u8) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| *byte == letter)
}

/// Writes a part of a file, syncs it and looks whether a loss of power would leave it; twice.
fn write_and_sync(bench: &Bench, fs: &FileSystem, ino: Ino, chunk: usize, bytes: usize) {
    for letter in [b'a', b'b'] {
        write(fs, ino, chunk, bytes, letter);
        fs.fsync(ino).unwrap();
        let left = bench.after_power_loss(u64::from(letter));
        assert!(is_all(&read(&left, ino, chunk, bytes), letter), "synced, and lost");
        assert!(is_all(&read(fs, ino, chunk, bytes), letter), "written, and not read");
    }
}

#[test]
fn two_writers_of_one_file_sync_it_beside_publications() {
    explore(|| {
        let (bench, fs) = Bench::mounted();
        let ino = fs.create(Ino::ROOT, b"file", NEW).unwrap().ino;
        let writers = [(0, 1000), (4, BULK_BYTES)].map(|(chunk, bytes)| {
            let (bench, fs) = (bench.clone(), fs.clone());
            thread::spawn(move || write_and_sync(&bench, &fs, ino, chunk, bytes))
        });
        let publisher = {
            let fs = fs.clone();
            thread::spawn(move || (0..2).for_each(|_| fs.publish().unwrap()))
        };
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        publisher.join().unwrap();
        fs.shut_down().unwrap();
        let there = bench.by_another_device();
        assert!(is_all(&read(&there, ino, 0, 1000), b'b'));
        assert!(is_all(&read(&there, ino, 4, BULK_BYTES), b'b'));
    });
}

#[test]
fn a_close_beside_publications_keeps_its_promise() {
    explore(|| {
        let (bench, fs) = Bench::mounted();
        let ino = fs.create(Ino::ROOT, b"file", NEW).unwrap().ino;
        let publisher = {
            let fs = fs.clone();
            thread::spawn(move || (0..2).for_each(|_| fs.publish().unwrap()))
        };
        for (letter, bytes) in [(b'a', 1000), (b'b', BULK_BYTES), (b'c', 2 * CHUNK_BYTES)] {
            write(&fs, ino, 0, bytes, letter);
            fs.close(ino).unwrap();
            assert!(is_all(&read(&bench.after_kill(), ino, 0, bytes), letter), "closed, and lost");
        }
        publisher.join().unwrap();
        fs.shut_down().unwrap();
        let there = bench.by_another_device();
        assert!(is_all(&read(&there, ino, 0, 2 * CHUNK_BYTES), b'c'));
        assert!(is_all(&read(&there, ino, 2, BULK_BYTES - 2 * CHUNK_BYTES), b'b'));
    });
}

#[test]
fn syncs_that_share_one_keep_the_promise_of_each() {
    explore(|| {
        let (bench, fs) = Bench::mounted();
        let writers: Vec<_> = (0..3)
            .map(|nth| {
                let (bench, fs) = (bench.clone(), fs.clone());
                thread::spawn(move || {
                    let name = format!("file-{nth}");
                    let ino = fs.create(Ino::ROOT, name.as_bytes(), NEW).unwrap().ino;
                    let bytes = if nth == 0 { BULK_BYTES } else { 1000 };
                    write(&fs, ino, 0, bytes, b'x');
                    fs.fsync(ino).unwrap();
                    let left = bench.after_power_loss(nth);
                    assert_eq!(names(&left).get(&name), Some(&ino), "synced, and lost");
                    assert!(is_all(&read(&left, ino, 0, bytes), b'x'), "synced, and lost");
                })
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        fs.shut_down().unwrap();
        assert_eq!(names(&bench.by_another_device()).len(), 3);
    });
}

#[test]
fn a_read_beside_writes_and_publications_sees_a_write_whole_or_not() {
    explore(|| {
        let (bench, fs) = Bench::mounted();
        let ino = fs.create(Ino::ROOT, b"file", NEW).unwrap().ino;
        write(&fs, ino, 0, BULK_BYTES, b'a');
        let spawn = |work: fn(&FileSystem, Ino)| {
            let fs: Arc<FileSystem> = fs.clone();
            thread::spawn(move || work(&fs, ino))
        };
        let writer = spawn(|fs, ino| {
            write(fs, ino, 0, BULK_BYTES, b'b');
            fs.close(ino).unwrap();
            write(fs, ino, 1, 10, b'b');
        });
        let publisher = spawn(|fs, _| (0..2).for_each(|_| fs.publish().unwrap()));
        let reader = spawn(|fs, ino| {
            let mut last = b'a';
            for _ in 0..4 {
                let seen = read(fs, ino, 0, BULK_BYTES);
                assert_eq!(seen.len(), BULK_BYTES);
                assert!(is_all(&seen, seen[0]) && seen[0] >= last, "torn, or gone back");
                last = seen[0];
            }
        });
        [writer, publisher, reader].into_iter().for_each(|thread| thread.join().unwrap());
        fs.shut_down().unwrap();
        assert!(is_all(&read(&bench.by_another_device(), ino, 0, BULK_BYTES), b'b'));
    });
}
