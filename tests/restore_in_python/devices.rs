//! What several devices did at the same time is put together as hushfs does it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use hushfs::format::{Ino, NodeKind};
use hushfs::fs::{AllocateMode, AttributeChange, CopyRange, FileKind, RenameMode};

use crate::bench::device::{Device, content};
use crate::both::Both;
use crate::dice::{self, Dice};
use crate::fleet::Fleet;
use crate::lists;
use crate::shown;
use crate::snapshot::{self, Snapshot};
use crate::steps::step;

/// What two devices make of what both have, without knowing of each other; whichever is the earlier.
fn both_restore(
    before: impl Fn(&Device),
    one: impl Fn(&Device),
    other: impl Fn(&Device),
) -> Option<Vec<Snapshot>> {
    let restored = [[0, 1], [1, 0]].map(|order| {
        let fleet = Fleet::new(2);
        before(fleet.device(0));
        fleet.join();
        for nth in order {
            if nth == 0 {
                one(fleet.device(0))
            } else {
                other(fleet.device(1))
            }
            fleet.device(nth).publish();
            // So that the clocks tell them apart.
            if nth == order[0] {
                fleet.device(order[1]).make(format!("of {nth}"), NodeKind::Folder);
                fleet.device(order[1]).publish();
            }
        }
        fleet.sync(1, 0, || true);
        Some(Both::of(&fleet.vault(0), &fleet.bench.key())?.assert_same("key", 0))
    });
    restored.into_iter().collect()
}

fn overwrite(device: &Device, path: &str, with: &[u8]) {
    device.files.write(device.ino(path), 4_000, with, false).unwrap();
    device.files.close(device.ino(path)).unwrap();
}

fn rename(device: &Device, from: &str, to: &str) {
    let ((from, old), (to, new)) = (device.split(from.as_bytes()), device.split(to.as_bytes()));
    device.files.rename(from, old, to, new, RenameMode::Replace).unwrap();
}

fn count(restored: &Snapshot, part: &str) -> usize {
    restored.keys().filter(|path| path.to_str().unwrap().contains(part)).count()
}

#[test]
fn what_devices_did_to_different_files_is_put_together() {
    let restored = both_restore(
        |device| {
            device.file("of both", &content(1, 9_000));
        },
        |device| {
            device.file("one", &content(2, 9_000));
        },
        |device| {
            device.file("other", &content(3, 9_000));
            overwrite(device, "of both", &content(4, 9_000));
        },
    );
    for restored in restored.into_iter().flatten() {
        assert_eq!((restored.len(), count(&restored, "conflict")), (5, 0));
    }
}

#[test]
fn two_versions_of_one_file_are_both_there() {
    let write = |version: &'static [u8]| move |device: &Device| overwrite(device, "notes", version);
    let before = |device: &Device| {
        device.file("notes", &content(1, 9_000));
    };
    for restored in both_restore(before, write(b"one"), write(b"other")).into_iter().flatten() {
        assert_eq!(count(&restored, "notes (conflict device-"), 1, "{restored:?}");
    }
}

#[test]
fn a_change_outlives_a_removal_of_the_file_or_of_its_folder() {
    let before = |device: &Device| {
        device.make("folder", NodeKind::Folder);
        device.file("folder/notes", &content(1, 9_000));
    };
    let remove = |device: &Device| {
        device.files.unlink(device.ino("folder"), b"notes").unwrap();
        device.files.remove_folder(Ino::ROOT, b"folder").unwrap();
    };
    let write = |device: &Device| overwrite(device, "folder/notes", b"kept");
    for restored in both_restore(before, write, remove).into_iter().flatten() {
        assert!(restored.contains_key(Path::new("folder/notes")), "{restored:?}");
    }
}

#[test]
fn folders_that_two_moved_into_each_other_make_no_circle() {
    let before = |device: &Device| {
        for folder in ["a", "b", "a/in a", "b/in b"] {
            device.make(folder, NodeKind::Folder);
        }
    };
    let one = |device: &Device| rename(device, "a", "b/in b/a");
    let other = |device: &Device| rename(device, "b", "a/in a/b");
    for restored in both_restore(before, one, other).into_iter().flatten() {
        assert_eq!(restored.len(), 6, "{restored:?}");
    }
}

#[test]
fn of_two_renames_the_later_holds_and_what_both_named_alike_stands_side_by_side() {
    let before = |device: &Device| {
        for name in ["a", "b", "c"] {
            device.file(name, name.as_bytes());
        }
    };
    let one = |device: &Device| {
        rename(device, "a", "a of one");
        rename(device, "b", "alike.txt");
    };
    let other = |device: &Device| {
        rename(device, "a", "a of other");
        rename(device, "c", "alike.txt");
    };
    for restored in both_restore(before, one, other).into_iter().flatten() {
        let counts = [" of o", "alike.txt", "alike (conflict"].map(|part| count(&restored, part));
        assert_eq!(counts, [1, 1, 1], "{restored:?}");
    }
}

