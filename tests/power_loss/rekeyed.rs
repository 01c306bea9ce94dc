//! A vault sealed anew: at any call the process may be killed, the power may go, or the disk may fail;
//! the next run goes on, and the old vault is as it was all the time.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use hushfs::crypto::{ClassKeys, MasterKey, VaultId};
use hushfs::format::{DESCRIPTOR_NAME, Descriptor, Ino, NodeKind};
use hushfs::fs::{FileSystem, MountMode, OpenRequest, Rekey, RekeyError, RekeyReport, Side};
use hushfs::store::{Disk, Seen, VaultFolder};

use crate::bench::{Bench, NEW, Names, content, names, read};
use crate::dice::Dice;
use crate::image::{Fault, Image};
use crate::kept::Kept;

/// A vault with something in it, and the keys of the new one.
struct Change {
    bench: Bench,
    image: Image,
    keys: ClassKeys,
    descriptor: Descriptor,
    shown: (Names, Vec<Vec<u8>>),
}

impl Change {
    fn new() -> Self {
        let (bench, image) = (Bench::new(), Image::new());
        for device in ["one", "two"] {
            let files = bench.try_open(&image, device).unwrap();
            for (nth, name) in [b"a", b"b"].into_iter().enumerate() {
                let name = [name, device.as_bytes()].concat();
                let ino = files.make(Ino::ROOT, &name, NodeKind::File, NEW).unwrap().ino;
                files.write(ino, 0, &content(nth as u8, 6000), false).unwrap();
                files.close(ino).unwrap();
                files.publish().unwrap();
            }
            files.shut_down().unwrap();
        }
        image.create_folder(Path::new("/image/new")).unwrap();
        image.sync_folder(Path::new("/image")).unwrap();
        let descriptor = Descriptor { vault: VaultId::random(), ..bench.descriptor.clone() };
        let keys = MasterKey::random().class_keys(&descriptor.vault);
        let files = looked_at(bench.vault(&image), &old_keys(&bench), &bench.descriptor);
        let shown = all_of(&files);
        Self { bench, image, keys, descriptor, shown }
    }

    fn new_vault(image: &Image) -> VaultFolder {
        VaultFolder::new(Arc::new(image.clone()), "/image/new")
    }

    fn carry_out(&self, image: &Image) -> Result<RekeyReport, RekeyError> {
        let (old, new) = (self.bench.vault(image), Self::new_vault(image));
        let keys = old_keys(&self.bench);
        Rekey {
            old: Side { vault: &old, keys: &keys, descriptor: &self.bench.descriptor },
            new: Side { vault: &new, keys: &self.keys, descriptor: &self.descriptor },
            seen: Seen::default(),
            identity: None,
        }
        .carry_out(&mut |_| {})
    }

    /// The disk as it is before each call of a run, which goes to the end.
    fn moments(&self) -> Vec<Kept> {
        let moments = Arc::new(Mutex::new(Vec::new()));
        let kept = moments.clone();
        self.image.watch(move |_, disk| kept.lock().unwrap().push(disk.clone()));
        self.carry_out(&self.image).unwrap();
        std::mem::take(&mut *moments.lock().unwrap())
    }

    fn is_complete(image: &Image) -> bool {
        Self::new_vault(image).get(DESCRIPTOR_NAME, 1000).is_ok()
    }

    /// The new vault shows what the old one does.
    fn assert_same(&self, image: &Image, context: &str) {
        let files = looked_at(Self::new_vault(image), &self.keys, &self.descriptor);
        assert!(all_of(&files) == self.shown, "{context}");
        self.bench.assert_healthy(image);
    }

    /// The next run on this disk gets to the end; what was complete before is so still.
    fn assert_goes_on(&self, image: &Image, context: &str) {
        if Self::is_complete(image) {
            self.assert_same(image, context);
        }
        let done = self.carry_out(image);
        done.unwrap_or_else(|error| panic!("{context}: {error}"));
        self.assert_same(image, context);
    }
}

fn old_keys(bench: &Bench) -> ClassKeys {
    bench.master.class_keys(&bench.descriptor.vault)
}

fn looked_at(vault: VaultFolder, keys: &ClassKeys, descriptor: &Descriptor) -> Arc<FileSystem> {
    FileSystem::open_vault(OpenRequest {
        vault,
        state: None,
        lock: None,
        keys: keys.clone(),
        descriptor: descriptor.clone(),
        mode: MountMode::ReadOnly,
        device_name: String::new(),
        machine: String::new(),
        owner: (0, 0),
    })
    .unwrap()
}

fn all_of(files: &FileSystem) -> (Names, Vec<Vec<u8>>) {
    let names = names(files);
    let contents = names.values().filter(|named| !named.is_folder);
    let contents = contents.map(|named| read(files, named.ino)).collect();
    (names, contents)
}

#[test]
fn whenever_it_is_killed_or_the_power_goes_the_next_run_goes_on_and_what_is_complete_is_durable() {
    let change = Change::new();
    let moments = change.moments();
    assert!(moments.len() > 100, "{} calls", moments.len());
    let mut complete = 0;
    for (nth, disk) in moments.into_iter().enumerate() {
        let disk = Image::of(disk);
        change.assert_goes_on(&disk.after_kill(), &format!("killed at call {nth}"));
        let seed = nth as u64;
        let after = disk.after_power_loss(&mut Dice::new(seed));
        complete += usize::from(Change::is_complete(&after));
        change.assert_goes_on(&after, &format!("power lost at call {nth}"));
    }
    assert!(complete > 0);
    for seed in 0..20 {
        let after = change.image.after_power_loss(&mut Dice::new(seed));
        assert!(Change::is_complete(&after));
        change.assert_same(&after, &format!("power lost after the end, seed {seed}"));
    }
}

#[test]
fn names_that_a_killed_run_left_without_being_durable_are_so_once_the_next_has_ended() {
    let change = Change::new();
    let moments = change.moments();
    for (nth, disk) in moments.into_iter().enumerate() {
        let killed = Image::of(disk).after_kill();
        change.carry_out(&killed).unwrap();
        let after = killed.after_power_loss(&mut Dice::new(nth as u64));
        assert!(Change::is_complete(&after), "call {nth}");
        change.assert_same(&after, &format!("call {nth}"));
    }
}

#[test]
fn whichever_call_to_the_disk_fails_it_is_told_and_the_next_run_goes_on() {
    for fault in [Fault::EIO, Fault::ENOSPC, Fault::ShortWrite(28)] {
        let change = Change::new();
        let start = change.image.kept();
        for failing in 1.. {
            let image = Image::of(start.clone());
            let is_reached = Arc::new(AtomicBool::new(false));
            let (reached, mut calls) = (is_reached.clone(), 0);
            image.set_faults(move |_, _| {
                calls += 1;
                reached.fetch_or(calls == failing, Ordering::Relaxed);
                (calls == failing).then_some(fault)
            });
            let done = change.carry_out(&image);
            image.clear_faults();
            if let Err(error) = &done {
                let is_disk = matches!(error, RekeyError::Store(_) | RekeyError::Unread(_));
                let may_be = matches!(error, RekeyError::Damaged(_) | RekeyError::NotWhole(_));
                assert!(is_disk || may_be, "{fault:?}, call {failing}: {error}");
            }
            change.assert_goes_on(&image, &format!("{fault:?}, call {failing}"));
            if !is_reached.load(Ordering::Relaxed) {
                done.unwrap();
                assert!(failing > 100, "only {failing} calls");
                break;
            }
        }
    }
}
