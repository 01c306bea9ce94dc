//! Stand-in for the vault folder, until the real one is merged over this file.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Why the vault folder does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is nothing under this name.
    #[error("{} is missing", path.display())]
    Missing {
        /// Where.
        path: PathBuf,
    },
    /// The object is larger than it can rightly be.
    #[error("{} is larger than {max_bytes} bytes", path.display())]
    TooLarge {
        /// Where.
        path: PathBuf,
        /// The most there may be.
        max_bytes: u64,
    },
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The vault folder.
#[derive(Debug)]
pub struct VaultFolder {
    root: PathBuf,
}

impl VaultFolder {
    /// The folder at `root`.
    ///
    /// # Errors
    /// [`StoreError::Missing`] or [`StoreError::Io`].
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        fs::read_dir(root).map_err(|source| at(root, source))?;
        Ok(Self {
            root: root.to_owned(),
        })
    }

    /// Stores a new object.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn put_new(&self, path: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let full = self.root.join(path);
        let put = || {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&full)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            File::open(full.parent().unwrap_or(&self.root))?.sync_all()
        };
        put().map_err(|source| at(&full, source))
    }

    /// Reads an object.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub fn get(&self, path: &str, max_bytes: u64) -> Result<Vec<u8>, StoreError> {
        let full = self.root.join(path);
        let mut bytes = Vec::new();
        File::open(&full)
            .and_then(|file| file.take(max_bytes + 1).read_to_end(&mut bytes))
            .map_err(|source| at(&full, source))?;
        if bytes.len() as u64 > max_bytes {
            return Err(StoreError::TooLarge {
                path: full,
                max_bytes,
            });
        }
        Ok(bytes)
    }

    /// The names in a folder.
    ///
    /// # Errors
    /// [`StoreError::Missing`] or [`StoreError::Io`].
    pub fn names(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let full = self.root.join(folder);
        let read = || {
            fs::read_dir(&full)?
                .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                .collect::<io::Result<Vec<_>>>()
        };
        read().map_err(|source| at(&full, source))
    }

    /// Makes a folder.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn make_folder(&self, path: &str) -> Result<(), StoreError> {
        let full = self.root.join(path);
        DirBuilder::new()
            .mode(0o700)
            .create(&full)
            .map_err(|source| at(&full, source))
    }
}

fn at(path: &Path, source: io::Error) -> StoreError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => StoreError::Missing { path },
        _ => StoreError::Io { path, source },
    }
}
