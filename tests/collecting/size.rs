//! How large a vault stays, whatever was done to it.

use std::time::Duration;

use hushfs::fs::CopyRange;

use super::bench::Bench;
use super::bench::device::content;
use super::vault::{Objects, assert_holds};

const MIB: usize = 1 << 20;
const NO_HISTORY: Duration = Duration::ZERO;

#[test]
fn what_was_removed_leaves_the_vault() {
    let bench = Bench::new();
    let device = bench.device();
    let (large, small) = (content(1, 40 * MIB), content(2, 5000));
    device.file("large", &large);
    device.file("small", &small);
    device.publish();
    let before = Objects::of(&bench.vault());
    assert!(before.bytes > 40 * MIB as u64);
    device.files.unlink(hushfs::format::Ino::ROOT, b"large").unwrap();
    let collected = device.files.collect(NO_HISTORY).unwrap();
    let after = Objects::of(&bench.vault());
    assert!(after.bytes < 64 << 10, "{after:?}");
    assert!(collected.freed_bytes > 40 * MIB as u64 && collected.removed_packs >= 2);
    assert!(device.files.collect(NO_HISTORY).unwrap().is_nothing());
    drop(device);
    assert_holds(&bench, &[("small", &small)]);
}

#[test]
fn after_any_churn_a_vault_is_little_larger_than_what_is_in_it() {
    let bench = Bench::new();
    let device = bench.device();
    let mut file = content(1, 48 * MIB);
    let ino = device.file("database", &file);
    device.publish();
    for round in 0..6_usize {
        for nth in 0..1500 {
            let chunk = (nth * 7919 + round * 104_729) % (file.len() / 4096);
            let new = content((round * 10_000 + nth) as u32, 4096);
            device.files.write(ino, chunk as u64 * 4096, &new, false).unwrap();
            file[chunk * 4096..][..4096].copy_from_slice(&new);
        }
        device.files.fsync(ino).unwrap();
        device.files.collect(NO_HISTORY).unwrap();
        let objects = Objects::of(&bench.vault());
        assert!(objects.bytes <= file.len() as u64 * 5 / 4, "round {round}: {objects:?}");
        assert!(objects.count() <= 16 + file.len() / (8 * MIB), "round {round}: {objects:?}");
    }
    drop(device);
    assert_holds(&bench, &[("database", &file)]);
}

#[test]
fn many_small_changes_leave_few_objects() {
    let bench = Bench::new();
    let device = bench.device();
    let mut files = Vec::new();
    for nth in 0..120_u32 {
        let (path, bytes) = (format!("message-{nth}"), content(nth, 3000));
        device.file(&path, &bytes);
        device.publish();
        files.push((path, bytes));
        if nth % 10 == 9 {
            device.files.collect(NO_HISTORY).unwrap();
            let objects = Objects::of(&bench.vault());
            assert!(objects.count() <= 16, "{nth}: {objects:?}");
        }
    }
    drop(device);
    let files: Vec<_> = files.iter().map(|(path, bytes)| (path.as_str(), &bytes[..])).collect();
    assert_holds(&bench, &files);
}

#[test]
fn copies_go_on_sharing_what_moves() {
    let bench = Bench::new();
    let device = bench.device();
    let (original, other) = (content(1, 6 * MIB), content(2, 9 * MIB));
    let from = device.file("original", &original);
    device.file("other", &other);
    let to = device.file("copy", b"");
    let bytes = original.len() as u64;
    let range = CopyRange { from, from_offset: 0, to, to_offset: 0, bytes };
    assert_eq!(device.files.copy_range(range).unwrap(), bytes);
    device.files.close(to).unwrap();
    device.publish();
    device.files.unlink(hushfs::format::Ino::ROOT, b"other").unwrap();
    let collected = device.files.collect(NO_HISTORY).unwrap();
    assert_eq!(collected.rewritten_bytes, bytes);
    let objects = Objects::of(&bench.vault());
    assert!(objects.bytes < bytes + (bytes / 8), "{objects:?}");
    drop(device);
    assert_holds(&bench, &[("original", &original), ("copy", &original)]);
}

#[test]
fn a_file_is_read_as_it_is_while_its_content_moves() {
    let bench = Bench::new();
    let device = bench.device();
    let (kept, gone) = (content(1, 3 * MIB), content(2, 9 * MIB));
    let ino = device.file("kept", &kept);
    let reading = std::sync::atomic::AtomicBool::new(true);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut times = 0;
            while reading.load(std::sync::atomic::Ordering::Relaxed) {
                let mut read = vec![0; kept.len()];
                assert_eq!(device.files.read(ino, 0, &mut read).unwrap(), kept.len());
                assert!(read == kept);
                times += 1;
            }
            times
        });
        for _ in 0..8 {
            device.file("gone", &gone);
            device.publish();
            device.files.unlink(hushfs::format::Ino::ROOT, b"gone").unwrap();
            device.files.collect(NO_HISTORY).unwrap();
        }
        reading.store(false, std::sync::atomic::Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
    assert_eq!(device.files.status().damage, Vec::<String>::new());
}
