//! This machine as a device of a vault: what it is called, and where it keeps its state.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::crypto::VaultId;
use crate::fs::{FileSystem, MountMode, OpenRequest};
use crate::store::{HostDisk, LockedBy, StateFolder, StateLock, VaultFolder, default_state_folder};
use crate::system::machine;

use super::args::UnlockArgs;
use super::descriptor::claimed_descriptor;
use super::error::Error;
use super::names::Shown as _;
use super::unlock::{Unlocked, unlock};

/// The state folder of a vault: the user's choice, or the usual place.
///
/// # Errors
/// [`Error::Usage`] if there is no usual place.
pub(super) fn state_path(chosen: Option<&Path>, vault: &VaultId) -> Result<PathBuf, Error> {
    match chosen {
        Some(path) => std::path::absolute(path)
            .map_err(|source| Error::Io { doing: format!("finding {}", path.shown()), source }),
        None => default_state_folder(vault).ok_or_else(|| {
            Error::Usage(
                "there is neither HOME nor XDG_STATE_HOME to keep this device's state below: \
                 pass --state-dir"
                    .into(),
            )
        }),
    }
}

/// The state folder and its lock. A read-only mount makes none.
pub(super) fn open_state(
    path: &Path,
    mode: MountMode,
) -> Result<(Option<StateFolder>, Option<StateLock>), Error> {
    let disk = Arc::new(HostDisk);
    let state = match mode {
        MountMode::ReadWrite | MountMode::AcceptRollback => StateFolder::make(disk, path)?,
        MountMode::ReadOnly if path.is_dir() => StateFolder::existing(disk, path),
        MountMode::ReadOnly => return Ok((None, None)),
    };
    let lock = StateLock::take(state.root())?;
    Ok((Some(state), Some(lock)))
}

/// Unlocks and opens a vault that is not mounted, as this machine's device.
///
/// # Errors
/// Why it cannot be opened as asked.
pub(super) fn open_unmounted(
    place: &Path,
    state_dir: Option<&Path>,
    how: &UnlockArgs,
    mode: MountMode,
) -> Result<Arc<FileSystem>, Error> {
    let vault = VaultFolder::new(Arc::new(HostDisk), place);
    let claimed = claimed_descriptor(place, &vault)?;
    let state_path = state_path(state_dir, claimed.claimed_vault())?;
    let unlocked = unlock(place, &vault, how)?;
    open_files(vault, open_state(&state_path, mode)?, unlocked, mode)
}

/// Opens a vault that is not mounted for reading alone, with what the last mount here has not brought into
/// it yet. Where that mount still goes on, all that is published is there, and a warning says so.
///
/// # Errors
/// Why it cannot be opened.
pub(super) fn open_to_read(
    place: &Path,
    state_dir: Option<&Path>,
    how: &UnlockArgs,
) -> Result<Arc<FileSystem>, Error> {
    let vault = VaultFolder::new(Arc::new(HostDisk), place);
    let claimed = claimed_descriptor(place, &vault)?;
    let state_root = state_path(state_dir, claimed.claimed_vault())?;
    let unlocked = unlock(place, &vault, how)?;
    let state = match open_state(&state_root, MountMode::ReadOnly) {
        Err(Error::Locked(LockedBy::Other(holder))) => {
            log::warn!(
                "{}: what is not published yet is left out; “hushfs unmount” publishes it",
                LockedBy::Other(holder)
            );
            (None, None)
        }
        opened => opened?,
    };
    open_files(vault, state, unlocked, MountMode::ReadOnly)
}

/// Opens a vault that is unlocked, as this machine's device, with what [`open_state`] gave.
///
/// # Errors
/// Why it cannot be opened as asked.
pub(super) fn open_files(
    vault: VaultFolder,
    (state, lock): (Option<StateFolder>, Option<StateLock>),
    Unlocked { descriptor, keys }: Unlocked,
    mode: MountMode,
) -> Result<Arc<FileSystem>, Error> {
    let owner = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    Ok(FileSystem::open_vault(OpenRequest {
        vault,
        state,
        lock,
        keys,
        descriptor,
        mode,
        device_name: device_name(),
        machine: machine(),
        owner,
    })?)
}

/// What the user calls this device.
pub(super) fn device_name() -> String {
    let system = rustix::system::uname();
    system.nodename().to_string_lossy().into_owned()
}
