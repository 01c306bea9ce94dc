//! What devices have written and given up, so that nothing else is lost or made up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// A content, by its hash.
pub type Content = [u8; 32];

/// The hash of a content.
pub fn content_of(bytes: &[u8]) -> Content {
    Sha256::digest(bytes).into()
}

/// The books of all devices.
#[derive(Default)]
pub struct Ledger(Mutex<Books>);

/// What is in them.
#[derive(Default)]
pub struct Books {
    /// Contents that files have had, each with the inode that it was written to and what was done.
    written: BTreeMap<Content, (u64, String)>,
    /// Contents that a file may have had, had others changed it at the very moment.
    possible: BTreeSet<Content>,
    /// Contents that a device which showed them has overwritten or removed.
    given_up: BTreeSet<Content>,
    /// Inodes that a device has changed in the moment in which it took in what others did: which of
    /// their contents it has given up is not known.
    unsure: BTreeSet<u64>,
    /// How often each thing was done.
    counts: BTreeMap<&'static str, u64>,
}

impl Ledger {
    fn books(&self) -> std::sync::MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file has this content now, by what was done to it.
    pub fn note_written(&self, ino: u64, bytes: &[u8], how: String) {
        self.books().written.insert(content_of(bytes), (ino, how));
    }

    /// A file may have this content for a moment.
    pub fn note_possible(&self, bytes: &[u8]) {
        self.books().possible.insert(content_of(bytes));
    }

    /// This content is to be overwritten or removed by somebody who sees it.
    pub fn note_given_up(&self, bytes: &[u8]) {
        self.books().given_up.insert(content_of(bytes));
    }

    /// What was given up of this inode is not known.
    pub fn note_unsure(&self, ino: u64) {
        self.books().unsure.insert(ino);
    }

    /// Something was done.
    pub fn count(&self, what: &'static str) {
        *self.books().counts.entry(what).or_insert(0) += 1;
    }

    /// Compares with the contents of all files in the end; gives what is wrong, and a summary.
    pub fn settle(&self, shown: &BTreeSet<Content>) -> (Vec<String>, String) {
        let books = self.books();
        let mut wrong = Vec::new();
        for content in shown {
            if !books.written.contains_key(content) && !books.possible.contains(content) {
                wrong.push(format!("nobody has written {}", short(content)));
            }
        }
        for (content, (ino, how)) in &books.written {
            let is_due = !books.given_up.contains(content) && !books.unsure.contains(ino);
            if is_due && !shown.contains(content) {
                wrong.push(format!("lost, and nobody gave it up: {} ({how})", short(content)));
            }
        }
        let counts: Vec<String> =
            books.counts.iter().map(|(what, count)| format!("{what} {count}")).collect();
        let operations: u64 = books.counts.values().sum();
        let summary = format!(
            "{operations} operations ({}); {} contents written, {} of them given up, {} shown in \
             the end; {} inodes unsure",
            counts.join(", "),
            books.written.len(),
            books.written.keys().filter(|content| books.given_up.contains(*content)).count(),
            shown.len(),
            books.unsure.len(),
        );
        (wrong, summary)
    }
}

fn short(content: &Content) -> String {
    content[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}
