//! A new slot and one that goes: at any call the process may be killed, the power may go, or the disk
//! may fail, and one of the two opens the vault.

use std::sync::{Arc, Mutex};

use hushfs::crypto::{ClassKeys, MasterKey};
use hushfs::format::{RecoveryKey, SlotWay, UnverifiedSlot};
use hushfs::fs::{NewSlot, SlotEntry, list_slots, put_slot, remove_slot};
use hushfs::store::VaultFolder;

use crate::bench::Bench;
use crate::dice::Dice;
use crate::image::{Fault, Image};

/// A vault with one slot, on a disk where that is durable.
struct Change {
    bench: Bench,
    image: Image,
    old: SlotEntry,
    new: NewSlot,
    ways: [RecoveryKey; 2],
}

impl Change {
    fn new() -> Self {
        let (bench, image) = (Bench::new(), Image::new());
        let ways = [RecoveryKey::random(), RecoveryKey::random()];
        let vault = bench.vault(&image);
        let slot = |key: &RecoveryKey, name: &str, replaces| NewSlot {
            way: SlotWay::of_key(&bench.descriptor.vault, key),
            name: name.to_owned(),
            device_name: String::new(),
            replaces,
        };
        let old = slot(&ways[0], "old", None);
        let keys = keys_of(&bench);
        put_slot(&vault, &keys, &bench.descriptor, None, &old).unwrap();
        let new = slot(&ways[1], "new", Some(old.way.id()));
        let old = list_slots(&vault, Some(&keys)).unwrap().remove(0);
        Self { bench, image, old, new, ways }
    }

    /// The new slot comes, then the old one goes.
    fn carry_out(&self) -> bool {
        let vault = self.bench.vault(&self.image);
        let Bench { descriptor, .. } = &self.bench;
        put_slot(&vault, &keys_of(&self.bench), descriptor, None, &self.new).is_ok()
            && remove_slot(&vault, &self.old).is_ok()
    }

    /// Which of the two open the vault on this disk. What is there is whole.
    fn opening(&self, image: &Image) -> [bool; 2] {
        let (vault, keys) = (self.bench.vault(image), keys_of(&self.bench));
        let slots = list_slots(&vault, Some(&keys)).unwrap();
        assert!(slots.iter().all(|slot| slot.standing.is_relied_on()), "{slots:?}");
        let files: Vec<&String> = slots.iter().flat_map(|slot| &slot.files).collect();
        let opens = |key: &RecoveryKey| files.iter().any(|file| opens(&vault, file, key));
        [opens(&self.ways[0]), opens(&self.ways[1])]
    }
}

fn keys_of(bench: &Bench) -> ClassKeys {
    MasterKey::class_keys(&bench.master, &bench.descriptor.vault)
}

fn opens(vault: &VaultFolder, file: &str, key: &RecoveryKey) -> bool {
    let slot = UnverifiedSlot::parse(&vault.get(file, 4096).unwrap()).unwrap();
    let id = *slot.claimed_vault();
    slot.open_with_key(key, &id).is_ok()
}

#[test]
fn at_every_moment_of_a_change_one_slot_opens_the_vault_whatever_crashes() {
    let change = Change::new();
    let moments = Arc::new(Mutex::new(Vec::new()));
    let kept = moments.clone();
    change.image.watch(move |_, disk| kept.lock().unwrap().push(disk.clone()));
    assert!(change.carry_out());
    let moments = std::mem::take(&mut *moments.lock().unwrap());
    assert!(moments.len() > 8, "{} calls", moments.len());
    let mut seen = std::collections::BTreeSet::new();
    for (nth, disk) in moments.into_iter().enumerate() {
        let disk = Image::of(disk);
        for seed in 0..20 {
            let after = disk.after_power_loss(&mut Dice::new(seed));
            for opening in [change.opening(&disk.after_kill()), change.opening(&after)] {
                assert!(opening.contains(&true), "call {nth}, seed {seed}");
                seen.insert(opening);
            }
        }
    }
    assert_eq!(seen.len(), 3, "the old one, both, and the new one were all met");
    for seed in 0..20 {
        let after = change.image.after_power_loss(&mut Dice::new(seed));
        assert_eq!(change.opening(&after), [false, true], "a removal is durable");
    }
}

#[test]
fn a_slot_that_was_told_to_have_failed_is_not_there() {
    let mut failures = 0;
    for failing in 0..40 {
        let change = Change::new();
        let (vault, keys) = (change.bench.vault(&change.image), keys_of(&change.bench));
        let mut calls = 0;
        change.image.set_faults(move |_, _| {
            calls += 1;
            (calls == failing).then_some(Fault::EIO)
        });
        let put = put_slot(&vault, &keys, &change.bench.descriptor, None, &change.new);
        change.image.clear_faults();
        assert_eq!(change.opening(&change.image), [true, put.is_ok()], "call {failing}");
        failures += usize::from(put.is_err());
    }
    assert!(failures > 5, "only {failures} calls");
}

#[test]
fn a_slot_is_never_put_in_the_place_of_another_and_that_one_stays() {
    let change = Change::new();
    let (vault, keys) = (change.bench.vault(&change.image), keys_of(&change.bench));
    put_slot(&vault, &keys, &change.bench.descriptor, None, &change.new).unwrap();
    assert!(put_slot(&vault, &keys, &change.bench.descriptor, None, &change.new).is_err());
    assert_eq!(change.opening(&change.image), [true, true]);
}

#[test]
fn whichever_call_to_the_disk_fails_one_slot_opens_the_vault() {
    for fault in [Fault::EIO, Fault::ENOSPC, Fault::ShortWrite(28)] {
        for failing in 0.. {
            let change = Change::new();
            let mut calls = 0;
            change.image.set_faults(move |_, _| {
                calls += 1;
                (calls > failing).then_some(fault)
            });
            let is_done = change.carry_out();
            change.image.clear_faults();
            for seed in 0..5 {
                let after = change.image.after_power_loss(&mut Dice::new(seed));
                assert!(change.opening(&after).contains(&true), "{fault:?}, call {failing}");
            }
            assert!(change.opening(&change.image).contains(&true), "{fault:?}, call {failing}");
            if is_done {
                assert!(failing > 5, "only {failing} calls");
                break;
            }
        }
    }
}
