//! A state in the making, and carrying out operations on it.

use std::collections::{HashMap, HashSet};

use crate::format::{Ino, Operation, Time};

use super::super::apply::ApplyError;
use super::super::state::Tree;
use super::author::Author;
use super::versions::Versions;

/// The inode that had a name, and the name.
pub(super) type Instead = (Ino, (Ino, Vec<u8>));

/// A state, and what is known of how it came about since some ground.
#[derive(Debug)]
pub struct Merge {
    pub(super) tree: Tree,
    /// Everybody whose operations were applied, in that order; the last one is at it now.
    pub(super) authors: Vec<Author>,
    /// Who has changed the content or the place of an inode, in order.
    pub(super) changed: HashMap<Ino, Vec<usize>>,
    /// Who has moved it.
    pub(super) moved: HashMap<Ino, Vec<usize>>,
    /// Who has taken a name away from it.
    pub(super) unnamed: HashMap<Ino, Vec<usize>>,
    /// Names that a merge has given, and which names they are given instead of.
    pub(super) given: HashMap<(Ino, Vec<u8>), Instead>,
    /// Inodes that are not of the ground.
    pub(super) made: HashSet<Ino>,
    /// Where inodes stood that have no name any more.
    pub(super) graves: HashMap<Ino, (Ino, Vec<u8>)>,
    /// Files that two have written to without knowing of each other.
    pub(super) contested: HashSet<Ino>,
    /// The versions of those, by the inode that they began with, and which inodes hold some.
    pub(super) versions: HashMap<Ino, Versions>,
    pub(super) versions_of: HashMap<Ino, Ino>,
    /// Who has set attributes, and when.
    attributes_set: HashMap<(Ino, Time), usize>,
    /// The others of two versions, and what they stand beside.
    pub(super) copies: Vec<(Ino, Ino)>,
    /// Inodes that are never shown.
    pub(super) hidden: Vec<Ino>,
}

impl Merge {
    /// From `tree` on. `contested` names every file that two authors will write to without knowing
    /// of each other.
    pub fn new(tree: Tree, contested: HashSet<Ino>) -> Self {
        Self {
            tree,
            authors: Vec::new(),
            changed: HashMap::new(),
            moved: HashMap::new(),
            unnamed: HashMap::new(),
            given: HashMap::new(),
            made: HashSet::new(),
            graves: HashMap::new(),
            contested,
            versions: HashMap::new(),
            versions_of: HashMap::new(),
            attributes_set: HashMap::new(),
            copies: Vec::new(),
            hidden: Vec::new(),
        }
    }

    /// The next operations are this author's, who comes after all before.
    pub fn begin(&mut self, author: Author) {
        self.authors.push(author);
    }

    /// The tree so far, for what is no operation.
    pub fn tree_mut(&mut self) -> &mut Tree {
        &mut self.tree
    }

    /// The state.
    pub fn finish(mut self) -> Tree {
        self.drop_equal_copies();
        let dead = self.graves.into_keys().chain(self.hidden);
        dead.for_each(|ino| self.tree.forget(ino));
        self.tree
    }

    /// Carries out what the author of an operation meant by it.
    ///
    /// # Errors
    /// [`ApplyError`] where it makes no sense on any state: nothing has changed by it, or only what
    /// it needed to be there.
    pub fn apply(&mut self, operation: &Operation<'_>) -> Result<(), ApplyError> {
        match *operation {
            Operation::Create { parent, name, ino, .. } => {
                // A copy of a state folder publishes what was in it once more.
                if self.tree.inode(ino).is_ok() {
                    return Ok(());
                }
                self.bring_back(parent)?;
                self.make_room(parent, name)?;
                self.tree.apply(operation)?;
                self.made.insert(ino);
                self.note_changed(ino);
                Ok(())
            }
            Operation::Link { ino, parent, name, .. } => {
                self.bring_back(ino)?;
                self.bring_back(parent)?;
                if self.tree.lookup(parent, name) == Ok(ino) {
                    return Ok(());
                }
                self.make_room(parent, name)?;
                self.tree.apply(operation)?;
                self.note_changed(ino);
                Ok(())
            }
            Operation::Unlink { parent, name, time } => match self.tree.lookup(parent, name) {
                Ok(ino) => self.remove(parent, name, ino, time),
                Err(_) => Ok(()),
            },
            Operation::Remove { parent, name, ino, time } => self.remove(parent, name, ino, time),
            Operation::Rename { from_parent, from_name, to_parent, to_name, exchange, time } => {
                let replaced = self.tree.lookup(to_parent, to_name).ok();
                match self.tree.lookup(from_parent, from_name) {
                    Ok(ino) => {
                        let (from, to) = ((from_parent, from_name), (to_parent, to_name));
                        self.relocate(from, ino, to, replaced, exchange, time)
                    }
                    Err(_) => Ok(()),
                }
            }
            Operation::Move {
                from_parent,
                from_name,
                ino,
                to_parent,
                to_name,
                replaced,
                exchange,
                time,
            } => {
                let (from, to) = ((from_parent, from_name), (to_parent, to_name));
                self.relocate(from, ino, to, replaced, exchange, time)
            }
            Operation::RemoveXattr { .. } => match self.tree.apply(operation) {
                // Somebody else has removed it.
                Err(ApplyError::NoXattr) | Ok(_) => Ok(()),
                Err(error) => Err(error),
            },
            // Of a copied state folder likewise: again it would undo what came in between.
            Operation::SetAttr { ino, ctime, .. } if self.is_set_already(ino, ctime) => Ok(()),
            Operation::SetAttr { .. }
            | Operation::SetXattr { .. }
            | Operation::PackUnused { .. } => self.tree.apply(operation).map(drop),
            Operation::Write { .. }
            | Operation::Truncate { .. }
            | Operation::Punch { .. }
            | Operation::WriteInline { .. }
            | Operation::Relocate { .. } => self.change_content(operation),
        }
    }

    /// Whether somebody unknown has set attributes at that very moment; else takes it down.
    fn is_set_already(&mut self, ino: Ino, ctime: Time) -> bool {
        let by = self.attributes_set.get(&(ino, ctime)).copied();
        let is_set = by.is_some_and(|by| !self.knows(by));
        if !is_set {
            self.attributes_set.insert((ino, ctime), self.now());
        }
        is_set
    }

    /// The place in the row of authors of the one who is at it.
    pub(super) fn now(&self) -> usize {
        self.authors.len().saturating_sub(1)
    }

    /// Whether the author who is at it knew of another.
    pub(super) fn knows(&self, author: usize) -> bool {
        match (self.authors.last(), self.authors.get(author)) {
            (Some(now), Some(other)) => now.knew(other),
            _ => true,
        }
    }

    pub(super) fn note_changed(&mut self, ino: Ino) {
        let now = self.now();
        let by = self.changed.entry(ino).or_default();
        if by.last() != Some(&now) {
            by.push(now);
        }
    }

    pub(super) fn is_unknown(&self, by: &HashMap<Ino, Vec<usize>>, ino: Ino) -> bool {
        by.get(&ino).is_some_and(|by| by.iter().any(|author| !self.knows(*author)))
    }

    pub(super) fn is_folder(&self, ino: Ino) -> bool {
        self.tree.folder(ino).is_ok()
    }
}
