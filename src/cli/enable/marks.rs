//! Takes the marks off what was copied, once nothing depends on them.

use crate::format::Ino;
use crate::fs::{FileKind, FileSystem, FsError};

use super::compare::MARK;

/// Takes them off every file of the vault.
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
