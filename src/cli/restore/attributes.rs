//! Owner, mode, extended attributes and times, in the order in which none undoes another.

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags, chmodat, chownat, fchmod,
    fchown, fsetxattr, futimens, lsetxattr, utimensat,
};
use rustix::io::Errno;

use crate::format::{Ino, Time};
use crate::fs::{Attributes, FileKind, FileSystem, FsError};

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
    // Before the mode, which may forbid it to all but root.
    let xattrs = set_xattrs(files, attributes.ino, place);
    // After the owner, whose change takes setuid and setgid away.
    let moded = set_mode(attributes, owner, place).map_err(target("mode"));
    let timed = set_times(attributes, place).map_err(target("times"));
    owned.and(xattrs).and(moded).and(timed)?;
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

fn set_mode<Fd: AsFd>(
    attributes: &Attributes,
    owner: Owner,
    place: &Place<'_, Fd>,
) -> Result<(), Errno> {
    let mut mode = Mode::from_raw_mode(attributes.mode);
    if owner == Owner::Kept && attributes.kind == FileKind::File {
        // It would run as somebody else than whom it was meant for.
        mode.remove(Mode::SUID | Mode::SGID);
    }
    match place {
        Place::Open(file) => fchmod(file, mode),
        // A link has no mode of its own.
        Place::Path(_) if attributes.kind == FileKind::Symlink => Ok(()),
        Place::Path(path) => chmodat(CWD, *path, mode, AtFlags::empty()),
    }
}

fn set_xattrs<Fd: AsFd>(
    files: &FileSystem,
    ino: Ino,
    place: &Place<'_, Fd>,
) -> Result<(), AttributeError> {
    let mut first_error = Ok(());
    for name in files.xattr_names(ino)?.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let value = files.xattr(ino, name)?;
        let set = match place {
            Place::Open(file) => fsetxattr(file, name, &value, XattrFlags::empty()),
            Place::Path(path) => lsetxattr(*path, name, &value, XattrFlags::empty()),
        };
        let what = format!("attribute {}", OsStr::from_bytes(name).display());
        first_error = first_error.and(set.map_err(target(&what)));
    }
    first_error
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
