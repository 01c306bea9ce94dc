//! Names: look-up, making, linking, removing, renaming, listing.

use crate::format::mode::SET_GID;
use crate::format::{Ino, NAME_BYTES_MAX, NameError, NodeKind, Operation, Time, Times, check_name};
use crate::tree::{Attributes, FileKind};

use super::access_lists;
use super::error::FsError;
use super::file_system::FileSystem;
use super::live::{FlushTo, Live};
use super::types::{FolderEntry, NewNode, RenameMode};

/// Cookies of `.` and `..`; those of entries follow.
const DOT_COOKIE: u64 = 1;
const DOT_DOT_COOKIE: u64 = 2;
const FIRST_ENTRY_COOKIE: u64 = 3;

impl FileSystem {
    /// What `name` in the folder `parent` stands for. `.` is `parent` itself, whatever it is, and
    /// `..` the folder it is in: so an inode is found again that is known by its number alone.
    ///
    /// # Errors
    /// [`FsError::NotFound`], [`FsError::NotFolder`], or [`FsError::Name`] for one too long.
    pub fn lookup(&self, parent: Ino, name: &[u8]) -> Result<Attributes, FsError> {
        if name.len() > NAME_BYTES_MAX {
            return Err(NameError::TooLong.into());
        }
        let live = self.read_live()?;
        let ino = match name {
            b"." => parent,
            b".." => live.tree.parent(parent)?,
            name => live.tree.lookup(parent, &self.entry_name(&live, parent, name))?,
        };
        live.attributes(ino)
    }

    /// Makes an inode of any kind under a name that is free. In a setgid folder it gets the
    /// folder's group, and a folder its setgid too; where the folder has a default access control
    /// list, what is made grants what both that and `new` do.
    ///
    /// # Errors
    /// [`FsError::Exists`], [`FsError::NotFound`], [`FsError::Name`] or [`FsError::ReadOnly`].
    pub fn make(
        &self,
        parent: Ino,
        name: &[u8],
        kind: NodeKind<'_>,
        new: NewNode,
    ) -> Result<Attributes, FsError> {
        let mut live = self.write_live()?;
        let name = self.entry_name(&live, parent, name);
        make(&mut live, parent, &name, kind, new)
    }

    /// Makes a regular file and opens it, in one step.
    ///
    /// # Errors
    /// As for [`Self::make`].
    pub fn create(&self, parent: Ino, name: &[u8], new: NewNode) -> Result<Attributes, FsError> {
        let mut live = self.write_live()?;
        let name = self.entry_name(&live, parent, name);
        let made = make(&mut live, parent, &name, NodeKind::File, new)?;
        *live.open.entry(made.ino).or_insert(0) += 1;
        Ok(made)
    }

    /// Gives an inode that is no folder one more name.
    ///
    /// # Errors
    /// [`FsError::NotPermitted`] for a folder; [`FsError::Exists`]; [`FsError::TooManyLinks`].
    pub fn link(&self, ino: Ino, parent: Ino, name: &[u8]) -> Result<Attributes, FsError> {
        let mut live = self.write_live()?;
        if live.tree.attributes(ino)?.kind == FileKind::Folder {
            return Err(FsError::NotPermitted("a folder has one name"));
        }
        let name = &self.entry_name(&live, parent, name);
        live.perform(&Operation::Link { ino, parent, name, time: Time::now() })?;
        live.attributes(ino)
    }

    /// Removes a name of what is no folder.
    ///
    /// # Errors
    /// [`FsError::IsFolder`], [`FsError::NotFound`].
    pub fn unlink(&self, parent: Ino, name: &[u8]) -> Result<(), FsError> {
        let mut live = self.write_live()?;
        let name = &self.entry_name(&live, parent, name);
        let ino = live.tree.lookup(parent, name)?;
        if live.tree.attributes(ino)?.kind == FileKind::Folder {
            return Err(FsError::IsFolder);
        }
        live.perform(&Operation::Remove { parent, name, ino, time: Time::now() })
    }

    /// Removes an empty folder.
    ///
    /// # Errors
    /// [`FsError::NotFolder`], [`FsError::NotEmpty`], [`FsError::NotFound`].
    pub fn remove_folder(&self, parent: Ino, name: &[u8]) -> Result<(), FsError> {
        let mut live = self.write_live()?;
        let name = &self.entry_name(&live, parent, name);
        let ino = live.tree.lookup(parent, name)?;
        if live.tree.attributes(ino)?.kind != FileKind::Folder {
            return Err(FsError::NotFolder);
        }
        live.perform(&Operation::Remove { parent, name, ino, time: Time::now() })
    }

