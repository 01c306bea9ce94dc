//! One device that writes into a vault, through the library.

use std::path::Path;
use std::sync::Arc;

use hushfs::cli::args::UnlockArgs;
use hushfs::cli::unlock::{Unlocked, unlock};
use hushfs::format::{Ino, NodeKind};
use hushfs::fs::{FileSystem, MountMode, NewNode, OpenError, OpenRequest};
use hushfs::store::{Disk, HostDisk, StateFolder, StateLock, VaultFolder};

/// A vault that is open for writing. Dropped, it is as if the process had been killed.
pub struct Device {
    pub files: Arc<FileSystem>,
}

impl Device {
    pub fn open(vault: &Path, key: &Path, state: &Path) -> Self {
        Self::try_open(vault, key, state, MountMode::ReadWrite).unwrap()
    }

    /// Opens it in a mode that writes, or says why not.
    pub fn try_open(
        vault: &Path,
        key: &Path,
        state: &Path,
        mode: MountMode,
    ) -> Result<Self, OpenError> {
        Self::try_open_as("bench", vault, key, state, mode)
    }

    /// The same for a device of that name.
    pub fn try_open_as(
        name: &str,
        vault: &Path,
        key: &Path,
        state: &Path,
        mode: MountMode,
    ) -> Result<Self, OpenError> {
        Self::try_open_on(Arc::new(HostDisk), name, vault, key, state, mode)
    }

    /// The same on some disk.
    pub fn try_open_on(
        disk: Arc<dyn Disk>,
        name: &str,
        vault: &Path,
        key: &Path,
        state: &Path,
        mode: MountMode,
    ) -> Result<Self, OpenError> {
        let folder = VaultFolder::new(disk.clone(), vault);
        let how = UnlockArgs { key_file: Some(key.to_owned()), ..UnlockArgs::default() };
        let Unlocked { descriptor, keys } = unlock(vault, &folder, &how).unwrap();
        let state = StateFolder::make(disk, state).unwrap();
        let lock = StateLock::take(state.root()).unwrap();
        let request = OpenRequest {
            vault: folder,
            state: Some(state),
            lock: Some(lock),
            keys,
            descriptor,
            mode,
            device_name: name.into(),
            machine: "machine".into(),
            owner: (0, 0),
        };
        Ok(Self { files: FileSystem::open_vault(request)? })
    }

    /// What a path stands for.
    pub fn ino(&self, path: impl AsRef<[u8]>) -> Ino {
        let names = path.as_ref().split(|byte| *byte == b'/').filter(|name| !name.is_empty());
        names.fold(Ino::ROOT, |folder, name| self.files.lookup(folder, name).unwrap().ino)
    }

    /// Makes anything but a folder's content.
    pub fn make(&self, path: impl AsRef<[u8]>, kind: NodeKind<'_>) -> Ino {
        let (folder, name) = self.split(path.as_ref());
        let mode = if kind == NodeKind::Folder { 0o755 } else { 0o644 };
        let new = NewNode { mode, umask: 0, uid: 0, gid: 0 };
        self.files.make(folder, name, kind, new).unwrap().ino
    }

    /// A closed file with this content.
    pub fn file(&self, path: impl AsRef<[u8]>, content: &[u8]) -> Ino {
        let ino = self.make(path, NodeKind::File);
        self.files.write(ino, 0, content, false).unwrap();
        self.files.close(ino).unwrap();
        ino
    }

    /// Everything so far becomes one log object.
    pub fn publish(&self) {
        self.files.publish().unwrap();
    }

    /// Ends as an unmount does.
    pub fn unmount(self) {
        self.files.shut_down().unwrap();
    }

    /// The folder of a path, and the name there.
    pub fn split<'a>(&self, path: &'a [u8]) -> (Ino, &'a [u8]) {
        match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (self.ino(&path[..slash]), &path[slash + 1..]),
            None => (Ino::ROOT, path),
        }
    }
}

/// Opens a vault only for looking, as a device that has never seen it.
#[allow(dead_code, reason = "for tests of several devices")]
pub fn look(vault: &Path, key: &Path) -> Result<Arc<FileSystem>, OpenError> {
    let folder = VaultFolder::new(Arc::new(HostDisk), vault);
    let how = UnlockArgs { key_file: Some(key.to_owned()), ..UnlockArgs::default() };
    let Unlocked { descriptor, keys } = unlock(vault, &folder, &how).unwrap();
    FileSystem::open_vault(OpenRequest {
        vault: folder,
        state: None,
        lock: None,
        keys,
        descriptor,
        mode: MountMode::ReadOnly,
        device_name: "looker".into(),
        machine: "machine".into(),
        owner: (0, 0),
    })
}

/// Bytes that differ from chunk to chunk and from seed to seed.
pub fn content(seed: u32, bytes: usize) -> Vec<u8> {
    let word = |i: u32| (i ^ seed.wrapping_mul(0x85EB_CA6B)).wrapping_mul(0x9E37_79B1);
    (0..).flat_map(|i| word(i).to_le_bytes()).take(bytes).collect()
}
