//! Whether a vault has a plaintext file's bytes and attributes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::fs::{FileType, SeekFrom, Stat, lgetxattr, llistxattr, seek};
use rustix::io::Errno;

use crate::format::mode::{SET_GID, SET_UID};
use crate::format::{ACCESS_LIST, AccessList, DEFAULT_LIST, Ino, Time};
use crate::fs::{Attributes, FileKind, FileSystem, FsError};

use crate::cli::host;

use super::marks::MARK;
use super::plain::{Place, PlainFolder};

/// Content is read and compared in pieces of this size.
pub(super) const PIECE_BYTES: u64 = 1 << 20;
/// Tells the folder that copies are made in from a user's of that name.
pub(super) const STAGE_SIGN: &[u8] = b"user.hushfs.stage";
/// No list of attributes and no value is longer (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX`).
const XATTR_BYTES_MAX: usize = 64 << 10;
const MODE_BITS: u32 = 0o7777;
const SET_ID_BITS: u32 = SET_UID | SET_GID;

/// Extended attributes by name.
pub(super) type Xattrs = BTreeMap<Vec<u8>, Vec<u8>>;

/// Why a comparison came to no end.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum CompareError {
    /// The plaintext cannot be read.
    #[error("it cannot be read: {0}")]
    Plain(#[from] io::Error),
    /// The vault does not give its own.
    #[error("the vault: {0}")]
    Vault(#[from] FsError),
}

impl From<Errno> for CompareError {
    fn from(error: Errno) -> Self {
        Self::Plain(error.into())
    }
}

/// When content was changed last.
pub(super) fn modified(stat: &Stat) -> Time {
    Time { secs: stat.st_mtime, nanos: u32::try_from(stat.st_mtime_nsec).unwrap_or(0) }
}

/// When it was read last.
pub(super) fn accessed(stat: &Stat) -> Time {
    Time { secs: stat.st_atime, nanos: u32::try_from(stat.st_atime_nsec).unwrap_or(0) }
}

/// Permission bits with setuid, setgid and sticky.
pub(super) fn mode_of(stat: &Stat) -> u32 {
    host::mode_of(stat) & MODE_BITS
}

/// Size in bytes.
pub(super) fn size_of(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

/// The same inode, and nothing of it has changed: any change of content or attributes moves the time
/// of the last change.
pub(in crate::cli) fn is_unchanged(before: &Stat, now: &Stat) -> bool {
    let told = |stat: &Stat| {
        let times = (stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec);
        ((stat.st_dev, stat.st_ino, stat.st_mode, stat.st_size), times)
    };
    told(before) == told(now)
}

/// Where there is data from `at` on; `None` if there is none. A file system that does not tell has
/// data everywhere.
fn next_data(file: &File, at: u64) -> Option<u64> {
    match seek(file, SeekFrom::Data(at)) {
        Ok(offset) => Some(offset),
        Err(Errno::NXIO) => None,
        Err(_) => Some(at),
    }
}

/// The next piece of a file that has data, from `at` on: where it is, and how long.
pub(super) fn next_piece(file: &File, at: u64, size: u64) -> Option<(u64, u64)> {
    let start = next_data(file, at).filter(|start| *start < size)?;
    let hole = seek(file, SeekFrom::Hole(start)).unwrap_or(size).max(start + 1);
    Some((start, (hole.min(size) - start).min(PIECE_BYTES)))
}

/// Whether content is the same to the last byte; holes are zeroes. `compared` is told of progress.
///
/// # Errors
/// [`CompareError`]; damage in the vault is one.
pub(in crate::cli) fn is_same_content(
    file: &File,
    files: &FileSystem,
    wanted: &Attributes,
    compared: &dyn Fn(u64),
) -> Result<bool, CompareError> {
    let size = wanted.size;
    if file.metadata()?.len() != size {
        return Ok(false);
    }
    let (mut plain, mut sealed) = (vec![0; PIECE_BYTES as usize], vec![0; PIECE_BYTES as usize]);
    let mut at = 0;
    while at < size {
        let in_vault = match files.seek_data(wanted.ino, at) {
            Err(FsError::NothingThere) => None,
            offset => Some(offset?),
        };
        let Some(start) = next_data(file, at).into_iter().chain(in_vault).min() else { break };
        if start >= size {
            break;
        }
        let bytes = (size - start).min(PIECE_BYTES);
        let (plain, sealed) = (&mut plain[..bytes as usize], &mut sealed[..bytes as usize]);
        match file.read_exact_at(plain, start) {
            // It has become shorter meanwhile.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            read => read?,
        }
        let read = files.read(wanted.ino, start, sealed)?;
        if read != sealed.len() || plain != sealed {
            return Ok(false);
        }
        at = start + bytes;
        compared(bytes);
    }
    Ok(true)
}

/// Ours for the time of the copy, and nothing of the file's.
fn is_ours(name: &[u8]) -> bool {
    name == MARK || name == STAGE_SIGN
}

/// All extended attributes of an entry, access control lists included.
///
/// # Errors
/// If they cannot be read.
pub(super) fn xattrs_of(folder: &PlainFolder, name: &[u8]) -> io::Result<Xattrs> {
    let path = folder.path_of(name)?;
    let mut buffer = vec![0; XATTR_BYTES_MAX];
    let length = match llistxattr(&path, &mut buffer[..]) {
        // There are none at all on such a file system.
        Err(Errno::NOTSUP) => 0,
        length => length?,
    };
    let names: Vec<Vec<u8>> =
        buffer[..length].split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
    let mut found = Xattrs::new();
    for name in names.into_iter().filter(|name| !name.is_empty() && !is_ours(name)) {
        let length = lgetxattr(&path, name.as_slice(), &mut buffer[..])?;
        if let Some(value) = telling(&name, &buffer[..length]) {
            found.insert(name, value);
        }
    }
    Ok(found)
}

/// The same of an inode in the vault.
pub(super) fn xattrs_in(files: &FileSystem, ino: Ino) -> Result<Xattrs, FsError> {
    let mut found = Xattrs::new();
    let names = files.xattr_names(ino)?;
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty() && !is_ours(name)) {
        if let Some(value) = telling(name, &files.xattr(ino, name)?) {
            found.insert(name.to_vec(), value);
        }
    }
    Ok(found)
}

/// An attribute's value; an access control list in the one form that a vault keeps, and not at all
/// if it says no more than the mode does.
fn telling(name: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    if name != ACCESS_LIST && name != DEFAULT_LIST {
        return Some(value.to_vec());
    }
    match AccessList::decode(value) {
        Ok(None) => None,
        Ok(Some(list)) if name == ACCESS_LIST && list.is_only_a_mode() => None,
        Ok(Some(list)) => Some(list.encode()),
        Err(_) => Some(value.to_vec()),
    }
}

/// Whose file it is, when that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Owners {
    /// They must be the same.
    Same,
    /// They need not, nor setuid and setgid: only root can give files away.
    Any,
}

