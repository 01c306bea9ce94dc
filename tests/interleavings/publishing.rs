//! Publications that fail, that come by themselves, and the last one.

use hushfs::format::Ino;
use hushfs::fs::FsError;
use shuttle::thread;

use crate::bench::{BULK_BYTES, Bench, NEW, names, read, write};
use crate::dice::Dice;
use crate::image::{Call, Fault};
use crate::schedules::explore;

#[test]
fn what_is_taken_while_a_mount_ends_is_in_the_vault() {
    explore(|| {
        let (bench, fs) = Bench::mounted();
        fs.start_background().unwrap();
        let writer = {
            let fs = fs.clone();
            thread::spawn(move || {
                let mut taken = Vec::new();
                for nth in 0..6 {
                    let name = format!("file-{nth}");
                    match fs.create(Ino::ROOT, name.as_bytes(), NEW) {
                        Ok(made) => taken.push((name, made.ino, 0)),
                        Err(FsError::ReadOnly(_)) => break,
                        Err(error) => panic!("{error:?}"),
                    }
                    let bytes = [100, BULK_BYTES][nth % 2];
                    let file = taken.last_mut().unwrap();
                    match fs.write(file.1, 0, &vec![b'x'; bytes], false) {
                        Ok(()) => file.2 = bytes,
                        Err(FsError::ReadOnly(_)) => break,
                        Err(error) => panic!("{error:?}"),
                    }
                }
                taken
            })
        };
        let publisher = {
            let fs = fs.clone();
            thread::spawn(move || {
                let published = fs.publish();
                assert!(matches!(published, Ok(()) | Err(FsError::ReadOnly(_))), "{published:?}");
            })
        };
        fs.shut_down().unwrap();
        let taken = writer.join().unwrap();
        publisher.join().unwrap();
        let there = bench.by_another_device();
        assert_eq!(names(&there).len(), taken.len());
        for (name, ino, bytes) in taken {
            assert_eq!(names(&there).get(&name), Some(&ino));
            assert_eq!(read(&there, ino, 0, 1 << 20), vec![b'x'; bytes], "taken, and lost");
        }
    });
}

#[test]
fn what_is_due_is_published_by_itself_beside_writers() {
    explore(|| {
        let (bench, fs) = Bench::mounted();
        fs.start_background().unwrap();
        let writers = [0, 1].map(|nth| {
            let (bench, fs) = (bench.clone(), fs.clone());
            thread::spawn(move || {
                let name = format!("file-{nth}");
                let ino = fs.create(Ino::ROOT, name.as_bytes(), NEW).unwrap().ino;
                for letter in [b'a', b'b', b'c'] {
                    write(&fs, ino, 0, [100, BULK_BYTES][nth], letter);
                }
                fs.fsync(ino).unwrap();
                let left = bench.after_power_loss(nth as u64);
                assert_eq!(read(&left, ino, 0, 1 << 20), vec![b'c'; [100, BULK_BYTES][nth]]);
                ino
            })
        });
        let inos = writers.map(|writer| writer.join().unwrap());
        fs.shut_down().unwrap();
        let there = bench.by_another_device();
        for (ino, bytes) in inos.into_iter().zip([100, BULK_BYTES]) {
            assert_eq!(read(&there, ino, 0, 1 << 20), vec![b'c'; bytes]);
        }
    });
}

#[test]
fn a_vault_that_takes_nothing_for_a_while_breaks_no_promise_of_writers() {
    explore(|| {
        let (bench, fs) = Bench::mounted();
        let mut dice = Dice::new(fs.status().vault_id.bytes().map(u64::from).sum());
        bench.image.set_faults(move |call, path| {
            let is_vaults = path.starts_with("/image/vault");
            let can_fail =
                matches!(call, Call::Draft | Call::Appear | Call::Rename | Call::Renamed);
            let kinds = [Fault::ENOSPC, Fault::EIO];
            let fails = is_vaults && can_fail && dice.below(2) == 0;
            fails.then(|| kinds[dice.below(2) as usize])
        });
        let publisher = {
            let fs = fs.clone();
            thread::spawn(move || {
                for _ in 0..3 {
                    let published = fs.publish();
                    let is_known =
                        matches!(published, Ok(()) | Err(FsError::NoSpace | FsError::Disk(_)));
                    assert!(is_known, "{published:?}");
                }
            })
        };
        let writers = [0, 1].map(|nth| {
            let (bench, fs) = (bench.clone(), fs.clone());
            thread::spawn(move || {
                let name = format!("file-{nth}");
                let ino = fs.create(Ino::ROOT, name.as_bytes(), NEW).unwrap().ino;
                for letter in [b'a', b'b'] {
                    write(&fs, ino, 0, [100, BULK_BYTES][nth], letter);
                    fs.fsync(ino).unwrap();
                    let left = bench.after_power_loss(nth as u64);
                    assert_eq!(read(&left, ino, 0, 1 << 20), vec![letter; [100, BULK_BYTES][nth]]);
                }
                ino
            })
        });
        let inos = writers.map(|writer| writer.join().unwrap());
        publisher.join().unwrap();
        bench.image.clear_faults();
        fs.shut_down().unwrap();
        let there = bench.by_another_device();
        for (ino, bytes) in inos.into_iter().zip([100, BULK_BYTES]) {
            assert_eq!(read(&there, ino, 0, 1 << 20), vec![b'b'; bytes]);
        }
    });
}

#[test]
fn after_a_sync_that_failed_nothing_more_is_promised_and_what_was_is_kept() {
    explore(|| {
        let (bench, fs) = Bench::mounted();
        let first = fs.create(Ino::ROOT, b"first", NEW).unwrap().ino;
        write(&fs, first, 0, BULK_BYTES, b'a');
        fs.fsync(first).unwrap();
        let mut syncs_left = 2;
        bench.image.set_faults(move |call, path| {
            if call != Call::Sync || !path.starts_with("/image/state") || syncs_left == 0 {
                return None;
            }
            syncs_left -= 1;
            (syncs_left == 0).then_some(Fault::EIO)
        });
        let publisher = {
            let fs = fs.clone();
            thread::spawn(move || drop(fs.publish()))
        };
        let writers = [0, 1].map(|nth| {
            let (bench, fs) = (bench.clone(), fs.clone());
            thread::spawn(move || {
                let name = format!("file-{nth}");
                let Ok(made) = fs.create(Ino::ROOT, name.as_bytes(), NEW) else { return };
                let bytes = [100, BULK_BYTES][nth];
                if fs.write(made.ino, 0, &vec![b'x'; bytes], false).is_err() {
                    return;
                }
                if fs.fsync(made.ino).is_ok() {
                    let left = bench.after_power_loss(nth as u64);
                    assert_eq!(read(&left, made.ino, 0, 1 << 20), vec![b'x'; bytes]);
                }
            })
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        publisher.join().unwrap();
        let left = bench.after_power_loss(7);
        assert_eq!(read(&left, first, 0, 1 << 20), vec![b'a'; BULK_BYTES], "synced, and lost");
    });
}
