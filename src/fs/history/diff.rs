//! What is different between two states.

use std::collections::BTreeMap;

use crate::format::Ino;
use crate::tree::{FileKind, Tree};

use super::facts::{at_path, every_path};
use super::past::VaultHistory;
use super::states::{HistoryError, State};

/// What is different between two states, by path from the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Only the later one has these.
    pub added: Vec<Vec<u8>>,
    /// Both have these, with other content or other attributes.
    pub changed: Vec<Vec<u8>>,
    /// Only the earlier one has these.
    pub removed: Vec<Vec<u8>>,
}

impl Diff {
    /// Whether the two are the same.
    pub fn is_nothing(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

impl VaultHistory {
    /// What is different from one state to another, at `path` and below it; everywhere if it is empty.
    ///
    /// # Errors
    /// [`HistoryError::Gone`].
    pub fn diff(&self, from: &State, to: &State, path: &[u8]) -> Result<Diff, HistoryError> {
        Ok(diff(&self.tree_at(from)?, &self.tree_at(to)?, path))
    }
}

fn diff(from: &Tree, to: &Tree, path: &[u8]) -> Diff {
    let (before, after) = (below(from, path), below(to, path));
    let mut diff = Diff::default();
    for (path, ino) in &before {
        match after.get(path) {
            None => diff.removed.push(path.clone()),
            Some(other) if !is_same(from, *ino, to, *other) => diff.changed.push(path.clone()),
            Some(_) => {}
        }
    }
    diff.added = after.into_keys().filter(|path| !before.contains_key(path)).collect();
    diff
}

fn below(tree: &Tree, path: &[u8]) -> BTreeMap<Vec<u8>, Ino> {
    let mut paths = every_path(tree);
    if !path.is_empty() {
        let folder = [path, b"/"].concat();
        paths.retain(|of, _| of == path || of.starts_with(&folder));
        debug_assert_eq!(paths.get(path).copied(), at_path(tree, path));
    }
    paths
}

/// Whether two have the same kind, content and attributes. What comes and goes in a folder changes its
/// times, and is told by itself; access times, and how many names there are, do not count.
fn is_same(from: &Tree, before: Ino, to: &Tree, after: Ino) -> bool {
    let (Ok(old), Ok(new)) = (from.attributes(before), to.attributes(after)) else { return false };
    let xattrs = |tree: &Tree, ino| -> Vec<(Vec<u8>, Vec<u8>)> {
        let all = tree.xattrs(ino).into_iter().flatten();
        all.map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
    };
    let has_same = (old.kind, old.mode, old.uid, old.gid, old.rdev)
        == (new.kind, new.mode, new.uid, new.gid, new.rdev)
        && xattrs(from, before) == xattrs(to, after);
    match old.kind {
        _ if !has_same => false,
        FileKind::Folder => true,
        FileKind::Symlink => from.link_target(before).ok() == to.link_target(after).ok(),
        FileKind::File => {
            let is_one = before == after && old.ctime == new.ctime;
            (old.size, old.mtime) == (new.size, new.mtime)
                && (is_one || has_same_runs(from, before, to, after))
        }
        _ => old.mtime == new.mtime,
    }
}

/// Collections move content without changing it: two files of which one was made of the other may
/// count as different then, though they are not.
fn has_same_runs(from: &Tree, before: Ino, to: &Tree, after: Ino) -> bool {
    from.runs(before, 0, u64::MAX).ok() == to.runs(after, 0, u64::MAX).ok()
}
