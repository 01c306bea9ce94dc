//! Checkpoints that others may go for.

use crate::format::{CheckpointAge, DeviceId, Frontier, LogKind, OpenedLog, Time};
use crate::store::{VaultFolder, VaultListing};

use super::super::file_system::FileSystem;
use super::super::fold::durable_since;
use super::super::publish::Publisher;

/// What counts of a checkpoint here: its operations are long, and are let go of one by one.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) name: (DeviceId, u64),
    /// Later ones are greater.
    pub(super) age: CheckpointAge,
    pub(super) frontier: Frontier,
    pub(super) durable_since: Time,
    pub(super) object_bytes: u64,
}

impl Base {
    fn of(vault: &VaultFolder, log: OpenedLog) -> Self {
        Self {
            name: (log.device, log.seq),
            age: log.checkpoint_age(),
            durable_since: durable_since(vault, &log),
            object_bytes: log.object_bytes,
            frontier: log.frontier,
        }
    }
}

impl FileSystem {
    /// The checkpoints that can be used.
    pub(super) fn checkpoints(
        &self,
        vault: &VaultFolder,
        publisher: &Publisher,
        listing: &VaultListing,
    ) -> Vec<Base> {
        let names = listing.checkpoints.keys();
        let checkpoints = names.filter_map(|(device, seq)| {
            let log = vault.get_log(&self.keys, LogKind::Checkpoint, *device, *seq).ok()?;
            let is_usable = log.operations().all(|operation| operation.is_ok())
                && log.frontier.iter().all(|entry| publisher.has_seen(entry));
            is_usable.then(|| Base::of(vault, log))
        });
        checkpoints.collect()
    }
}
