//! A vault sealed anew through the library, and all that it tells.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hushfs::cli::args::UnlockArgs;
use hushfs::cli::unlock::{Unlocked, unlock};
use hushfs::crypto::{ClassKeys, MasterKey, VaultId};
use hushfs::format::Descriptor;
use hushfs::fs::{
    FileSystem, MountMode, OpenRequest, Rekey, RekeyError, RekeyReport, Side, VaultHistory,
};
use hushfs::store::{HostDisk, Seen, VaultFolder};

use crate::shown::{self, Shown};

/// A vault's folder and what opens it.
pub struct Opened {
    pub place: PathBuf,
    pub vault: VaultFolder,
    pub keys: ClassKeys,
    pub descriptor: Descriptor,
}

impl Opened {
    /// A vault that a key opens.
    pub fn by_key(place: &Path, key: &Path) -> Self {
        let vault = VaultFolder::new(Arc::new(HostDisk), place);
        let how = UnlockArgs { key_file: Some(key.to_owned()), ..UnlockArgs::default() };
        let Unlocked { descriptor, keys } = unlock(place, &vault, &how).unwrap();
        Self { place: place.to_owned(), vault, keys, descriptor }
    }

    /// A new one that nothing is in, for what `old` holds.
    pub fn new_for(old: &Self, place: &Path) -> Self {
        std::fs::create_dir_all(place).unwrap();
        let vault = VaultFolder::new(Arc::new(HostDisk), place);
        let descriptor = Descriptor { vault: VaultId::random(), ..old.descriptor.clone() };
        let keys = MasterKey::random().class_keys(&descriptor.vault);
        Self { place: place.to_owned(), vault, keys, descriptor }
    }

    pub fn side(&self) -> Side<'_> {
        Side { vault: &self.vault, keys: &self.keys, descriptor: &self.descriptor }
    }

    pub fn files(&self) -> Arc<FileSystem> {
        FileSystem::open_vault(OpenRequest {
            vault: self.vault.clone(),
            state: None,
            lock: None,
            keys: self.keys.clone(),
            descriptor: self.descriptor.clone(),
            mode: MountMode::ReadOnly,
            device_name: "looker".into(),
            machine: "machine".into(),
            owner: (0, 0),
        })
        .unwrap()
    }

    pub fn history(&self) -> VaultHistory {
        let (vault, keys) = (self.vault.clone(), self.keys.clone());
        VaultHistory::open(vault, keys, self.descriptor.clone()).unwrap()
    }
}

/// Seals `old` anew in `new`, by somebody who has seen nothing of it before.
pub fn seal_anew(old: &Opened, new: &Opened) -> Result<RekeyReport, RekeyError> {
    let (seen, identity) = (Seen::default(), None);
    Rekey { old: old.side(), new: new.side(), seen, identity }.carry_out(&mut |_| {})
}

/// Extended attributes by path and name.
type Attributes = BTreeMap<String, BTreeMap<Vec<u8>, Vec<u8>>>;

/// Everything that a state shows.
pub fn all_of(files: &FileSystem) -> (Shown, Attributes) {
    let shown = shown::of(files);
    let of = |ino| {
        let list = files.xattr_names(ino).unwrap();
        let names = list.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        names.map(|name| (name.to_vec(), files.xattr(ino, name).unwrap())).collect()
    };
    let attributes = shown.iter().map(|(path, entry)| (path.clone(), of(entry.ino))).collect();
    (shown, attributes)
}

/// Both show the same now and in every earlier state that can be had; tells how many there are.
pub fn assert_tells_the_same(old: &Opened, new: &Opened, context: &str) -> usize {
    assert!(all_of(&old.files()) == all_of(&new.files()), "{context}: the newest state");
    let (before, after) = (old.history(), new.history());
    assert_eq!((before.gaps(), after.gaps()), (&[][..], &[][..]), "{context}");
    let told = |history: &VaultHistory| {
        let states = history.history().states().iter();
        let told = states.map(|it| (it.published, it.device, it.device_name.clone()));
        told.collect::<Vec<_>>()
    };
    assert_eq!(told(&before), told(&after), "{context}");
    let states = before.history().states().iter().zip(after.history().states());
    for (nth, (one, other)) in states.enumerate() {
        let one = all_of(&before.files_at(one).unwrap());
        let other = all_of(&after.files_at(other).unwrap());
        assert!(one == other, "{context}: state {nth}");
    }
    told(&before).len()
}
