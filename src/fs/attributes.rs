//! Attributes, extended attributes, links' targets, and where data and holes are.

use crate::format::mode::{GROUP_EXECUTE, SET_GID, SET_UID};
use crate::format::{ACCESS_LIST, Ino, Operation, Time};
use crate::store::StoreError;
use crate::tree::{Attributes, FileKind};

use super::access_lists::{self, AccessListKind};
use super::error::FsError;
use super::file_system::FileSystem;
use super::live::{FlushTo, Live};
use super::types::{AttributeChange, Room, XattrMode};

/// All names of extended attributes together, as `listxattr(2)` can give them.
const XATTR_LIST_BYTES_MAX: usize = 64 << 10;
const XATTR_VALUE_BYTES_MAX: usize = 64 << 10;

/// Namespaces of extended attributes that are kept whatever they mean.
const NAMESPACES: [&[u8]; 3] = [b"user.", b"trusted.", b"security."];

fn check_namespace(name: &[u8]) -> Result<(), FsError> {
    let is_kept = NAMESPACES.iter().any(|prefix| name.starts_with(prefix))
        || AccessListKind::of(name).is_some();
    if is_kept { Ok(()) } else { Err(FsError::NotSupported) }
}

/// A mode without setuid, and without setgid if the group may execute (else that bit means
/// mandatory locks).
fn without_set_ids(mode: u32) -> u32 {
    let set_gid = if mode & GROUP_EXECUTE != 0 { SET_GID } else { 0 };
    mode & !(SET_UID | set_gid)
}

/// Whether one more attribute, or another value of one, still makes a list that can be read.
pub(super) fn check_room(live: &Live, ino: Ino, name: &[u8], value: &[u8]) -> Result<(), FsError> {
    let is_there = live.tree.xattr(ino, name)?.is_some();
    let names: usize = live.tree.xattrs(ino)?.map(|(name, _)| name.len() + 1).sum();
    if value.len() > XATTR_VALUE_BYTES_MAX
        || (!is_there && names + name.len() + 1 > XATTR_LIST_BYTES_MAX)
    {
        return Err(FsError::AttributeTooLong);
    }
    Ok(())
}

impl Live {
    /// Attributes of an inode, pending content counted.
    pub(super) fn attributes(&self, ino: Ino) -> Result<Attributes, FsError> {
        Ok(self.with_pending(self.tree.attributes(ino)?))
    }

    /// Counts pending chunks as room taken, so that a file just written does not look like one
    /// hole.
    pub(super) fn with_pending(&self, mut attributes: Attributes) -> Attributes {
        if let Some(file) = self.dirty.get(&attributes.ino) {
            let chunk_size = self.tree.chunk_size();
            let all = chunk_size.count_for(attributes.size);
            let unit = u64::from(chunk_size.field() / 512);
            let pending = file.chunks.len() as u64;
            attributes.blocks = (attributes.blocks + pending * unit).min(all * unit);
        }
        attributes
    }
}

impl FileSystem {
    /// What `stat(2)` tells.
    ///
    /// # Errors
    /// [`FsError::NotFound`].
    pub fn attributes(&self, ino: Ino) -> Result<Attributes, FsError> {
        self.read_live()?.attributes(ino)
    }

