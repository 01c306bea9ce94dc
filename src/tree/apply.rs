//! What each operation does. The one place where the tree changes, for a fold of log objects, for
//! the replay of a journal and for a live file system alike.

use crate::format::{
    ChunkSize, Ino, NameError, NodeKind, Operation, PACK_HEADER_BYTES, Run, Time, check_name,
};

use crate::format::mode::PERMISSIONS;

use super::folder::InodeSlot;
use super::inode::{Body, Inode};
use super::state::{ROOT_SLOT, Tree};

/// The largest number of names that an inode can have, as on ext4.
const NAMES_MAX: u32 = 65_000;
/// The longest target of a symbolic link (POSIX `PATH_MAX` less the NUL).
const TARGET_BYTES_MAX: usize = 4095;
/// The longest value of an extended attribute (Linux `XATTR_SIZE_MAX`).
const XATTR_VALUE_BYTES_MAX: usize = 64 << 10;
/// The longest name of an extended attribute (Linux `XATTR_NAME_MAX`).
const XATTR_NAME_BYTES_MAX: usize = 255;

/// Why an operation does not fit the tree. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// No inode of that number.
    #[error("there is no inode {0}")]
    NoInode(Ino),
    /// A new inode's number is taken.
    #[error("there is an inode {0} already")]
    InodeTaken(Ino),
    /// The folder has no entry of that name.
    #[error("there is no entry of that name")]
    NoName,
    /// The folder has an entry of that name.
    #[error("there is an entry of that name already")]
    NameTaken,
    /// A name that no entry can have.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A folder is needed.
    #[error("not a folder")]
    NotFolder,
    /// Something other than a folder is needed.
    #[error("is a folder")]
    IsFolder,
    /// Another kind of inode is needed.
    #[error("another kind of inode is needed")]
    WrongKind,
    /// The folder has entries.
    #[error("the folder is not empty")]
    NotEmpty,
    /// A folder would come to stand within itself.
    #[error("a folder cannot be moved into itself")]
    Cycle,
    /// The inode has as many names as it can.
    #[error("too many names")]
    TooManyNames,
    /// The root stays.
    #[error("the root cannot be moved or removed")]
    Root,
    /// No extended attribute of that name.
    #[error("there is no attribute of that name")]
    NoXattr,
    /// A field holds what it cannot hold.
    #[error("{0}")]
    BadField(&'static str),
}

