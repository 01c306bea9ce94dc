//! What a mount tells of itself.

use serde::{Deserialize, Serialize};

use super::collect::time_before;
use super::error::FsError;
use super::fetch::FetchStatus;
use super::file_system::{FileSystem, lock};

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
    /// Bytes of packs that neither a file nor the history needs: padding and footers, which no
    /// collection takes away, and what is dead.
    pub dead_bytes: u64,
    /// Bytes of packs that only the history needs.
    #[serde(default)]
    pub history_bytes: u64,
    /// Bytes of log objects and checkpoints that only the history needs.
    #[serde(default)]
    pub history_log_bytes: u64,
    /// Operations that are not yet in the vault.
    pub unpublished_operations: u64,
    /// Content bytes that are not yet in the vault.
    pub unpublished_bytes: u64,
    /// How many bytes may wait like that.
    #[serde(default)]
    pub waiting_limit_bytes: u64,
    /// Content bytes read since it was mounted, but for what the kernel had kept.
    #[serde(default)]
    pub read_bytes: u64,
    /// Content bytes written since then.
    #[serde(default)]
    pub written_bytes: u64,
    /// When the vault last got something from here, in seconds since 1970.
    pub last_publish: Option<i64>,
    /// Why the last attempt to publish failed.
    pub publish_error: Option<String>,
    /// Devices whose log objects were seen.
    pub devices: Vec<DeviceStatus>,
    /// Ways to unlock.
    pub slots: u64,
    /// What there is to know and is neither of these, a sentence each: among it, which objects are read
    /// from copies that sync clients left.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What has not arrived yet, a sentence each; none of it is damaged.
    #[serde(default)]
    pub not_arrived: Vec<String>,
    /// Packs that files need and that have not arrived.
    #[serde(default)]
    pub awaited_packs: u64,
    /// Packs that are online only and being fetched.
    #[serde(default)]
    pub fetches: FetchStatus,
    /// Conflict copies among the files.
    #[serde(default)]
    pub conflicts: u64,
    /// Damage seen since mounting, a sentence each.
    pub damage: Vec<String>,
    /// Files that are copies by their names, and that nothing needs; the first ones.
    #[serde(default)]
    pub copies: Vec<String>,
    /// Files in the vault folder that are none of ours; the first ones.
    #[serde(default)]
    pub strangers: Vec<String>,
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

impl FileSystem {
    /// What there is to tell, but for what only a mount knows (mount point, process, since when).
    /// What cannot be found out right now stays 0 or empty.
    pub fn status(&self) -> Status {
        let mut status = Status {
            vault_id: self.descriptor.vault.to_string(),
            vault: self.vault.root().display().to_string(),
            state_folder: self
                .state
                .as_ref()
                .map_or(String::new(), |state| state.root().display().to_string()),
            slots: self.vault.slot_count().unwrap_or(0),
            fetches: self.fetches.status(),
            damage: lock(&self.damage).clone(),
            notes: lock(&self.notes).clone(),
            waiting_limit_bytes: self.gauge.waiting_bytes_max(),
            version: env!("CARGO_PKG_VERSION").into(),
            ..Status::default()
        };
        (status.read_bytes, status.written_bytes) = self.traffic.bytes();
        let listing = self.vault.listing().unwrap_or_default();
        status.objects = listing.objects();
        status.object_bytes = listing.object_bytes();
        status.history_log_bytes = self.history_log_bytes(&listing);
        self.tell_of_copies(&mut status, &listing);
        if let Ok(live) = self.read_live() {
            let awaited = lock(&self.awaited).clone();
            status.awaited_packs = awaited.packs.len() as u64;
            status.not_arrived = awaited.sentences(&live.tree);
            status.read_only = live.read_only.clone();
            status.files = live.tree.inode_count();
            status.conflicts = live.tree.conflict_copies().len() as u64;
            status.content_bytes = live.tree.content_bytes() + live.dirty_bytes as u64;
            if let Some(writing) = &live.writing {
                status.unpublished_operations = writing.log_operations + writing.leaving_operations;
                status.unpublished_bytes = writing.stage.bytes() + live.dirty_bytes as u64;
            }
            let live_bytes: u64 = live
                .tree
                .packs()
                .filter(|pack| listing.packs.contains_key(&pack.id))
                .map(|pack| pack.live_bytes)
                .sum();
            let before = time_before(self.vault.now(), self.history().unwrap_or_default());
            let in_history = live.tree.unused_packs().filter(|(_, since)| *since > before);
            let history_bytes = in_history.filter_map(|(id, _)| listing.packs.get(&id)).sum();
            let pack_bytes = listing.pack_bytes();
            status.history_bytes = history_bytes;
            status.dead_bytes = pack_bytes.saturating_sub(live_bytes + history_bytes);
        }
        // A publication under way holds the publisher for as long as the disk takes.
        if let Ok(publisher) = self.publisher.try_lock() {
            status.last_publish = publisher.last_publish.map(|time| time.secs);
            status.publish_error = publisher.last_error.as_ref().map(FsError::to_string);
            status.devices = publisher
                .devices
                .iter()
                .map(|(id, seen)| DeviceStatus {
                    id: id.to_string(),
                    name: seen.name.clone(),
                    last_seq: seen.last_seq,
                    last_seen: seen.last_seen.secs,
                    this_device: *id == publisher.device,
                })
                .collect();
        }
        status
    }
}
