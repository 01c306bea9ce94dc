//! A vault that two devices have written to in turn, whose newest state a checkpoint begins.

use std::fs;
use std::path::PathBuf;

use hushfs::format::NodeKind;
use serde_json::Value;

use crate::bench::Bench;
use crate::bench::device::content;
use crate::bench::program::Said;
use crate::files::{Files, files_below};

pub struct Subject {
    pub bench: Bench,
    pristine: Files,
    expected: Files,
}

impl Subject {
    pub fn new() -> Self {
        let bench = Bench::new();
        let first = bench.device();
        first.make("chats", NodeKind::Folder);
        for nth in 0..4 {
            first.file(format!("chats/{nth}.jpg"), &content(nth, 9000));
            first.publish();
        }
        // Enough log objects for a checkpoint.
        first.files.collect(std::time::Duration::from_secs(3600)).unwrap();
        first.unmount();
        let second = bench.device_at("second");
        second.file("chats/of another", &content(7, 20_000));
        second.unmount();
        let first = bench.device();
        first.file("last", &content(8, 5000));
        first.unmount();
        let mut subject = Self { bench, pristine: Files::new(), expected: Files::new() };
        subject.pristine = files_below(&subject.bench.vault());
        subject.expected = subject.restored();
        assert_eq!(subject.expected.len(), 6);
        assert_eq!(subject.objects("log/", ".ckpt").len(), 1);
        subject
    }

    /// Paths of objects, sorted.
    pub fn objects(&self, start: &str, end: &str) -> Vec<String> {
        let names = self.pristine.keys();
        names.filter(|path| path.starts_with(start) && path.ends_with(end)).cloned().collect()
    }

    /// One object of each kind: the descriptor, a slot, the first and the newest log object of the
    /// first device, the checkpoint, and a pack.
    pub fn one_of_each(&self) -> Vec<String> {
        let logs = self.objects("log/", ".log");
        let last = self.objects("log/", ".ckpt")[0].replace("00000004.ckpt", "00000005.log");
        assert!(logs.contains(&last));
        vec![
            "hushfs.vault".to_owned(),
            self.objects("keys/", ".key").remove(0),
            last.replace("00000005", "00000001"),
            last,
            self.objects("log/", ".ckpt").remove(0),
            self.objects("data/", ".pack").remove(0),
        ]
    }

    pub fn path(&self, object: &str) -> PathBuf {
        self.bench.vault().join(object)
    }

    pub fn pristine(&self, object: &str) -> &[u8] {
        &self.pristine[object]
    }

    pub fn write(&self, path: &str, bytes: &[u8]) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), bytes).unwrap();
    }

    pub fn rename(&self, from: &str, to: &str) {
        fs::create_dir_all(self.path(to).parent().unwrap()).unwrap();
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// Nothing of the vault was ever seen here.
    pub fn forget(&self) {
        let state = self.bench.state();
        if state.exists() {
            fs::remove_dir_all(state).unwrap();
        }
    }

    /// As it was.
    pub fn reset(&self) {
        fs::remove_dir_all(self.bench.vault()).unwrap();
        for (path, bytes) in &self.pristine {
            self.write(path, bytes);
        }
    }

    pub fn verify(&self) -> (Said, Value) {
        let vault = self.bench.vault();
        let said = self.bench.verify();
        let arguments = ["--json".as_ref(), vault.as_os_str()];
        let machine = Said::by(&mut self.bench.command("verify", &arguments));
        (said, serde_json::from_str(&machine.stdout).unwrap_or_default())
    }

    /// The vault's files.
    pub fn restored(&self) -> Files {
        let folder = tempfile::tempdir_in(self.bench.place("")).unwrap();
        self.bench.restore(folder.path(), &[]).expect(0, &[]);
        files_below(folder.path())
    }

    /// Everything is told to be whole and reads as before, without a change to the vault; then it
    /// can be written to, and what was there is there. What `verify` says, and its JSON.
    #[track_caller]
    pub fn expect_all_well(&self) -> (Said, Value) {
        let before = files_below(&self.bench.vault());
        let (said, told) = self.verify();
        said.expect(0, &["all is whole"]);
        assert!(self.restored() == self.expected, "{said:?}");
        assert!(files_below(&self.bench.vault()) == before, "something was changed");
        let device = self.bench.device();
        assert_eq!(device.files.status().read_only, None);
        assert_eq!(device.files.status().damage, Vec::<String>::new());
        device.file("written since", b"well");
        device.unmount();
        let after = files_below(&self.bench.vault());
        for (path, bytes) in before {
            assert!(after.get(&path) == Some(&bytes), "{path} is not what it was");
        }
        self.bench.verify().expect(0, &["all is whole"]);
        let mut now = self.restored();
        assert_eq!(now.remove("written since").unwrap(), b"well");
        assert!(now == self.expected);
        (said, told)
    }
}

/// Paths in a list of the report.
pub fn paths(told: &Value, list: &str) -> Vec<String> {
    let path = |item: &Value| item.as_str().or(item["path"].as_str()).unwrap().to_owned();
    told[list].as_array().unwrap().iter().map(path).collect()
}
