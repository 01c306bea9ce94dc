//! Owner, mode, extended attributes and times, in the order in which none undoes another.

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags, chmodat, chownat, fchmod,
    fchown, fgetxattr, fremovexattr, fsetxattr, futimens, lgetxattr, lremovexattr, lsetxattr,
    utimensat,
};
use rustix::io::Errno;

use crate::cli::host::{NO_XATTR, raw_mode};
use crate::format::{ACCESS_LIST, AccessList, DEFAULT_LIST, Ino, Time};
use crate::fs::{Attributes, FileKind, FileSystem, FsError};

/// What a mode grants the owner.
const OWNER_BITS: u32 = 0o700;
/// What a mode grants the owning group; with a list, the mask.
const GROUP_BITS: u32 = 0o070;

/// Why attributes are not what they should be.
#[derive(Debug, thiserror::Error)]
pub(super) enum AttributeError {
    /// The vault does not give them.
    #[error(transparent)]
    Vault(#[from] FsError),
    /// The destination does not take one; the others were set.
    #[error("its {what} cannot be set: {error}")]
    Target {
        /// Which.
        what: String,
        /// Why not.
        error: io::Error,
    },
}

/// Whether the owner is the vault's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// It is.
    Restored,
    /// It is whoever runs this, who may not give files away.
    Kept,
}

