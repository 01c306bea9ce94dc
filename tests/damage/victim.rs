//! A vault of three log objects with a pack each, to be damaged.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Deref;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde_json::Value;

use crate::bench::program::Said;
use crate::three_packs::{BYTES, ThreePacks};
pub use crate::three_packs::{FILES, original};

/// What one file of a vault is: mode, time and content.
type Frozen = (u32, i64, Vec<u8>);

pub struct Victim(ThreePacks);

impl Deref for Victim {
    type Target = ThreePacks;
    fn deref(&self) -> &ThreePacks {
        &self.0
    }
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
        Self(ThreePacks::new())
    }

    pub fn slot(&self) -> String {
        self.new_objects("keys", &[]).remove(0)
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
