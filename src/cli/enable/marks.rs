//! The marks on what was copied and is not settled yet. Once nothing depends on them, they are taken off.

use crate::format::{Ino, Time};
use crate::fs::{Attributes, FileKind, FileSystem, FsError};

use super::plain::Place;
use crate::cli::host::Born;

/// On a file in the vault: that it was copied there by `enable`, and is not settled yet. See
/// [`mark_of`].
pub(super) const MARK: &[u8] = b"user.hushfs.enabling";

/// The mark of a copy that has this size and time of content, made of the inode `source`: whoever
/// changes the copy makes it somebody else's, and a new file in the folder, under the old name or with
/// the old number, is not the one that the copy was made of.
pub(super) fn mark_of(size: u64, modified: Time, source: &Source) -> Vec<u8> {
    let Source { number, born } = source;
    format!("{size} {} {} {number} {} {}", modified.secs, modified.nanos, born.0, born.1)
        .into_bytes()
}

/// Which file of the folder it is, of all that ever were there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source {
    number: u64,
    born: Born,
}

impl Source {
    /// `None` if the file system does not tell when a file was made.
    pub(super) fn of(at: &Place<'_>) -> Option<Self> {
        let (number, born) = at.folder.born(at.name).ok()??;
        Some(Self { number, born })
    }
}

/// Whether a file of the vault is a copy of this very file, as an earlier run has found it, and nobody
/// has changed it since.
pub(super) fn is_marked(files: &FileSystem, at: &Place<'_>, found: &Attributes) -> bool {
    let (Ok(mark), Some(source)) = (files.xattr(found.ino, MARK), Source::of(at)) else {
        return false;
    };
    found.kind == FileKind::File && mark == mark_of(found.size, found.mtime, &source)
}

/// Takes the marks off every file of the vault.
///
/// # Errors
/// [`FsError`].
pub(super) fn remove_marks(files: &FileSystem) -> Result<(), FsError> {
    let mut folders = vec![Ino::ROOT];
    while let Some(folder) = folders.pop() {
        let mut copies = Vec::new();
        files.list(folder, 0, &mut |entry| {
            match entry.attributes.kind {
                FileKind::Folder if !matches!(entry.name, b"." | b"..") => {
                    folders.push(entry.attributes.ino);
                }
                FileKind::File => copies.push(entry.attributes.ino),
                _ => {}
            }
            true
        })?;
        for ino in copies {
            match files.remove_xattr(ino, MARK) {
                Ok(()) | Err(FsError::NoAttribute | FsError::NotFound) => {}
                failed => failed?,
            }
        }
    }
    Ok(())
}
