//! A vault as it was: opened by its folder alone, with no state folder, mounted or not.

use std::path::Path;
use std::sync::Arc;

use crate::fs::{FileSystem, State, VaultHistory, When};
use crate::store::{HostDisk, VaultFolder};

use super::args::UnlockArgs;
use super::device::open_to_read;
use super::error::Error;
use super::status::vault_mount;
use super::unlock::{Unlocked, unlock};

/// The states of a vault, or of the one that is mounted at this path.
///
/// # Errors
/// [`Error`] if it does not open.
pub(super) fn open_history(place: &Path, how: &UnlockArgs) -> Result<VaultHistory, Error> {
    let path = match vault_mount(place) {
        Ok((_, mount)) => mount.source.into(),
        Err(_) => place.to_owned(),
    };
    let vault = VaultFolder::new(Arc::new(HostDisk), &path);
    let Unlocked { descriptor, keys } = unlock(&path, &vault, how)?;
    Ok(VaultHistory::open(vault, keys, descriptor)?)
}

/// A vault to read from, as it is, or as it was `at` a time; `tell` is told in which state that is.
///
/// # Errors
/// As for [`open_past`] and [`open_to_read`].
pub(super) fn open_as_of(
    path: &Path,
    at: Option<&When>,
    state_dir: Option<&Path>,
    how: &UnlockArgs,
    tell: impl FnOnce(&State),
) -> Result<Arc<FileSystem>, Error> {
    let Some(when) = at else { return open_to_read(path, state_dir, how) };
    let (files, state) = open_past(path, how, when)?;
    tell(&state);
    Ok(files)
}

/// A vault as it was, and the state that it is in.
///
/// # Errors
/// [`Error::History`] if there is no such state; or as for [`open_history`].
pub(super) fn open_past(
    path: &Path,
    how: &UnlockArgs,
    when: &When,
) -> Result<(Arc<FileSystem>, State), Error> {
    let history = open_history(path, how)?;
    let state = history.find(when)?.clone();
    Ok((history.files_at(&state)?, state))
}