    /// Renames, as `renameat2(2)` does.
    ///
    /// # Errors
    /// Those of `rename(2)`: [`FsError::NotFound`], [`FsError::Exists`], [`FsError::NotEmpty`],
    /// [`FsError::IsFolder`], [`FsError::NotFolder`], [`FsError::Invalid`] for a folder into
    /// itself.
    pub fn rename(
        &self,
        from_parent: Ino,
        from_name: &[u8],
        to_parent: Ino,
        to_name: &[u8],
        mode: RenameMode,
    ) -> Result<(), FsError> {
        check_name(to_name)?;
        let mut live = self.write_live()?;
        let from_name = &self.entry_name(&live, from_parent, from_name);
        let to_name = &self.entry_name(&live, to_parent, to_name);
        let from = live.tree.lookup(from_parent, from_name)?;
        let to = live.tree.lookup(to_parent, to_name).ok();
        match (mode, to) {
            (RenameMode::NoReplace, Some(_)) => return Err(FsError::Exists),
            (RenameMode::Exchange, None) => return Err(FsError::NotFound),
            // Two names of one inode: POSIX says to do nothing.
            (_, Some(to)) if to == from => return Ok(()),
            _ => {}
        }
        if let Some(to) = to {
            // Programs replace a file by writing a new one and renaming it, and many do not
            // sync: its content goes ahead of its new name.
            live.prepare(from, FlushTo::Pack)?;
            if mode == RenameMode::Exchange {
                live.prepare(to, FlushTo::Pack)?;
            }
        }
        let exchange = mode == RenameMode::Exchange;
        let time = Time::now();
        live.perform(&Operation::Move {
            from_parent,
            from_name,
            ino: from,
            to_parent,
            to_name,
            replaced: to,
            exchange,
            time,
        })
    }

    /// The cookie that the next new entry of a folder would get: whatever is there now is before it.
    ///
    /// # Errors
    /// [`FsError::NotFound`] or [`FsError::NotFolder`].
    pub fn listing_end(&self, ino: Ino) -> Result<u64, FsError> {
        Ok(u64::from(self.read_live()?.tree.next_cookie(ino)?) + FIRST_ENTRY_COOKIE)
    }

    /// The entries of a folder after `cookie` (0: from the start), until `visit` says no; the
    /// entry it said no to comes again next time. While the folder changes, each entry that does
    /// not is visited exactly once.
    ///
    /// # Errors
    /// [`FsError::NotFound`] or [`FsError::NotFolder`].
    pub fn list(
        &self,
        ino: Ino,
        cookie: u64,
        visit: &mut dyn FnMut(&FolderEntry<'_>) -> bool,
    ) -> Result<(), FsError> {
        let live = self.read_live()?;
        let parent = live.tree.parent(ino)?;
        for (dot_cookie, name, dot) in
            [(DOT_COOKIE, &b"."[..], ino), (DOT_DOT_COOKIE, b"..", parent)]
        {
            if cookie < dot_cookie {
                let attributes = live.attributes(dot)?;
                if !visit(&FolderEntry { cookie: dot_cookie, name, attributes }) {
                    return Ok(());
                }
            }
        }
        let Ok(from) = u32::try_from(cookie.saturating_sub(DOT_DOT_COOKIE)) else { return Ok(()) };
        for (entry_cookie, name, attributes) in live.tree.entries(ino, from)? {
            let attributes = live.with_pending(attributes);
            let cookie = u64::from(entry_cookie) + FIRST_ENTRY_COOKIE;
            if !visit(&FolderEntry { cookie, name, attributes }) {
                break;
            }
        }
        Ok(())
    }
}

fn make(
    live: &mut Live,
    parent: Ino,
    name: &[u8],
    kind: NodeKind<'_>,
    new: NewNode,
) -> Result<Attributes, FsError> {
    check_name(name)?;
    let folder = live.tree.attributes(parent)?;
    let hands_down = folder.mode & SET_GID != 0;
    let gid = if hands_down { folder.gid } else { new.gid };
    let inherits_set_gid = hands_down && kind == NodeKind::Folder;
    let granted = access_lists::inherited(live, parent, &kind, &new)?;
    let mode = if inherits_set_gid { granted.mode | SET_GID } else { granted.mode };
    let (ino, time) = (Ino::random(), Time::now());
    let (uid, times) = (new.uid, Times::Same(time));
    let mut operations = vec![Operation::Create { parent, name, ino, kind, mode, uid, gid, times }];
    operations.extend(granted.lists.iter().map(|(name, value)| Operation::SetXattr {
        ino,
        name,
        value,
        ctime: time,
    }));
    live.perform_all(&operations)?;
    live.attributes(ino)
}
