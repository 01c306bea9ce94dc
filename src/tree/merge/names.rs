//! What is done to names and folders.

use crate::format::{Ino, NodeKind, Operation, Time};

use super::super::apply::ApplyError;
use super::author::Author;
use super::conflict_name::conflict_name;
use super::merging::{Instead, Merge};

impl Merge {
    /// Gives an inode that has lost its last name that name again, and its folder likewise; or one
    /// beside, if it is taken.
    pub(super) fn bring_back(&mut self, ino: Ino) -> Result<(), ApplyError> {
        // A folder that is in one without a name has one itself.
        let mut chain = vec![ino];
        while let Some(ino) = chain.last().copied() {
            if self.tree.inode(ino)?.names > 0 {
                chain.pop();
                continue;
            }
            let (parent, name) = self.graves.get(&ino).cloned().ok_or(ApplyError::NoInode(ino))?;
            if self.tree.inode(parent)?.names == 0 {
                chain.push(parent);
                continue;
            }
            let free = match self.tree.lookup(parent, &name) {
                Ok(_) => self.free_name(parent, &name, ino),
                Err(_) => name.clone(),
            };
            self.graves.remove(&ino);
            self.tree.attach(parent, &free, ino)?;
            self.note_given((parent, free), (ino, (parent, name)));
            chain.pop();
        }
        Ok(())
    }

    /// The name beside `name` that an inode is given.
    fn free_name(&self, parent: Ino, name: &[u8], ino: Ino) -> Vec<u8> {
        let by = self.changed.get(&ino).and_then(|by| by.last()).copied();
        let author = by.and_then(|by| self.authors.get(by)).or(self.authors.last());
        self.free_name_by(parent, name, author)
    }

    fn free_name_by(&self, parent: Ino, name: &[u8], author: Option<&Author>) -> Vec<u8> {
        let Some(author) = author else { return name.to_vec() };
        let mut names = (1..).map(|nth| conflict_name(name, author, nth));
        let free = names.find(|name| self.tree.lookup(parent, name) == Err(ApplyError::NoName));
        free.unwrap_or_default()
    }

    /// Has whatever stands under a name stand beside it.
    pub(super) fn make_room(&mut self, parent: Ino, name: &[u8]) -> Result<(), ApplyError> {
        let Ok(occupant) = self.tree.lookup(parent, name) else { return Ok(()) };
        let beside = self.free_name(parent, name, occupant);
        self.tree.detach(parent, name)?;
        self.tree.attach(parent, &beside, occupant)?;
        self.note_given((parent, beside), (occupant, (parent, name.to_vec())));
        Ok(())
    }

    /// Has an inode stand beside another, which goes by that name.
    pub(super) fn put_beside(
        &mut self,
        ino: Ino,
        of: Ino,
        author: usize,
    ) -> Result<(), ApplyError> {
        let (parent, name) = self.tree.place_of(of).ok_or(ApplyError::NoName)?;
        let beside = self.free_name_by(parent, &name, self.authors.get(author));
        self.tree.attach(parent, &beside, ino)?;
        self.note_given((parent, beside.clone()), (ino, (parent, beside)));
        Ok(())
    }

    fn note_given(&mut self, given: (Ino, Vec<u8>), instead: Instead) {
        self.given.insert(given, instead);
    }

    /// Where an inode goes by now that was under a name: there, or where a merge has put it.
    fn place_now(&self, ino: Ino, place: (Ino, &[u8])) -> Option<(Ino, Vec<u8>)> {
        if self.tree.lookup(place.0, place.1) == Ok(ino) {
            return Some((place.0, place.1.to_vec()));
        }
        let is_there = |given: &(Ino, Vec<u8>)| self.tree.lookup(given.0, &given.1) == Ok(ino);
        let of_it = self.given.iter().filter(|(_, (given_to, _))| *given_to == ino);
        let mut of_it: Vec<_> = of_it.filter(|(given, _)| is_there(given)).collect();
        of_it.sort();
        let is_instead = |(_, (_, instead)): &&(&(Ino, Vec<u8>), &Instead)| {
            (instead.0, instead.1.as_slice()) == place
        };
        // The author may have seen another name that a merge had given.
        let is_only = self.tree.name_count(ino) == 1;
        let found = of_it.iter().find(is_instead).or(of_it.first().filter(|_| is_only));
        found.map(|(given, _)| (*given).clone())
    }

    /// Takes a name away, unless that would lose what the author did not know of.
    pub(super) fn remove(
        &mut self,
        parent: Ino,
        name: &[u8],
        ino: Ino,
        time: Time,
    ) -> Result<(), ApplyError> {
        // Somebody else may have moved or removed it.
        let Some((parent, name)) = self.place_now(ino, (parent, name)) else { return Ok(()) };
        if self.keeps(ino) {
            return Ok(());
        }
        self.bury(parent, &name, time)
    }

