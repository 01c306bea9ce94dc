//! What tests ask of a history.

use std::path::Path;
use std::sync::Arc;

use hushfs::cli::args::UnlockArgs;
use hushfs::cli::unlock::{Unlocked, unlock};
use hushfs::format::Ino;
use hushfs::fs::{Changes, FileSystem, VaultHistory, When};
use hushfs::store::{HostDisk, VaultFolder};

use crate::shown::{self, Shown};

/// The history of a vault, looked at from its folder alone.
pub fn history_of(vault: &Path, key: &Path) -> VaultHistory {
    let folder = VaultFolder::new(Arc::new(HostDisk), vault);
    let how = UnlockArgs { key_file: Some(key.to_owned()), ..UnlockArgs::default() };
    let Unlocked { descriptor, keys } = unlock(vault, &folder, &how).unwrap();
    VaultHistory::open(folder, keys, descriptor).unwrap()
}

/// The ids of all states, the oldest first.
pub fn ids(history: &VaultHistory) -> Vec<String> {
    history.history().states().iter().map(|state| state.full_id()).collect()
}

/// The vault as it was in the nth state.
pub fn nth(history: &VaultHistory, nth: usize) -> Arc<FileSystem> {
    history.files_at(&history.history().states()[nth]).unwrap()
}

/// All that is shown in each state, the oldest first.
pub fn all_shown(history: &VaultHistory) -> Vec<Shown> {
    (0..history.history().states().len()).map(|at| shown::of(&nth(history, at))).collect()
}

/// Files and bytes of each state as the walk tells of them, and what it says was changed.
pub fn told(history: &VaultHistory) -> Vec<(u64, u64, Option<Changes>)> {
    let mut all = Vec::new();
    history
        .walk(&[], &mut |told| all.push((told.files, told.content_bytes, told.changes)))
        .unwrap();
    all
}

/// What a file holds.
pub fn content(files: &FileSystem, path: &str) -> Vec<u8> {
    let names = path.split('/');
    let ino = names.fold(Ino::ROOT, |at, name| files.lookup(at, name.as_bytes()).unwrap().ino);
    let mut content = vec![0; files.attributes(ino).unwrap().size as usize];
    files.read(ino, 0, &mut content).unwrap();
    content
}

/// What a state is asked for by.
pub fn id(id: &str) -> When {
    When::Id(id.to_owned())
}