#[test]
fn of_two_hard_links_that_two_took_away_one_stays() {
    let before = |device: &Device| {
        let ino = device.file("a", &content(1, 9_000));
        device.link(ino, "b");
    };
    let remove =
        |name: &'static [u8]| move |device: &Device| device.files.unlink(Ino::ROOT, name).unwrap();
    for restored in both_restore(before, remove(b"a"), remove(b"b")).into_iter().flatten() {
        // The folder itself and one that tells the clocks apart.
        assert_eq!(restored.len(), 3, "{restored:?}");
    }
}

#[test]
fn a_name_that_made_room_goes_when_whoever_gave_it_takes_it_away() {
    let one = |device: &Device| {
        let ino = device.file("a", b"of one");
        device.link(ino, "stays");
        device.publish();
        device.make("later", NodeKind::Folder);
        device.publish();
        device.files.unlink(Ino::ROOT, b"a").unwrap();
    };
    let other = |device: &Device| {
        device.file("a", b"of other");
    };
    for restored in both_restore(|_| {}, one, other).into_iter().flatten() {
        // Besides three folders; the other's file may have made room.
        assert_eq!(restored.len(), 5, "{restored:?}");
        assert!(restored.contains_key(Path::new("stays")));
    }
}

#[test]
fn a_copy_whose_name_is_given_away_keeps_the_device_that_it_comes_from() {
    let before = |device: &Device| {
        device.file("notes", &content(1, 9_000));
    };
    let date = hushfs::format::Time::now().date();
    let other = |device: &Device| {
        overwrite(device, "notes", b"other");
        device.publish();
        for nth in 0..2 {
            device.file(format!("notes (conflict device-{nth} {date})"), b"by hand");
        }
    };
    let restored = both_restore(before, |device| overwrite(device, "notes", b"one"), other);
    for restored in restored.into_iter().flatten() {
        assert_eq!(count(&restored, "(conflict device-"), 3, "{restored:?}");
    }
}

/// Names that are one to some systems, and two in a vault.
const FORMS: [&str; 2] = ["\u{e9}.txt", "e\u{301}.txt"];

/// Does one thing where devices meet that is not among [`step`].
fn odd_step(dice: &mut Dice, device: &Device) {
    let files = &device.files;
    let shown = shown::of(files);
    let pick = |dice: &mut Dice, kind: Option<FileKind>| {
        let is_it = |kind_there| kind.is_none_or(|kind| kind == kind_there);
        let fitting: Vec<_> = shown.iter().filter(|(_, entry)| is_it(entry.kind)).collect();
        let nth = dice.below(fitting.len().max(1) as u64) as usize;
        fitting.get(nth).map(|(path, entry)| ((*path).clone(), entry.ino))
    };
    let is_free = |name: &str| files.lookup(Ino::ROOT, name.as_bytes()).is_err();
    let name = FORMS[dice.below(2) as usize];
    match dice.below(10) {
        0 if is_free(name) => {
            device.file(name, &content(dice.next() as u32, 5_000));
        }
        1 => {
            let Some((path, ino)) = pick(dice, None) else { return };
            let may = [7, 5, dice.below(8) as u8, dice.below(8) as u8, 5];
            let folder = shown[&path].kind == FileKind::Folder;
            let list = lists::value(may, dice.coin());
            let hands_down = folder && dice.coin();
            let attribute = std::str::from_utf8(lists::name(hands_down)).unwrap();
            if shown[&path].kind != FileKind::Symlink {
                device.set_xattr(ino, attribute, &list);
            }
        }
        2 => {
            let Some((_, ino)) = pick(dice, None) else { return };
            let _ = files.remove_xattr(ino, b"user.x");
            device.set_owner(ino, dice.below(3) as u32, 7);
        }
        3 => {
            let Some((_, ino)) = pick(dice, None) else { return };
            let secs = 1_700_000_000 + dice.below(5) as i64;
            device.set_times(ino, (secs, 1), (secs, 999_999_999));
        }
        4 if is_free("link") => {
            device.make("link", NodeKind::Symlink(b"a"));
        }
        // Folders into each other.
        5 | 6 => {
            let folder = Some(FileKind::Folder);
            let (Some((path, _)), Some((_, to))) = (pick(dice, folder), pick(dice, folder)) else {
                return;
            };
            let (from, old) = device.split(path.as_bytes());
            let _ = files.rename(from, old, to, b"moved", RenameMode::Replace);
        }
        // Saved as many programs do it.
        7 => {
            let Some((path, _)) = pick(dice, Some(FileKind::File)) else { return };
            if is_free("saved.tmp") {
                device.file("saved.tmp", &content(dice.next() as u32, 7_000));
                let (folder, name) = device.split(path.as_bytes());
                let mode = RenameMode::Replace;
                files.rename(Ino::ROOT, b"saved.tmp", folder, name, mode).unwrap();
            }
        }
        8 => {
            let Some((_, ino)) = pick(dice, Some(FileKind::File)) else { return };
            let _ = files.allocate(ino, AllocateMode::PunchHole, dice.below(9_000), 9_000);
            files.close(ino).unwrap();
        }
        _ => {
            let file = Some(FileKind::File);
            let (Some((_, from)), Some((_, to))) = (pick(dice, file), pick(dice, file)) else {
                return;
            };
            let to_offset = if from == to { 32_768 } else { 4_096 * dice.below(3) };
            let range = CopyRange { from, from_offset: 0, to, to_offset, bytes: 10_000 };
            files.copy_range(range).unwrap();
            files.close(to).unwrap();
        }
    }
}

