//! Whether a vault is mounted, and which mount a path is in.

use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::fuse::{device_of, hushfs_mounts};
use crate::store::{HostDisk, VaultFolder};

use super::descriptor::is_vault;
use super::error::Error;
use super::names::Shown as _;
use super::status::status_of_mount;

/// Where the vault is mounted, if it is; a place that is no vault's folder must be a mount point.
///
/// # Errors
/// [`Error::Status`] for a place that is neither; [`Error::Io`].
pub(super) fn mount_point_of(place: &Path) -> Result<Option<PathBuf>, Error> {
    if !is_vault(&VaultFolder::new(Arc::new(HostDisk), place)) {
        return Ok(Some(PathBuf::from(status_of_mount(place)?.mountpoint)));
    }
    mount_point_of_vault(place)
}

/// Where the vault in a folder is mounted, if it is.
///
/// # Errors
/// [`Error::Io`] if there is no such folder.
pub(super) fn mount_point_of_vault(vault: &Path) -> Result<Option<PathBuf>, Error> {
    let path = std::fs::canonicalize(vault)
        .map_err(|source| Error::Io { doing: format!("reading {}", vault.shown()), source })?;
    let mounts = hushfs_mounts().unwrap_or_default();
    Ok(mounts.into_iter().find(|mount| mount.source == path).map(|mount| mount.mount_point))
}

/// Whether what this tells of is in a mount of a vault.
pub(super) fn is_in_mount(metadata: &Metadata) -> bool {
    let device = device_of(metadata);
    hushfs_mounts().unwrap_or_default().iter().any(|mount| mount.device == device)
}

/// The mount of a vault that a path is in, and the path below its mount point. What is there no more is in
/// the mount as well.
///
/// # Errors
/// [`Error::Io`] if the path cannot be followed.
pub(super) fn mount_around(path: &Path) -> Result<Option<(PathBuf, PathBuf)>, Error> {
    let full = resolved(path)
        .map_err(|source| Error::Io { doing: format!("finding {}", path.shown()), source })?;
    let mounts = hushfs_mounts().unwrap_or_default();
    let around = mounts.into_iter().filter(|mount| full.starts_with(&mount.mount_point));
    let mount = around.max_by_key(|mount| mount.mount_point.components().count());
    Ok(mount.map(|mount| {
        let below = full.strip_prefix(&mount.mount_point).unwrap_or(&full).to_owned();
        (mount.mount_point, below)
    }))
}

/// A path free of symbolic links as far as it is there: what is to come back is not.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    let mut missing: Vec<OsString> = Vec::new();
    let mut existing = absolute.as_path();
    loop {
        match (std::fs::canonicalize(existing), existing.parent(), existing.file_name()) {
            (Ok(mut found), _, _) => {
                found.extend(missing.iter().rev());
                return Ok(found);
            }
            (Err(error), Some(parent), Some(name))
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                missing.push(name.to_owned());
                existing = parent;
            }
            (Err(error), _, _) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_resolved_as_far_as_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let real = std::fs::canonicalize(folder.path()).unwrap();
        std::fs::create_dir(real.join("folder")).unwrap();
        std::os::unix::fs::symlink("folder", real.join("link")).unwrap();
        let found = resolved(&folder.path().join("link/gone/file")).unwrap();
        assert_eq!(found, real.join("folder/gone/file"));
    }
}