/// Which attribute of an entry the vault has otherwise, if any. A folder's times do not count: they
/// change with every file that is deleted in it.
///
/// # Errors
/// [`CompareError`].
pub(in crate::cli) fn differing_attribute(
    at: &Place<'_>,
    stat: &Stat,
    files: &FileSystem,
    found: &Attributes,
    owners: Owners,
) -> Result<Option<&'static str>, CompareError> {
    if owners == Owners::Same && (stat.st_uid, stat.st_gid) != (found.uid, found.gid) {
        return Ok(Some("owner"));
    }
    let compared = if owners == Owners::Same { MODE_BITS } else { MODE_BITS & !SET_ID_BITS };
    if found.kind != FileKind::Symlink && (mode_of(stat) ^ found.mode) & compared != 0 {
        return Ok(Some("mode"));
    }
    if found.kind != FileKind::Folder && modified(stat) != found.mtime {
        return Ok(Some("time"));
    }
    if xattrs_of(at.folder, at.name)? != xattrs_in(files, found.ino)? {
        return Ok(Some("extended attributes or access control list"));
    }
    Ok(None)
}

/// Whether an entry of the vault is of the kind that `stat` tells of.
pub(in crate::cli) fn is_kind(kind: FileKind, stat: &Stat) -> bool {
    let plain = FileType::from_raw_mode(stat.st_mode);
    match kind {
        FileKind::File => plain == FileType::RegularFile,
        FileKind::Folder => plain == FileType::Directory,
        FileKind::Symlink => plain == FileType::Symlink,
        FileKind::Fifo => plain == FileType::Fifo,
        FileKind::Socket => plain == FileType::Socket,
        FileKind::CharDevice => plain == FileType::CharacterDevice,
        FileKind::BlockDevice => plain == FileType::BlockDevice,
    }
}

/// Whether an entry that is no folder has the same content, or target, as one of the vault.
///
/// # Errors
/// [`CompareError`].
pub(in crate::cli) fn is_same(
    at: &Place<'_>,
    stat: &Stat,
    files: &FileSystem,
    found: &Attributes,
    compared: &dyn Fn(u64),
) -> Result<bool, CompareError> {
    if !is_kind(found.kind, stat) {
        return Ok(false);
    }
    match found.kind {
        FileKind::File if size_of(stat) != found.size => Ok(false),
        FileKind::File => is_same_content(&at.folder.file(at.name)?, files, found, compared),
        FileKind::Symlink => Ok(at.folder.link_target(at.name)? == files.read_link(found.ino)?),
        FileKind::CharDevice | FileKind::BlockDevice => {
            Ok(host::rdev_of(stat) == u64::from(found.rdev))
        }
        FileKind::Folder | FileKind::Fifo | FileKind::Socket => Ok(true),
    }
}
