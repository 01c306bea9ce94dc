//! A vault on a disk image, and what it holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use hushfs::crypto::{MasterKey, VaultId};
use hushfs::format::{ChunkSize, Descriptor, Frontier, Ino, Time};
use hushfs::fs::{
    FileKind, FileSystem, MountMode, NewNode, OpenError, OpenRequest, VerifyRequest, verify,
};
use hushfs::store::{StateFolder, StateLock, VaultFolder};

use crate::image::Image;

pub const NEW: NewNode = NewNode { mode: 0o644, uid: 0, gid: 0 };

/// A vault on a disk image, opened as often as a test likes.
pub struct Bench {
    pub master: MasterKey,
    pub descriptor: Descriptor,
    pub locks: tempfile::TempDir,
    pub opened: std::cell::Cell<u32>,
}

impl Bench {
    pub fn new() -> Self {
        let descriptor = Descriptor {
            vault: VaultId::random(),
            chunk_size: ChunkSize::DEFAULT,
            created: Time::now(),
        };
        let locks = tempfile::tempdir().unwrap();
        Self { master: MasterKey::random(), descriptor, locks, opened: 0.into() }
    }

    pub fn vault(&self, image: &Image) -> VaultFolder {
        let vault = VaultFolder::new(Arc::new(image.clone()), "/image/vault");
        let _ = hushfs::store::Disk::create_folder(image, "/image".as_ref());
        let _ = hushfs::store::Disk::create_folder(image, vault.root());
        let _ = vault.make_folder("keys");
        vault
    }

    pub fn try_open(&self, image: &Image, device: &str) -> Result<Arc<FileSystem>, OpenError> {
        self.open_on(image, device, "machine")
    }

    pub fn open_on(
        &self,
        image: &Image,
        device: &str,
        machine: &str,
    ) -> Result<Arc<FileSystem>, OpenError> {
        self.open_with(image, device, machine, MountMode::ReadWrite)
    }

    pub fn open_with(
        &self,
        image: &Image,
        device: &str,
        machine: &str,
        mode: MountMode,
    ) -> Result<Arc<FileSystem>, OpenError> {
        let vault = self.vault(image);
        let root = format!("/image/{device}");
        let state = StateFolder::make(Arc::new(image.clone()), root).unwrap();
        // The image knows no locks: each opening has a lock of its own.
        self.opened.set(self.opened.get() + 1);
        let lock = self.locks.path().join(self.opened.get().to_string());
        std::fs::create_dir(&lock).unwrap();
        FileSystem::open_vault(OpenRequest {
            vault,
            state: Some(state),
            lock: Some(StateLock::take(&lock).unwrap()),
            keys: self.master.class_keys(&self.descriptor.vault),
            descriptor: self.descriptor.clone(),
            mode,
            device_name: device.into(),
            machine: machine.into(),
            owner: (1000, 1000),
        })
    }

    /// The vault as a restore opens it.
    pub fn open_to_look(&self, image: &Image) -> Arc<FileSystem> {
        self.open_with(image, "state", "machine", MountMode::ReadOnly).unwrap()
    }

    pub fn open(&self, image: &Image) -> Arc<FileSystem> {
        self.try_open(image, "state").unwrap()
    }

    pub fn assert_healthy(&self, image: &Image) {
        let vault = self.vault(image);
        let keys = self.master.class_keys(&self.descriptor.vault);
        let request = VerifyRequest {
            vault: &vault,
            listing: &vault.listing().unwrap(),
            keys: &keys,
            descriptor: &self.descriptor,
            seen: Frontier::default(),
            identity: None,
        };
        let report = verify(&request, &mut |_| {}).unwrap();
        assert!(report.damaged.is_empty() && report.strangers.is_empty(), "{report:?}");
    }
}

pub fn content(seed: u8, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| (i / 7).wrapping_mul(31).wrapping_add(seed.into()) as u8).collect()
}

pub fn read(fs: &FileSystem, ino: Ino) -> Vec<u8> {
    let mut out = vec![0xEE; fs.attributes(ino).unwrap().size as usize];
    assert_eq!(fs.read(ino, 0, &mut out).unwrap(), out.len());
    out
}

/// Names in the root with what they stand for.
pub type Names = BTreeMap<String, (Ino, u32)>;

pub fn names(fs: &FileSystem) -> Names {
    let mut names = Names::new();
    fs.list(Ino::ROOT, 0, &mut |entry| {
        if entry.attributes.kind == FileKind::File {
            let name = String::from_utf8(entry.name.to_vec()).unwrap();
            names.insert(name, (entry.attributes.ino, entry.attributes.mode));
        }
        true
    })
    .unwrap();
    names
}
