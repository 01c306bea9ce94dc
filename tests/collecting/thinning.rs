//! A history of many days, of which one state a day is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use hushfs::fs::{Collected, HistoryError, VaultHistory, When};
use proptest::prelude::*;

use super::bench::Bench;
use super::bench::device::{Device, content};
use super::clock::{ClockedDisk, DAY_SECS, at};
use super::files::files_below;
use super::past::{content as content_of, history_of, id};
use super::shown::{self, Shown};
use super::vault::{Objects, assert_holds};

const DAY: Duration = Duration::from_secs(DAY_SECS as u64);
const MONTH: Duration = Duration::from_secs(30 * DAY_SECS as u64);
const DATABASE_BYTES: usize = 300_000;

/// What a backup of a day and hour is.
fn backup(day: i64, hour: i64) -> Vec<u8> {
    content((day * 24 + hour) as u32, DATABASE_BYTES)
}

/// Writes all of a file anew, and publishes that.
fn overwrite(device: &Device, path: &str, bytes: &[u8]) {
    let ino = match device.files.lookup(hushfs::format::Ino::ROOT, path.as_bytes()) {
        Ok(found) => found.ino,
        Err(_) => device.file(path, b""),
    };
    device.files.write(ino, 0, bytes, false).unwrap();
    device.files.close(ino).unwrap();
    device.publish();
}

/// A vault that a device writes three backups a day into, and collects each evening and in between.
struct Lived {
    bench: Bench,
    disk: ClockedDisk,
    device: Device,
}

const HOURS: [i64; 3] = [8, 13, 21];

impl Lived {
    fn new() -> Self {
        let bench = Bench::new();
        let disk = ClockedDisk::new(at(0, 0));
        let device = disk.device("laptop", &bench.vault(), &bench.key(), &bench.place("state"));
        Self { bench, disk, device }
    }

    fn days(&self, days: std::ops::Range<i64>, history: Duration) -> Collected {
        let mut all = Collected::default();
        for day in days {
            for hour in HOURS {
                self.disk.set(at(day, hour));
                overwrite(&self.device, "database", &backup(day, hour));
                let name = format!("message-{day}-{hour}");
                self.device.file(name, &content(1, 500));
                self.device.publish();
                let collected = self.device.files.collect(history).unwrap();
                all.thinned_states += collected.thinned_states;
                all.removed_packs += collected.removed_packs;
                all.removed_logs += collected.removed_logs;
                (all.daily_states, all.history_log_bytes, all.history_bytes) =
                    (collected.daily_states, collected.history_log_bytes, collected.history_bytes);
            }
        }
        all
    }

    fn history(&self) -> VaultHistory {
        history_of(&self.bench.vault(), &self.bench.key())
    }
}

/// Which backup a state holds as of a time, read in full.
fn backup_at(history: &VaultHistory, time: hushfs::format::Time) -> Vec<u8> {
    let state = history.find(&When::By(time)).unwrap();
    content_of(&history.files_at(state).unwrap(), "database")
}

#[test]
fn of_thirty_days_each_days_last_state_is_to_be_had_and_no_more_room_is_taken() {
    let lived = Lived::new();
    let all = lived.days(0..35, MONTH);
    assert!(all.thinned_states > 60 && all.removed_packs > 60, "{all:?}");
    assert!(all.removed_logs > 60, "{all:?}");
    assert!((29..=31).contains(&all.daily_states), "{all:?}");
    let history = lived.history();
    for day in 5..35 {
        assert!(backup_at(&history, at(day, 23)) == backup(day, 21), "day {day}");
        // Between two kept states, the newest before is given.
        if day < 33 && day > 5 {
            assert!(backup_at(&history, at(day, 14)) == backup(day - 1, 21), "day {day}");
        }
    }
    // The last day is there in full.
    assert!(backup_at(&history, at(34, 9)) == backup(34, 8));
    assert!(backup_at(&history, at(34, 14)) == backup(34, 13));
    assert!(history.history().is_cut() && history.history().is_thinned());
    let error = history.find(&When::By(at(3, 23))).unwrap_err();
    assert!(matches!(error, HistoryError::Collected(_)), "{error}");
    // Every state that is told of is whole.
    for state in history.history().states() {
        let files = history.files_at(state).unwrap();
        assert_eq!(files.status().notes, Vec::<String>::new(), "{state}");
        assert_eq!(content_of(&files, "database").len(), DATABASE_BYTES, "{state}");
    }
    // One backup a day, the last day's, and what the newest checkpoint does not stand for.
    let objects = Objects::of(&lived.bench.vault());
    let packs = files_below(&lived.bench.vault()).into_iter();
    let packs = packs.filter(|(path, _)| path.ends_with(".pack"));
    let pack_bytes: usize = packs.map(|(_, bytes)| bytes.len()).sum();
    assert!(pack_bytes < 37 * (DATABASE_BYTES + DATABASE_BYTES / 10), "{objects:?}");
    assert!(objects.logs < 30 * 6 + 20, "{objects:?}");
    assert_holds(&lived.bench, &[("database", &backup(34, 21))]);
}

