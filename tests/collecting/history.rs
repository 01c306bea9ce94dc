//! What the history period keeps.

use std::time::Duration;

use hushfs::format::Ino;

use super::bench::Bench;
use super::bench::device::content;
use super::files::files_below;
use super::vault::{Objects, assert_holds};

const MIB: usize = 1 << 20;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[test]
fn nothing_leaves_the_vault_that_a_state_of_the_last_day_needs() {
    let bench = Bench::new();
    let device = bench.device();
    device.file("gone", &content(1, 3 * MIB));
    device.publish();
    let before = files_below(&bench.vault());
    let are_there = || before.keys().all(|path| bench.vault().join(path).exists());
    device.files.unlink(Ino::ROOT, b"gone").unwrap();
    let collected = device.files.collect(DAY).unwrap();
    assert_eq!((collected.removed_packs, collected.removed_logs), (0, 0));
    assert!(collected.history_bytes > 3 * MIB as u64);
    assert!(are_there(), "an object is gone");
    // Not after a new mount either, nor on a device that folds a checkpoint.
    drop(device);
    for state in ["state", "another", "a third"] {
        let device = bench.device_at(state);
        for nth in 0..9_u32 {
            device.file(format!("{state}-{nth}"), &content(nth, 100));
            device.publish();
        }
        let collected = device.files.collect(DAY).unwrap();
        assert_eq!((collected.removed_packs, collected.removed_logs), (0, 0), "{state}");
        assert!(collected.history_bytes > 3 * MIB as u64, "{state}: {collected:?}");
        assert!(are_there(), "{state}: an object is gone");
    }
    let collected = bench.device_at("a fourth").files.collect(Duration::ZERO).unwrap();
    assert!(collected.freed_bytes > 3 * MIB as u64, "{collected:?}");
    assert_holds(&bench, &[("another-3", &content(3, 100))]);
}

#[test]
fn what_is_needed_stays_whatever_the_history() {
    let bench = Bench::new();
    let device = bench.device();
    let files: Vec<_> =
        (0..20_u32).map(|nth| (format!("file-{nth}"), content(nth, 50_000))).collect();
    for (path, bytes) in &files {
        device.file(path, bytes);
    }
    device.publish();
    for _ in 0..3 {
        device.files.collect(Duration::ZERO).unwrap();
    }
    assert!(Objects::of(&bench.vault()).packs > 0);
    drop(device);
    let files: Vec<_> = files.iter().map(|(path, bytes)| (path.as_str(), &bytes[..])).collect();
    assert_holds(&bench, &files);
}
