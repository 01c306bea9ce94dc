//! A new 64-digit key in a file, and other new files that hold one.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::cli::error::Error;
use crate::cli::secrets::{SecretsError, key_from_file};
use crate::cli::undo::Undo;
use crate::format::RecoveryKey;

use super::error::InitError;
use super::place::{Place, parent_of, sync_folder};
use crate::cli::names::Shown as _;

/// Draws a key and writes it to a new file at `path`, for its owner alone; it is durable before
/// anything is sealed with it.
///
/// # Errors
/// [`Error::Init`] if the file exists or would be in the vault, [`Error::Io`].
pub fn write_new_key(path: &Path, place: &Place, undo: &mut Undo) -> Result<RecoveryKey, Error> {
    let (key, text) = drawn();
    write_with_key(path, text.as_bytes(), place, undo)?;
    Ok(key)
}

/// Takes the key that a run which was cut off has drawn, from the file that it has written; one that it had
/// only made is written now.
///
/// # Errors
/// [`Error::Init`] if the file holds something else, [`Error::Io`], or [`Error::Secrets`].
pub fn take_key(path: &Path) -> Result<RecoveryKey, Error> {
    let writing =
        |source| Error::Io { doing: format!("writing the key to {}", path.shown()), source };
    if path.metadata().map_err(writing)?.len() > 0 {
        return match key_from_file(path) {
            Err(SecretsError::NotAKey { .. }) => {
                Err(InitError::KeyFileExists { path: path.to_owned() }.into())
            }
            key => Ok(key?),
        };
    }
    let (key, text) = drawn();
    let mut file = OpenOptions::new().write(true).open(path).map_err(writing)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(writing)?;
    sync_folder(parent_of(path)).map_err(writing)?;
    Ok(key)
}

/// A new key, and what is in a file of it.
fn drawn() -> (RecoveryKey, Zeroizing<String>) {
    let key = RecoveryKey::random();
    let mut text = key.four_lines();
    text.push('\n');
    (key, text)
}

/// Writes what holds a key to a new file, for its owner alone and durably.
///
/// # Errors
/// [`Error::Init`] if the file exists or would be in the vault, [`Error::Io`].
pub fn write_with_key(
    path: &Path,
    bytes: &[u8],
    place: &Place,
    undo: &mut Undo,
) -> Result<(), Error> {
    let path_buf = path.to_owned();
    if place.holds(path) {
        return Err(InitError::KeyInVault { path: path_buf }.into());
    }
    if place.is_beside(path) {
        log::warn!(
            "{} is beside the vault: if that folder is uploaded too, the key is uploaded with it",
            path.shown()
        );
    }
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).and_then(
        |mut file| {
            undo.file(path);
            file.write_all(bytes)?;
            file.sync_all()?;
            sync_folder(parent_of(path))
        },
    );
    match written {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(InitError::KeyFileExists { path: path_buf }.into())
        }
        Err(source) => {
            Err(Error::Io { doing: format!("writing the key to {}", path.shown()), source })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_file_is_private_new_and_gone_if_it_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::check(&folder.path().join("v")).unwrap();
        let path = folder.path().join("k");
        let mut undo = Undo::default();
        let key = write_new_key(&path, &place, &mut undo).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{}\n", *key.four_lines()));
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let mut second = Undo::default();
        let refused = write_new_key(&path, &place, &mut second);
        assert!(matches!(refused, Err(Error::Init(InitError::KeyFileExists { .. }))));
        drop(second);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        drop(undo);
        assert!(!path.exists());
    }
}
