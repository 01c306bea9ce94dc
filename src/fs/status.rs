//! What a mount tells of itself.

use serde::{Deserialize, Serialize};

/// The state of a mounted vault, as `hushfs status` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The vault's id, in hex.
    pub vault_id: String,
    /// The vault folder.
    pub vault: String,
    /// Where it is mounted.
    pub mountpoint: String,
    /// Process id of the daemon.
    pub pid: u32,
    /// Since when, in seconds since 1970.
    pub mounted_since: i64,
    /// Why it is read-only; `None` where it can be written.
    pub read_only: Option<String>,
    /// The state folder.
    pub state_folder: String,
    /// Files, folders and other inodes, the root not counted.
    pub files: u64,
    /// Content bytes, holes not counted.
    pub content_bytes: u64,
    /// Packs and log objects in the vault.
    pub objects: u64,
    /// Bytes of those.
    pub object_bytes: u64,
    /// Bytes of packs that no file needs any more.
    pub dead_bytes: u64,
    /// Operations that are not yet in the vault.
    pub unpublished_operations: u64,
    /// Content bytes that are not yet in the vault.
    pub unpublished_bytes: u64,
    /// When the vault last got something from here, in seconds since 1970.
    pub last_publish: Option<i64>,
    /// Why the last attempt to publish failed.
    pub publish_error: Option<String>,
    /// Devices whose log objects were seen.
    pub devices: Vec<DeviceStatus>,
    /// Ways to unlock.
    pub slots: u64,
    /// Damage seen since mounting, a sentence each.
    pub damage: Vec<String>,
    /// Version of the daemon.
    pub version: String,
}

/// One device that wrote into the vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceStatus {
    /// Its id, in hex.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// Its last log object.
    pub last_seq: u64,
    /// When that was published by its own clock, in seconds since 1970.
    pub last_seen: i64,
    /// Whether it is this one.
    pub this_device: bool,
}
