//! The content of one file: holes stay holes, and what is damaged is told apart from the rest.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::format::Ino;
use crate::fs::{FileSystem, FsError};

/// Content is copied in pieces of this size.
const PIECE_BYTES: u64 = 1 << 20;

/// Why a file's content was not copied.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    /// The vault does not give it, for another reason than damage.
    #[error(transparent)]
    Vault(#[from] FsError),
    /// The destination does not take it.
    #[error(transparent)]
    Target(#[from] io::Error),
}

/// What of a file could not be had.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lost {
    /// Bytes that are zeroes in the copy for want of better.
    pub(super) bytes: u64,
    /// What is wrong, for the first of them.
    pub(super) what: String,
    /// The worst of what became of them.
    pub(super) cause: Cause,
}

/// Why bytes cannot be had, the worst last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// They belong to an earlier state, and were let go of since.
    #[default]
    Collected,
    /// They have not arrived yet.
    Awaited,
    /// They are damaged or gone.
    Damage,
}

impl Lost {
    /// Takes down that a part cannot be had, and makes zeroes of it.
    fn add(&mut self, part: &mut [u8], what: String, cause: Cause) {
        part.fill(0);
        if self.bytes == 0 {
            self.what = what;
        }
        self.bytes += part.len() as u64;
        self.cause = self.cause.max(cause);
    }
}

/// Copies a file's content into an empty file; `copied` is told of progress.
///
/// # Errors
/// [`CopyError`]; what was copied so far is in the file. Damage is no error.
pub(super) fn copy_content(
    files: &FileSystem,
    ino: Ino,
    size: u64,
    target: &File,
    copied: &dyn Fn(u64),
) -> Result<Lost, CopyError> {
    target.set_len(size)?;
    let mut lost = Lost::default();
    let mut buffer = vec![0; PIECE_BYTES as usize];
    let mut at = 0;
    while at < size {
        let data = match files.seek_data(ino, at) {
            Err(FsError::NothingThere) => break,
            data => data?,
        };
        let hole = files.seek_hole(ino, data)?;
        at = data;
        while at < hole {
            let bytes = (hole - at).min(PIECE_BYTES);
            let piece = &mut buffer[..bytes as usize];
            match files.read(ino, at, piece) {
                Ok(_) => target.write_all_at(piece, at)?,
                Err(
                    FsError::Damaged { .. }
                    | FsError::NotArrived { .. }
                    | FsError::Collected { .. },
                ) => {
                    copy_chunks(files, ino, at, piece, &mut lost)?;
                    target.write_all_at(piece, at)?;
                }
                Err(error) => return Err(error.into()),
            }
            at += bytes;
            copied(bytes);
        }
    }
    Ok(lost)
}

/// Reads chunk by chunk what cannot be read at once.
fn copy_chunks(
    files: &FileSystem,
    ino: Ino,
    at: u64,
    piece: &mut [u8],
    lost: &mut Lost,
) -> Result<(), FsError> {
    let chunk_size = files.descriptor().chunk_size;
    let mut filled = 0;
    for span in chunk_size.spans(at, piece.len() as u64) {
        let part = &mut piece[filled..filled + span.bytes];
        match files.read(ino, at + filled as u64, part) {
            Ok(_) => {}
            Err(FsError::Damaged { what, .. }) => lost.add(part, what, Cause::Damage),
            Err(FsError::NotArrived { what, .. }) => lost.add(part, what, Cause::Awaited),
            Err(FsError::Collected { what, .. }) => lost.add(part, what, Cause::Collected),
            Err(error) => return Err(error),
        }
        filled += span.bytes;
    }
    Ok(())
}
