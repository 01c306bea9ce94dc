//! Collections, and devices that were away meanwhile.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hushfs::format::Ino;

use super::bench::Bench;
use super::bench::device::{Device, content};
use super::files::files_below;
use super::vault::assert_holds;

const NO_HISTORY: Duration = Duration::ZERO;

#[test]
fn a_device_that_was_away_finds_everything_and_goes_on() {
    let bench = Bench::new();
    let away = bench.device_at("away");
    away.file("first", &content(1, 20_000));
    away.unmount();
    let here = bench.device_at("here");
    for nth in 0..12_u32 {
        here.file(format!("file-{nth}"), &content(nth, 20_000));
        here.files.unlink(Ino::ROOT, format!("file-{nth}").as_bytes()).unwrap();
        here.file("kept", &content(nth, 70_000));
        here.publish();
        here.files.unlink(Ino::ROOT, b"kept").unwrap();
    }
    here.file("second", &content(2, 30_000));
    assert!(here.files.collect(NO_HISTORY).unwrap().removed_logs > 0);
    here.unmount();
    let away = bench.device_at("away");
    away.file("third", &content(3, 9000));
    away.unmount();
    let all: [(&str, &[u8]); 3] = [
        ("first", &content(1, 20_000)),
        ("second", &content(2, 30_000)),
        ("third", &content(3, 9000)),
    ];
    assert_holds(&bench, &all);
}

/// Copies a folder.
fn copy(from: &Path, to: &Path) {
    for (path, content) in files_below(from) {
        let copied = to.join(path);
        fs::create_dir_all(copied.parent().unwrap()).unwrap();
        fs::write(copied, content).unwrap();
    }
}

/// Puts a pack of the device with this state folder into the vault, without its log object.
fn put_stray(bench: &Bench, state: &str) -> PathBuf {
    let (vault, elsewhere) = (bench.vault(), bench.place(&format!("vault beside {state}")));
    copy(&vault, &elsewhere);
    copy(&bench.place(state), &bench.place(&format!("{state} beside")));
    let state = bench.place(&format!("{state} beside"));
    let device = Device::open(&elsewhere, &bench.key(), &state);
    device.file("stray", &content(9, 20_000));
    device.publish();
    let packs = files_below(&elsewhere.join("data"));
    let at = |path: &str| vault.join("data").join(path);
    let (new, content) = packs.into_iter().find(|(path, _)| !at(path).exists()).unwrap();
    let stray = at(&new);
    fs::create_dir_all(stray.parent().unwrap()).unwrap();
    fs::write(&stray, content).unwrap();
    stray
}

#[test]
fn a_pack_that_nobody_tells_of_goes_if_it_is_this_devices_and_stays_if_it_is_anothers() {
    let bench = Bench::new();
    for state in ["ours", "theirs"] {
        let device = bench.device_at(state);
        device.file(state, &content(1, 20_000));
        device.unmount();
    }
    let (ours, theirs) = (put_stray(&bench, "ours"), put_stray(&bench, "theirs"));
    let device = bench.device_at("ours");
    let collected = device.files.collect(Duration::from_secs(60)).unwrap();
    assert!(collected.history_bytes > 0 && ours.exists() && theirs.exists());
    assert_eq!(device.files.collect(NO_HISTORY).unwrap().removed_packs, 1);
    assert!(!ours.exists() && theirs.exists());
    drop(device);
    let content = content(1, 20_000);
    assert_holds(&bench, &[("ours", &content), ("theirs", &content)]);
}

#[test]
fn changes_that_waited_while_their_ground_was_collected_are_kept_and_not_mixed_in() {
    let bench = Bench::new();
    let waiting = bench.device_at("waiting");
    waiting.file("first", &content(1, 5000));
    waiting.publish();
    let ino = waiting.file("second", &content(2, 5000));
    waiting.files.fsync(ino).unwrap();
    drop(waiting);
    let here = bench.device_at("here");
    for nth in 0..12_u32 {
        here.file(format!("file-{nth}"), &content(nth, 100));
        here.publish();
    }
    assert!(here.files.collect(NO_HISTORY).unwrap().removed_logs > 0);
    here.unmount();
    let waiting = bench.device_at("waiting");
    let reason = waiting.files.status().read_only.unwrap();
    assert!(reason.contains("no longer tells what they were made on"), "{reason}");
    let names = |name: &[u8]| waiting.files.lookup(Ino::ROOT, name).is_ok();
    assert!(names(b"first") && names(b"file-3") && !names(b"second"));
}