    /// Changes attributes. What is no folder loses setuid when its owner, group or size changes,
    /// and setgid if its group may execute it, unless the change says otherwise: as Linux does it,
    /// for sockets, pipes and devices too. A change
    /// of mode changes its access control list, if it has one.
    ///
    /// # Errors
    /// [`FsError::NotFound`], [`FsError::IsFolder`] or [`FsError::Invalid`] for the size of what
    /// is no file, [`FsError::TooLarge`].
    pub fn set_attributes(
        &self,
        ino: Ino,
        change: &AttributeChange,
    ) -> Result<Attributes, FsError> {
        let mut live = self.write_live()?;
        let live = &mut *live;
        live.writing()?;
        let before = live.tree.attributes(ino)?;
        if let Some(size) = change.size {
            self.resize(live, ino, size)?;
        }
        let mut mode = change.mode;
        let may_lose_set_id = change.uid.is_some() || change.gid.is_some() || change.size.is_some();
        if mode.is_none() && may_lose_set_id && before.kind != FileKind::Folder {
            mode = Some(without_set_ids(before.mode)).filter(|left| *left != before.mode);
        }
        let AttributeChange { uid, gid, atime, mtime, .. } = *change;
        let is_only_size = mode.is_none()
            && uid.is_none()
            && gid.is_none()
            && atime.is_none()
            && mtime.is_none()
            && change.size.is_some();
        if !is_only_size {
            let ctime = Time::now();
            let operation = Operation::SetAttr { ino, mode, uid, gid, atime, mtime, ctime };
            if mtime.is_some() {
                // Pending content carries its own time and would undo this one.
                live.prepare(ino, FlushTo::Pack)?;
            }
            let list = mode.map(|mode| access_lists::after_chmod(live, ino, mode)).transpose()?;
            match list.flatten() {
                None => live.perform_on(ino, &operation)?,
                Some(list) => {
                    let (name, value) = (ACCESS_LIST, &list[..]);
                    let list = Operation::SetXattr { ino, name, value, ctime };
                    live.perform_all_on(ino, &[operation, list])?;
                }
            }
        }
        live.attributes(ino)
    }

    /// The target of a symbolic link.
    ///
    /// # Errors
    /// [`FsError::NotFound`], or [`FsError::Invalid`] for what is none.
    pub fn read_link(&self, ino: Ino) -> Result<Vec<u8>, FsError> {
        Ok(self.read_live()?.tree.link_target(ino)?.to_vec())
    }

    /// Sets an extended attribute of the namespaces `user`, `trusted` or `security`, or an access
    /// control list as [`Self::set_access_list`] does, for somebody with privilege. Others of
    /// `system` have a meaning that goes beyond their value, so a program must not believe that one
    /// was kept.
    ///
    /// # Errors
    /// [`FsError::Exists`] or [`FsError::NoAttribute`] as `mode` asks, which is nothing to access
    /// control lists; [`FsError::AttributeTooLong`], [`FsError::NotSupported`];
    /// [`FsError::Invalid`] for a namespace alone; those of [`Self::set_access_list`].
    pub fn set_xattr(
        &self,
        ino: Ino,
        name: &[u8],
        value: &[u8],
        mode: XattrMode,
    ) -> Result<(), FsError> {
        if let Some(kind) = AccessListKind::of(name) {
            return self.set_access_list(ino, kind, value, false);
        }
        check_namespace(name)?;
        if NAMESPACES.contains(&name) {
            return Err(FsError::Invalid("an attribute without a name"));
        }
        let mut live = self.write_live()?;
        live.writing()?;
        let is_there = live.tree.xattr(ino, name)?.is_some();
        match (mode, is_there) {
            (XattrMode::Create, true) => return Err(FsError::Exists),
            (XattrMode::Replace, false) => return Err(FsError::NoAttribute),
            _ => {}
        }
        check_room(&live, ino, name, value)?;
        let operation = Operation::SetXattr { ino, name, value, ctime: Time::now() };
        live.perform_on(ino, &operation)
    }

    /// An extended attribute's value.
    ///
    /// # Errors
    /// [`FsError::NoAttribute`], or [`FsError::NotSupported`] as for [`Self::set_xattr`].
    pub fn xattr(&self, ino: Ino, name: &[u8]) -> Result<Vec<u8>, FsError> {
        check_namespace(name)?;
        let live = self.read_live()?;
        live.tree.xattr(ino, name)?.map(<[u8]>::to_vec).ok_or(FsError::NoAttribute)
    }