#[test]
fn what_the_history_costs_is_told_and_goes_with_it() {
    let lived = Lived::new();
    let all = lived.days(0..12, MONTH);
    lived.device.files.collect_unasked(MONTH);
    let status = lived.device.files.status();
    assert_eq!(status.history_bytes, all.history_bytes);
    assert_eq!(status.history_log_bytes, all.history_log_bytes);
    let before = Objects::of(&lived.bench.vault());
    let collected = lived.device.files.collect(Duration::ZERO).unwrap();
    let after = Objects::of(&lived.bench.vault());
    assert_eq!(before.bytes - after.bytes, collected.freed_bytes);
    let status_bytes = status.history_bytes + status.history_log_bytes;
    // What little the last collection writes itself apart.
    assert!(collected.freed_bytes >= status_bytes, "{collected:?} {status:?}");
    let status = lived.device.files.status();
    assert_eq!((collected.history_bytes, status.history_log_bytes), (0, 0));
}

#[test]
fn a_shorter_history_lets_go_of_the_days_before_and_of_nothing_else() {
    let lived = Lived::new();
    lived.days(0..20, MONTH);
    let before: Vec<_> =
        lived.history().history().states().iter().map(|state| state.full_id()).collect();
    lived.device.files.collect(7 * DAY).unwrap();
    let history = lived.history();
    let left: Vec<_> = history.history().states().iter().map(|state| state.full_id()).collect();
    assert!(left.iter().all(|id| before.contains(id)));
    for day in 13..20 {
        assert!(backup_at(&history, at(day, 23)) == backup(day, 21), "day {day}");
    }
    assert!(matches!(history.find(&When::By(at(10, 0))), Err(HistoryError::Collected(_))));
}

#[test]
fn what_was_there_before_a_long_pause_is_there_for_as_long_after_it() {
    let lived = Lived::new();
    lived.days(0..2, MONTH);
    lived.days(60..75, MONTH);
    assert!(backup_at(&lived.history(), at(59, 0)) == backup(1, 21));
    lived.days(92..95, MONTH);
    let error = lived.history().find(&When::By(at(59, 0))).unwrap_err();
    assert!(matches!(error, HistoryError::Collected(_)), "{error}");
}

#[test]
fn a_clock_that_is_ahead_for_an_hour_lets_go_of_nothing() {
    let lived = Lived::new();
    lived.days(0..20, MONTH);
    let before = files_below(&lived.bench.vault());
    lived.disk.set(at(4000, 0));
    lived.device.file("from the future", b"x");
    lived.device.files.collect(MONTH).unwrap();
    lived.disk.set(at(20, 8));
    lived.device.files.collect(MONTH).unwrap();
    let history = lived.history();
    for day in 0..20 {
        assert!(backup_at(&history, at(day, 23)) == backup(day, 21), "day {day}");
    }
    assert!(before.keys().filter(|path| path.ends_with(".pack")).count() > 18);
    // Nor do the days that follow suffer from it.
    lived.days(20..26, MONTH);
    let history = lived.history();
    for day in 0..26 {
        assert!(backup_at(&history, at(day, 23)) == backup(day, 21), "day {day}");
    }
}

#[test]
fn a_log_object_that_cannot_be_read_keeps_the_whole_period() {
    let lived = Lived::new();
    lived.days(0..4, MONTH);
    let is_checkpoint = |path: &&String| path.ends_with(".ckpt");
    let vault = lived.bench.vault();
    let objects = files_below(&vault);
    let oldest = objects.keys().find(is_checkpoint).unwrap();
    let whole = std::fs::read(vault.join(oldest)).unwrap();
    std::fs::write(vault.join(oldest), b"not whole").unwrap();
    lived.disk.set(at(9, 0));
    let packs = Objects::of(&vault).packs;
    let collected = lived.device.files.collect(MONTH).unwrap();
    assert_eq!((collected.removed_packs, collected.thinned_states), (0, 0), "{collected:?}");
    assert!(Objects::of(&vault).packs >= packs);
    std::fs::write(vault.join(oldest), whole).unwrap();
    let history = lived.history();
    for day in 0..4 {
        assert!(backup_at(&history, at(day, 23)) == backup(day, 21), "day {day}");
    }
}

#[test]
fn a_file_that_is_there_in_full_comes_back_even_where_its_state_is_not() {
    let lived = Lived::new();
    lived.days(0..3, MONTH);
    lived.disk.set(at(3, 9));
    let ino = hushfs::format::Ino::ROOT;
    lived.device.files.unlink(ino, b"message-1-8").unwrap();
    lived.device.publish();
    lived.days(4..9, MONTH);
    let undeleted = lived.device.files.undelete(b"message-1-8", None).unwrap();
    assert_eq!((undeleted.path.as_str(), undeleted.lacking_count), ("message-1-8", 0));
    let read = content_of(&lived.device.files, "message-1-8");
    assert!(read == content(1, 500));
}

