//! Random histories of several devices, and histories that were thinned out.

use std::fs;
use std::time::Duration;

use hushfs::fs::RekeyError;

use crate::anew::{Opened, assert_tells_the_same, seal_anew};
use crate::bench::Bench;
use crate::bench::device::content;
use crate::clock::{ClockedDisk, DAY_SECS, at};
use crate::dice::{self, Dice};
use crate::files::files_below;
use crate::fleet::Fleet;
use crate::steps::step;

fn history(seed: u64) -> usize {
    let mut dice = Dice::new(seed);
    let devices = 2 + dice.below(3) as usize;
    let mut fleet = Fleet::new(devices);
    for _ in 0..15 + dice.below(30) {
        let nth = dice.below(devices as u64) as usize;
        match dice.below(10) {
            0..=4 => (0..1 + dice.below(4)).for_each(|_| step(&mut dice, fleet.device(nth))),
            5 => fleet.device(nth).publish(),
            6 | 7 => {
                let to = dice.below(devices as u64) as usize;
                fleet.sync(nth, to, || true);
            }
            8 => fleet.device(nth).files.take_arrivals().unwrap(),
            _ if dice.below(4) == 0 => fleet.collect(nth),
            _ => fleet.restart(nth),
        }
    }
    // What two have done at the same time lies in the folder, not merged by anybody yet.
    (0..devices).for_each(|nth| fleet.device(nth).publish());
    (1..devices).for_each(|nth| fleet.sync(nth, 0, || true));
    let context = format!("seed {seed}");
    let old = Opened::by_key(&fleet.vault(0), &fleet.bench.key());
    let before = files_below(&old.place);
    let new = Opened::new_for(&old, &fleet.bench.place("anew"));
    let report = seal_anew(&old, &new).unwrap_or_else(|error| panic!("{context}: {error}"));
    assert_eq!(files_below(&old.place), before, "{context}: the old vault is as it was");
    let states = assert_tells_the_same(&old, &new, &context);
    assert_eq!((report.states, report.made), (states as u64, report.objects), "{context}");
    // Nothing of it is as it was.
    let after = files_below(&new.place);
    let same = after.iter().filter(|(path, content)| before.get(*path) == Some(content));
    assert_eq!(same.count(), 0, "{context}");
    // A second run finds all of it and makes nothing.
    let again = seal_anew(&old, &new).unwrap();
    assert_eq!((again.made, again.objects), (0, report.objects), "{context}");
    assert_eq!(files_below(&new.place), after, "{context}");
    states
}

#[test]
fn a_vault_sealed_anew_tells_the_same_now_and_in_every_state() {
    let states: usize = dice::seeds("HUSHFS_REKEYS", 12).map(history).sum();
    assert!(states > 50, "only {states} states");
}

#[test]
fn a_history_that_was_thinned_out_is_the_same_and_devices_go_on_from_it() {
    let bench = Bench::new();
    let disk = ClockedDisk::new(at(0, 0));
    let device = disk.device("laptop", &bench.vault(), &bench.key(), &bench.place("state"));
    let month = Duration::from_secs(30 * DAY_SECS as u64);
    let ino = device.file("database", b"");
    for day in 0..9 {
        for hour in [8, 13, 21] {
            disk.set(at(day, hour));
            let bytes = content((day * 24 + hour) as u32, 60_000);
            device.files.write(ino, 0, &bytes, false).unwrap();
            device.files.close(ino).unwrap();
            device.file(format!("message {day} {hour}"), &bytes[..500]);
            device.publish();
            device.files.collect(month).unwrap();
        }
    }
    device.unmount();
    let old = Opened::by_key(&bench.vault(), &bench.key());
    assert!(old.history().history().is_thinned() && old.history().history().is_cut());
    let new = Opened::new_for(&old, &bench.place("anew"));
    seal_anew(&old, &new).unwrap();
    let states = assert_tells_the_same(&old, &new, "thinned");
    assert!(states > 8, "{states}");
    assert!(new.history().history().is_thinned());
}

