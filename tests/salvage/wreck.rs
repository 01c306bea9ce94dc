//! A vault to be wrecked, and what a salvage leaves of it.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use hushfs::cli::args::UnlockArgs;
use hushfs::cli::unlock::{Unlocked, unlock};
use hushfs::format::NodeKind;
use hushfs::store::{HostDisk, VaultFolder};

use crate::bench::Bench;
use crate::bench::device::content;
use crate::bench::program::{Said, hushfs};
use crate::files::{Files, files_below};

pub struct Wreck {
    pub bench: Bench,
    /// What the vault's files held, by path.
    pub files: Files,
}

impl Wreck {
    /// Two log objects, a pack each; one file of each kind that packs know.
    pub fn new() -> Self {
        let bench = Bench::new();
        let mut files = Files::new();
        let device = bench.device();
        device.make("chats", NodeKind::Folder);
        device.make("chats/2026", NodeKind::Folder);
        for (nth, (path, bytes)) in
            [("chats/first.jpg", 20_000), ("chats/2026/second.txt", 9_000), ("big.bin", 300_000)]
                .into_iter()
                .enumerate()
        {
            device.file(path, &content(nth as u32, bytes));
            files.insert(path.to_owned(), content(nth as u32, bytes));
        }
        device.publish();
        // Newer content in another pack: a chunk in the middle, and one behind the end.
        let ino = device.ino("chats/first.jpg");
        let first = files.get_mut("chats/first.jpg").unwrap();
        for (at, seed) in [(5_000_usize, 70), (20_000, 71)] {
            let piece = content(seed, 3_000);
            device.files.write(ino, at as u64, &piece, false).unwrap();
            first.resize(first.len().max(at + 3_000), 0);
            first[at..at + 3_000].copy_from_slice(&piece);
        }
        device.files.close(ino).unwrap();
        device.unmount();
        Self { bench, files }
    }

    pub fn vault(&self) -> PathBuf {
        self.bench.vault()
    }

    pub fn lose_the_log(&self) {
        fs::remove_dir_all(self.vault().join("log")).unwrap();
    }

    /// Packs, in the order of their lengths.
    pub fn packs(&self) -> Vec<PathBuf> {
        let mut packs: Vec<PathBuf> =
            files_below(&self.vault().join("data")).into_keys().map(PathBuf::from).collect();
        packs.iter_mut().for_each(|path| *path = self.vault().join("data").join(&path));
        packs.sort_by_key(|path| fs::metadata(path).unwrap().len());
        packs
    }

    /// The vault's keys, as the program gets them.
    pub fn unlocked(&self) -> Unlocked {
        let folder = VaultFolder::new(Arc::new(HostDisk), self.vault());
        let how = UnlockArgs { key_file: Some(self.bench.key()), ..UnlockArgs::default() };
        unlock(&self.vault(), &folder, &how).unwrap()
    }

    /// Salvages into a folder of the bench. Nothing in the vault changes.
    pub fn salvage_into(&self, name: &str, more: &[&str]) -> Said {
        let before = files_below(&self.vault());
        let (key, vault) = (self.bench.key(), self.vault());
        let destination = self.bench.place(name);
        let mut command = hushfs(&["salvage", "--key-file"]);
        command.arg(key).args(more).arg(vault).arg(destination);
        let said = Said::by(&mut command);
        assert!(files_below(&self.vault()) == before);
        said
    }

    /// Salvages into a new folder; gives what is there then.
    pub fn salvage(&self) -> (Said, Files) {
        let said = self.salvage_into("salvaged", &[]);
        let found = files_below(&self.bench.place("salvaged"));
        fs::remove_dir_all(self.bench.place("salvaged")).unwrap();
        (said, found)
    }
}
