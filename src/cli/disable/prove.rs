//! Whether a folder has all that is in a vault, byte for byte.

use std::path::Path;

use crate::cli::enable::compare::{CompareError, Owners, differing_attribute, is_kind, is_same};
use crate::cli::enable::plain::{Place, PlainFolder, joined};
use crate::cli::error::Error;
use crate::cli::names::Shown as _;
use crate::cli::progress::Progress;
use crate::cli::restore::as_text;
use crate::format::Ino;
use crate::fs::{Attributes, FileKind, FileSystem};

/// What a comparison came to.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// Files, folders and the like that are the same in both.
    pub(super) same: u64,
    /// Content bytes of those.
    pub(super) bytes: u64,
    /// What the folder lacks or has otherwise, a line each.
    pub(super) differs: Vec<String>,
}

/// Compares everything in a vault with what is in a folder.
///
/// # Errors
/// [`Error::Io`] if the folder cannot be opened, [`Error::Files`] if the vault cannot be listed.
pub(super) fn compare_all(
    files: &FileSystem,
    destination: &Path,
    progress: &Progress,
) -> Result<Compared, Error> {
    let root = PlainFolder::open(destination).map_err(|source| Error::Io {
        doing: format!("opening {}", destination.shown()),
        source,
    })?;
    let mut compared = Compared::default();
    let mut folders = vec![(Ino::ROOT, root, Vec::new())];
    while let Some((ino, folder, path)) = folders.pop() {
        let mut entries: Vec<(Vec<u8>, Attributes)> = Vec::new();
        files.list(ino, 0, &mut |entry| {
            if !matches!(entry.name, b"." | b"..") {
                entries.push((entry.name.to_vec(), entry.attributes));
            }
            true
        })?;
        for (name, attributes) in entries {
            let path = joined(&path, &name);
            let at = Place { folder: &folder, name: &name, path: &path };
            match difference(files, &at, &attributes, progress) {
                Ok(None) => {
                    compared.same += 1;
                    compared.bytes += content_bytes(&attributes);
                }
                Ok(Some(what)) => compared.differs.push(format!("{}: {what}", as_text(&path))),
                Err(error) => compared.differs.push(format!("{}: {error}", as_text(&path))),
            }
            progress.finish_file();
            if attributes.kind == FileKind::Folder
                && let Ok(below) = folder.enter(&name)
            {
                folders.push((attributes.ino, below, path));
            }
        }
    }
    Ok(compared)
}

fn content_bytes(attributes: &Attributes) -> u64 {
    if attributes.kind == FileKind::File { attributes.size } else { 0 }
}

/// What is different about an entry, if anything; a folder's own attributes, not what is in it.
fn difference(
    files: &FileSystem,
    at: &Place<'_>,
    wanted: &Attributes,
    progress: &Progress,
) -> Result<Option<String>, CompareError> {
    let stat = match at.folder.stat(at.name) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Some("it is not in the folder".to_owned()));
        }
        stat => stat?,
    };
    if !is_kind(wanted.kind, &stat) {
        return Ok(Some("something else is in its place".to_owned()));
    }
    let is_content = wanted.kind == FileKind::Folder
        || is_same(at, &stat, files, wanted, &|bytes| progress.advance(bytes))?;
    if !is_content {
        return Ok(Some("its content differs".to_owned()));
    }
    let owners = match rustix::process::geteuid().is_root() {
        true => Owners::Same,
        false => Owners::Any,
    };
    let attribute = differing_attribute(at, &stat, files, wanted, owners)?;
    Ok(attribute.map(|what| format!("its {what} cannot be kept there as the vault has it")))
}