#[test]
fn packs_that_have_no_log_object_yet_are_sealed_anew_as_well() {
    let fleet = Fleet::new(2);
    fleet.device(0).file("a", &content(1, 50_000));
    fleet.device(0).publish();
    fleet.sync(0, 1, || true);
    fleet.device(1).files.take_arrivals().unwrap();
    fleet.device(1).file("b", &content(2, 50_000));
    fleet.device(1).publish();
    // Its pack has come, its log object has not.
    fleet.sync(1, 0, || false);
    let old = Opened::by_key(&fleet.vault(0), &fleet.bench.key());
    let new = Opened::new_for(&old, &fleet.bench.place("anew"));
    let first = seal_anew(&old, &new).unwrap();
    assert!(new.files().lookup(hushfs::format::Ino::ROOT, b"b").is_err());
    // Then it comes, and the next run takes it in.
    let before = files_below(&old.place).len();
    fleet.sync(1, 0, || true);
    let came = (files_below(&old.place).len() - before) as u64;
    let second = seal_anew(&old, &new).unwrap();
    assert_eq!((second.objects, second.made), (first.objects + came, came));
    assert_tells_the_same(&old, &new, "late");
    assert!(new.files().lookup(hushfs::format::Ino::ROOT, b"b").is_ok());
}

#[test]
fn what_has_not_arrived_or_is_damaged_is_named_and_nothing_is_dropped() {
    let fleet = Fleet::new(2);
    for name in ["a", "b"] {
        fleet.device(0).file(name, &content(3, 30_000));
        fleet.device(0).publish();
    }
    let place = fleet.vault(0);
    let mut paths: Vec<String> = files_below(&place).into_keys().collect();
    paths.retain(|path| path.starts_with("data/") || path.starts_with("log/"));
    assert!(paths.len() >= 4, "{paths:?}");
    let last_log = paths.iter().filter(|path| path.ends_with(".log")).max().unwrap().clone();
    for path in &paths {
        let at = place.join(path);
        let bytes = fs::read(&at).unwrap();
        let refused = |wanted: &dyn Fn(&RekeyError) -> bool| {
            let old = Opened::by_key(&place, &fleet.bench.key());
            let new = Opened::new_for(&old, &fleet.bench.place("anew"));
            let error = seal_anew(&old, &new).unwrap_err();
            assert!(wanted(&error) && error.to_string().contains(path), "{path}: {error}");
            assert!(!new.place.join("hushfs.vault").exists());
            fs::remove_dir_all(&new.place).unwrap();
        };
        let mut changed = bytes.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        fs::write(&at, &changed).unwrap();
        refused(&|error| matches!(error, RekeyError::Damaged(_)));
        fs::remove_file(&at).unwrap();
        // That there was a last one, nothing in the vault tells.
        if *path != last_log {
            refused(&|error| matches!(error, RekeyError::NotArrived(_) | RekeyError::Damaged(_)));
        }
        fs::write(&at, &bytes).unwrap();
    }
    let old = Opened::by_key(&place, &fleet.bench.key());
    let new = Opened::new_for(&old, &fleet.bench.place("anew"));
    seal_anew(&old, &new).unwrap();
}

#[test]
fn a_pack_that_a_sync_client_has_renamed_or_damaged_beside_a_whole_copy_is_taken_from_there() {
    let fleet = Fleet::new(1);
    for name in ["a", "b"] {
        fleet.device(0).file(name, &content(4, 30_000));
        fleet.device(0).publish();
    }
    let place = fleet.vault(0);
    let packs: Vec<String> =
        files_below(&place).into_keys().filter(|path| path.ends_with(".pack")).collect();
    let copy = |path: &String| place.join(path.replace(".pack", " (1).pack"));
    fs::rename(place.join(&packs[0]), copy(&packs[0])).unwrap();
    fs::copy(place.join(&packs[1]), copy(&packs[1])).unwrap();
    let mut bytes = fs::read(place.join(&packs[1])).unwrap();
    bytes[100] ^= 1;
    fs::write(place.join(&packs[1]), bytes).unwrap();
    let old = Opened::by_key(&place, &fleet.bench.key());
    let new = Opened::new_for(&old, &fleet.bench.place("anew"));
    seal_anew(&old, &new).unwrap();
    assert_tells_the_same(&old, &new, "copies");
    assert_eq!(seal_anew(&old, &new).unwrap().made, 0);
}
