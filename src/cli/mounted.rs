//! Whether a vault is mounted, and which mount a path is in.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{major, minor};

use crate::fuse::hushfs_mounts;
use crate::store::{HostDisk, VaultFolder};

use super::descriptor::is_vault;
use super::error::Error;
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
        .map_err(|source| Error::Io { doing: format!("reading {}", vault.display()), source })?;
    let mounts = hushfs_mounts().unwrap_or_default();
    Ok(mounts.into_iter().find(|mount| mount.source == path).map(|mount| mount.mount_point))
}

/// Whether what this tells of is in a mount of a vault.
pub(super) fn is_in_mount(metadata: &Metadata) -> bool {
    let device = (major(metadata.dev()), minor(metadata.dev()));
    hushfs_mounts().unwrap_or_default().iter().any(|mount| mount.device == device)
}
