//! `hushfs status`: of a mount, of a vault, or of all that is mounted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::store::{HostDisk, VaultFolder, default_state_folder, holds_unpublished};

use super::args::StatusArgs;
use super::descriptor::{claimed_descriptor, is_vault};
use super::error::Error;
use super::mounted::{mount_point_of, mount_point_of_vault};
use super::names::Shown as _;
use super::remembered::slot_remembered;
use super::status::{
    LockedVault, mount_points_of_user, mounts_of_user, print_locked, print_mounts, print_status,
    status_of_mount,
};
use super::watch;

/// Shows what was asked for.
///
/// # Errors
/// [`Error`].
pub fn run(args: &StatusArgs) -> Result<(), Error> {
    if args.watch {
        return watch::run(&watched(args.place.as_deref())?, args.json);
    }
    let Some(place) = &args.place else {
        let mounts = mounts_of_user()
            .map_err(|source| Error::Io { doing: "listing mounts".into(), source })?;
        return print_mounts(&mounts, args.json);
    };
    if !is_vault(&VaultFolder::new(Arc::new(HostDisk), place)) {
        return print_status(&status_of_mount(place)?, args.json);
    }
    match mount_point_of_vault(place)? {
        Some(mount_point) => print_status(&status_of_mount(&mount_point)?, args.json),
        None => print_locked(&locked(place)?, args.json),
    }
}

/// Where the mount is that is to be watched.
fn watched(place: Option<&Path>) -> Result<PathBuf, Error> {
    let Some(place) = place else {
        let listing = |source| Error::Io { doing: "listing mounts".into(), source };
        return watch::only_one(mount_points_of_user().map_err(listing)?);
    };
    mount_point_of(place)?.ok_or_else(|| {
        Error::Incomplete(format!("{} is not mounted: there is nothing to watch", place.shown()))
    })
}

/// What can be seen of a vault without unlocking it.
fn locked(place: &Path) -> Result<LockedVault, Error> {
    let path = std::fs::canonicalize(place)
        .map_err(|source| Error::Io { doing: format!("reading {}", place.shown()), source })?;
    let vault = VaultFolder::new(Arc::new(HostDisk), &path);
    let descriptor = claimed_descriptor(&path, &vault)?;
    let listing = vault.listing()?;
    let state = default_state_folder(descriptor.claimed_vault()).filter(|state| state.is_dir());
    Ok(LockedVault {
        vault: path.display().to_string(),
        vault_id: descriptor.claimed_vault().to_string(),
        objects: listing.objects(),
        object_bytes: listing.object_bytes(),
        slots: vault.slot_count()?,
        remembered: slot_remembered(descriptor.claimed_vault()).is_some(),
        unpublished: state.as_deref().is_some_and(holds_unpublished),
        state_folder: state.map(|state| state.display().to_string()),
    })
}
