//! `hushfs status`: of a mount, of a vault, or of all that is mounted.

use std::path::Path;
use std::sync::Arc;

use crate::fuse::hushfs_mounts;
use crate::store::{HostDisk, VaultFolder, default_state_folder, holds_unpublished};

use super::args::StatusArgs;
use super::descriptor::{claimed_descriptor, is_vault};
use super::error::Error;
use super::status::{
    LockedVault, mounts_of_user, print_locked, print_mounts, print_status, status_of_mount,
};

/// Shows what was asked for.
///
/// # Errors
/// [`Error`].
pub fn run(args: &StatusArgs) -> Result<(), Error> {
    let printing = |source| Error::Io { doing: "printing".into(), source };
    let Some(place) = &args.place else {
        let mounts = mounts_of_user()
            .map_err(|source| Error::Io { doing: "listing mounts".into(), source })?;
        return print_mounts(&mounts, args.json).map_err(printing);
    };
    if !is_vault(&VaultFolder::new(Arc::new(HostDisk), place)) {
        return print_status(&status_of_mount(place)?, args.json).map_err(printing);
    }
    let path = std::fs::canonicalize(place)
        .map_err(|source| Error::Io { doing: format!("reading {}", place.display()), source })?;
    let mounted = hushfs_mounts().unwrap_or_default();
    if let Some(mount) = mounted.iter().find(|mount| mount.source == path) {
        return print_status(&status_of_mount(&mount.mount_point)?, args.json).map_err(printing);
    }
    print_locked(&locked(&path)?, args.json).map_err(printing)
}

/// What can be seen of a vault without unlocking it.
fn locked(path: &Path) -> Result<LockedVault, Error> {
    let vault = VaultFolder::new(Arc::new(HostDisk), path);
    let descriptor = claimed_descriptor(path, &vault)?;
    let listing = vault.listing()?;
    let state = default_state_folder(descriptor.claimed_vault()).filter(|state| state.is_dir());
    Ok(LockedVault {
        vault: path.display().to_string(),
        vault_id: descriptor.claimed_vault().to_string(),
        objects: listing.objects(),
        object_bytes: listing.object_bytes(),
        slots: vault.slot_count()?,
        unpublished: state.as_deref().is_some_and(holds_unpublished),
        state_folder: state.map(|state| state.display().to_string()),
    })
}
