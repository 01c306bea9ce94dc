//! The end of a file beside everything that may still want it.

use hushfs::format::Ino;
use hushfs::fs::FsError;
use shuttle::thread;

use crate::bench::{BULK_BYTES, Bench, NEW, names, read, write};
use crate::schedules::explore;

#[test]
fn a_file_goes_once_with_its_last_handle_and_name_whoever_comes_first() {
    explore(|| {
        let (bench, fs) = Bench::mounted();
        let ino = fs.create(Ino::ROOT, b"file", NEW).unwrap().ino;
        write(&fs, ino, 0, 1000, b'a');
        write(&fs, ino, 4, BULK_BYTES, b'a');
        let spawn = |work: fn(&hushfs::fs::FileSystem, Ino)| {
            let fs = fs.clone();
            thread::spawn(move || work(&fs, ino))
        };
        let is_gone = |result: Result<(), FsError>| {
            assert!(matches!(result, Ok(()) | Err(FsError::NotFound)), "{result:?}");
        };
        let threads = [
            spawn(|fs, ino| fs.release(ino)),
            spawn(|fs, _| fs.unlink(Ino::ROOT, b"file").unwrap()),
            spawn(|fs, ino| {
                // A flush comes with every handle's close, before its release.
                fs.close(ino).unwrap();
            }),
            spawn(|fs, _| fs.publish().unwrap()),
        ];
        is_gone(fs.fsync(ino));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(matches!(fs.attributes(ino), Err(FsError::NotFound)));
        let status = fs.status();
        assert_eq!((status.files, status.content_bytes), (0, 0));
        fs.shut_down().unwrap();
        assert!(names(&bench.by_another_device()).is_empty());
    });
}

#[test]
fn an_open_file_without_a_name_is_read_and_written_beside_publications() {
    explore(|| {
        let (bench, fs) = Bench::mounted();
        let ino = fs.create(Ino::ROOT, b"file", NEW).unwrap().ino;
        write(&fs, ino, 0, BULK_BYTES, b'a');
        let publisher = {
            let fs = fs.clone();
            thread::spawn(move || (0..2).for_each(|_| fs.publish().unwrap()))
        };
        let remover = {
            let fs = fs.clone();
            thread::spawn(move || fs.unlink(Ino::ROOT, b"file").unwrap())
        };
        for letter in [b'b', b'c'] {
            write(&fs, ino, 0, BULK_BYTES, letter);
            write(&fs, ino, 20, 100, letter);
            fs.fsync(ino).unwrap();
            assert!(read(&fs, ino, 0, BULK_BYTES).iter().all(|byte| *byte == letter));
            assert!(read(&fs, ino, 20, 100).iter().all(|byte| *byte == letter));
        }
        publisher.join().unwrap();
        remover.join().unwrap();
        fs.release(ino);
        assert_eq!(fs.status().content_bytes, 0);
        fs.shut_down().unwrap();
        assert!(names(&bench.by_another_device()).is_empty());
    });
}
