//! Versions of one file's content: who wrote on which.

use std::collections::HashMap;

use crate::format::Ino;

/// One version.
#[derive(Clone, Debug)]
struct Version {
    /// Who wrote it, by place in the row of authors; the first version is what was there before.
    author: Option<usize>,
    /// Versions that were written on it.
    children: Vec<usize>,
    /// The inode that holds its content.
    held_by: Ino,
}

/// The versions of one file since the merge's ground.
///
/// Versions with no other written on them are *tips*, and each is held by an inode that is shown. Of
/// two that were written on the same one, without the authors knowing of each other, the later is
/// held by the inode that held the first; what is written on the earlier goes on in an inode of its
/// own. Which is later is decided by the first versions after they part, and stays decided.
#[derive(Debug)]
pub(super) struct Versions {
    all: Vec<Version>,
    /// From which version on an inode holds versions.
    starts: HashMap<Ino, usize>,
}

/// Where a new version goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// The author has written this version already: there is more of it.
    Same {
        /// The inode that holds it.
        held_by: Ino,
    },
    /// Nobody has written on the version that the author saw, which is held by this inode.
    Next {
        /// The version.
        parent: usize,
        /// The inode that holds it.
        held_by: Ino,
    },
    /// Somebody else has.
    Beside {
        /// The version that the author saw.
        parent: usize,
        /// The inode that holds its content.
        snapshot: Ino,
        /// The inode that the new version is to be held by.
        shown_by: Ino,
        /// The first version on the other way, which has been held by that inode so far.
        other: usize,
        /// The author of that.
        other_author: usize,
        /// The author of the last version on the other way.
        last_author: usize,
    },
}

impl Versions {
    pub(super) fn new(ino: Ino) -> Self {
        let first = Version { author: None, children: Vec::new(), held_by: ino };
        Self { all: vec![first], starts: HashMap::from([(ino, 0)]) }
    }

    /// Where goes what an author writes to the inode `ino`; `knows` tells which authors they knew of.
    pub(super) fn spot(&self, ino: Ino, author: usize, knows: impl Fn(usize) -> bool) -> Spot {
        let mut seen = self.starts.get(&ino).copied().unwrap_or(0);
        loop {
            let children = self.all[seen].children.iter().copied();
            // The later one has come later: authors are applied in that order.
            let next = children
                .rev()
                .find(|child| self.all[*child].author.is_some_and(|by| by == author || knows(by)));
            match next {
                Some(child) => seen = child,
                None => break,
            }
        }
        let version = &self.all[seen];
        if version.author == Some(author) {
            return Spot::Same { held_by: version.held_by };
        }
        // Of those that were written on it, the one that goes on where it was held.
        let is_start = |child: &&usize| self.starts.values().any(|start| start == *child);
        let Some(other) = version.children.iter().find(|child| !is_start(child)).copied() else {
            return Spot::Next { parent: seen, held_by: version.held_by };
        };
        let last = self.tip_after(other);
        let author_of = |version: usize| self.all[version].author.unwrap_or(author);
        Spot::Beside {
            parent: seen,
            snapshot: version.held_by,
            shown_by: self.all[last].held_by,
            other,
            other_author: author_of(other),
            last_author: author_of(last),
        }
    }

    /// The tip that a version's own inode has come to.
    fn tip_after(&self, version: usize) -> usize {
        let is_start = |child: &&usize| self.starts.values().any(|start| start == *child);
        let mut at = version;
        while let Some(next) = self.all[at].children.iter().find(|child| !is_start(child)) {
            at = *next;
        }
        at
    }

    /// A version on one that nobody has written on: its inode holds the new one, and `snapshot` what it
    /// held before.
    pub(super) fn add_next(&mut self, parent: usize, author: usize, snapshot: Ino) {
        let held_by = std::mem::replace(&mut self.all[parent].held_by, snapshot);
        self.add(parent, author, held_by);
    }

    /// A version on one that somebody has written on: it is held by `shown_by` from now on, and the other
    /// way goes on in `copy`.
    pub(super) fn add_beside(
        &mut self,
        parent: usize,
        author: usize,
        (shown_by, other, copy): (Ino, usize, Ino),
    ) {
        let last = self.tip_after(other);
        self.all[last].held_by = copy;
        self.starts.insert(copy, other);
        self.add(parent, author, shown_by);
    }

    fn add(&mut self, parent: usize, author: usize, held_by: Ino) {
        let version = self.all.len();
        self.all.push(Version { author: Some(author), children: Vec::new(), held_by });
        self.all[parent].children.push(version);
    }

    /// Every inode that holds a version.
    pub(super) fn holders(&self) -> impl Iterator<Item = Ino> {
        self.all.iter().map(|version| version.held_by)
    }
}
