//! A vault of three log objects with a pack each, to be damaged and repaired.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use hushfs::format::NodeKind;
use serde_json::Value;

use crate::bench::Bench;
use crate::bench::device::content;
use crate::bench::program::Said;

/// Files by path below a folder.
pub type Tree = BTreeMap<String, Vec<u8>>;

pub const FILES: [&str; 3] = ["chats/first.jpg", "chats/second.txt", "third.bin"];

pub struct Patient {
    pub bench: Bench,
    /// Paths below the vault, in the order in which they were written.
    pub logs: Vec<String>,
    pub packs: Vec<String>,
}

impl Patient {
    pub fn new() -> Self {
        let mut patient = Self { bench: Bench::new(), logs: Vec::new(), packs: Vec::new() };
        let device = patient.bench.device();
        device.make("chats", NodeKind::Folder);
        for (nth, name) in FILES.into_iter().enumerate() {
            device.file(name, &original(nth));
            device.publish();
            let logs = patient.new_objects("log", &patient.logs);
            let packs = patient.new_objects("data", &patient.packs);
            patient.logs.extend(logs);
            patient.packs.extend(packs);
        }
        device.unmount();
        patient
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

    pub fn run(&self, more: &[&str]) -> Said {
        let vault = self.bench.vault();
        let mut command = self.bench.command("repair", &[vault.as_os_str()]);
        Said::by(command.args(more))
    }

    /// A dry run changes nothing and tells the same as the repair, which loses no byte; a second
    /// one finds nothing to do. What the repair says.
    #[track_caller]
    pub fn repair(&self, code: i32) -> (Said, Value) {
        let before = files_below(&self.bench.vault());
        let dry = self.run(&["--json"]);
        dry.expect(11, &["\"done\": false"]);
        assert!(files_below(&self.bench.vault()) == before, "a dry run changed something");
        let said = self.run(&["--write", "--json"]);
        said.expect(code, &["\"done\": true"]);
        let told = |said: &Said| serde_json::from_str::<Value>(&said.stdout).unwrap();
        let counts = |said: &Said| {
            let told = told(said);
            let lists = told.as_object().unwrap().values().filter_map(Value::as_array);
            lists.map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(counts(&dry), counts(&said));
        let after: BTreeSet<Vec<u8>> = files_below(&self.bench.vault()).into_values().collect();
        for (path, bytes) in before {
            assert!(after.contains(&bytes), "what was {path} is nowhere");
        }
        let now = files_below(&self.bench.vault());
        let again = self.run(&["--write"]);
        assert!(again.stdout.contains("there is nothing to repair"), "{again:?}");
        assert!(files_below(&self.bench.vault()) == now);
        let told = told(&said);
        (said, told)
    }

    /// It can be written to, and nothing in it is damaged.
    pub fn expect_healthy(&self) {
        self.bench.verify().expect(0, &[]);
        let device = self.bench.device();
        device.file("written since", b"well");
        device.unmount();
        self.bench.verify().expect(0, &[]);
    }

    /// The vault's files.
    pub fn restored(&self) -> Tree {
        let folder = tempfile::tempdir_in(self.bench.place("")).unwrap();
        self.bench.restore(folder.path(), &[]);
        files_below(folder.path())
    }

    pub fn expect_all_files(&self) {
        let restored = self.restored();
        for (nth, name) in FILES.into_iter().enumerate() {
            assert!(restored[name] == original(nth), "{name}");
        }
    }
}

pub fn original(nth: usize) -> Vec<u8> {
    content(nth as u32, [20_000, 9_000, 5_000][nth])
}

pub fn files_below(folder: &Path) -> Tree {
    let mut found = Tree::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}