    /// Whether an inode is one of which the author who is at it saw what is no longer told.
    pub(super) fn is_beyond(&self, ino: Ino) -> bool {
        let is_late = self.authors.last().is_some_and(|author| !author.knew_ground);
        is_late && !self.made.contains(&ino)
    }

    /// Whether an inode holds something that the author who is at it did not know of.
    fn keeps(&self, ino: Ino) -> bool {
        if self.is_beyond(ino) {
            return true;
        }
        match self.tree.entry_count(ino) {
            Ok(entries) => entries > 0,
            // Whoever takes away the last name may have seen another, and have meant to keep that.
            Err(_) => {
                let is_unknown = |by| self.is_unknown(by, ino);
                self.tree.name_count(ino) == 1
                    && (is_unknown(&self.changed) || is_unknown(&self.unnamed))
            }
        }
    }

    fn bury(&mut self, parent: Ino, name: &[u8], time: Time) -> Result<(), ApplyError> {
        let now = self.now();
        let ino = self.tree.lookup(parent, name)?;
        self.unnamed.entry(ino).or_default().push(now);
        if let Some(gone) = self.tree.apply(&Operation::Unlink { parent, name, time })? {
            self.graves.insert(gone, (parent, name.to_vec()));
        }
        Ok(())
    }

    /// Moves an inode to a name.
    pub(super) fn relocate(
        &mut self,
        from: (Ino, &[u8]),
        ino: Ino,
        to: (Ino, &[u8]),
        replaced: Option<Ino>,
        exchange: bool,
        time: Time,
    ) -> Result<(), ApplyError> {
        if exchange && let Some(other) = replaced {
            let is_as_seen = self.tree.lookup(from.0, from.1) == Ok(ino)
                && self.tree.lookup(to.0, to.1) == Ok(other);
            if is_as_seen {
                return self.exchange(from, ino, to, other, time);
            }
            self.relocate(from, ino, to, None, false, time)?;
            return self.relocate(to, other, from, None, false, time);
        }
        self.bring_back(ino)?;
        self.bring_back(to.0)?;
        if self.is_folder(ino) && self.tree.is_within(to.0, ino) {
            return Ok(());
        }
        let is_elsewhere = self.tree.name_count(ino) == 1
            && (self.is_folder(ino) || self.is_unknown(&self.moved, ino));
        let source = match self.place_now(ino, from) {
            None if is_elsewhere => self.tree.place_of(ino),
            place => place,
        };
        match self.tree.lookup(to.0, to.1) {
            // It is there, by this or another name.
            Ok(occupant) if occupant == ino => return Ok(()),
            Ok(occupant) => self.give_way(to, ino, occupant, replaced, time)?,
            Err(_) => {}
        }
        let operation = match &source {
            Some((from_parent, from_name)) => Operation::Rename {
                from_parent: *from_parent,
                from_name,
                to_parent: to.0,
                to_name: to.1,
                exchange: false,
                time,
            },
            // Of several names, this one was removed meanwhile.
            None => Operation::Link { ino, parent: to.0, name: to.1, time },
        };
        self.tree.apply(&operation)?;
        self.note_moved(ino);
        Ok(())
    }

    /// What stands where something moves to is replaced, if the author meant that and knew all of
    /// it; else it stands beside.
    fn give_way(
        &mut self,
        to: (Ino, &[u8]),
        ino: Ino,
        occupant: Ino,
        replaced: Option<Ino>,
        time: Time,
    ) -> Result<(), ApplyError> {
        let is_meant = replaced == Some(occupant);
        if is_meant && self.is_folder(ino) == self.is_folder(occupant) && !self.keeps(occupant) {
            return self.bury(to.0, to.1, time);
        }
        self.make_room(to.0, to.1)
    }

    fn exchange(
        &mut self,
        (from_parent, from_name): (Ino, &[u8]),
        ino: Ino,
        (to_parent, to_name): (Ino, &[u8]),
        other: Ino,
        time: Time,
    ) -> Result<(), ApplyError> {
        let exchange = true;
        let operation =
            Operation::Rename { from_parent, from_name, to_parent, to_name, exchange, time };
        match self.tree.apply(&operation) {
            // What they are in has been moved.
            Err(ApplyError::Cycle) => Ok(()),
            done => {
                done?;
                self.note_moved(ino);
                self.note_moved(other);
                Ok(())
            }
        }
    }

    fn note_moved(&mut self, ino: Ino) {
        let now = self.now();
        self.moved.entry(ino).or_default().push(now);
        self.note_changed(ino);
    }

    /// Makes an inode that is like another, with no name and no content.
    pub(super) fn make_like(&mut self, like: Ino, ino: Ino) -> Result<(), ApplyError> {
        let inode = self.tree.inode(like)?;
        if !matches!(inode.node_kind(), NodeKind::File) {
            return Err(ApplyError::WrongKind);
        }
        self.tree.add_like(like, ino)
    }
}
