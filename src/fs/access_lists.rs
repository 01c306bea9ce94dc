//! Access control lists: what setting one does to the mode, a mode to the list, and a folder's
//! default list to what is made in it.
//!
//! Whoever mounts this enforces them; here they are kept such that list and mode never contradict
//! each other: the mode's middle part is the mask, and a list that says no more than a mode is none.

use crate::format::mode::{ALL_RWX, SET_GID};
use crate::format::{
    ACCESS_LIST, ACCESS_LIST_BYTES_MAX, AccessList, DEFAULT_LIST, Ino, NodeKind, Operation, Time,
};
use crate::tree::FileKind;

use super::attributes::check_room;
use super::error::FsError;
use super::file_system::FileSystem;
use super::live::Live;
use super::types::NewNode;

/// Which of its two lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessListKind {
    /// What the inode itself grants.
    Access,
    /// What a folder hands down to what is made in it.
    Default,
}

impl AccessListKind {
    /// The list that an extended attribute holds; `None` for any other attribute.
    pub fn of(name: &[u8]) -> Option<Self> {
        match name {
            ACCESS_LIST => Some(Self::Access),
            DEFAULT_LIST => Some(Self::Default),
            _ => None,
        }
    }
}

/// What a new inode is born with.
#[derive(Debug)]
pub(super) struct Inherited {
    /// Its mode.
    pub(super) mode: u32,
    /// Its lists, each with its attribute's name.
    pub(super) lists: Vec<(&'static [u8], Vec<u8>)>,
}

impl FileSystem {
    /// Sets an access control list, as extended attributes have it; one without entries removes
    /// it. The access list sets the mode, and one that says no more than a mode is not kept. With
    /// `clear_set_gid` the inode also loses setgid, as is due when somebody sets it who is neither
    /// in its group nor privileged.
    ///
    /// # Errors
    /// [`FsError::Invalid`] for what is no list; [`FsError::AttributeTooLong`];
    /// [`FsError::NotSupported`] on a symbolic link; [`FsError::NotAllowed`] for a default list on
    /// what is no folder.
    pub fn set_access_list(
        &self,
        ino: Ino,
        kind: AccessListKind,
        value: &[u8],
        clear_set_gid: bool,
    ) -> Result<(), FsError> {
        if value.len() > ACCESS_LIST_BYTES_MAX {
            return Err(FsError::AttributeTooLong);
        }
        let list = AccessList::decode(value)?;
        let Some(list) = list else {
            return match kind {
                AccessListKind::Access => self.remove_xattr(ino, ACCESS_LIST),
                AccessListKind::Default => self.remove_xattr(ino, DEFAULT_LIST),
            };
        };
        let mut live = self.write_live()?;
        let live = &mut *live;
        live.writing()?;
        let before = live.tree.attributes(ino)?;
        let (value, ctime) = (list.encode(), Time::now());
        let set = |name| Operation::SetXattr { ino, name, value: &value, ctime };
        match kind {
            _ if before.kind == FileKind::Symlink => Err(FsError::NotSupported),
            AccessListKind::Default if before.kind != FileKind::Folder => {
                Err(FsError::NotAllowed("only a folder hands anything down"))
            }
            AccessListKind::Default => {
                check_room(live, ino, DEFAULT_LIST, &value)?;
                live.perform_on(ino, &set(DEFAULT_LIST))
            }
            AccessListKind::Access => {
                check_room(live, ino, ACCESS_LIST, &value)?;
                let lost = ALL_RWX | if clear_set_gid { SET_GID } else { 0 };
                let mode = before.mode & !lost | list.mode_bits();
                let had_list = live.tree.xattr(ino, ACCESS_LIST)?.is_some();
                let steps = access_steps(ino, mode, had_list, &list, &value, ctime);
                live.perform_all_on(ino, &steps)
            }
        }
    }
}

/// The operations that make an inode grant what `list` says. One record of the journal holds all of
/// them; even so they are in an order in which nobody is granted at any moment what neither the
/// state before grants nor the one after. The mode's middle part grants the owning group as much as
/// the mask does only if there is no list, so a list is there as long as possible.
fn access_steps<'a>(
    ino: Ino,
    mode: u32,
    had_list: bool,
    list: &AccessList,
    value: &'a [u8],
    ctime: Time,
) -> Vec<Operation<'a>> {
    let (uid, gid, atime, mtime) = (None, None, None, None);
    let set_mode = Operation::SetAttr { ino, mode: Some(mode), uid, gid, atime, mtime, ctime };
    let name = ACCESS_LIST;
    match (had_list, list.is_only_a_mode()) {
        (false, true) => vec![set_mode],
        (true, true) => vec![set_mode, Operation::RemoveXattr { ino, name, ctime }],
        (true, false) => vec![set_mode, Operation::SetXattr { ino, name, value, ctime }],
        (false, false) => vec![Operation::SetXattr { ino, name, value, ctime }, set_mode],
    }
}

/// The access list that an inode has once its mode is `mode`; `None` if that changes none.
///
/// # Errors
/// [`FsError::NotFound`], or [`FsError::Invalid`] if the list that is there is none.
pub(super) fn after_chmod(live: &Live, ino: Ino, mode: u32) -> Result<Option<Vec<u8>>, FsError> {
    let Some(before) = live.tree.xattr(ino, ACCESS_LIST)? else { return Ok(None) };
    let Some(mut list) = AccessList::decode(before)? else { return Ok(None) };
    list.set_mode(mode);
    let after = list.encode();
    Ok((after != before).then_some(after))
}

/// What a new inode in the folder `parent` is born with: what the folder's default list hands down,
/// or what the umask leaves. A link grants everything to everybody, as everywhere.
///
/// # Errors
/// [`FsError::NotFound`], or [`FsError::Invalid`] if the default list is none: rather nothing is
/// made in such a folder than something that grants too much.
pub(super) fn inherited(
    live: &Live,
    parent: Ino,
    kind: &NodeKind<'_>,
    new: &NewNode,
) -> Result<Inherited, FsError> {
    if let NodeKind::Symlink(_) = kind {
        return Ok(Inherited { mode: new.mode, lists: Vec::new() });
    }
    let default = live.tree.xattr(parent, DEFAULT_LIST)?;
    let list = default.map(AccessList::decode).transpose()?.flatten();
    let (Some(default), Some(mut list)) = (default, list) else {
        return Ok(Inherited { mode: new.mode & !(new.umask & ALL_RWX), lists: Vec::new() });
    };
    let mode = list.restrict_to(new.mode);
    let mut lists = Vec::new();
    if !list.is_only_a_mode() {
        lists.push((ACCESS_LIST, list.encode()));
    }
    if *kind == NodeKind::Folder {
        lists.push((DEFAULT_LIST, default.to_vec()));
    }
    Ok(Inherited { mode, lists })
}

#[cfg(test)]
#[path = "access_lists_tests.rs"]
mod tests;