/// Restores with both what is in a device's vault folder: the same tree and exit code.
fn compare(fleet: &Fleet, nth: usize, context: &str) -> Option<Snapshot> {
    let both = Both::of(&fleet.vault(nth), &fleet.bench.key())?;
    let [ours, theirs] = ["out", "theirs"].map(|name| both.place(name));
    let said = both.in_python("key", &ours, &[]);
    let with_hushfs = both.with_hushfs("key", &theirs);
    assert_eq!(said.code, with_hushfs.code, "{context}: {said:?}, {with_hushfs:?}");
    let restored = snapshot::of(&ours);
    let different = snapshot::differences(&restored, &snapshot::of(&theirs));
    assert!(different.is_empty(), "{context}: {}", different.join("\n"));
    Some(restored)
}

/// Restores what random devices leave behind, on the way and at the end. Gives how many conflict
/// copies there were.
fn history(seed: u64) -> Option<usize> {
    let mut dice = Dice::new(seed);
    let devices = 2 + dice.below(2) as usize;
    let mut fleet = Fleet::new(devices);
    let mut conflicts = BTreeSet::new();
    let mut note = |restored: Snapshot| {
        conflicts.extend(
            restored
                .into_keys()
                .filter(|path| path.to_str().unwrap().contains("(conflict device-")),
        );
    };
    for turn in 0..15 + dice.below(25) {
        let nth = dice.below(devices as u64) as usize;
        match dice.below(16) {
            0..=4 => step(&mut dice, fleet.device(nth)),
            5..=8 => odd_step(&mut dice, fleet.device(nth)),
            9 | 10 => fleet.device(nth).publish(),
            11 | 12 => {
                let odds = 2 + dice.below(6);
                let to = dice.below(devices as u64) as usize;
                fleet.sync(nth, to, || dice.below(6) < odds);
                fleet.device(to).files.take_arrivals().unwrap();
            }
            13 => note(compare(&fleet, nth, &format!("seed {seed}, turn {turn}"))?),
            14 if dice.below(3) == 0 => fleet.collect(nth),
            14 => fleet.join(),
            _ => {
                let to = (nth + 1) % devices;
                fleet.copy_state(nth, to);
            }
        }
    }
    (0..devices).for_each(|nth| fleet.device(nth).publish());
    (1..devices).for_each(|nth| fleet.sync(nth, 0, || true));
    note(compare(&fleet, 0, &format!("seed {seed}, at the end"))?);
    Some(conflicts.len())
}

#[test]
fn what_random_devices_leave_behind_is_the_same() {
    let conflicts: Option<Vec<usize>> = dice::seeds("HUSHFS_RESTORES", 40).map(history).collect();
    let Some(conflicts) = conflicts else { return };
    println!(
        "{} conflict copies in {} histories",
        conflicts.iter().sum::<usize>(),
        conflicts.len()
    );
    assert!(conflicts.iter().any(|count| *count > 0));
}

#[test]
fn whoever_comes_back_after_what_they_built_on_was_collected_is_put_together() {
    let fleet = Fleet::new(2);
    fleet.device(0).file("a", &content(0, 30_000));
    fleet.device(0).file("gone", b"x");
    fleet.join();
    overwrite(fleet.device(1), "a", &content(1, 5_000));
    fleet.device(1).files.unlink(Ino::ROOT, b"gone").unwrap();
    let cut = AttributeChange { size: Some(17_001), ..AttributeChange::default() };
    fleet.device(1).files.set_attributes(fleet.device(1).ino("a"), &cut).unwrap();
    fleet.device(1).file("new", b"new");
    fleet.device(1).publish();
    overwrite(fleet.device(0), "a", &content(2, 5_000));
    for nth in 0..8 {
        fleet.device(0).file(format!("file-{nth}"), b"x");
        fleet.device(0).publish();
    }
    let before = fleet.objects(0);
    assert!(fleet.device(0).files.collect(std::time::Duration::ZERO).unwrap().removed_logs > 0);
    fleet.take_away(1, before.difference(&fleet.objects(0)));
    fleet.sync(1, 0, || true);
    let Some(restored) = compare(&fleet, 0, "late") else { return };
    assert_eq!(count(&restored, "a (conflict device-1"), 1, "{restored:?}");
    assert!(restored.contains_key(Path::new("gone")) && restored.contains_key(Path::new("new")));
    fs::remove_dir_all(fleet.vault(1)).unwrap();
}