impl Tree {
    /// Applies one operation. Gives the inode that has lost its last name, if one has: it stays
    /// until [`Tree::forget`], since somebody may have it open.
    ///
    /// # Errors
    /// [`ApplyError`], with the tree as it was.
    pub fn apply(&mut self, operation: &Operation<'_>) -> Result<Option<Ino>, ApplyError> {
        match operation {
            Operation::Create { parent, name, ino, kind, mode, uid, gid, times } => {
                let parent_slot = self.free_place(*parent, name)?;
                if self.slot(*ino).is_ok() || ino.0 == 0 {
                    return Err(ApplyError::InodeTaken(*ino));
                }
                if let NodeKind::Symlink(target) = kind
                    && (!(1..=TARGET_BYTES_MAX).contains(&target.len()) || target.contains(&0))
                {
                    return Err(ApplyError::BadField("a link's target has 1 to 4095 bytes"));
                }
                let mut inode = Inode::new(*ino, *kind, *times, parent_slot);
                inode.mode = permission_bits(*mode);
                (inode.uid, inode.gid, inode.names) = (*uid, *gid, 1);
                let is_folder = inode.is_folder();
                let slot = self.add_inode(inode);
                self.add_entry(parent_slot, name, slot);
                self.count_subfolder(parent_slot, is_folder, 1);
                self.touch_folder(parent_slot, times.each().2);
                Ok(None)
            }
            Operation::Link { ino, parent, name, time } => {
                let slot = self.slot(*ino)?;
                let inode = self.at(slot);
                if inode.is_folder() {
                    return Err(ApplyError::IsFolder);
                }
                if inode.names == 0 {
                    return Err(ApplyError::NoInode(*ino));
                }
                if inode.names >= NAMES_MAX {
                    return Err(ApplyError::TooManyNames);
                }
                let parent_slot = self.free_place(*parent, name)?;
                self.add_entry(parent_slot, name, slot);
                let inode = self.at_mut(slot);
                inode.names += 1;
                inode.set_ctime(*time);
                self.touch_folder(parent_slot, *time);
                Ok(None)
            }
            Operation::Unlink { parent, name, time } => {
                let parent_slot = self.slot(*parent)?;
                let slot = self.entry(parent_slot, name)?;
                self.check_removable(slot)?;
                self.remove_entry(parent_slot, name);
                self.touch_folder(parent_slot, *time);
                Ok(self.drop_name(slot, parent_slot, *time))
            }
            Operation::Rename { from_parent, from_name, to_parent, to_name, exchange, time } => {
                let from = (self.slot(*from_parent)?, *from_name);
                let to = (self.slot(*to_parent)?, *to_name);
                if *exchange {
                    self.exchange(from, to, *time).map(|()| None)
                } else {
                    self.rename(from, to, *time)
                }
            }
            Operation::Remove { parent, name, ino, time } => {
                self.check_entry(*parent, name, Some(*ino))?;
                self.apply(&Operation::Unlink { parent: *parent, name, time: *time })
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
                self.check_entry(*from_parent, from_name, Some(*ino))?;
                self.check_entry(*to_parent, to_name, *replaced)?;
                self.apply(&Operation::Rename {
                    from_parent: *from_parent,
                    from_name,
                    to_parent: *to_parent,
                    to_name,
                    exchange: *exchange,
                    time: *time,
                })
            }
            Operation::SetAttr { ino, mode, uid, gid, atime, mtime, ctime } => {
                let inode = self.inode_mut(*ino)?;
                inode.mode = mode.map_or(inode.mode, permission_bits);
                inode.uid = uid.unwrap_or(inode.uid);
                inode.gid = gid.unwrap_or(inode.gid);
                atime.iter().for_each(|time| inode.set_atime(*time));
                mtime.iter().for_each(|time| inode.set_mtime(*time));
                inode.set_ctime(*ctime);
                Ok(None)
            }
            Operation::SetXattr { ino, name, value, ctime } => {
                if !(1..=XATTR_NAME_BYTES_MAX).contains(&name.len())
                    || value.len() > XATTR_VALUE_BYTES_MAX
                {
                    return Err(ApplyError::BadField("an attribute is too long"));
                }
                let inode = self.inode_mut(*ino)?;
                inode.xattrs.get_or_insert_default().insert((*name).into(), (*value).into());
                inode.set_ctime(*ctime);
                Ok(None)
            }
            Operation::RemoveXattr { ino, name, ctime } => {
                let inode = self.inode_mut(*ino)?;
                let xattrs = inode.xattrs.as_mut().ok_or(ApplyError::NoXattr)?;
                xattrs.remove(*name).ok_or(ApplyError::NoXattr)?;
                if xattrs.is_empty() {
                    inode.xattrs = None;
                }
                inode.set_ctime(*ctime);
                Ok(None)
            }
            Operation::Write { ino, runs, size, mtime, ctime } => {
                let slot = self.file_slot(*ino)?;
                check_runs(runs, *size, self.chunk_size)?;
                for run in runs {
                    self.put_content(slot, run);
                }
                self.set_size(slot, *size);
                let inode = self.at_mut(slot);
                inode.set_mtime(*mtime);
                inode.set_ctime(*ctime);
                Ok(None)
            }
            Operation::Truncate { ino, size, time } => {
                let slot = self.file_slot(*ino)?;
                check_size(*size)?;
                self.set_size(slot, *size);
                self.touch_file(slot, *time);
                Ok(None)
            }
            Operation::Punch { ino, first_chunk, count, time } => {
                let slot = self.file_slot(*ino)?;
                self.free_content(slot, *first_chunk, first_chunk.saturating_add(*count));
                self.touch_file(slot, *time);
                Ok(None)
            }
            Operation::Relocate { ino, from_pack, from_offset, run } => {
                let slot = self.file_slot(*ino)?;
                check_runs(&[*run], ChunkSize::FILE_BYTES_MAX, self.chunk_size)?;
                self.move_content(slot, (*from_pack, *from_offset), run);
                Ok(None)
            }
            Operation::PackUnused { pack, since } => {
                self.packs.note_unused(*pack, since.normal());
                Ok(None)
            }
            Operation::WriteInline { .. } => {
                Err(ApplyError::BadField("inline content belongs in a journal only"))
            }
        }
    }

    /// Takes note of runs that a live file has; size and times follow with
    /// [`Self::set_live_size`], all of it as one operation when the file is flushed.
    ///
    /// # Errors
    /// As for [`Tree::apply`] of a `Write`.
    pub fn put_live_run(&mut self, ino: Ino, run: &Run) -> Result<(), ApplyError> {
        let slot = self.file_slot(ino)?;
        check_runs(&[*run], ChunkSize::FILE_BYTES_MAX, self.chunk_size)?;
        self.put_content(slot, run);
        Ok(())
    }

    /// Sets a live file's size and times.
    ///
    /// # Errors
    /// As for [`Tree::apply`] of a `Write`.
    pub fn set_live_size(&mut self, ino: Ino, size: u64, time: Time) -> Result<(), ApplyError> {
        let slot = self.file_slot(ino)?;
        check_size(size)?;
        self.set_size(slot, size);
        self.touch_file(slot, time);
        Ok(())
    }

