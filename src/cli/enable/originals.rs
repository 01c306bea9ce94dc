//! The unencrypted files under another name, so that the mount can have their place.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::cli::error::Error;
use crate::cli::init::{parent_of, sync_folder};
use crate::cli::names::Shown as _;

/// Names of originals that are tried.
const NAMES_MAX: u32 = 1000;

/// Puts an empty folder in a folder's place, in one step, and the folder beside it as
/// `NAME (originals)`; tells where it is now.
///
/// # Errors
/// [`Error::Io`]; the folder is in its place then.
pub(super) fn put_aside(folder: &Path) -> Result<PathBuf, Error> {
    let moving = |source| Error::Io { doing: format!("renaming {}", folder.shown()), source };
    let aside = free_name(folder).map_err(moving)?;
    let metadata = fs::metadata(folder).map_err(moving)?;
    let swapped = DirBuilder::new().mode(0o700).create(&aside).and_then(|()| {
        fs::set_permissions(&aside, fs::Permissions::from_mode(metadata.mode() & 0o7777))?;
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&aside, Some(metadata.uid()), Some(metadata.gid()))?;
        }
        match renameat_with(CWD, folder, CWD, &aside, RenameFlags::EXCHANGE) {
            // A file system that cannot: for a moment there is no folder.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                fs::remove_dir(&aside)?;
                fs::rename(folder, &aside)?;
                fs::create_dir(folder)
            }
            swapped => Ok(swapped?),
        }
    });
    swapped.map_err(moving)?;
    sync_folder(parent_of(folder)).map_err(moving)?;
    Ok(aside)
}

/// A name beside the folder that nothing has, or that a run which was cut off has left empty.
fn free_name(folder: &Path) -> io::Result<PathBuf> {
    let name = folder.file_name().unwrap_or_default();
    for nth in 1..NAMES_MAX {
        let number = if nth == 1 { String::new() } else { format!(" {nth}") };
        let mut beside = name.to_owned();
        beside.push(format!(" (originals{number})"));
        let path = folder.with_file_name(beside);
        match fs::remove_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path),
            Err(_) => {}
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn originals_stand_beside_an_empty_folder_with_their_mode() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("Chats");
        for nth in 1..=2 {
            fs::create_dir_all(&folder).unwrap();
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o750)).unwrap();
            fs::write(folder.join("file"), format!("{nth}")).unwrap();
            let aside = put_aside(&folder).unwrap();
            assert_eq!(fs::read(aside.join("file")).unwrap(), format!("{nth}").as_bytes());
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
            assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o7777, 0o750);
        }
        assert!(parent.path().join("Chats (originals)").exists());
        assert!(parent.path().join("Chats (originals 2)").exists());
    }
}
