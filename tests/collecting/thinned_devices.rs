//! Several devices and a history of many days.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use hushfs::format::{Ino, Time};
use hushfs::fs::{HistoryError, When};

use super::bench::Bench;
use super::bench::device::{Device, content};
use super::clock::{ClockedDisk, DAY_SECS, at};
use super::files::files_below;
use super::past::{content as content_of, history_of, ids};
use super::shown::{self, Shown};

pub const MONTH: Duration = Duration::from_secs(30 * DAY_SECS as u64);
pub const DAY: Duration = Duration::from_secs(DAY_SECS as u64);

/// Two devices, each with a vault folder and a clock of its own.
pub struct Two {
    bench: Bench,
    disks: [ClockedDisk; 2],
    pub devices: Vec<Device>,
    /// How many days each clock is off.
    off: [i64; 2],
    /// What every state showed that could ever be had, by its id.
    pub known: BTreeMap<String, Shown>,
}

impl Two {
    pub fn new(off: [i64; 2]) -> Self {
        let bench = Bench::new();
        let empty = files_below(&bench.vault());
        let disks = off.map(|days| ClockedDisk::new(at(days, 0)));
        let mut two = Self { bench, disks, devices: Vec::new(), off, known: BTreeMap::new() };
        for nth in 0..2 {
            for (path, bytes) in &empty {
                two.put(nth, path, bytes);
            }
            fs::create_dir_all(two.vault(nth).join("log")).unwrap();
            let state = two.bench.place(&format!("state-{nth}"));
            let (vault, key) = (two.vault(nth), two.bench.key());
            two.devices.push(two.disks[nth].device(&format!("device-{nth}"), &vault, &key, &state));
        }
        two
    }

    fn vault(&self, nth: usize) -> PathBuf {
        self.bench.place(&format!("vault-{nth}"))
    }

    fn put(&self, nth: usize, path: &str, bytes: &[u8]) {
        let path = self.vault(nth).join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        self.disks[nth].note_arrival(&path);
    }

    pub fn set(&self, day: i64, hour: i64) {
        for (disk, off) in self.disks.iter().zip(self.off) {
            disk.set(at(day + off, hour));
        }
    }

    /// Everything that is in one folder comes to the other.
    pub fn sync(&self) {
        self.sync_without(&Default::default());
    }

    /// The same but for what is about to be removed there, or at the other.
    pub fn sync_without(&self, going: &[BTreeSet<String>; 2]) {
        for (from, to) in [(0, 1), (1, 0)] {
            let there = files_below(&self.vault(to));
            for (path, bytes) in files_below(&self.vault(from)) {
                let goes = going.iter().any(|paths| paths.contains(&path));
                if !goes && !there.contains_key(&path) {
                    self.put(to, &path, &bytes);
                }
            }
        }
        for device in &self.devices {
            device.files.take_arrivals().unwrap();
        }
    }

    /// Both have seen everything, and are known to have.
    pub fn join(&self) {
        for _ in 0..2 {
            self.sync();
            self.devices.iter().for_each(Device::publish);
        }
        self.sync();
    }

    /// Writes all of a file anew at one, and publishes that.
    pub fn overwrite(&self, nth: usize, name: &str, seed: u32) {
        let device = &self.devices[nth];
        let ino = match device.files.lookup(Ino::ROOT, name.as_bytes()) {
            Ok(found) => found.ino,
            Err(_) => device.file(name, b""),
        };
        device.files.write(ino, 0, &content(seed, 40_000), false).unwrap();
        device.files.close(ino).unwrap();
        device.publish();
    }

    /// On each day, both do something without knowing of each other, sync, and do something more.
    fn day(&mut self, day: i64) {
        for hour in [9, 20] {
            self.set(day, hour);
            for nth in 0..2 {
                let seed = (day * 24 + hour) as u32 * 2 + nth as u32;
                self.overwrite(nth, &format!("of-{nth}"), seed);
            }
            self.join();
            self.overwrite(0, "shared", (day * 24 + hour) as u32);
            self.sync();
        }
        self.learn();
    }

