//! Whether an object has come in part only: what a sync client is still writing.
//!
//! A log object says how long it is. A pack, which is written before anybody knows its length, ends in
//! a trailer that opens.

use crate::crypto::ClassKeys;
use crate::format::{
    DeviceId, LOG_HEADER_BYTES, LogKind, PackId, pack_path, padme, told_log_bytes,
};

use super::disk::DiskFile;
use super::pack_reader::PackReader;
use super::vault_folder::{VaultFolder, log_path};

/// An object ends in a tag or in sealed bytes: so many zeroes are there by no chance.
const TAIL_BYTES: usize = 16;

impl VaultFolder {
    /// Whether a log object or checkpoint has come in part only, or is gone again: it is shorter than
    /// it says, or ends in zeroes, as a file does that was made as long as it will be.
    pub fn log_is_cut_short(&self, kind: LogKind, device: DeviceId, seq: u64) -> bool {
        self.open(&log_path(kind, device, seq)).map_or(true, |file| log_is_part(&*file))
    }

    /// Whether a pack has come in part only, or is gone again: its end is not there.
    pub fn pack_is_cut_short(&self, keys: &ClassKeys, pack: PackId) -> bool {
        let Ok(file) = self.open(&pack_path(pack)) else { return true };
        PackReader::open(keys, pack, file).is_ok_and(|reader| !reader.has_end())
    }
}

fn log_is_part(file: &dyn DiskFile) -> bool {
    let Ok(bytes) = file.len() else { return true };
    let mut start = [0; LOG_HEADER_BYTES];
    let Ok(read) = file.read_at(&mut start, 0) else { return true };
    let told_bytes = told_log_bytes(&start[..read]);
    let is_short = match told_bytes {
        _ if read < start.len() => true,
        Some(told_bytes) => bytes < told_bytes,
        None => padme(bytes) != bytes,
    };
    let mut tail = [0; TAIL_BYTES];
    let at = bytes.saturating_sub(TAIL_BYTES as u64);
    is_short || file.read_at(&mut tail, at).is_ok_and(|read| tail[..read].iter().all(|b| *b == 0))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::host::HostDisk;
    use super::*;
    use crate::crypto::{MasterKey, VaultId};
    use crate::format::{Frontier, LogDraft, LogHash, Time};

    #[test]
    fn a_log_object_that_is_shorter_than_it_says_or_ends_in_zeroes_has_come_in_part() {
        let folder = tempfile::tempdir().unwrap();
        let vault = VaultFolder::new(Arc::new(HostDisk), folder.path());
        let keys = MasterKey::random().class_keys(&VaultId::random());
        let (kind, device, seq) = (LogKind::Increment, DeviceId(1), 1);
        let draft = LogDraft {
            device,
            seq,
            previous: LogHash::NONE,
            frontier: Frontier::default(),
            clock: 1,
            kind,
            published: Time::default(),
            device_name: "a".into(),
            operations: vec![7; 3000],
        };
        let whole = draft.seal(&keys);
        std::fs::create_dir(folder.path().join("log")).unwrap();
        let is_part = |bytes: &[u8]| {
            std::fs::write(folder.path().join(log_path(kind, device, seq)), bytes).unwrap();
            vault.log_is_cut_short(kind, device, seq)
        };
        assert!(!is_part(&whole));
        for bytes in 0..whole.len() {
            assert!(is_part(&whole[..bytes]), "{bytes}");
        }
        let half = whole.len() / 2;
        assert!(is_part(&[&whole[..half], &vec![0; whole.len() - half][..]].concat()));
        let mut flipped = whole.clone();
        flipped[half] ^= 1;
        assert!(!is_part(&flipped), "damage is no part");
        assert!(vault.log_is_cut_short(kind, device, 2), "what is not there may be coming");
    }
}
