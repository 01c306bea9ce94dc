//! What other devices did to the vault while operations of this one waited in its journal.
//!
//! Operations on different inodes and names have the same outcome in either order, so those of
//! the journal can still follow. Where both sides changed the same, only a merge could tell what
//! becomes of it, and nothing is decided here.

use std::collections::HashSet;

use crate::crypto::ClassKeys;
use crate::format::{Frontier, Ino, LogKind, Operation};
use crate::store::{StoreError, VaultFolder};
use crate::tree::Tree;

use super::touched::{inode_of, names_of};

/// Inodes and names that others have changed.
#[derive(Debug, Default)]
pub(super) struct OtherChanges {
    inodes: HashSet<Ino>,
    names: HashSet<(Ino, Vec<u8>)>,
    /// A collection has removed what told of some of the changes: it may be anything.
    may_be_anything: bool,
}

impl OtherChanges {
    /// What was done from the frontier `from` up to `to`, both folded.
    ///
    /// # Errors
    /// [`StoreError`] if a log object in between cannot be read again.
    pub(super) fn between(
        vault: &VaultFolder,
        keys: &ClassKeys,
        from: &Frontier,
        to: &Frontier,
    ) -> Result<Self, StoreError> {
        let mut changes = Self::default();
        for entry in to.iter() {
            for seq in from.seq(entry.device).saturating_add(1)..=entry.seq {
                let log = match vault.get_log(keys, LogKind::Increment, entry.device, seq) {
                    Err(StoreError::Missing(_)) => {
                        return Ok(Self { may_be_anything: true, ..Self::default() });
                    }
                    log => log?,
                };
                log.operations().flatten().for_each(|operation| changes.note(&operation));
            }
        }
        Ok(changes)
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.inodes.is_empty() && self.names.is_empty() && !self.may_be_anything
    }

    /// The path of what `operation` would change in `tree` and others have changed; `None` if
    /// there is no such thing.
    pub(super) fn meets(&self, operation: &Operation<'_>, tree: &Tree) -> Option<String> {
        let shown = |path: Vec<u8>| match path.is_empty() {
            true => "the root folder".to_owned(),
            false => format!("“{}”", String::from_utf8_lossy(&path)),
        };
        if self.may_be_anything {
            return Some("the vault so much that what it changed is no longer told".to_owned());
        }
        for (folder, name) in names_of(operation).into_iter().flatten() {
            // An inode that loses a name may be one that others have changed.
            let victim = tree.lookup(folder, name).ok();
            if self.names.contains(&(folder, name.to_vec()))
                || victim.is_some_and(|ino| self.inodes.contains(&ino))
            {
                let mut path = tree.path(folder).unwrap_or_default();
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice(name);
                return Some(shown(path));
            }
        }
        let ino = inode_of(operation).filter(|ino| self.inodes.contains(ino))?;
        Some(shown(tree.path(ino).unwrap_or_default()))
    }

    fn note(&mut self, operation: &Operation<'_>) {
        let names = names_of(operation).into_iter().flatten();
        self.names.extend(names.map(|(folder, name)| (folder, name.to_vec())));
        self.inodes.extend(inode_of(operation));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::crypto::{MasterKey, VaultId};
    use crate::format::{ChunkSize, DeviceId, FrontierEntry, LogHash, Time};
    use crate::store::HostDisk;

    #[test]
    fn what_was_seen_may_be_any_number() {
        let folder = tempfile::tempdir().unwrap();
        let vault = VaultFolder::new(Arc::new(HostDisk), folder.path());
        let keys = MasterKey::random().class_keys(&VaultId::random());
        let frontier = |seq| {
            let mut frontier = Frontier::default();
            frontier.advance(FrontierEntry { device: DeviceId(1), seq, hash: LogHash::NONE });
            frontier
        };
        let between = |from, to| OtherChanges::between(&vault, &keys, &from, &to);
        assert!(between(frontier(u64::MAX), frontier(5)).unwrap().is_empty());
    }

    #[test]
    fn where_the_log_was_collected_anything_may_have_changed() {
        let folder = tempfile::tempdir().unwrap();
        let vault = VaultFolder::new(Arc::new(HostDisk), folder.path());
        let keys = MasterKey::random().class_keys(&VaultId::random());
        let mut to = Frontier::default();
        to.advance(FrontierEntry { device: DeviceId(1), seq: 5, hash: LogHash::NONE });
        let changes = OtherChanges::between(&vault, &keys, &Frontier::default(), &to).unwrap();
        let ino = Ino(7);
        let punch = Operation::Punch { ino, first_chunk: 0, count: 1, time: Time::default() };
        assert!(!changes.is_empty());
        assert!(changes.meets(&punch, &Tree::new(ChunkSize::DEFAULT)).is_some());
    }
}
