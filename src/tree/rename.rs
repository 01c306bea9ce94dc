//! What `Rename` does: the one operation that changes two folders at once.

use crate::format::{Ino, Time, check_name};

use super::apply::ApplyError;
use super::folder::InodeSlot;
use super::state::{ROOT_SLOT, Tree};

impl Tree {
    /// Moves a name; gives the inode that loses its last one by it.
    pub(super) fn rename(
        &mut self,
        from: (InodeSlot, &[u8]),
        to: (InodeSlot, &[u8]),
        time: Time,
    ) -> Result<Option<Ino>, ApplyError> {
        let slot = self.entry(from.0, from.1)?;
        check_name(to.1)?;
        let is_folder = self.at(slot).is_folder();
        let to_inode = self.at(to.0);
        if !to_inode.is_folder() {
            return Err(ApplyError::NotFolder);
        }
        if to_inode.names == 0 {
            return Err(ApplyError::NoInode(to_inode.ino));
        }
        if is_folder {
            self.check_not_within(to.0, slot)?;
        }
        let replaced = self.entry(to.0, to.1).ok();
        if let Some(replaced) = replaced {
            if replaced == slot {
                return Err(ApplyError::BadField("both names are the same inode's"));
            }
            match (is_folder, self.at(replaced).is_folder()) {
                (true, false) => return Err(ApplyError::NotFolder),
                (false, true) => return Err(ApplyError::IsFolder),
                _ => self.check_removable(replaced)?,
            }
            self.remove_entry(to.0, to.1);
        }
        self.remove_entry(from.0, from.1);
        self.add_entry(to.0, to.1, slot);
        self.count_subfolder(from.0, is_folder, -1);
        self.count_subfolder(to.0, is_folder, 1);
        let inode = self.at_mut(slot);
        inode.set_ctime(time);
        if let Some(folder) = inode.folder_mut() {
            folder.parent = to.0;
        }
        self.touch_folder(from.0, time);
        self.touch_folder(to.0, time);
        Ok(replaced.and_then(|replaced| self.drop_name(replaced, to.0, time)))
    }

    /// Lets two names trade places.
    pub(super) fn exchange(
        &mut self,
        from: (InodeSlot, &[u8]),
        to: (InodeSlot, &[u8]),
        time: Time,
    ) -> Result<(), ApplyError> {
        let slots = (self.entry(from.0, from.1)?, self.entry(to.0, to.1)?);
        let are_folders = (self.at(slots.0).is_folder(), self.at(slots.1).is_folder());
        if are_folders.0 {
            self.check_not_within(to.0, slots.0)?;
        }
        if are_folders.1 {
            self.check_not_within(from.0, slots.1)?;
        }
        for ((folder, name), slot) in [(from, slots.1), (to, slots.0)] {
            let hasher = self.hasher.clone();
            let entries = self.at_mut(folder).folder_mut().ok_or(ApplyError::NotFolder)?;
            let cookie = entries.replace(&hasher, name, slot).ok_or(ApplyError::NoName)?;
            let inode = self.at_mut(slot);
            (inode.parent, inode.cookie) = (folder, cookie);
            inode.set_ctime(time);
            if let Some(entries) = inode.folder_mut() {
                entries.parent = folder;
            }
        }
        for (folder, leaves, comes) in
            [(from.0, are_folders.0, are_folders.1), (to.0, are_folders.1, are_folders.0)]
        {
            self.count_subfolder(folder, leaves, -1);
            self.count_subfolder(folder, comes, 1);
            self.touch_folder(folder, time);
        }
        Ok(())
    }

    /// Checks that `folder` is neither `moved` nor somewhere below it.
    fn check_not_within(&self, folder: InodeSlot, moved: InodeSlot) -> Result<(), ApplyError> {
        let mut at = folder;
        loop {
            if at == moved {
                return Err(ApplyError::Cycle);
            }
            match self.at(at).folder() {
                Some(entries) if at != ROOT_SLOT => at = entries.parent,
                _ => return Ok(()),
            }
        }
    }
}
