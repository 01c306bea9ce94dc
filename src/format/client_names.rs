//! What sync clients and systems make of names: which object a file may be a copy or a renaming of,
//! and which names are their own litter.
//!
//! Clients add to a name before its extension (`x (1).pack`, `x 2.pack`, `x-HOST.pack`,
//! `x (Jo's conflicted copy 2026-01-31).pack`, `x.sync-conflict-20260131-101010-ABCDEFG.pack`) or
//! behind it (`x.pack.conflict1`), put words before it (`Copy of x.pack`), change its case, and lose
//! or double the extension. All leave the digits that an object's name starts with. What a name says
//! is a hint where to look; only the content tells what a file is.

use crate::crypto::SlotId;

use super::ids::{DeviceId, PackId};
use super::log_object::LogKind;
use super::names::{
    DATA_FOLDER, DESCRIPTOR_NAME, KEYS_FOLDER, LOG_FOLDER, log_name, pack_path, slot_path,
};

/// Hex digits of a pack's or a slot's id.
const ID_DIGITS: usize = 32;
/// Hex digits of a device.
const DEVICE_DIGITS: usize = 16;

/// An object, as its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectName {
    /// The descriptor.
    Descriptor,
    /// A slot.
    Slot(SlotId),
    /// A log object or checkpoint.
    Log(LogKind, DeviceId, u64),
    /// A pack.
    Pack(PackId),
}

impl ObjectName {
    /// Where the object is below the vault.
    pub fn path(&self) -> String {
        match self {
            Self::Descriptor => DESCRIPTOR_NAME.to_owned(),
            Self::Slot(slot) => slot_path(*slot),
            Self::Log(kind, device, seq) => {
                format!("{LOG_FOLDER}/{}", log_name(*kind, *device, *seq))
            }
            Self::Pack(pack) => pack_path(*pack),
        }
    }

    /// Its extension.
    fn extension(&self) -> &'static str {
        match self {
            Self::Descriptor => "vault",
            Self::Slot(_) => "key",
            Self::Log(LogKind::Increment, ..) => "log",
            Self::Log(LogKind::Checkpoint, ..) => "ckpt",
            Self::Pack(_) => "pack",
        }
    }
}

/// The objects that a file of this name may be a copy of, or be itself: none, one, or where the
/// extension is lost, two.
pub fn objects_named_by(name: &str) -> Vec<ObjectName> {
    let name = name.to_ascii_lowercase();
    let words = name.match_indices(' ').map(|(at, _)| at + 1);
    let found = [0].into_iter().chain(words).find_map(|at| {
        let (objects, rest) = start_of_name(name.get(at..)?)?;
        let is_end = !rest.starts_with(|next: char| next.is_alphanumeric());
        is_end.then_some((objects, rest))
    });
    let Some((mut objects, rest)) = found else { return Vec::new() };
    let has = |object: &ObjectName| {
        let mut parts = rest.split('.').skip(1);
        parts.any(|part| {
            let end = part.find(|next: char| !next.is_alphanumeric()).unwrap_or(part.len());
            &part[..end] == object.extension()
        })
    };
    if objects.iter().any(has) {
        objects.retain(has);
    }
    objects
}

/// The objects whose names start with what `name` starts with, and what follows that.
fn start_of_name(name: &str) -> Option<(Vec<ObjectName>, &str)> {
    if let Some(rest) = name.strip_prefix("hushfs") {
        return Some((vec![ObjectName::Descriptor], rest));
    }
    let digits = name.bytes().take_while(u8::is_ascii_hexdigit).count();
    let (start, rest) = name.split_at(digits);
    match digits {
        ID_DIGITS => {
            let pack = ObjectName::Pack(PackId::from_hex(start)?);
            Some((vec![pack, ObjectName::Slot(SlotId::from_hex(start)?)], rest))
        }
        DEVICE_DIGITS => {
            let device = DeviceId(u64::from_str_radix(start, 16).ok()?);
            let rest = rest.strip_prefix('-')?;
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, rest) = rest.split_at(digits);
            let seq: u64 = number.parse().ok()?;
            let kinds = [LogKind::Increment, LogKind::Checkpoint];
            let is_number = format!("{seq:08}") == number;
            let objects = kinds.map(|kind| ObjectName::Log(kind, device, seq)).into();
            is_number.then_some((objects, rest))
        }
        _ => None,
    }
}

/// The folder of the vault that a folder of this name may be a copy or a renaming of.
pub fn folder_named_by(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    [KEYS_FOLDER, LOG_FOLDER, DATA_FOLDER].into_iter().find(|folder| {
        let rest = name.strip_prefix(*folder);
        rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric()))
    })
}

/// Whether a folder of this name may hold packs, or be a copy or a renaming of one that does.
pub fn may_be_pack_folder(name: &str) -> bool {
    let digits = name.bytes().take_while(u8::is_ascii_hexdigit).count();
    digits == 2 && !name[digits..].starts_with(|next: char| next.is_alphanumeric())
}

/// Names of litter, in lower case.
const LITTER_NAMES: [&str; 23] = [
    // macOS
    ".ds_store",
    ".localized",
    ".trashes",
    ".fseventsd",
    ".spotlight-v100",
    ".temporaryitems",
    "icon\r",
    // Windows and file managers
    "desktop.ini",
    "thumbs.db",
    "ehthumbs.db",
    "$recycle.bin",
    ".directory",
    // Syncthing
    ".stfolder",
    ".stignore",
    ".stversions",
    // Dropbox
    ".dropbox",
    ".dropbox.attr",
    ".dropbox.cache",
    // Google Drive
    ".tmp.drivedownload",
    ".tmp.driveupload",
    // Nextcloud, ownCloud and Resilio
    ".sync",
    ".nextcloudsync.log",
    ".owncloudsync.log",
];

/// What litter starts and ends with, in lower case: metadata of macOS; locks of office programs;
/// files of Linux that are open and have no name any more; what is still being transferred, by
/// Syncthing, Nextcloud, Resilio, rclone, browsers, and by hushfs where a disk has no nameless files.
const LITTER_ENDS: [(&str, &str); 16] = [
    ("._", ""),
    (".~lock.", ""),
    ("~$", ""),
    (".fuse_hidden", ""),
    (".nfs", ""),
    (".trash-", ""),
    (".goutputstream-", ""),
    (".sync_", ".db"),
    (".syncthing.", ".tmp"),
    ("~syncthing~", ".tmp"),
    ("", ".tmp"),
    ("", ".partial"),
    ("", ".part"),
    ("", ".!sync"),
    ("", ".crdownload"),
    ("", ".filepart"),
];

/// Whether a name is one that systems and sync clients give to files and folders of their own. What
/// is still being transferred is among them, whatever object it will be: it is no copy yet. (Not
/// among them: `.NAME.icloud`, which stands for a file that is only online.)
pub fn is_litter(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    LITTER_NAMES.contains(&name.as_str())
        || LITTER_ENDS.iter().any(|(start, end)| name.starts_with(start) && name.ends_with(end))
}

#[cfg(test)]
#[path = "client_names_tests.rs"]
mod tests;
