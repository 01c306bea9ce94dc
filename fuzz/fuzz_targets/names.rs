//! Names of objects, and vault folders that hold any names.
#![no_main]

use std::sync::Arc;

use hushfs::crypto::{SlotId, VaultId};
use hushfs::format::{
    LogKind, check_name, log_name, may_be_slot_name, pack_path, parse_log_name, parse_pack_name,
    slot_path,
};
use hushfs::store::VaultFolder;
use hushfs_fuzz::disk::MemoryDisk;
use hushfs_fuzz::sample;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let disk = MemoryDisk::new();
    disk.put_folder("/vault/log");
    for name in text.split('\n').take(50) {
        if let Some((kind, device, seq)) = parse_log_name(name) {
            assert_eq!(log_name(kind, device, seq), name);
        }
        if let Some(pack) = parse_pack_name(name) {
            assert!(pack_path(pack).ends_with(name));
        }
        if let Some(slot) = SlotId::from_hex(name) {
            let path = slot_path(slot);
            assert!(may_be_slot_name(path.strip_prefix("keys/").unwrap()));
        }
        let _ = VaultId::from_hex(name);
        if check_name(name.as_bytes()).is_err() {
            continue;
        }
        for folder in ["log", "keys", "data", "data/00", "data/3b"] {
            disk.put_file(format!("/vault/{folder}/{name}"), name.as_bytes());
        }
        let folder = name.get(..2).unwrap_or("00");
        if check_name(folder.as_bytes()).is_ok() {
            disk.put_file(format!("/vault/data/{folder}/{name}"), b"");
        }
    }
    let vault = VaultFolder::new(Arc::new(disk), "/vault");
    let listing = vault.listing().unwrap();
    let _ = (listing.objects(), listing.object_bytes(), vault.slot_count().unwrap());
    for (device, seq) in listing.logs.keys() {
        assert!(vault.get_log(sample::keys(), LogKind::Increment, *device, *seq).is_err());
    }
    for pack in listing.packs.keys() {
        vault.get_pack(*pack).unwrap();
    }
});
