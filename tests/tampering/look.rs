//! Opens a vault in every way there is, and takes down what is said and shown.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hushfs::cli::args::UnlockArgs;
use hushfs::cli::unlock::{Unlocked, unlock};
use hushfs::fs::{
    FileSystem, MountMode, OpenRequest, VerifyReport, VerifyRequest, has_work, verify,
};
use hushfs::store::{HostDisk, Seen, StateFolder, StateLock, VaultFolder};

use crate::view::View;

/// What is said and shown of a vault.
#[derive(Debug)]
pub enum Looked {
    /// It does not unlock, and why.
    Locked(String),
    Open(Box<Shown>),
}

#[derive(Debug)]
pub struct Shown {
    /// `verify` on the machine whose state folder it is.
    pub report: VerifyReport,
    /// `verify` on a machine that has never seen the vault.
    pub first_report: VerifyReport,
    /// What keeps records of the state folder from being read; `verify` refuses with it.
    pub records: Vec<String>,
    /// What a read-only mount shows.
    pub view: View,
    /// What it says of damage before anything is read.
    pub said: Vec<String>,
}

/// `in_place`: as in [`crate::cells::Case`].
pub fn look(folder: &Path, how: &UnlockArgs, in_place: bool) -> Looked {
    let unlocked = match unlocked(folder, how) {
        Ok(unlocked) => unlocked,
        Err(error) => return Looked::Locked(error),
    };
    let Unlocked { descriptor, keys } = &unlocked;
    let (vault, state) = (vault(folder), state(folder));
    let mut records = Vec::new();
    let mut keep = |error: hushfs::store::StoreError| records.push(error.to_string());
    let identity = state.device(keys).map_err(&mut keep).unwrap_or_default();
    let seen = state.seen(keys).map_err(&mut keep).unwrap_or_default().unwrap_or_default();
    let has_work = has_work(&state, keys, &seen);
    let listing = vault.listing().unwrap();
    let verified = |seen, identity, has_work| {
        let (vault, listing) = (&vault, &listing);
        let request = VerifyRequest { vault, listing, keys, descriptor, seen, identity, has_work };
        verify(&request, &mut |_| {}).unwrap()
    };
    let report = verified(seen, identity, has_work);
    let first_report =
        if in_place { report.clone() } else { verified(Seen::default(), None, false) };
    let files = open_unlocked(folder, unlocked, MountMode::ReadOnly).unwrap();
    let said = files.status().damage;
    let view = View::of(&files);
    Looked::Open(Box::new(Shown { report, first_report, records, view, said }))
}

/// Opens the vault as a mount does.
///
/// # Errors
/// What the mount says.
pub fn open(folder: &Path, how: &UnlockArgs, mode: MountMode) -> Result<Arc<FileSystem>, String> {
    open_unlocked(folder, unlocked(folder, how)?, mode)
}

fn open_unlocked(
    folder: &Path,
    unlocked: Unlocked,
    mode: MountMode,
) -> Result<Arc<FileSystem>, String> {
    let Unlocked { descriptor, keys } = unlocked;
    let state = state(folder);
    let lock = match mode.writes() {
        true => Some(StateLock::take(state.root()).map_err(|e| e.to_string())?),
        false => None,
    };
    let request = OpenRequest {
        vault: vault(folder),
        state: Some(state),
        lock,
        keys,
        descriptor,
        mode,
        device_name: "bench".into(),
        machine: "machine".into(),
        owner: (0, 0),
    };
    FileSystem::open_vault(request).map_err(|error| error.to_string())
}

/// Unlocks the vault.
///
/// # Errors
/// What the program says.
pub fn unlocked(folder: &Path, how: &UnlockArgs) -> Result<Unlocked, String> {
    unlock(&vault_path(folder), &vault(folder), how).map_err(|error| error.to_string())
}

fn vault_path(folder: &Path) -> PathBuf {
    folder.join("vault")
}

fn vault(folder: &Path) -> VaultFolder {
    VaultFolder::new(Arc::new(HostDisk), vault_path(folder))
}

fn state(folder: &Path) -> StateFolder {
    StateFolder::existing(Arc::new(HostDisk), folder.join("state"))
}
