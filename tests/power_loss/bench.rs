//! A vault on a disk image, and what it holds.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use hushfs::crypto::{MasterKey, VaultId};
use hushfs::format::{ChunkSize, DESCRIPTOR_NAME, Descriptor, Ino, Time};
use hushfs::fs::{FileKind, FileSystem, MountMode, NewNode, OpenError, OpenRequest};
use hushfs::store::{Disk, StateFolder, StateLock, VaultFolder};

use crate::image::Image;
use crate::verified::verified;

pub const NEW: NewNode = NewNode { mode: 0o644, umask: 0, uid: 0, gid: 0 };

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
        // Made by `init`, which is over.
        for folder in ["/image", "/image/vault", "/image/vault/keys"].map(Path::new) {
            if image.create_folder(folder).is_ok() {
                let _ = image.sync_folder(folder.parent().unwrap());
            }
        }
        let keys = self.master.class_keys(&self.descriptor.vault);
        let _ = vault.put_new(DESCRIPTOR_NAME, &self.descriptor.seal(&keys));
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
        let state = StateFolder::make(Arc::new(image.clone()), root)?;
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

    pub fn open(&self, image: &Image) -> Arc<FileSystem> {
        self.try_open(image, "state").unwrap()
    }

    pub fn assert_healthy(&self, image: &Image) {
        let report = verified(&self.vault(image), &self.master, &self.descriptor);
        assert!(report.damaged.is_empty() && report.strangers.is_empty(), "{report:?}");
    }
}

/// Stands in every piece of content, and in every name: neither may ever be on the disk.
pub const PLAIN: &str = "plain-as-day";

/// Bytes that differ from seed to seed.
pub fn content(seed: u8, bytes: usize) -> Vec<u8> {
    let byte = |i: usize| (i / 7).wrapping_mul(31).wrapping_add(seed.into()) as u8;
    let mut content: Vec<u8> = (0..bytes).map(byte).collect();
    content
        .chunks_exact_mut(512)
        .for_each(|c| c[100..][..PLAIN.len()].copy_from_slice(PLAIN.as_bytes()));
    content
}

pub fn read(fs: &FileSystem, ino: Ino) -> Vec<u8> {
    let mut out = vec![0xEE; fs.attributes(ino).unwrap().size as usize];
    assert_eq!(fs.read(ino, 0, &mut out).unwrap(), out.len());
    out
}

/// What a path stands for, but for content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub ino: Ino,
    pub is_folder: bool,
    pub mode: u32,
    /// By name, a hash of each value.
    pub xattrs: BTreeMap<Vec<u8>, u64>,
}

/// What stands for an attribute's value.
pub fn hash_of(value: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// What an inode is now, but for content.
pub fn named(fs: &FileSystem, ino: Ino) -> Named {
    let attributes = fs.attributes(ino).unwrap();
    let list = fs.xattr_names(ino).unwrap();
    let xattrs = list.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let xattrs = xattrs.map(|name| (name.to_vec(), hash_of(&fs.xattr(ino, name).unwrap())));
    let is_folder = attributes.kind == FileKind::Folder;
    Named { ino, is_folder, mode: attributes.mode, xattrs: xattrs.collect() }
}

/// Every path with what it stands for.
pub type Names = BTreeMap<String, Named>;

pub fn names(fs: &FileSystem) -> Names {
    let mut names = Names::new();
    let mut folders = vec![(Ino::ROOT, String::new())];
    while let Some((folder, path)) = folders.pop() {
        let mut found = Vec::new();
        fs.list(folder, 0, &mut |entry| {
            found.push((String::from_utf8(entry.name.to_vec()).unwrap(), entry.attributes));
            true
        })
        .unwrap();
        for (name, attributes) in found.into_iter().filter(|(name, _)| name != "." && name != "..")
        {
            let path = if path.is_empty() { name } else { format!("{path}/{name}") };
            if attributes.kind == FileKind::Folder {
                folders.push((attributes.ino, path.clone()));
            }
            names.insert(path, named(fs, attributes.ino));
        }
    }
    names
}
