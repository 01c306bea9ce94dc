//! Where a vault can be made.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::cli::error::Error;
use crate::cli::undo::Undo;
use crate::format::{DATA_FOLDER, DESCRIPTOR_NAME, KEYS_FOLDER, LOG_FOLDER, README_NAME};

use super::error::InitError;
use crate::cli::names::Shown as _;

/// What sync clients and desktops put into a folder without being asked.
pub(super) const NOT_OURS: [&str; 13] = [
    ".DS_Store",
    ".directory",
    ".dropbox",
    ".dropbox.attr",
    ".dropbox.cache",
    ".localized",
    ".stfolder",
    ".stignore",
    ".stversions",
    ".sync",
    "Icon\r",
    "Thumbs.db",
    "desktop.ini",
];

/// A folder that is empty, or not there yet.
#[derive(Debug)]
pub struct Place {
    /// As it was named.
    pub vault: PathBuf,
    /// Without links and dots, for comparing.
    pub(super) canonical: PathBuf,
    exists: bool,
}

impl Place {
    /// Checks that a vault can be made at `vault`; makes nothing.
    ///
    /// # Errors
    /// [`Error::Init`], or [`Error::Io`] if the folder cannot be read.
    pub fn check(vault: &Path) -> Result<Self, Error> {
        let owned = vault.to_owned();
        match fs::read_dir(vault) {
            Ok(entries) => {
                let names = entries
                    .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                    .collect::<io::Result<Vec<_>>>()
                    .map_err(reading(vault))?;
                check_names(vault, &names)?;
                Ok(Self {
                    canonical: fs::canonicalize(vault).map_err(reading(vault))?,
                    vault: owned,
                    exists: true,
                })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let parent = parent_of(vault);
                let (Ok(parent), Some(name)) = (fs::canonicalize(parent), vault.file_name()) else {
                    return Err(InitError::NoParent { vault: owned }.into());
                };
                Ok(Self { canonical: parent.join(name), vault: owned, exists: false })
            }
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                Err(InitError::NotAFolder { vault: owned }.into())
            }
            Err(error) => Err(reading(vault)(error)),
        }
    }

    /// The folder of a vault that is there already.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be found.
    pub fn of_vault(vault: &Path) -> Result<Self, Error> {
        let canonical = fs::canonicalize(vault).map_err(reading(vault))?;
        Ok(Self { vault: vault.to_owned(), canonical, exists: true })
    }

    /// Makes the folder if it is missing, for its owner alone.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn make(&self, undo: &mut Undo) -> Result<(), Error> {
        if self.exists {
            return Ok(());
        }
        let mut make = || {
            DirBuilder::new().mode(0o700).create(&self.vault)?;
            undo.folder(&self.vault);
            sync_folder(parent_of(&self.vault))
        };
        make()
            .map_err(|source| Error::Io { doing: format!("making {}", self.vault.shown()), source })
    }

    /// Whether a file named `path` would be below the vault.
    pub fn holds(&self, path: &Path) -> bool {
        path.starts_with(&self.vault)
            || fs::canonicalize(parent_of(path))
                .is_ok_and(|folder| folder.starts_with(&self.canonical))
    }

    /// Whether a file named `path` would be beside the vault, and may be uploaded with it.
    pub fn is_beside(&self, path: &Path) -> bool {
        fs::canonicalize(parent_of(path))
            .is_ok_and(|folder| self.canonical.parent() == Some(&*folder))
    }
}

fn check_names(vault: &Path, names: &[String]) -> Result<(), InitError> {
    let vault = vault.to_owned();
    if names.iter().any(|name| name == DESCRIPTOR_NAME) {
        return Err(InitError::AlreadyAVault { vault });
    }
    let mut others = names.iter().filter(|name| !NOT_OURS.contains(&&***name));
    let ours = [KEYS_FOLDER, LOG_FOLDER, DATA_FOLDER, README_NAME];
    if let Some(found) = others.clone().find(|name| !ours.contains(&&***name)) {
        let found = found.clone();
        return Err(InitError::NotEmpty { vault, found });
    }
    match others.next() {
        Some(_) => Err(InitError::Unfinished { vault }),
        None => Ok(()),
    }
}

/// The folder that `path` is in.
pub fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Makes the names in `folder` durable.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

fn reading(vault: &Path) -> impl Fn(io::Error) -> Error {
    let doing = format!("reading {}", vault.shown());
    move |source| Error::Io { doing: doing.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(names: &[&str]) -> Option<InitError> {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        match Place::check(folder.path()) {
            Ok(_) => None,
            Err(Error::Init(error)) => Some(error),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_vault_is_made_in_an_empty_folder_and_what_sync_clients_leave_does_not_count() {
        assert!(refusal(&[]).is_none());
        assert!(refusal(&[".stfolder", "desktop.ini"]).is_none());
        assert!(matches!(
            refusal(&["hushfs.vault", "keys", "photo.jpg"]),
            Some(InitError::AlreadyAVault { .. })
        ));
        assert!(matches!(
            refusal(&["keys", "log", "README.txt"]),
            Some(InitError::Unfinished { .. })
        ));
        assert!(matches!(
            refusal(&["keys", "photo.jpg"]),
            Some(InitError::NotEmpty { found, .. }) if found == "photo.jpg"
        ));
    }

    #[test]
    fn a_missing_folder_is_made_and_a_missing_parent_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let vault = parent.path().join("new");
        let place = Place::check(&vault).unwrap();
        assert!(!vault.exists());
        let mut undo = Undo::default();
        place.make(&mut undo).unwrap();
        assert!(vault.is_dir());
        drop(undo);
        assert!(!vault.exists());
        let far = Place::check(&vault.join("deeper"));
        assert!(matches!(far, Err(Error::Init(InitError::NoParent { .. }))));
        fs::write(&vault, b"").unwrap();
        let file = Place::check(&vault);
        assert!(matches!(file, Err(Error::Init(InitError::NotAFolder { .. }))));
    }

    #[test]
    fn a_key_file_is_found_below_the_vault_by_any_path() {
        let parent = tempfile::tempdir().unwrap();
        let vault = parent.path().join("v");
        let place = Place::check(&vault).unwrap();
        assert!(place.holds(&vault.join("k")));
        fs::create_dir_all(vault.join("below")).unwrap();
        std::os::unix::fs::symlink(vault.join("below"), parent.path().join("link")).unwrap();
        assert!(place.holds(&parent.path().join("link/k")));
        assert!(place.holds(&vault.join("../v/k")));
        assert!(!place.holds(&parent.path().join("k")));
        assert!(place.is_beside(&parent.path().join("k")));
        assert!(!place.is_beside(&vault.join("k")));
    }
}
