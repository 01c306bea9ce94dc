//! What arrives under a client's name, or arrives whole there and in part under its own.

use std::collections::BTreeSet;
use std::fs;

use hushfs::fs::FsError;

use crate::bench::Bench;
use crate::bench::device::{Device, content};
use crate::clients::{RENAMES, renamed};
use crate::files::{Files, files_below};

/// A vault with one file of another device, that device, and what it has published since.
fn news() -> (Bench, Device, Device, Files) {
    let bench = Bench::new();
    let other = bench.device_at("other");
    other.file("old", &content(1, 9000));
    other.publish();
    let device = bench.device();
    let before = files_below(&bench.vault());
    other.file("new", &content(2, 20_000));
    other.publish();
    let mut news = files_below(&bench.vault());
    news.retain(|path, _| !before.contains_key(path));
    for path in news.keys() {
        fs::remove_file(bench.vault().join(path)).unwrap();
    }
    assert_eq!(news.len(), 2, "a log object and a pack");
    (bench, device, other, news)
}

fn put(bench: &Bench, path: &str, bytes: &[u8]) {
    let place = bench.vault().join(path);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(place, bytes).unwrap();
}

fn read(device: &Device, path: &str) -> Result<Vec<u8>, FsError> {
    let mut read = vec![0; 20_000];
    let bytes = device.files.read(device.ino(path), 0, &mut read)?;
    read.truncate(bytes);
    Ok(read)
}

/// What the status says of what is missing, and of what is read elsewhere.
fn told(device: &Device) -> (Vec<String>, Vec<String>, usize) {
    let status = device.files.status();
    assert_eq!(status.read_only, None);
    (status.not_arrived, status.damage, status.notes.len())
}

#[test]
fn what_another_device_publishes_is_shown_under_whatever_name_it_comes() {
    for (client, rename) in RENAMES {
        println!("{client}");
        let (bench, device, _other, news) = news();
        for (path, bytes) in &news {
            put(&bench, &renamed(path, rename), bytes);
        }
        device.files.take_arrivals().unwrap();
        assert!(read(&device, "new").unwrap() == content(2, 20_000));
        assert_eq!(told(&device), (vec![], vec![], news.len()));
        device.file("ours", b"x");
        device.unmount();
        bench.verify().expect(0, &["all is whole"]);
    }
}

#[test]
fn a_log_object_in_a_renamed_folder_is_shown_while_mounted() {
    for folder in ["log (1)/", "log 2/", "LOG/", ""] {
        let (bench, device, _other, news) = news();
        for (path, bytes) in &news {
            put(&bench, &path.replace("log/", folder), bytes);
        }
        device.files.take_arrivals().unwrap();
        assert!(read(&device, "new").unwrap() == content(2, 20_000), "{folder}");
        device.unmount();
        bench.verify().expect(0, &["all is whole"]);
    }
}

#[test]
fn a_pack_that_is_awaited_has_arrived_once_a_copy_has() {
    let (bench, device, _other, news) = news();
    let (pack, log): (Vec<_>, Vec<_>) = news.iter().partition(|(path, _)| path.ends_with(".pack"));
    put(&bench, log[0].0, log[0].1);
    device.files.take_arrivals().unwrap();
    assert!(matches!(read(&device, "new"), Err(FsError::NotArrived { .. })));
    let (path, bytes) = pack[0];
    // In part under one name, then whole under another.
    put(&bench, path, &bytes[..bytes.len() / 3]);
    put(&bench, &path.replace(".pack", " (1).pack"), &bytes[..bytes.len() / 2]);
    device.files.take_arrivals().unwrap();
    assert!(matches!(read(&device, "new"), Err(FsError::NotArrived { .. })));
    assert_eq!(device.files.status().awaited_packs, 1);
    bench.verify().expect(14, &[path]);
    put(&bench, &path.replace(".pack", " 2.pack"), bytes);
    device.files.take_arrivals().unwrap();
    assert_eq!(told(&device), (vec![], vec![], 1));
    assert!(read(&device, "new").unwrap() == content(2, 20_000));
    device.unmount();
    bench.verify().expect(0, &["all is whole"]);
}

#[test]
fn what_has_come_in_part_is_not_awaited_where_a_copy_is_whole() {
    let (bench, device, _other, news) = news();
    device.unmount();
    for (path, bytes) in &news {
        // As long as no pack is, and as long as some are.
        for part in [&bytes[..0], &bytes[..77], &bytes[..128]] {
            put(&bench, path, part);
            put(&bench, &path.replace('.', " (1)."), bytes);
            for (other, bytes) in news.iter().filter(|(other, _)| *other != path) {
                put(&bench, other, bytes);
            }
            bench.verify().expect(0, &["all is whole", &format!("{path} is read from")]);
            let device = bench.device_at("new");
            assert!(read(&device, "new").unwrap() == content(2, 20_000));
            assert_eq!(told(&device), (vec![], vec![], 1));
            drop(device);
            fs::remove_file(bench.vault().join(path.replace('.', " (1)."))).unwrap();
            put(&bench, path, bytes);
            fs::remove_dir_all(bench.place("new")).unwrap();
        }
    }
}

#[test]
fn a_copy_that_has_come_in_part_is_waited_for_and_no_damage() {
    let (bench, device, other, news) = news();
    device.unmount();
    let logs: BTreeSet<&String> = news.keys().filter(|path| path.ends_with(".log")).collect();
    let path = logs.first().unwrap();
    for (path, bytes) in news.iter().filter(|(path, _)| !logs.contains(path)) {
        put(&bench, path, bytes);
    }
    let copy = path.replace(".log", ".sync-conflict-20260131-101010-ABCDEFG.log");
    put(&bench, &copy, &news[*path][..100]);
    // What comes after it tells of it.
    other.file("newest", b"newest");
    other.publish();
    let device = bench.device();
    let status = device.files.status();
    assert_eq!((&status.damage[..], status.not_arrived.len()), (&[][..], 1), "{status:?}");
    assert!(status.not_arrived[0].contains("has not arrived"), "{status:?}");
    device.unmount();
    bench.verify().expect(14, &["not arrived"]);
    put(&bench, &copy, &news[*path]);
    let device = bench.device();
    assert!(read(&device, "new").unwrap() == content(2, 20_000));
    assert_eq!(told(&device), (vec![], vec![], 1));
    device.unmount();
    bench.verify().expect(0, &["all is whole"]);
}