    /// Takes down what all states show that can be had at either, and that they show what they did.
    pub fn learn(&mut self) {
        for (state, shown) in self.learn_as_far_as_packs_are_here() {
            assert!(shown.values().all(|entry| entry.content.is_ok()), "{state} is not whole");
        }
    }

    /// The same where packs that the newest state needs may be missing for a while. Gives the states.
    pub fn learn_as_far_as_packs_are_here(&mut self) -> Vec<(String, Shown)> {
        let mut all = Vec::new();
        for nth in 0..2 {
            let history = history_of(&self.vault(nth), &self.bench.key());
            for state in history.history().states() {
                let shown = shown::of(&history.files_at(state).unwrap());
                let known = self.known.entry(state.full_id()).or_insert_with(|| shown.clone());
                // What was missing when a state was seen first, and has come.
                for (path, entry) in known.iter_mut().filter(|(_, entry)| entry.content.is_err()) {
                    let now = shown.get(path).map(|entry| entry.content.clone());
                    entry.content = now.unwrap_or_else(|| entry.content.clone());
                }
                let said = said(&shown);
                assert!(
                    shown::is_state(&shown, known),
                    "{state} is shown otherwise at device {nth}, where is said: {said:?}"
                );
                all.push((state.to_string(), shown));
            }
        }
        all
    }

    /// One collects; gives what it removed.
    pub fn collect(&self, nth: usize, history: Duration) -> BTreeSet<String> {
        let before: BTreeSet<_> = files_below(&self.vault(nth)).into_keys().collect();
        self.devices[nth].files.collect(history).unwrap();
        let after: BTreeSet<_> = files_below(&self.vault(nth)).into_keys().collect();
        before.difference(&after).cloned().collect()
    }

    pub fn remove(&self, nth: usize, removed: impl IntoIterator<Item = String>) {
        for path in removed {
            drop(fs::remove_file(self.vault(nth).join(path)));
        }
    }

    /// The states of a device's folder, with whose they are and when those published them.
    pub fn states(&self, nth: usize) -> Vec<(String, Time)> {
        let history = history_of(&self.vault(nth), &self.bench.key());
        let states = history.history().states().iter();
        states.map(|state| (state.device_name.clone(), state.published)).collect()
    }
}

/// What is said instead of content, by path.
fn said(shown: &Shown) -> BTreeMap<&str, &str> {
    let said = shown.iter().filter_map(|(path, entry)| Some((path, entry.content.as_ref().err()?)));
    said.map(|(path, said)| (path.as_str(), said.as_str())).collect()
}

#[test]
fn of_two_devices_each_days_last_states_stay_whatever_their_clocks_say() {
    for off in [[0, 0], [0, -5], [0, 9]] {
        let mut two = Two::new(off);
        let mut removed = 0;
        for day in 0..18 {
            two.day(day);
            let gone = two.collect(0, MONTH);
            removed += gone.len();
            two.remove(1, gone);
            two.sync();
            two.learn();
            let of = |nth: usize| ids(&history_of(&two.vault(nth), &two.bench.key()));
            assert_eq!(of(0), of(1), "day {day} of {off:?}");
        }
        assert!(removed > if off == [0, 0] { 90 } else { 10 }, "{removed} of {off:?}");
        let states = two.states(0);
        for day in 0..18 {
            for (nth, off) in off.into_iter().enumerate() {
                let is_of_it = |(name, published): &(String, Time)| {
                    *name == format!("device-{nth}")
                        && published.secs.div_euclid(DAY_SECS) == at(day + off, 0).secs / DAY_SECS
                };
                // With clocks that agree, one of both is the last one of the day.
                let is_last = off == 0 && nth == 1;
                assert!(is_last || states.iter().any(is_of_it), "day {day}, {nth} of {off:?}");
            }
        }
        assert!(states.len() < 18 * 2 + 30, "{} of {off:?}", states.len());
        for nth in 0..2 {
            let vault = two.vault(nth);
            let shown = shown::of(&super::bench::device::look(&vault, &two.bench.key()).unwrap());
            assert!(shown == shown::of(&two.devices[0].files), "the newest state at {nth}");
        }
    }
}