    /// Checks what a name stands for.
    fn check_entry(
        &self,
        parent: Ino,
        name: &[u8],
        expected: Option<Ino>,
    ) -> Result<(), ApplyError> {
        let found = match self.lookup(parent, name) {
            Err(ApplyError::NoName) => None,
            found => Some(found?),
        };
        match (found, expected) {
            (found, expected) if found == expected => Ok(()),
            (None, _) => Err(ApplyError::NoName),
            (Some(_), _) => Err(ApplyError::NameTaken),
        }
    }

    /// The folder `parent`, where `name` can be an entry's and is not yet.
    fn free_place(&self, parent: Ino, name: &[u8]) -> Result<InodeSlot, ApplyError> {
        check_name(name)?;
        let slot = self.slot(parent)?;
        let folder = self.at(slot).folder().ok_or(ApplyError::NotFolder)?;
        if folder.find(&self.hasher, name).is_some() {
            return Err(ApplyError::NameTaken);
        }
        if self.at(slot).names == 0 {
            return Err(ApplyError::NoInode(parent));
        }
        Ok(slot)
    }

    pub(super) fn entry(&self, folder: InodeSlot, name: &[u8]) -> Result<InodeSlot, ApplyError> {
        let entries = self.at(folder).folder().ok_or(ApplyError::NotFolder)?;
        entries.find(&self.hasher, name).ok_or(ApplyError::NoName)
    }

    pub(super) fn remove_entry(&mut self, folder: InodeSlot, name: &[u8]) {
        let hasher = self.hasher.clone();
        if let Some(entries) = self.at_mut(folder).folder_mut() {
            entries.remove(&hasher, name);
        }
    }

    pub(super) fn check_removable(&self, slot: InodeSlot) -> Result<(), ApplyError> {
        if slot == ROOT_SLOT {
            return Err(ApplyError::Root);
        }
        match self.at(slot).folder() {
            Some(folder) if folder.len() > 0 => Err(ApplyError::NotEmpty),
            _ => Ok(()),
        }
    }

    /// One name fewer; gives the inode if that was its last.
    pub(super) fn drop_name(
        &mut self,
        slot: InodeSlot,
        parent: InodeSlot,
        time: Time,
    ) -> Option<Ino> {
        let inode = self.at_mut(slot);
        inode.names -= 1;
        inode.set_ctime(time);
        let (is_folder, gone) = (inode.is_folder(), (inode.names == 0).then_some(inode.ino));
        self.count_subfolder(parent, is_folder, -1);
        gone
    }

    pub(super) fn count_subfolder(&mut self, folder: InodeSlot, is_folder: bool, change: i32) {
        if let Some(entries) = self.at_mut(folder).folder_mut()
            && is_folder
        {
            entries.subfolders = entries.subfolders.wrapping_add_signed(change);
        }
    }

    pub(super) fn touch_folder(&mut self, slot: InodeSlot, time: Time) {
        let inode = self.at_mut(slot);
        inode.set_mtime(time);
        inode.set_ctime(time);
    }

    fn touch_file(&mut self, slot: InodeSlot, time: Time) {
        self.touch_folder(slot, time);
    }

    fn file_slot(&self, ino: Ino) -> Result<InodeSlot, ApplyError> {
        let slot = self.slot(ino)?;
        match self.at(slot).body {
            Body::File(_) => Ok(slot),
            Body::Folder(_) => Err(ApplyError::IsFolder),
            _ => Err(ApplyError::WrongKind),
        }
    }

    fn set_size(&mut self, slot: InodeSlot, size: u64) {
        if size < self.at(slot).size {
            self.cut_content(slot, size);
        }
        self.at_mut(slot).size = size;
    }
}

fn permission_bits(mode: u32) -> u16 {
    (mode & PERMISSIONS) as u16
}

fn check_size(size: u64) -> Result<(), ApplyError> {
    if size > ChunkSize::FILE_BYTES_MAX {
        return Err(ApplyError::BadField("larger than a file can be"));
    }
    Ok(())
}

/// Checks that runs make sense by themselves and lie within a file of `size` bytes (I8).
fn check_runs(runs: &[Run], size: u64, chunk_size: ChunkSize) -> Result<(), ApplyError> {
    check_size(size)?;
    let end = chunk_size.count_for(size);
    for run in runs {
        let fits = run.shape().is_possible(chunk_size)
            && (1..=run.tail_bytes).contains(&run.visible_bytes)
            && run.pack_offset >= PACK_HEADER_BYTES as u32
            && run.first_chunk.checked_add(run.count.into()).is_some_and(|last| last <= end)
            && u64::from(run.pack_offset) + chunk_size.sealed_run_bytes(run.shape())
                <= u64::from(u32::MAX);
        if !fits {
            return Err(ApplyError::BadField("a run that cannot be"));
        }
    }
    Ok(())
}
