//! What is done to content.

use crate::format::{Ino, Operation};

use super::super::apply::ApplyError;
use super::super::inode::Inode;
use super::super::state::Tree;
use super::merging::Merge;
use super::place::derived;
use super::versions::{Spot, Versions};

/// What is made anew: the other of two versions, or one that others were written on.
const COPY: u64 = 1;
const SNAPSHOT: u64 = 2;
const LATE: u64 = 3;

impl Merge {
    /// Changes the version of a file that the author had seen.
    pub(super) fn change_content(&mut self, operation: &Operation<'_>) -> Result<(), ApplyError> {
        let ino = match *operation {
            Operation::Write { ino, .. }
            | Operation::Truncate { ino, .. }
            | Operation::Punch { ino, .. } => ino,
            Operation::Relocate { ino, .. } => return self.relocate_content(ino, operation),
            _ => return Err(ApplyError::BadField("an operation that no log object holds")),
        };
        let held_by = match self.versions_of.get(&ino).copied() {
            _ if self.is_beyond(ino) => self.late_copy(ino)?,
            None if !self.contested.contains(&ino) => ino,
            first => self.version(first.unwrap_or(ino), ino)?,
        };
        if self.tree.name_count(held_by) == 0 {
            self.bring_back(held_by)?;
        }
        self.tree.apply(&to_inode(operation, held_by))?;
        self.note_changed(held_by);
        Ok(())
    }

    /// The file beside another that takes what an author wrote to it who came too late to be told what
    /// it was written on. It holds that alone.
    fn late_copy(&mut self, ino: Ino) -> Result<Ino, ApplyError> {
        self.tree.inode(ino)?;
        let now = self.now();
        let copy = derived(ino, self.authors[now].device, 0, LATE);
        // It may be of the ground, too, by now.
        if self.tree.inode(copy).is_ok() {
            return Ok(copy);
        }
        if self.tree.name_count(ino) == 0 {
            self.bring_back(ino)?;
        }
        self.make_like(ino, copy)?;
        self.put_beside(copy, ino, now)?;
        self.made.insert(copy);
        Ok(copy)
    }

    /// The inode that holds the version which the author who is at it changes, made ready for that.
    fn version(&mut self, first: Ino, ino: Ino) -> Result<Ino, ApplyError> {
        self.tree.inode(ino)?;
        let now = self.now();
        let spot = {
            let versions = self.versions.entry(first).or_insert_with(|| Versions::new(first));
            let (authors, me) = (&self.authors, &self.authors[now]);
            versions.spot(ino, now, |author| me.knew(&authors[author]))
        };
        self.versions_of.insert(first, first);
        let (device, seq) = (self.authors[now].device, self.authors[now].seq);
        match spot {
            Spot::Same { held_by } => Ok(held_by),
            Spot::Next { parent, held_by } => {
                let snapshot = self.unused(derived(held_by, device, seq, SNAPSHOT));
                self.make_like(held_by, snapshot)?;
                self.tree.copy_content(held_by, snapshot)?;
                self.hidden.push(snapshot);
                self.versions_mut(first).add_next(parent, now, snapshot);
                Ok(held_by)
            }
            Spot::Beside { parent, snapshot, shown_by, other, other_author, last_author } => {
                let author = &self.authors[other_author];
                let copy = self.unused(derived(shown_by, author.device, author.seq, COPY));
                if self.tree.name_count(shown_by) == 0 {
                    self.bring_back(shown_by)?;
                }
                self.make_like(shown_by, copy)?;
                self.tree.copy_content(shown_by, copy)?;
                self.put_beside(copy, shown_by, last_author)?;
                self.tree.copy_content(snapshot, shown_by)?;
                self.versions_mut(first).add_beside(parent, now, (shown_by, other, copy));
                self.versions_of.insert(copy, first);
                self.changed.insert(copy, vec![last_author]);
                self.copies.push((copy, shown_by));
                self.made.insert(copy);
                Ok(shown_by)
            }
        }
    }

    /// Takes away copies with the very content of what they stand beside: two had the same to publish.
    pub(super) fn drop_equal_copies(&mut self) {
        for (copy, of) in std::mem::take(&mut self.copies) {
            let size = |ino| self.tree.inode(ino).map(|inode| inode.size);
            let has_same_chunks = || match (self.tree.extents(copy), self.tree.extents(of)) {
                (Ok(one), Ok(other)) => one.are_like(other, self.tree.chunk_size()),
                _ => false,
            };
            if size(copy) == size(of)
                && self.tree.name_count(of) > 0
                && self.tree.name_count(copy) == 1
                && has_same_chunks()
                && let Some((parent, name)) = self.tree.place_of(copy)
                && self.tree.detach(parent, &name).is_ok()
            {
                self.hidden.push(copy);
            }
        }
    }

    fn versions_mut(&mut self, first: Ino) -> &mut Versions {
        self.versions.entry(first).or_insert_with(|| Versions::new(first))
    }

    /// A number that no inode has: mostly this one.
    fn unused(&self, mut ino: Ino) -> Ino {
        while self.tree.inode(ino).is_ok() || ino.0 < 2 {
            ino.0 = ino.0.wrapping_add(1);
        }
        ino
    }

    /// Content that stands elsewhere by now does so for every version that has it.
    fn relocate_content(&mut self, ino: Ino, operation: &Operation<'_>) -> Result<(), ApplyError> {
        let first = self.versions_of.get(&ino).copied();
        let mut all: Vec<Ino> = match first.and_then(|first| self.versions.get(&first)) {
            Some(versions) => versions.holders().collect(),
            None => vec![ino],
        };
        all.dedup();
        for holder in all {
            self.tree.apply(&to_inode(operation, holder))?;
        }
        Ok(())
    }
}

/// The same operation on another file.
fn to_inode<'a>(operation: &Operation<'a>, to: Ino) -> Operation<'a> {
    let mut operation = operation.clone();
    match &mut operation {
        Operation::Write { ino, .. }
        | Operation::Truncate { ino, .. }
        | Operation::Punch { ino, .. }
        | Operation::Relocate { ino, .. } => *ino = to,
        _ => {}
    }
    operation
}

impl Tree {
    /// Adds an inode with the attributes of another, and no name.
    pub(super) fn add_like(&mut self, like: Ino, ino: Ino) -> Result<(), ApplyError> {
        if self.slot(ino).is_ok() {
            return Err(ApplyError::InodeTaken(ino));
        }
        let old = self.inode(like)?;
        let mut new = Inode::new(ino, old.node_kind(), old.times(), old.parent);
        (new.uid, new.gid, new.mode) = (old.uid, old.gid, old.mode);
        new.xattrs.clone_from(&old.xattrs);
        self.add_inode(new);
        Ok(())
    }

    /// Gives a file the content, size and content time of another, whatever it had.
    pub(super) fn copy_content(&mut self, from: Ino, to: Ino) -> Result<(), ApplyError> {
        let runs = self.runs(from, 0, u64::MAX)?;
        let (size, mtime) = (self.inode(from)?.size, self.inode(from)?.mtime());
        let slot = self.slot(to)?;
        self.free_content(slot, 0, u64::MAX);
        runs.iter().for_each(|run| self.put_content(slot, run));
        let inode = self.at_mut(slot);
        inode.size = size;
        inode.set_mtime(mtime);
        Ok(())
    }
}
