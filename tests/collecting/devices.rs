//! Collections, and devices that were away meanwhile.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use hushfs::format::Ino;
use hushfs::fs::CopyRange;

use super::bench::Bench;
use super::bench::device::{Device, content};
use super::copied::copy_folder;
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

/// Puts a pack of the device with this state folder into the vault, without its log object.
fn put_stray(bench: &Bench, state: &str) -> PathBuf {
    let (vault, elsewhere) = (bench.vault(), bench.place(&format!("vault beside {state}")));
    copy_folder(&vault, &elsewhere);
    copy_folder(&bench.place(state), &bench.place(&format!("{state} beside")));
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
    let here = bench.device_at("here");
    here.file("ground", &content(0, 100));
    here.unmount();
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

/// Two devices with a copy of the vault each.
struct Apart {
    bench: Bench,
}

impl Apart {
    fn new() -> Self {
        let bench = Bench::new();
        copy_folder(&bench.vault(), &bench.place("vault of other"));
        Self { bench }
    }

    fn here(&self) -> Device {
        Device::open(&self.bench.vault(), &self.bench.key(), &self.bench.place("state of here"))
    }

    fn other(&self) -> Device {
        let vault = self.bench.place("vault of other");
        Device::open(&vault, &self.bench.key(), &self.bench.place("state of other"))
    }

    /// A device here that has published a file, and one that has seen that and is known to have.
    fn acquainted(&self, name: &str, content: &[u8]) -> (Device, Device) {
        let here = self.here();
        here.file(name, content);
        here.publish();
        self.sync();
        let other = self.other();
        other.file("of the other", b"");
        self.pass_on(&other, &here);
        (here, other)
    }

    /// Publishes at one, and shows at the other what has come by then.
    fn pass_on(&self, from: &Device, to: &Device) {
        from.publish();
        self.sync();
        to.files.take_arrivals().unwrap();
    }

    /// Everything that either has comes to the other; nothing is deleted by it.
    fn sync(&self) {
        copy_folder(&self.bench.vault(), &self.bench.place("vault of other"));
        copy_folder(&self.bench.place("vault of other"), &self.bench.vault());
    }

    /// What was removed here goes at the other, which has nothing that is not here.
    fn delete_what_is_gone_here(&self) {
        let theirs = self.bench.place("vault of other");
        let gone = files_below(&theirs).into_keys();
        let gone = gone.filter(|path| !self.bench.vault().join(path).exists());
        gone.for_each(|path| fs::remove_file(theirs.join(path)).unwrap());
    }

    /// Here much is done, so that checkpoints are written.
    fn work_here(&self, here: &Device, name: &str) {
        for nth in 0..12_u32 {
            here.file(format!("{name}-{nth}"), &content(nth, 100));
            here.publish();
        }
    }
}

/// So short a history that everything is older.
const MOMENT: Duration = Duration::from_secs(1);

/// Waits until what is in the vault is older than the history.
fn let_history_pass() {
    std::thread::sleep(Duration::from_millis(2100));
}

#[test]
fn what_a_device_that_is_away_may_share_stays_until_it_is_known_to_have_seen_the_removal() {
    let apart = Apart::new();
    let (here, other) = apart.acquainted("shared", &content(1, 60_000));
    assert_stays_for_the_other(&apart, here, other);
}

#[test]
fn what_a_device_has_seen_and_published_nothing_since_stays_until_it_does() {
    let apart = Apart::new();
    let (here, other) = apart.acquainted("known", b"");
    here.file("shared", &content(1, 60_000));
    apart.pass_on(&here, &other);
    assert_stays_for_the_other(&apart, here, other);
}

/// What both show is removed at one, and a pack does not go that the other still makes copies from.
fn assert_stays_for_the_other(apart: &Apart, here: Device, other: Device) {
    here.files.unlink(Ino::ROOT, b"shared").unwrap();
    here.publish();
    let_history_pass();
    let collected = here.files.collect(MOMENT).unwrap();
    assert_eq!((collected.removed_packs, collected.waits_for_devices), (0, 1), "{collected:?}");
    // The other one, which has not seen it, makes a copy that shares the content.
    let from = other.ino("shared");
    let to = other.file("copy", b"");
    let range = CopyRange { from, from_offset: 0, to, to_offset: 0, bytes: 60_000 };
    assert_eq!(other.files.copy_range(range).unwrap(), 60_000);
    other.files.close(to).unwrap();
    apart.pass_on(&other, &here);
    let_history_pass();
    assert_eq!(here.files.collect(MOMENT).unwrap().removed_packs, 0);
    other.files.take_arrivals().unwrap();
    drop((here, other));
    apart.sync();
    let anew = apart.bench.device_at("state of nobody");
    assert_eq!(super::past::content(&anew.files, "copy"), content(1, 60_000));
}

#[test]
fn a_pack_goes_once_every_other_device_has_published_on_top_of_its_removal() {
    let apart = Apart::new();
    let (here, other) = apart.acquainted("gone", &content(1, 60_000));
    here.files.unlink(Ino::ROOT, b"gone").unwrap();
    apart.pass_on(&here, &other);
    other.file("second", b"");
    apart.pass_on(&other, &here);
    let_history_pass();
    let collected = here.files.collect(MOMENT).unwrap();
    assert_eq!((collected.removed_packs, collected.waits_for_devices), (1, 0), "{collected:?}");
}

/// Writes over a part of the file that both have, and publishes that.
fn overwrite(device: &Device, at: u64, seed: u32) {
    let ino = device.ino("both");
    device.files.write(ino, at, &content(seed, 5000), false).unwrap();
    device.files.close(ino).unwrap();
    device.publish();
}

#[test]
fn log_objects_stay_that_what_a_device_has_done_while_away_is_merged_with() {
    assert_merges_what_was_done_while_away(|_| {});
}

#[test]
fn a_device_whose_last_log_object_goes_before_its_next_one_comes_is_waited_for() {
    assert_merges_what_was_done_while_away(|apart| {
        let here = apart.bench.vault().join("log");
        // The other one was the last to publish.
        let newest = |path: &PathBuf| fs::metadata(path).unwrap().modified().unwrap();
        let logs = files_below(&here).into_keys().map(|name| here.join(name));
        fs::remove_file(logs.max_by_key(newest).unwrap()).unwrap();
    });
}

/// Both change a file at the same time, one of them while it is away and the other one collects.
fn assert_merges_what_was_done_while_away(meanwhile: impl FnOnce(&Apart)) {
    let apart = Apart::new();
    let (here, other) = apart.acquainted("both", &content(0, 20_000));
    meanwhile(&apart);
    overwrite(&here, 0, 1);
    apart.work_here(&here, "one");
    here.files.collect(MOMENT).unwrap();
    apart.work_here(&here, "two");
    let_history_pass();
    let collected = here.files.collect(MOMENT).unwrap();
    assert_eq!((collected.removed_logs, collected.waits_for_devices), (0, 1), "{collected:?}");
    overwrite(&other, 10_000, 2);
    apart.sync();
    // Both versions stay, whole, for whoever has nothing but the vault.
    drop((here, other));
    let anew = apart.bench.device_at("state of nobody");
    let told = anew.files.conflicts(0, 10).unwrap();
    assert_eq!(told.total, 1, "{told:?}");
    let of = |seed: u32, at: usize| {
        let mut bytes = content(0, 20_000);
        bytes[at..at + 5000].copy_from_slice(&content(seed, 5000));
        bytes
    };
    let conflict = &told.conflicts[0];
    let paths = [&conflict.copy.path, &conflict.named.as_ref().unwrap().path];
    let mut contents = paths.map(|path| {
        let mut bytes = vec![0; 20_001];
        let read = anew.files.read(anew.ino(path), 0, &mut bytes).unwrap();
        bytes.truncate(read);
        bytes
    });
    contents.sort();
    let mut expected = [of(1, 0), of(2, 10_000)];
    expected.sort();
    assert!(contents == expected, "a version is mixed or lost");
}

#[test]
fn a_checkpoint_that_others_worked_beside_takes_the_place_of_nothing() {
    let apart = Apart::new();
    let here = apart.here();
    here.file("both", &content(0, 20_000));
    here.publish();
    apart.sync();
    let other = apart.other();
    // Both at the same time; and a checkpoint of what was done here.
    overwrite(&here, 0, 1);
    overwrite(&other, 10_000, 2);
    apart.work_here(&here, "one");
    here.files.collect(Duration::from_secs(60)).unwrap();
    apart.sync();
    for device in [&here, &other] {
        device.files.take_arrivals().unwrap();
        assert_eq!(device.files.conflicts(0, 10).unwrap().total, 1);
    }
    // The other one is known to have seen that checkpoint, and works on beside the next one.
    other.file("seen", b"");
    apart.pass_on(&other, &here);
    apart.work_here(&here, "two");
    let_history_pass();
    here.files.collect(MOMENT).unwrap();
    apart.delete_what_is_gone_here();
    other.file("late", b"");
    other.publish();
    apart.sync();
    drop((here, other));
    let anew = apart.bench.device_at("state of nobody");
    assert_eq!(anew.files.conflicts(0, 10).unwrap().total, 1);
    for name in ["both", "seen", "late", "one-0", "two-11"] {
        assert!(anew.files.lookup(Ino::ROOT, name.as_bytes()).is_ok(), "{name}");
    }
}
