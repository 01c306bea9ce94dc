//! What may come back after a crash: for names and for each file, one of the states since the
//! last one that was promised.

use std::collections::BTreeMap;
use std::sync::Arc;

use hushfs::format::Ino;
use hushfs::fs::FileSystem;

use crate::bench::{Names, names, read};

/// Every version there was of something, and which are too old to come back.
#[derive(Clone, Debug)]
pub struct Versions<T> {
    pub all: Vec<T>,
    /// The first that can come back after a kill, and after a power loss.
    pub after_kill: usize,
    pub after_power_loss: usize,
}

impl<T: PartialEq + std::fmt::Debug> Versions<T> {
    pub fn new(first: T) -> Self {
        Self { all: vec![first], after_kill: 0, after_power_loss: 0 }
    }

    pub fn now(&self) -> &T {
        self.all.last().unwrap()
    }

    pub fn promise(&mut self, to: Crash) {
        self.after_kill = self.all.len() - 1;
        if to == Crash::PowerLoss {
            self.after_power_loss = self.all.len() - 1;
        }
    }

    /// Promises no more than `before` did.
    pub fn promise_as(&mut self, before: Option<&Self>) {
        self.after_kill = before.map_or(0, |before| before.after_kill);
        self.after_power_loss = before.map_or(0, |before| before.after_power_loss);
    }

    /// Checks that `found` may come back, and forgets what came after it.
    pub fn come_back(&mut self, found: &T, crash: Crash, what: &str) {
        let first = if crash == Crash::Kill { self.after_kill } else { self.after_power_loss };
        let at = self.all[first..].iter().rposition(|version| version == found);
        let Some(at) = at else {
            let older = self.all[..first].iter().rposition(|version| version == found);
            panic!("{what}: {crash:?} gave version {older:?} of {first}..{}", self.all.len());
        };
        self.all.truncate(first + at + 1);
        if crash == Crash::PowerLoss {
            (self.after_kill, self.after_power_loss) = (first + at, first + at);
        }
        self.after_kill = self.after_kill.max(first + at);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    Kill,
    PowerLoss,
}

/// A file's content, shared between the histories that know it.
pub type Content = Arc<Vec<u8>>;

/// What there was.
#[derive(Clone, Debug)]
pub struct History {
    pub names: Versions<Names>,
    pub contents: BTreeMap<Ino, Versions<Content>>,
}

impl History {
    pub fn new() -> Self {
        Self { names: Versions::new(Names::new()), contents: BTreeMap::new() }
    }

    /// All names and contents as they are now survive such a crash.
    pub fn promise_all(&mut self, crash: Crash) {
        self.names.promise(crash);
        self.contents.values_mut().for_each(|versions| versions.promise(crash));
    }

    /// One file's content, and all names, survive such a crash.
    pub fn promise(&mut self, ino: Ino, crash: Crash) {
        self.names.promise(crash);
        self.contents.get_mut(&ino).unwrap().promise(crash);
    }

    /// The same history, with no more promised than `before` did.
    pub fn promising_as(&self, before: &Self) -> Self {
        let mut history = self.clone();
        history.names.promise_as(Some(&before.names));
        for (ino, versions) in &mut history.contents {
            versions.promise_as(before.contents.get(ino));
        }
        history
    }

    /// Checks that what came back may, and forgets what did not.
    pub fn check(&mut self, fs: &FileSystem, crash: Crash) {
        let found = names(fs);
        self.names.come_back(&found, crash, "names");
        for (path, named) in found.into_iter().filter(|(_, named)| !named.is_folder) {
            let found = Arc::new(read(fs, named.ino));
            self.contents.get_mut(&named.ino).unwrap().come_back(&found, crash, &path);
        }
    }
}