    /// Names of extended attributes, each ended by a NUL, as `listxattr(2)` gives them.
    ///
    /// # Errors
    /// [`FsError::NotFound`].
    pub fn xattr_names(&self, ino: Ino) -> Result<Vec<u8>, FsError> {
        let live = self.read_live()?;
        let mut names = Vec::new();
        for (name, _) in live.tree.xattrs(ino)? {
            names.extend_from_slice(name);
            names.push(0);
        }
        Ok(names)
    }

    /// Removes an extended attribute. An access control list that is not there is removed too, as
    /// on other file systems; the mode stays, also where a mask has made it.
    ///
    /// # Errors
    /// As for [`Self::xattr`].
    pub fn remove_xattr(&self, ino: Ino, name: &[u8]) -> Result<(), FsError> {
        check_namespace(name)?;
        let mut live = self.write_live()?;
        live.writing()?;
        if AccessListKind::of(name).is_some() && live.tree.xattr(ino, name)?.is_none() {
            return Ok(());
        }
        let operation = Operation::RemoveXattr { ino, name, ctime: Time::now() };
        live.perform_on(ino, &operation)
    }

    /// The room there is: that of the disk that holds the vault.
    ///
    /// # Errors
    /// [`FsError::Disk`].
    pub fn room(&self) -> Result<Room, FsError> {
        let files = self.read_live()?.tree.inode_count() + 1;
        let root = self.vault.root();
        let room = self.vault.disk().room(root);
        let room = room.map_err(|error| {
            FsError::Disk(StoreError::io("cannot ask for the room of", root, error).to_string())
        })?;
        let block_bytes = self.descriptor.chunk_size.field();
        let blocks = |bytes: u64| bytes / u64::from(block_bytes);
        Ok(Room {
            block_bytes,
            blocks: blocks(room.total_bytes),
            free: blocks(room.free_bytes),
            available: blocks(room.available_bytes),
            files,
        })
    }

    /// The first offset from `plain_offset` on where there is data (`SEEK_DATA`).
    ///
    /// # Errors
    /// [`FsError::NothingThere`] if there is none up to the end of the file.
    pub fn seek_data(&self, ino: Ino, plain_offset: u64) -> Result<u64, FsError> {
        let live = self.read_live()?;
        let size = live.tree.attributes(ino)?.size;
        let chunk_size = live.tree.chunk_size();
        if plain_offset >= size {
            return Err(FsError::NothingThere);
        }
        let from = chunk_size.index_of(plain_offset);
        let sealed = live.tree.extents(ino)?.overlapping(from, u64::MAX).next();
        let sealed = sealed.map(|extent| extent.first_chunk.max(from));
        let pending = live.dirty.get(&ino).and_then(|file| file.chunks.range(from..).next());
        let pending = pending.map(|(index, _)| *index);
        let chunk = sealed.into_iter().chain(pending).min().ok_or(FsError::NothingThere)?;
        let offset = chunk_size.start_of(chunk).max(plain_offset);
        if offset >= size { Err(FsError::NothingThere) } else { Ok(offset) }
    }

    /// The first offset from `plain_offset` on where there is a hole; the end of the file counts
    /// as one (`SEEK_HOLE`).
    ///
    /// # Errors
    /// [`FsError::NothingThere`] if `plain_offset` is past the end.
    pub fn seek_hole(&self, ino: Ino, plain_offset: u64) -> Result<u64, FsError> {
        let live = self.read_live()?;
        let size = live.tree.attributes(ino)?.size;
        let chunk_size = live.tree.chunk_size();
        if plain_offset >= size {
            return Err(FsError::NothingThere);
        }
        let mut chunk = chunk_size.index_of(plain_offset);
        let extents = live.tree.extents(ino)?;
        let pending = live.dirty.get(&ino);
        loop {
            if let Some(extent) = extents.overlapping(chunk, chunk + 1).next() {
                chunk = extent.end_chunk();
            } else if pending.is_some_and(|file| file.chunks.contains_key(&chunk)) {
                chunk += 1;
            } else {
                break;
            }
        }
        Ok(chunk_size.start_of(chunk).max(plain_offset).min(size))
    }
}
