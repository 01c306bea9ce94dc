//! Devices, each with a copy of the vault folder of its own, and a sync client between them.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use hushfs::fs::{FileSystem, MountMode};

use crate::bench::Bench;
use crate::bench::device::{Device, look};
use crate::files::files_below;
use crate::shown::{self, Shown};

pub struct Fleet {
    pub bench: Bench,
    devices: Vec<Option<Device>>,
}

impl Fleet {
    /// So many devices that have the same empty vault open.
    pub fn new(devices: usize) -> Self {
        let bench = Bench::new();
        let empty = files_below(&bench.vault());
        let mut fleet = Self { bench, devices: Vec::new() };
        for nth in 0..devices {
            for (path, content) in &empty {
                let path = fleet.vault(nth).join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
            fs::create_dir_all(fleet.vault(nth).join("log")).unwrap();
            fleet.devices.push(None);
            fleet.restart(nth);
        }
        fleet
    }

    pub fn count(&self) -> usize {
        self.devices.len()
    }

    pub fn vault(&self, nth: usize) -> PathBuf {
        self.bench.place(&format!("vault-{nth}"))
    }

    pub fn device(&self, nth: usize) -> &Device {
        self.devices[nth].as_ref().unwrap()
    }

    /// The device crashes, and opens the vault again.
    pub fn restart(&mut self, nth: usize) {
        self.devices[nth] = None;
        let (key, state) = (self.bench.key(), self.bench.place(&format!("state-{nth}")));
        let name = format!("device-{nth}");
        let mode = MountMode::ReadWrite;
        let opened = Device::try_open_as(&name, &self.vault(nth), &key, &state, mode);
        let device = opened.unwrap();
        let status = device.files.status();
        assert_eq!((&status.read_only, &status.damage[..]), (&None, &[][..]));
        self.devices[nth] = Some(device);
    }

    /// The device `to` crashes, and goes on with a copy of the state folder of `from`, which has
    /// published meanwhile what was not in the vault when it was copied; nothing, if all was.
    #[allow(dead_code, reason = "for tests of restoring")]
    pub fn copy_state(&mut self, from: usize, to: usize) {
        if self.device(from).files.status().unpublished_operations == 0 {
            return;
        }
        self.devices[to] = None;
        let [old, new] = [from, to].map(|nth| self.bench.place(&format!("state-{nth}")));
        let copied = files_below(&old);
        self.device(from).publish();
        self.sync(from, to, || true);
        fs::remove_dir_all(&new).unwrap();
        for (path, content) in copied {
            let path = new.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        self.restart(to);
    }

    /// Copies what is new in one vault folder to another: all packs, so that a history can tell what
    /// files hold, and of the log objects those for which `brings` says so.
    pub fn sync(&self, from: usize, to: usize, mut brings: impl FnMut() -> bool) {
        let here: BTreeSet<String> = files_below(&self.vault(to)).into_keys().collect();
        for (path, content) in files_below(&self.vault(from)) {
            if !here.contains(&path) && (path.starts_with("data/") || brings()) {
                let path = self.vault(to).join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
        }
    }

    /// One device lets go of all that nobody needs any more, once everybody is up to date; the sync
    /// client removes that everywhere.
    pub fn collect(&self, nth: usize) {
        self.join();
        let before = self.objects(nth);
        self.device(nth).files.collect(std::time::Duration::ZERO).unwrap();
        let after = self.objects(nth);
        for other in (0..self.count()).filter(|other| *other != nth) {
            self.take_away(other, before.difference(&after));
            self.sync(nth, other, || true);
            self.device(other).files.take_arrivals().unwrap();
        }
    }

    /// Paths of what is in a device's vault folder.
    pub fn objects(&self, nth: usize) -> BTreeSet<String> {
        files_below(&self.vault(nth)).into_keys().collect()
    }

    /// A sync client removes what was removed elsewhere.
    pub fn take_away<'a>(&self, nth: usize, removed: impl Iterator<Item = &'a String>) {
        removed.for_each(|path| drop(fs::remove_file(self.vault(nth).join(path))));
    }

    /// Everybody gets everything, and takes it in.
    pub fn join(&self) {
        for _ in 0..3 {
            (0..self.count()).for_each(|nth| self.device(nth).publish());
            for from in 0..self.count() {
                (0..self.count())
                    .filter(|to| *to != from)
                    .for_each(|to| self.sync(from, to, || true));
            }
            (0..self.count()).for_each(|nth| self.device(nth).files.take_arrivals().unwrap());
        }
    }

    pub fn shown(&self, nth: usize) -> Shown {
        shown::of(&self.device(nth).files)
    }

    /// What somebody sees who has only a device's vault folder.
    pub fn shown_anew(&self, nth: usize) -> Shown {
        shown::of(&self.look(nth))
    }

    pub fn look(&self, nth: usize) -> Arc<FileSystem> {
        look(&self.vault(nth), &self.bench.key()).unwrap()
    }
}

/// Says where two states differ first, without their contents.
pub fn assert_same(one: &Shown, other: &Shown, context: &str) {
    if one == other {
        return;
    }
    let names = |shown: &Shown| shown.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(one), names(other), "{context}");
    for (name, entry) in one {
        let mut entry = entry.clone();
        let mut there = other[name].clone();
        if entry.content == there.content {
            (entry.content, there.content) = (Ok(Vec::new()), Ok(Vec::new()));
            assert_eq!(entry, there, "{context}: {name}");
        } else {
            panic!("{context}: the content of {name}");
        }
    }
}
