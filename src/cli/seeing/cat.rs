//! `hushfs cat`: the bytes of a file, up to the first that cannot be had.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use rustix::io::Errno;

use crate::cli::answer::answer;
use crate::cli::error::Error;
use crate::cli::status::status_of_mount;
use crate::format::ChunkSize;
use crate::fs::{FileFetch, FileKind};
use crate::fuse::FETCHING_ATTRIBUTE;

use super::args::CatArgs;
use super::entry::Entry;
use super::lines::Lines;
use super::place::Place;
use super::view::{View, in_mount, of_mount, of_vault, shown};

/// Content is read in pieces of this size …
const PIECE_BYTES: usize = 1 << 20;
/// … and where one cannot be read, in pieces of this size: of no vault the chunks are smaller.
const CHUNK_BYTES_MIN: usize = ChunkSize::MIN_BYTES as usize;

/// Writes a file to standard output. Whoever stops reading ends it, and that is no error.
///
/// # Errors
/// [`Error::Damage`] or [`Error::NotArrived`] where a part of it is damaged or awaited: what comes before
/// has been written. [`Error`] if there is no such file.
pub(crate) fn run(args: &CatArgs) -> Result<(), Error> {
    let place = Place::open(&args.place)?;
    let entry = place.view.entry(&place.path)?;
    match entry.attributes.kind {
        FileKind::File => {}
        FileKind::Folder => return refuse(&entry, "is a folder: “hushfs ls” lists it"),
        FileKind::Symlink => return refuse(&entry, "is a symbolic link, and none is followed"),
        _ => return refuse(&entry, "is no regular file"),
    }
    let mut lines = Lines::new();
    let failed = match &place.view {
        View::Vault(files) => {
            let read = |at, out: &mut [u8]| files.read(entry.attributes.ino, at, out);
            let ended = write_up_to(read, &mut lines)?;
            ended.map(|(at, error)| at_byte(at, of_vault(&entry.path, error)))
        }
        View::Mount { mount_point, root, is_past } => {
            let path = in_mount(root, &entry.path);
            let file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(&path);
            let file = file.map_err(|error| of_mount(&entry.path, error))?;
            let ended = write_up_to(|at, out| file.read_at(out, at), &mut lines)?;
            ended.map(|(at, error)| {
                at_byte(at, why_not(mount_point, &path, *is_past, &entry, error))
            })
        }
    };
    lines.flush()?;
    failed.map_or(Ok(()), Err)
}

fn refuse(entry: &Entry, why: &str) -> Result<(), Error> {
    Err(Error::Incomplete(format!("{} {why}", shown(&entry.path))))
}

/// Writes what `read` gives from an offset on, up to the end or to what it does not: that offset and why.
fn write_up_to<E>(
    read: impl Fn(u64, &mut [u8]) -> Result<usize, E>,
    lines: &mut Lines,
) -> Result<Option<(u64, E)>, Error> {
    let mut buffer = vec![0; PIECE_BYTES];
    let mut at = 0;
    while lines.is_read() {
        match read(at, &mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                lines.write(&buffer[..count])?;
                at += count as u64;
            }
            // It is in this piece, and what comes before in it can be had.
            Err(_) if buffer.len() > CHUNK_BYTES_MIN => buffer.truncate(CHUNK_BYTES_MIN),
            Err(error) => return Ok(Some((at, error))),
        }
    }
    Ok(None)
}

/// Says at which byte it ended.
fn at_byte(at: u64, error: Error) -> Error {
    let said = |text: String| format!("{text}; it ends here, before byte {at}");
    match error {
        Error::Damage(text) => Error::Damage(said(text)),
        Error::NotArrived(text) => Error::NotArrived(said(text)),
        Error::Incomplete(text) => Error::Incomplete(said(text)),
        error => error,
    }
}

/// The system has one number for all that a mount cannot read; the mount itself can tell more.
fn why_not(
    mount_point: &Path,
    path: &Path,
    is_past: bool,
    entry: &Entry,
    error: io::Error,
) -> Error {
    if Errno::from_io_error(&error) != Some(Errno::IO) {
        return of_mount(&entry.path, error);
    }
    let fetch = answer::<FileFetch>(path, FETCHING_ATTRIBUTE).unwrap_or_default();
    let status = status_of_mount(mount_point).unwrap_or_default();
    let path = shown(&entry.path);
    let named = format!("{} cannot be read", String::from_utf8_lossy(&entry.path));
    match status.damage.iter().find(|sentence| sentence.starts_with(&named)) {
        Some(sentence) => Error::Damage(sentence.clone()),
        None if !fetch.failed.is_empty() || !fetch.waiting.is_empty() => {
            Error::Incomplete(format!("{path}: online only, and could not be fetched"))
        }
        // Of an earlier state the mount tells no more.
        None if is_past => Error::Damage(format!("{path}: damaged, or collected since")),
        None if status.awaited_packs > 0 => Error::NotArrived(format!("{path}: not arrived yet")),
        None => Error::Damage(format!("{path}: damaged")),
    }
}
