//! A vault of three log objects with a pack each, to be damaged.

use std::fs;
use std::path::PathBuf;

use hushfs::format::NodeKind;

use crate::bench::Bench;
use crate::bench::device::content;
use crate::files::files_below;

/// The vault's files, in the order of the log objects that brought them.
pub const FILES: [&str; 3] = ["chats/first.jpg", "chats/second.txt", "third.bin"];
pub const BYTES: [usize; 3] = [20_000, 9_000, 5_000];

pub struct ThreePacks {
    pub bench: Bench,
    /// Paths below the vault, in the order in which they were written.
    pub logs: Vec<String>,
    pub packs: Vec<String>,
}

impl ThreePacks {
    pub fn new() -> Self {
        let mut made = Self { bench: Bench::new(), logs: Vec::new(), packs: Vec::new() };
        let device = made.bench.device();
        device.make("chats", NodeKind::Folder);
        for (nth, name) in FILES.into_iter().enumerate() {
            device.file(name, &original(nth));
            device.publish();
            let logs = made.new_objects("log", &made.logs);
            let packs = made.new_objects("data", &made.packs);
            assert_eq!((logs.len(), packs.len()), (1, 1));
            made.logs.extend(logs);
            made.packs.extend(packs);
        }
        device.unmount();
        made
    }

    pub fn new_objects(&self, folder: &str, known: &[String]) -> Vec<String> {
        let all = files_below(&self.bench.vault());
        let is_new = |path: &String| path.starts_with(folder) && !known.contains(path);
        all.into_keys().filter(is_new).collect()
    }

    pub fn path(&self, object: &str) -> PathBuf {
        self.bench.vault().join(object)
    }

    pub fn read(&self, object: &str) -> Vec<u8> {
        fs::read(self.path(object)).unwrap()
    }

    pub fn write(&self, object: &str, bytes: &[u8]) {
        fs::write(self.path(object), bytes).unwrap();
    }

    pub fn remove(&self, object: &str) {
        fs::remove_file(self.path(object)).unwrap();
    }

    pub fn flip(&self, object: &str, at: usize) {
        let mut bytes = self.read(object);
        bytes[at] ^= 0x10;
        self.write(object, &bytes);
    }
}

/// What the vault's nth file holds.
pub fn original(nth: usize) -> Vec<u8> {
    content(nth as u32, BYTES[nth])
}
