//! Names of objects in the vault folder, and what a name inside the vault may be.
//!
//! Object names are lower-case letters, digits, one dash and one dot: safe on every file system
//! and with every sync client.

use crate::crypto::SlotId;

use super::ids::{DeviceId, PackId};
use super::log_object::LogKind;

/// The vault's descriptor.
pub const DESCRIPTOR_NAME: &str = "hushfs.vault";
/// A text for whoever finds the folder.
pub const README_NAME: &str = "README.txt";
/// Folder of slots.
pub const KEYS_FOLDER: &str = "keys";
/// Folder of log objects.
pub const LOG_FOLDER: &str = "log";
/// Folder of packs.
pub const DATA_FOLDER: &str = "data";
/// Folder of what a repair has set aside.
pub const LOST_FOLDER: &str = "lost+found";

/// The longest name, in bytes (POSIX `NAME_MAX` on Linux).
pub const NAME_BYTES_MAX: usize = 255;

/// A slot's path below the vault.
pub fn slot_path(slot: SlotId) -> String {
    format!("{KEYS_FOLDER}/{slot}.key")
}

/// Whether a name below [`KEYS_FOLDER`] can be a slot's, or a sync client's copy of one: slots
/// are recognised by their content.
pub fn may_be_slot_name(name: &str) -> bool {
    name.ends_with(".key") && !name.starts_with('.')
}

/// The slot that a path below the vault is the own one of.
pub fn slot_id_of_path(path: &str) -> Option<SlotId> {
    let name = path.strip_prefix(KEYS_FOLDER)?.strip_prefix('/')?;
    SlotId::from_hex(name.strip_suffix(".key")?)
}

/// A log object's name: its device, then its number; a checkpoint's has another extension.
pub fn log_name(kind: LogKind, device: DeviceId, seq: u64) -> String {
    format!("{device}-{seq:08}.{}", extension(kind))
}

/// The kind, device and number in a log object's name; `None` for any other name.
pub fn parse_log_name(name: &str) -> Option<(LogKind, DeviceId, u64)> {
    let (stem, _) = name.split_once('.')?;
    let (device, seq) = stem.split_once('-')?;
    let device = DeviceId(u64::from_str_radix(device, 16).ok()?);
    let seq = seq.parse().ok()?;
    [LogKind::Increment, LogKind::Checkpoint]
        .into_iter()
        .find(|kind| log_name(*kind, device, seq) == name)
        .map(|kind| (kind, device, seq))
}

fn extension(kind: LogKind) -> &'static str {
    match kind {
        LogKind::Increment => "log",
        LogKind::Checkpoint => "ckpt",
    }
}

/// The folder of a pack below [`DATA_FOLDER`]: the first two digits of its id.
pub fn pack_folder(pack: PackId) -> String {
    format!("{:02x}", pack.0[0])
}

/// A pack's path below the vault.
pub fn pack_path(pack: PackId) -> String {
    format!("{DATA_FOLDER}/{}/{pack}.pack", pack_folder(pack))
}

/// The pack that a name stands for; `None` for any other name.
pub fn parse_pack_name(name: &str) -> Option<PackId> {
    PackId::from_hex(name.strip_suffix(".pack")?)
}

/// Why a name cannot be a folder entry's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty, `.`, `..`, or with a slash or NUL in it.
    #[error("not a name for a file")]
    Invalid,
    /// Over [`NAME_BYTES_MAX`] bytes.
    #[error("the name is longer than 255 bytes")]
    TooLong,
}

/// Checks a folder entry's name: 1 to 255 bytes, any but `/` and NUL, not `.` or `..`.
///
/// # Errors
/// [`NameError`].
pub fn check_name(name: &[u8]) -> Result<(), NameError> {
    if name.len() > NAME_BYTES_MAX {
        return Err(NameError::TooLong);
    }
    if name.is_empty()
        || name == b"."
        || name == b".."
        || name.iter().any(|b| matches!(b, 0 | b'/'))
    {
        return Err(NameError::Invalid);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_names_read_back_and_strange_ones_do_not() {
        let device = DeviceId::random();
        for seq in [1, 42, 99_999_999, u64::MAX] {
            for kind in [LogKind::Increment, LogKind::Checkpoint] {
                let parsed = parse_log_name(&log_name(kind, device, seq));
                assert_eq!(parsed, Some((kind, device, seq)));
            }
        }
        for name in ["", ".log", "1-1.log", "+123456789abcdef-00000001.log", "x (1).log"] {
            assert_eq!(parse_log_name(name), None, "{name}");
        }
        let pack = PackId::random();
        let path = pack_path(pack);
        assert_eq!(parse_pack_name(path.rsplit('/').next().unwrap()), Some(pack));
        assert_eq!(parse_pack_name("x (1).pack"), None);
        let slot = slot_path(SlotId::random());
        let slot = slot.strip_prefix("keys/").unwrap();
        assert!(may_be_slot_name(slot));
        assert!(may_be_slot_name(&slot.replace(".key", " (1).key")));
        assert!(!may_be_slot_name(&format!(".{slot}.tmp")));
    }

    #[test]
    fn names_are_any_255_bytes_but_slash_and_nul() {
        assert_eq!(check_name(&[0xFF; 255]), Ok(()));
        assert_eq!(check_name(&[b'a'; 256]), Err(NameError::TooLong));
        for name in [&b""[..], b".", b"..", b"a/b", b"a\0"] {
            assert_eq!(check_name(name), Err(NameError::Invalid));
        }
        assert_eq!(check_name(b"..."), Ok(()));
    }
}
