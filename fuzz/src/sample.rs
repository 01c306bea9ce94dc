//! A real vault: its objects, and the keys that every target seals and opens with.

use std::sync::{Arc, LazyLock};

use hushfs::crypto::{ClassKeys, MasterKey};
use hushfs::format::{
    ChunkSize, DESCRIPTOR_NAME, Descriptor, RecoveryKey, UnverifiedDescriptor, UnverifiedSlot,
};
use hushfs::store::VaultFolder;

use crate::disk::MemoryDisk;

macro_rules! objects {
    ($($path:literal),* $(,)?) => {
        &[$((
            $path,
            include_bytes!(concat!("../../tests/sample_vaults/format-1/", $path)),
        )),*]
    };
}

/// The objects of the sample vault of format 1, by path.
pub static OBJECTS: &[(&str, &[u8])] = objects![
    "hushfs.vault",
    "keys/53e6117ac088da63010e220275ff0ac9.key",
    "keys/a5094cc4b2ab33f16b4c56eeee1efb86.key",
    "log/6120fe8295880e41-00000001.log",
    "log/6120fe8295880e41-00000002.log",
    "log/6120fe8295880e41-00000003.ckpt",
    "log/6120fe8295880e41-00000003.log",
    "log/6120fe8295880e41-00000004.log",
    "log/cdd445368c6e0968-00000001.log",
    "log/cdd445368c6e0968-00000002.log",
    "data/3b/3bf662f56e93ab5ba07c4820c26f67a0.pack",
    "data/40/40e248e6083a48a786d560949b94a837.pack",
    "data/4f/4f2dc28321957ecd3bbe8209090878ff.pack",
    "data/60/6071de9f614a568de2b010037e2c9076.pack",
    "data/6c/6cc70b743a527408cc71c2f966b04a9f.pack",
];

/// Its 64-digit key, as text.
pub static KEY_TEXT: &str = include_str!("../../tests/sample_vaults/format-1.key");

/// Its 64-digit key.
pub static KEY: LazyLock<RecoveryKey> =
    LazyLock::new(|| RecoveryKey::parse(KEY_TEXT).expect("the sample's key is one"));

struct Opened {
    master: MasterKey,
    keys: ClassKeys,
    descriptor: Descriptor,
}

static OPENED: LazyLock<Opened> = LazyLock::new(|| {
    let claimed = UnverifiedDescriptor::parse(object(DESCRIPTOR_NAME)).unwrap();
    let master = OBJECTS
        .iter()
        .filter(|(path, _)| path.starts_with("keys/"))
        .filter_map(|(_, bytes)| UnverifiedSlot::parse(bytes).ok())
        .find_map(|slot| slot.open_with_key(&KEY, claimed.claimed_vault()).ok())
        .expect("the sample's key opens one of its slots")
        .master;
    let keys = master.class_keys(claimed.claimed_vault());
    let descriptor = claimed.verify(&keys).unwrap();
    Opened { master, keys, descriptor }
});

/// One of [`OBJECTS`].
pub fn object(path: &str) -> &'static [u8] {
    OBJECTS.iter().find(|(known, _)| *known == path).expect("an object of the sample").1
}

pub fn keys() -> &'static ClassKeys {
    &OPENED.keys
}

/// The same keys, for who wants to own them.
pub fn own_keys() -> ClassKeys {
    OPENED.master.class_keys(&OPENED.descriptor.vault)
}

pub fn descriptor() -> &'static Descriptor {
    &OPENED.descriptor
}

pub fn chunk_size() -> ChunkSize {
    OPENED.descriptor.chunk_size
}

/// The sample vault at `/vault` on a new disk, its objects up to what `is_wanted` leaves out.
pub fn vault(is_wanted: impl Fn(&str) -> bool) -> (MemoryDisk, VaultFolder) {
    let disk = MemoryDisk::new();
    disk.put_folder("/vault");
    for (path, bytes) in OBJECTS.iter().filter(|(path, _)| is_wanted(path)) {
        disk.put_file(format!("/vault/{path}"), bytes);
    }
    (disk.clone(), VaultFolder::new(Arc::new(disk), "/vault"))
}

/// The path of the slot that the 64-digit key opens.
pub fn key_slot_path() -> &'static str {
    static PATH: LazyLock<&str> = LazyLock::new(|| {
        let slots = OBJECTS.iter().filter(|(path, _)| path.starts_with("keys/"));
        let opens = |bytes: &[u8]| {
            let slot = UnverifiedSlot::parse(bytes).unwrap();
            slot.open_with_key(&KEY, keys().vault()).is_ok()
        };
        slots.clone().find(|(_, bytes)| opens(bytes)).expect("a slot of the key").0
    });
    &PATH
}
