//! A vault in a folder of its own.

use std::sync::Arc;

use hushfs::crypto::{MasterKey, VaultId};
use hushfs::format::{ChunkSize, DESCRIPTOR_NAME, Descriptor, Time};
use hushfs::fs::{FileSystem, MountMode, OpenRequest, VerifyReport};
use hushfs::store::{HostDisk, StateFolder, StateLock, VaultFolder};

use crate::verified::verified;

/// A vault in a folder of its own, opened as often as a test likes.
pub struct Bench {
    pub folder: tempfile::TempDir,
    pub master: MasterKey,
    pub descriptor: Descriptor,
}

impl Bench {
    pub fn new(chunk_bytes: u32) -> Self {
        let descriptor = Descriptor {
            vault: VaultId::random(),
            chunk_size: ChunkSize::new(chunk_bytes).unwrap(),
            created: Time::now(),
        };
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("vault/keys")).unwrap();
        let bench = Self { folder, master: MasterKey::random(), descriptor };
        let keys = bench.master.class_keys(&bench.descriptor.vault);
        bench.vault().put_new(DESCRIPTOR_NAME, &bench.descriptor.seal(&keys)).unwrap();
        bench
    }

    pub fn vault(&self) -> VaultFolder {
        VaultFolder::new(Arc::new(HostDisk), self.folder.path().join("vault"))
    }

    pub fn open(&self, state: &str) -> Arc<FileSystem> {
        let disk = Arc::new(HostDisk);
        let state = StateFolder::make(disk, self.folder.path().join(state)).unwrap();
        let lock = StateLock::take(state.root()).unwrap();
        FileSystem::open_vault(OpenRequest {
            vault: self.vault(),
            state: Some(state),
            lock: Some(lock),
            keys: self.master.class_keys(&self.descriptor.vault),
            descriptor: self.descriptor.clone(),
            mode: MountMode::ReadWrite,
            device_name: "bench".into(),
            machine: "machine".into(),
            owner: (0, 0),
        })
        .unwrap()
    }

    pub fn verify(&self) -> VerifyReport {
        verified(&self.vault(), &self.master, &self.descriptor)
    }
}