/// What is done next in a random history.
#[derive(Clone, Debug)]
enum Step {
    Write { file: u8, seed: u8 },
    Remove { file: u8 },
    Publish,
    Pass { hours: u8 },
    Collect,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..5u8, any::<u8>()).prop_map(|(file, seed)| Step::Write { file, seed }),
        1 => (0..5u8).prop_map(|file| Step::Remove { file }),
        4 => Just(Step::Publish),
        5 => (1..40u8).prop_map(|hours| Step::Pass { hours }),
        3 => Just(Step::Collect),
        1 => Just(Step::Restart),
    ]
}

fn carry_out(steps: &[Step], history_days: u64) {
    let bench = Bench::new();
    let disk = ClockedDisk::new(at(0, 0));
    let open = || disk.device("laptop", &bench.vault(), &bench.key(), &bench.place("state"));
    let mut device = Some(open());
    let history = Duration::from_secs(history_days * DAY_SECS as u64);
    let mut now = at(0, 0);
    // What was shown after each log object, and when.
    let mut published: BTreeMap<String, (hushfs::format::Time, Shown)> = BTreeMap::new();
    let note = |device: &Device, now, published: &mut BTreeMap<String, _>| {
        device.publish();
        let past = history_of(&bench.vault(), &bench.key());
        if let Some(last) = past.history().states().last() {
            let shown = shown::of(&device.files);
            published.entry(last.full_id()).or_insert((now, shown));
        }
    };
    for step in steps {
        let files = device.as_ref().unwrap();
        match step {
            Step::Write { file, seed } => {
                let (name, bytes) = (format!("f{file}"), content(u32::from(*seed), 20_000));
                let root = hushfs::format::Ino::ROOT;
                let found = files.files.lookup(root, name.as_bytes());
                let ino = found.map_or_else(|_| files.file(&name, b""), |found| found.ino);
                files.files.write(ino, u64::from(*seed) * 100, &bytes, false).unwrap();
                files.files.close(ino).unwrap();
            }
            Step::Remove { file } => {
                let name = format!("f{file}");
                drop(files.files.unlink(hushfs::format::Ino::ROOT, name.as_bytes()));
            }
            Step::Publish => note(files, now, &mut published),
            Step::Pass { hours } => {
                note(files, now, &mut published);
                now.secs += i64::from(*hours) * 3600;
                disk.set(now);
            }
            Step::Collect => {
                note(files, now, &mut published);
                let before = history_of(&bench.vault(), &bench.key());
                let whole: Vec<_> = before.history().states().to_vec();
                let collected = files.files.collect(history).unwrap();
                let after = history_of(&bench.vault(), &bench.key());
                // A collection publishes what it moves, which is a state that shows the same.
                let is_there = |id: &String| {
                    after.history().states().iter().any(|state| state.full_id() == *id)
                };
                // What must be there: all of the last day, and of the period the last of each day.
                for (nth, state) in whole.iter().enumerate() {
                    let Some(next) = whole.get(nth + 1) else { continue };
                    let age = now.secs - next.published.secs;
                    let day = |at: hushfs::format::Time| at.secs.div_euclid(DAY_SECS);
                    let is_last_of_day = day(next.published) != day(state.published);
                    let is_recent = age < DAY_SECS.min(history.as_secs() as i64);
                    if is_recent || is_last_of_day && age < history.as_secs() as i64 {
                        assert!(is_there(&state.full_id()), "{state} {collected:?}");
                    }
                }
                for state in after.history().states() {
                    let shown = shown::of(&after.files_at(state).unwrap());
                    if let Some((_, expected)) = published.get(&state.full_id()) {
                        assert!(shown == *expected, "{state} is shown otherwise");
                    }
                    assert!(shown.values().all(|entry| entry.content.is_ok()), "{state}");
                }
            }
            Step::Restart => {
                drop(device.take());
                device = Some(open());
            }
        }
    }
    drop(device);
    bench.verify().expect(0, &[]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_and_collected_a_kept_state_is_whole_and_as_it_was(
        steps in prop::collection::vec(step(), 1..60),
        history_days in 1..12u64,
    ) {
        carry_out(&steps, history_days);
    }
}

#[test]
fn a_state_that_is_between_two_kept_ones_has_no_id_that_is_told_of() {
    let lived = Lived::new();
    lived.days(0..2, MONTH);
    let ids: Vec<_> =
        lived.history().history().states().iter().map(|state| state.full_id()).collect();
    lived.days(2..12, MONTH);
    let history = lived.history();
    let is_told =
        |of: &String| history.history().states().iter().any(|state| state.full_id() == *of);
    assert!(ids.iter().filter(|id| is_told(id)).count() <= 3);
    // Whoever kept one and asks for it is told that it is gone, or what it lacks.
    for of in ids.iter().filter(|id| !is_told(id)) {
        if let Ok(state) = history.find(&id(of)) {
            let files = history.files_at(state).unwrap();
            assert!(files.status().notes[0].contains("have been collected"));
        }
    }
}