/// Where attributes are set: on an open file or folder, or on what cannot be opened.
pub(super) enum Place<'a, Fd: AsFd> {
    /// A file or folder.
    Open(&'a Fd),
    /// A link, pipe, socket or device, which is not followed.
    Path(&'a Path),
}

/// Sets everything that the vault tells of an inode, but its content. Everything is tried, even
/// after an error.
///
/// # Errors
/// The first [`AttributeError`].
pub(super) fn set_attributes<Fd: AsFd>(
    files: &FileSystem,
    attributes: &Attributes,
    place: &Place<'_, Fd>,
) -> Result<Owner, AttributeError> {
    let (owner, owned) = match set_owner(attributes, place) {
        Ok(owner) => (owner, Ok(())),
        Err(error) => (Owner::Kept, Err(error)),
    };
    let owned = owned.map_err(target("owner"));
    let cleared = remove_lists(attributes.kind, place).map_err(target("access control list"));
    // Before the mode, which may forbid it to all but root.
    let (xattrs, is_listed) = set_xattrs(files, attributes.ino, place)?;
    // After the owner, whose change takes setuid and setgid away, and the access control list,
    // which may take setgid too.
    let mode = match is_listed {
        true => attributes.mode,
        false => mode_without_list(files, attributes)?,
    };
    let moded = set_mode(mode, attributes.kind, owner, place).map_err(target("mode"));
    let timed = set_times(attributes, place).map_err(target("times"));
    owned.and(cleared).and(xattrs).and(moded).and(timed)?;
    Ok(owner)
}

fn target(what: &str) -> impl Fn(Errno) -> AttributeError {
    let what = what.to_owned();
    move |error| AttributeError::Target { what: what.clone(), error: error.into() }
}

fn set_owner<Fd: AsFd>(attributes: &Attributes, place: &Place<'_, Fd>) -> Result<Owner, Errno> {
    let me = (rustix::process::geteuid(), rustix::process::getegid());
    if (attributes.uid, attributes.gid) == (me.0.as_raw(), me.1.as_raw()) && !me.0.is_root() {
        return Ok(Owner::Restored);
    }
    let (uid, gid) = (Some(Uid::from_raw(attributes.uid)), Some(Gid::from_raw(attributes.gid)));
    let changed = match place {
        Place::Open(file) => fchown(file, uid, gid),
        Place::Path(path) => chownat(CWD, *path, uid, gid, AtFlags::SYMLINK_NOFOLLOW),
    };
    match changed {
        Err(Errno::PERM) if !me.0.is_root() => Ok(Owner::Kept),
        changed => changed.map(|()| Owner::Restored),
    }
}

/// Takes away the lists that a new inode has of the destination's folder, and those that were there
/// already: it grants what the vault says. Until it is told that, it grants nobody but the owner
/// anything: without its list, the mode's middle part would be the owning group's.
fn remove_lists<Fd: AsFd>(kind: FileKind, place: &Place<'_, Fd>) -> Result<(), Errno> {
    for name in [ACCESS_LIST, DEFAULT_LIST] {
        let mut nothing: [u8; 0] = [];
        let there = match place {
            Place::Open(file) => fgetxattr(file, name, &mut nothing),
            Place::Path(path) => lgetxattr(*path, name, &mut nothing),
        };
        match there {
            // There is none, or there are none at all here.
            Err(NO_XATTR | Errno::NOTSUP) => continue,
            there => there?,
        };
        if name == ACCESS_LIST {
            set_mode(OWNER_BITS, kind, Owner::Restored, place)?;
        }
        match place {
            Place::Open(file) => fremovexattr(file, name)?,
            Place::Path(path) => lremovexattr(*path, name)?,
        }
    }
    Ok(())
}

/// The mode of an inode whose access list the destination does not take. Its middle part is what
/// the list grants anybody but the owner and all others: the owning group alone gets less.
fn mode_without_list(files: &FileSystem, attributes: &Attributes) -> Result<u32, FsError> {
    let list = files.xattr(attributes.ino, ACCESS_LIST)?;
    let group_may = AccessList::decode(&list)?.map(|list| list.owning_group_may() << 3);
    Ok(group_may.map_or(attributes.mode, |may| attributes.mode & !GROUP_BITS | may))
}

fn set_mode<Fd: AsFd>(
    mode: u32,
    kind: FileKind,
    owner: Owner,
    place: &Place<'_, Fd>,
) -> Result<(), Errno> {
    let mut mode = Mode::from_raw_mode(raw_mode(mode));
    if owner == Owner::Kept && kind == FileKind::File {
        // It would run as somebody else than whom it was meant for.
        mode.remove(Mode::SUID | Mode::SGID);
    }
    match place {
        Place::Open(file) => fchmod(file, mode),
        // A link has no mode of its own.
        Place::Path(_) if kind == FileKind::Symlink => Ok(()),
        Place::Path(path) => chmodat(CWD, *path, mode, AtFlags::empty()),
    }
}

/// Sets every extended attribute. Tells the first error, and whether the inode grants what its
/// access list says: it has that list, or none.
fn set_xattrs<Fd: AsFd>(
    files: &FileSystem,
    ino: Ino,
    place: &Place<'_, Fd>,
) -> Result<(Result<(), AttributeError>, bool), FsError> {
    let (mut first_error, mut is_listed) = (Ok(()), true);
    for name in files.xattr_names(ino)?.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let value = files.xattr(ino, name)?;
        let set = match place {
            Place::Open(file) => fsetxattr(file, name, &value, XattrFlags::empty()),
            Place::Path(path) => lsetxattr(*path, name, &value, XattrFlags::empty()),
        };
        is_listed &= set.is_ok() || name != ACCESS_LIST;
        let what = format!("attribute {}", OsStr::from_bytes(name).display());
        first_error = first_error.and(set.map_err(target(&what)));
    }
    Ok((first_error, is_listed))
}

fn set_times<Fd: AsFd>(attributes: &Attributes, place: &Place<'_, Fd>) -> Result<(), Errno> {
    let timespec = |time: Time| Timespec { tv_sec: time.secs, tv_nsec: time.nanos.into() };
    let times = Timestamps {
        last_access: timespec(attributes.atime),
        last_modification: timespec(attributes.mtime),
    };
    match place {
        Place::Open(file) => futimens(file, &times),
        Place::Path(path) => utimensat(CWD, *path, &times, AtFlags::SYMLINK_NOFOLLOW),
    }
}
