//! What may come back after a crash: for names and for each file, one of the states since the
//! last one that was promised.

use std::collections::BTreeMap;

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

/// What there was.
#[derive(Clone, Debug)]
pub struct History {
    pub names: Versions<Names>,
    pub contents: BTreeMap<Ino, Versions<Vec<u8>>>,
}

impl History {
    pub fn check(&mut self, fs: &FileSystem, crash: Crash) {
        let found = names(fs);
        self.names.come_back(&found, crash, "names");
        for (name, (ino, _)) in found {
            let found = read(fs, ino);
            self.contents.get_mut(&ino).unwrap().come_back(&found, crash, &name);
        }
    }
}
