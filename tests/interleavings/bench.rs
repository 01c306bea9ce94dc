//! A vault on a disk image, opened anew in each schedule, and what it holds after a crash.

use std::collections::BTreeMap;
use std::sync::Arc;

use hushfs::crypto::{MasterKey, VaultId};
use hushfs::format::{ChunkSize, DESCRIPTOR_NAME, Descriptor, Ino, Time};
use hushfs::fs::{FileSystem, MountMode, NewNode, OpenRequest};
use hushfs::store::{Disk, StateFolder, StateLock, VaultFolder};

use crate::dice::Dice;
use crate::image::Image;
use crate::scheduled_disk::ScheduledDisk;
use crate::verified::verified;

pub const NEW: NewNode = NewNode { mode: 0o644, umask: 0, uid: 0, gid: 0 };
pub const CHUNK_BYTES: usize = 4096;
/// What goes straight into a pack.
pub const BULK_BYTES: usize = 64 << 10;

pub struct Bench {
    pub image: Image,
    master: MasterKey,
    descriptor: Descriptor,
    locks: tempfile::TempDir,
}

impl Bench {
    /// A vault, mounted on a disk that lets others go first.
    pub fn mounted() -> (Arc<Self>, Arc<FileSystem>) {
        let descriptor = Descriptor {
            vault: VaultId::random(),
            chunk_size: ChunkSize::DEFAULT,
            created: Time::now(),
        };
        let (image, locks) = (Image::new(), tempfile::tempdir().unwrap());
        for folder in ["/image", "/image/vault", "/image/vault/keys"] {
            image.create_folder(folder.as_ref()).unwrap();
        }
        let bench = Self { image, master: MasterKey::random(), descriptor, locks };
        let keys = bench.master.class_keys(&bench.descriptor.vault);
        let vault = VaultFolder::new(Arc::new(bench.image.clone()), "/image/vault");
        vault.put_new(DESCRIPTOR_NAME, &bench.descriptor.seal(&keys)).unwrap();
        let fs = bench.open(Arc::new(ScheduledDisk::new(bench.image.clone())), "state");
        (Arc::new(bench), fs)
    }

    fn open(&self, disk: Arc<dyn Disk>, device: &str) -> Arc<FileSystem> {
        let state = StateFolder::make(disk.clone(), format!("/image/{device}")).unwrap();
        // The image knows no locks: each opening has a lock of its own.
        let lock = tempfile::tempdir_in(self.locks.path()).unwrap();
        FileSystem::open_vault(OpenRequest {
            vault: VaultFolder::new(disk, "/image/vault"),
            state: Some(state),
            lock: Some(StateLock::take(&lock.keep()).unwrap()),
            keys: self.master.class_keys(&self.descriptor.vault),
            descriptor: self.descriptor.clone(),
            mode: MountMode::ReadWrite,
            device_name: device.into(),
            machine: "machine".into(),
            owner: (0, 0),
        })
        .unwrap()
    }

    /// What is there if the power goes now.
    pub fn after_power_loss(&self, seed: u64) -> Arc<FileSystem> {
        let image = self.image.after_power_loss(&mut Dice::new(seed));
        self.open(Arc::new(image), "state")
    }

    /// What is there if the process is killed now.
    pub fn after_kill(&self) -> Arc<FileSystem> {
        self.open(Arc::new(self.image.after_kill()), "state")
    }

    /// What another device sees, which has nothing but the vault.
    pub fn by_another_device(&self) -> Arc<FileSystem> {
        let image = self.image.after_kill();
        let vault = VaultFolder::new(Arc::new(image.clone()), "/image/vault");
        let report = verified(&vault, &self.master, &self.descriptor);
        assert!(report.damaged.is_empty() && report.strangers.is_empty(), "{report:?}");
        self.open(Arc::new(image), "another-device")
    }
}

/// A file's bytes from a chunk on.
pub fn read(fs: &FileSystem, ino: Ino, chunk: usize, bytes: usize) -> Vec<u8> {
    let mut out = vec![0xEE; bytes];
    let count = fs.read(ino, (chunk * CHUNK_BYTES) as u64, &mut out).unwrap();
    out.truncate(count);
    out
}

pub fn write(fs: &FileSystem, ino: Ino, chunk: usize, bytes: usize, letter: u8) {
    fs.write(ino, (chunk * CHUNK_BYTES) as u64, &vec![letter; bytes], false).unwrap();
}

/// Names in the root, with what they stand for.
pub fn names(fs: &FileSystem) -> BTreeMap<String, Ino> {
    let mut names = BTreeMap::new();
    fs.list(Ino::ROOT, 0, &mut |entry| {
        names.insert(String::from_utf8(entry.name.to_vec()).unwrap(), entry.attributes.ino);
        true
    })
    .unwrap();
    names.retain(|name, _| !name.starts_with('.'));
    names
}
