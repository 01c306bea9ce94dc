//! A vault that several devices have written in turns, and every state that it has been in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hushfs::format::NodeKind;
use hushfs::fs::{FileKind, FileSystem, OpenError, RenameMode};

use crate::bench::Bench;
use crate::bench::device::{Device, content, look};
use crate::dice::Dice;
use crate::shown::{self, Shown};

pub struct History {
    pub bench: Bench,
    /// Before the first log object, and after each.
    pub states: Vec<Shown>,
}

impl History {
    /// `publications` by up to `devices`, at random.
    pub fn make(dice: &mut Dice, devices: u64, publications: u32) -> Self {
        let bench = Bench::new();
        let mut states = vec![Shown::new()];
        let mut nth = 0;
        while nth < publications {
            let device = bench.device_at(&format!("device-{}", dice.below(devices)));
            for _ in 0..1 + dice.below(3) {
                for _ in 0..1 + dice.below(6) {
                    step(dice, &device, nth);
                }
                device.file(format!("always-{nth}"), &content(nth, 100));
                device.publish();
                states.push(shown::of(&device.files));
                nth += 1;
            }
            device.unmount();
        }
        Self { bench, states }
    }

    pub fn last(&self) -> &Shown {
        self.states.last().unwrap()
    }

    /// Which state this is, but for content that is awaited.
    pub fn place_of(&self, shown: &Shown) -> Option<usize> {
        self.states.iter().position(|state| shown::is_state(shown, state))
    }

    /// Opens a copy of the vault only for looking, as a device that has never seen it.
    pub fn look(&self, vault: &Path) -> Result<Arc<FileSystem>, OpenError> {
        look(vault, &self.bench.key())
    }

    /// An empty copy of the vault: what it takes to open it, and no objects.
    pub fn empty_copy(&self, name: &str) -> PathBuf {
        let copy = self.bench.place(name);
        for (path, content) in crate::files::files_below(&self.bench.vault()) {
            if !path.starts_with("log/") && !path.starts_with("data/") {
                put(&copy.join(path), &content);
            }
        }
        copy
    }
}

/// Writes a file in one go, under its name.
pub fn put(path: &Path, content: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Writes a file beside its place, and moves it there.
pub fn move_in(path: &Path, content: &[u8]) {
    let beside = path.with_extension("part");
    put(&beside, content);
    std::fs::rename(beside, path).unwrap();
}

/// One change of what is there.
fn step(dice: &mut Dice, device: &Device, nth: u32) {
    let files = &device.files;
    let shown = shown::of(files);
    let paths: Vec<&String> = shown.keys().collect();
    let any = |dice: &mut Dice| {
        let nth = dice.below(paths.len().max(1) as u64) as usize;
        paths.get(nth).map(|path| (path.to_string(), shown[*path].clone()))
    };
    let fresh = format!("{}-{:x}", ["a", "b", "c"][dice.below(3) as usize], dice.next() >> 40);
    let bytes = [0, 1, 4096, 5000, 30_000, 90_000][dice.below(6) as usize];
    let folder = match any(dice) {
        Some((path, entry)) if entry.kind == FileKind::Folder => path,
        _ => String::new(),
    };
    let place = format!("{folder}/{fresh}");
    match (dice.below(8), any(dice)) {
        (0..=2, _) | (_, None) => {
            device.file(place, &content(nth, bytes));
        }
        (3, _) => {
            device.make(place, NodeKind::Folder);
        }
        (4, Some((path, _))) => {
            let (from, name) = device.split(path.as_bytes());
            let (to, new_name) = device.split(place.as_bytes());
            // A folder does not go into itself.
            let _ = files.rename(from, name, to, new_name, RenameMode::Replace);
        }
        (5, Some((path, entry))) => {
            let (from, name) = device.split(path.as_bytes());
            match entry.kind {
                FileKind::Folder => drop(files.remove_folder(from, name)),
                _ => files.unlink(from, name).unwrap(),
            }
        }
        (_, Some((_, entry))) if entry.kind == FileKind::File => {
            let offset = dice.below(100_000);
            files.write(entry.ino, offset, &content(nth + 1, bytes), false).unwrap();
            files.close(entry.ino).unwrap();
        }
        _ => {
            device.file(place, &content(nth, 20));
        }
    }
}
