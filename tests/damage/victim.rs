//! A vault of three log objects with a pack each, to be damaged.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use hushfs::format::NodeKind;
use serde_json::Value;

use crate::bench::Bench;
use crate::bench::device::content;
use crate::bench::program::Said;

/// The vault's files, in the order of the log objects that brought them.
pub const FILES: [&str; 3] = ["chats/first.jpg", "chats/second.txt", "third.bin"];
const BYTES: [usize; 3] = [20_000, 9_000, 5_000];

/// What one file of a vault is: mode, time and content.
type Frozen = (u32, i64, Vec<u8>);

pub struct Victim {
    pub bench: Bench,
    /// Paths below the vault, in the order in which they were written.
    pub logs: Vec<String>,
    pub packs: Vec<String>,
}

/// What `restore` left of one file.
#[derive(Debug, PartialEq, Eq)]
pub enum Left {
    Whole,
    /// Under `NAME.damaged`, as long as it was.
    InPart(Vec<u8>),
    Nothing,
}

impl Victim {
    pub fn new() -> Self {
        let mut victim = Self { bench: Bench::new(), logs: Vec::new(), packs: Vec::new() };
        let device = victim.bench.device();
        device.make("chats", NodeKind::Folder);
        for (nth, name) in FILES.into_iter().enumerate() {
            device.file(name, &original(nth));
            device.publish();
            let logs = victim.new_objects("log", &victim.logs);
            let packs = victim.new_objects("data", &victim.packs);
            assert_eq!((logs.len(), packs.len()), (1, 1));
            victim.logs.extend(logs);
            victim.packs.extend(packs);
        }
        device.unmount();
        victim
    }

    fn new_objects(&self, folder: &str, known: &[String]) -> Vec<String> {
        let all = frozen(&self.bench.vault());
        let is_new =
            |path: &String| path.starts_with(folder) && path.contains('.') && !known.contains(path);
        all.into_keys().filter(is_new).collect()
    }

    pub fn path(&self, object: &str) -> PathBuf {
        self.bench.vault().join(object)
    }

    pub fn slot(&self) -> String {
        self.new_objects("keys", &[]).remove(0)
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

    pub fn truncate(&self, object: &str, bytes: usize) {
        self.write(object, &self.read(object)[..bytes]);
    }

    pub fn swap(&self, object: &str, other: &str) {
        let (here, there) = (self.read(object), self.read(other));
        self.write(object, &there);
        self.write(other, &here);
    }

    /// Verifies, for people and for programs: both say the same.
    pub fn verify(&self) -> (Said, Value) {
        let vault = self.bench.vault();
        let before = frozen(&vault);
        let said = self.bench.verify();
        let arguments = ["--json".as_ref(), vault.as_os_str()];
        let machine = Said::by(&mut self.bench.command("verify", &arguments));
        assert_eq!(frozen(&vault), before);
        assert_eq!((machine.code, &machine.stderr), (said.code, &said.stderr));
        let json = serde_json::from_str(&machine.stdout).unwrap_or_default();
        if let Value::Object(told) = &json {
            assert_eq!(told["ok"], said.code == 0, "{told:?}");
            for damaged in told["damaged"].as_array().unwrap() {
                let object = damaged["object"].as_str().unwrap();
                assert!(said.stdout.contains(&format!("DAMAGED  {object}: ")), "{said:?}");
            }
        }
        (said, json)
    }

    /// Mounts for writing where that must fail: nothing is mounted then.
    pub fn mount(&self) -> Said {
        let (vault, mount_point) = (self.bench.vault(), self.bench.place("mount-point"));
        fs::create_dir_all(&mount_point).unwrap();
        let before = frozen(&vault);
        let arguments = [vault.as_os_str(), mount_point.as_os_str()];
        let said = Said::by(&mut self.bench.command("mount", &arguments));
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        if mounts.contains(mount_point.to_str().unwrap()) {
            let mount_point = mount_point.as_os_str();
            let unmounted = Said::by(&mut self.bench.command("unmount", &[mount_point]));
            panic!("mounted: {said:?}; {unmounted:?}");
        }
        assert_ne!(said.code, 0, "{said:?}");
        assert_eq!(frozen(&vault), before);
        said
    }

    /// Restores into a new folder; tells what came of each of [`FILES`].
    pub fn restore(&self) -> (Said, [Left; 3]) {
        let vault = self.bench.vault();
        let before = frozen(&vault);
        let destination = tempfile::tempdir_in(self.bench.place("")).unwrap();
        let said = self.bench.restore(destination.path(), &[]);
        assert_eq!(frozen(&vault), before);
        let left = [0, 1, 2].map(|nth| {
            let damaged = destination.path().join(format!("{}.damaged", FILES[nth]));
            match (fs::read(destination.path().join(FILES[nth])), fs::read(damaged)) {
                (Ok(whole), Err(_)) => {
                    assert_eq!(whole, original(nth), "{said:?}");
                    Left::Whole
                }
                (Err(_), Ok(part)) => {
                    assert_eq!(part.len(), BYTES[nth], "{said:?}");
                    Left::InPart(part)
                }
                (Err(_), Err(_)) => Left::Nothing,
                (Ok(_), Ok(_)) => panic!("{} is there twice: {said:?}", FILES[nth]),
            }
        });
        (said, left)
    }

    /// All three commands refuse with this code, and say every one of these texts.
    #[track_caller]
    pub fn expect_refusal(&self, code: i32, texts: &[&str]) {
        let (restored, left) = self.restore();
        for said in [self.verify().0, self.mount(), restored] {
            said.expect(code, texts);
            assert_eq!(said.stdout, "");
            let sentences = said.stderr.lines().filter(|line| !line.contains("warning: "));
            assert_eq!(sentences.count(), 1, "{said:?}");
        }
        assert_eq!(left, [Left::Nothing, Left::Nothing, Left::Nothing]);
    }
}

/// What the vault's nth file holds.
pub fn original(nth: usize) -> Vec<u8> {
    content(nth as u32, BYTES[nth])
}

/// Everything below a folder, by its path there.
pub fn frozen(folder: &Path) -> BTreeMap<String, Frozen> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            let time = metadata.mtime_nsec() + metadata.mtime() * 1_000_000_000;
            let content = metadata.is_file().then(|| fs::read(&path).unwrap());
            found.insert(name, (metadata.mode(), time, content.unwrap_or_default()));
            if metadata.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}