#[test]
fn where_only_some_of_the_removals_have_come_nothing_is_told_of_that_is_not_so() {
    let mut two = Two::new([0, 0]);
    for day in 0..10 {
        two.day(day);
        let gone = two.collect(0, MONTH);
        // Some come at once, some a day later, in no order.
        let (now, later): (Vec<_>, Vec<_>) =
            gone.into_iter().partition(|path| path.bytes().map(u32::from).sum::<u32>() % 3 == 0);
        two.remove(1, now);
        two.learn();
        two.remove(1, later);
        two.sync();
        two.learn();
    }
}

#[test]
fn the_shortest_history_of_all_that_collect_is_what_there_is_and_it_is_told_so() {
    let mut two = Two::new([0, 0]);
    for day in 0..8 {
        two.day(day);
        let gone = two.collect(0, MONTH);
        two.remove(1, gone);
    }
    two.join();
    let gone = two.collect(1, DAY);
    two.remove(0, gone);
    two.learn();
    let history = history_of(&two.vault(0), &two.bench.key());
    let error = history.find(&When::By(at(3, 23))).unwrap_err();
    assert!(matches!(error, HistoryError::Collected(_)), "{error}");
    // The other goes on with what is left.
    for day in 8..12 {
        two.day(day);
        let gone = two.collect(0, MONTH);
        two.remove(1, gone);
        two.sync();
        two.learn();
    }
}

#[test]
fn work_of_a_device_that_was_away_for_days_is_merged_and_takes_no_day_away() {
    let mut two = Two::new([0, 0]);
    for day in 0..4 {
        two.day(day);
        two.collect(0, MONTH);
    }
    two.sync();
    // Device 1 is away, and goes on with what it has seen.
    for day in 4..12 {
        two.set(day, 12);
        two.overwrite(1, "of-1", 5000 + day as u32);
        for hour in [13, 19] {
            two.set(day, hour);
            two.overwrite(0, "shared", (day * 24 + hour) as u32);
            two.devices[0].files.collect(MONTH).unwrap();
        }
    }
    let before: BTreeSet<_> =
        ids(&history_of(&two.vault(0), &two.bench.key())).into_iter().collect();
    two.set(12, 9);
    two.join();
    two.collect(0, MONTH);
    let after: BTreeSet<_> =
        ids(&history_of(&two.vault(0), &two.bench.key())).into_iter().collect();
    let gone: Vec<_> = before.difference(&after).collect();
    // Only of the last day but one states can have gone.
    // Only states of the last days, which are thinned out now, and none that was the last of its day.
    assert!(gone.len() <= 4, "{gone:?}");
    for day in 0..12 {
        let is_last = |(name, published): &(String, Time)| {
            name == "device-0" && (at(day, 19)..at(day + 1, 0)).contains(published)
        };
        assert!(two.states(0).iter().any(is_last), "day {day}");
    }
    let shown: Vec<_> = two.devices.iter().map(|device| shown::of(&device.files)).collect();
    assert!(shown[0] == shown[1]);
    assert!(content_of(&two.devices[0].files, "of-1") == content(5011, 40_000));
}

#[test]
fn a_checkpoint_whose_last_log_object_is_missing_is_not_told_of_as_an_earlier_state() {
    let mut two = Two::new([0, 0]);
    two.set(0, 9);
    (0..2).for_each(|nth| two.overwrite(nth, &format!("of-{nth}"), nth as u32));
    two.sync();
    let log_of = |nth: usize| {
        let logs = files_below(&two.vault(nth).join("log"));
        logs.into_keys().rfind(|name| fs::read(two.vault(1 - nth).join("log").join(name)).is_err())
    };
    (10..20).for_each(|seed| two.overwrite(0, "much", seed));
    two.sync();
    // At the same time, so that the greater device is the later one.
    (0..2).for_each(|nth| two.overwrite(nth, &format!("of-{nth}"), 20 + nth as u32));
    let (ours, theirs) = (log_of(0).unwrap(), log_of(1).unwrap());
    let (earlier, later) = if ours < theirs { (ours, theirs) } else { (theirs, ours) };
    two.sync();
    two.collect(0, DAY);
    two.sync();
    two.learn();
    for path in files_below(&two.vault(0)).into_keys() {
        if path.ends_with(".log") && !path.ends_with(&earlier) {
            (0..2).for_each(|nth| two.remove(nth, [path.clone()]));
        }
    }
    assert!(!two.vault(0).join("log").join(later).exists());
    two.learn();
    let history = history_of(&two.vault(0), &two.bench.key());
    assert_eq!(history.history().states().len(), 1);
}

