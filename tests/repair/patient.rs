//! A vault of three log objects with a pack each, to be damaged and repaired.

use std::collections::BTreeSet;
use std::ops::Deref;

use serde_json::Value;

use crate::bench::program::Said;
use crate::files::{Files, files_below};
use crate::three_packs::ThreePacks;
pub use crate::three_packs::{FILES, original};

pub struct Patient(ThreePacks);

impl Deref for Patient {
    type Target = ThreePacks;
    fn deref(&self) -> &ThreePacks {
        &self.0
    }
}

impl Patient {
    pub fn new() -> Self {
        Self(ThreePacks::new())
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
    pub fn restored(&self) -> Files {
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