#[test]
fn what_a_checkpoint_holds_is_no_state_where_something_earlier_that_it_lacks_may_be_missing() {
    let mut two = Two::new([0, 0]);
    two.set(0, 9);
    (0..2).for_each(|nth| two.overwrite(nth, &format!("of-{nth}"), nth as u32));
    two.sync();
    let folders = [0, 1].map(|nth| two.vault(nth).join("log"));
    let logs = |nth: usize| files_below(&folders[nth]).into_keys();
    let shared: BTreeSet<String> = logs(0).collect();
    // Of an earlier clock than the last of what is done at the same time.
    two.overwrite(1, "beside", 30);
    let beside = logs(1).find(|name| !shared.contains(name)).unwrap();
    (10..20).for_each(|seed| two.overwrite(0, "much", seed));
    let before = two.collect(0, DAY);
    assert!(before.is_empty() && logs(0).any(|name| name.ends_with(".ckpt")));
    let of_checkpoint: BTreeSet<String> = logs(0).collect();
    two.sync();
    two.learn();
    two.set(1, 9);
    (0..2).for_each(|nth| two.overwrite(nth, &format!("of-{nth}"), 40 + nth as u32));
    two.join();
    (50..60).for_each(|seed| two.overwrite(0, "much", seed));
    two.collect(0, DAY);
    two.sync();
    two.learn();
    let newest = logs(0).filter(|name| name.ends_with(".ckpt") && !of_checkpoint.contains(name));
    assert_eq!(newest.count(), 1);
    for name in logs(0) {
        if name.ends_with(".log") && !of_checkpoint.contains(&name) {
            (0..2).for_each(|nth| two.remove(nth, [format!("log/{name}")]));
        }
    }
    assert!(!two.vault(0).join("log").join(beside).exists());
    two.learn();
}

#[test]
fn of_two_checkpoints_with_the_same_clock_the_one_that_covers_more_is_the_ground() {
    let two = Two::new([0, 0]);
    two.set(0, 9);
    let id = |nth: usize| {
        two.overwrite(nth, &format!("of-{nth}"), nth as u32);
        files_below(&two.vault(nth).join("log")).into_keys().next().unwrap()
    };
    let (low, high) = if id(0) < id(1) { (0, 1) } else { (1, 0) };
    (10..20).for_each(|seed| two.overwrite(high, "much", seed));
    two.collect(high, DAY);
    let checkpoints = || files_below(&two.vault(low)).into_keys().filter(|it| it.ends_with("ckpt"));
    two.sync();
    assert_eq!(checkpoints().count(), 1);
    // Covers what the other one does, and log objects with lower clocks besides.
    two.collect(low, DAY);
    assert_eq!(checkpoints().count(), 2);
    let old: BTreeSet<String> = checkpoints().collect();
    two.sync();
    two.overwrite(high, "seen", 30);
    two.sync();
    two.set(3, 9);
    // At the same time, so that the checkpoint of this day is no ground.
    two.overwrite(low, "low", 40);
    two.overwrite(high, "high", 41);
    let gone = two.collect(low, DAY);
    assert!(gone.iter().filter(|path| path.ends_with(".log")).count() > 5, "{gone:?}");
    assert_eq!(old.iter().filter(|path| gone.contains(*path)).count(), 1, "{gone:?}");
    two.remove(high, gone);
    two.sync();
    for nth in 0..2 {
        let found = super::bench::device::look(&two.vault(nth), &two.bench.key()).unwrap();
        assert_eq!((found.status().damage, found.status().not_arrived), (vec![], vec![]));
        assert!(shown::of(&found) == shown::of(&two.devices[nth].files), "at {nth}");
        assert_eq!(shown::of(&found).len(), 6);
    }
}
