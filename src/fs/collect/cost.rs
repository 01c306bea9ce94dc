//! What the log costs that only earlier states need.

use std::collections::BTreeMap;

use crate::format::{CheckpointAge, DeviceId, Frontier, LogKind};
use crate::store::VaultListing;

use super::super::file_system::{FileSystem, lock};

/// What counts of a checkpoint here.
#[derive(Clone, Debug)]
pub(in super::super) struct Covering {
    /// Later ones are greater.
    age: CheckpointAge,
    name: (DeviceId, u64),
    covers: Frontier,
}

impl FileSystem {
    /// Bytes of log objects and checkpoints that nothing needs but earlier states, and other devices that
    /// may not have seen all: the newest checkpoint stands for them.
    pub(in super::super) fn history_log_bytes(&self, listing: &VaultListing) -> u64 {
        // The newest of each device; those are what a mount reads.
        let newest: BTreeMap<DeviceId, u64> = listing.checkpoints.keys().copied().collect();
        let mut known = lock(&self.checkpoints_known);
        known.retain(|(device, seq), _| newest.get(device) == Some(seq));
        for name in newest {
            known.entry(name).or_insert_with(|| {
                let kind = LogKind::Checkpoint;
                let log = self.vault.get_log_as_named(&self.keys, kind, name.0, name.1).ok()?;
                Some(Covering { age: log.checkpoint_age(), name, covers: log.frontier })
            });
        }
        let newest = known.values().flatten().max_by_key(|checkpoint| checkpoint.age);
        newest.map_or(0, |newest| covered_bytes(listing, newest))
    }
}

fn covered_bytes(listing: &VaultListing, newest: &Covering) -> u64 {
    let logs = listing.logs.iter().filter(|((device, seq), _)| {
        // Each device's last one tells what it has seen.
        let is_last = !listing.logs.contains_key(&(*device, seq + 1));
        *seq <= newest.covers.seq(*device) && !is_last
    });
    let older = listing.checkpoints.iter().filter(|(name, _)| **name != newest.name);
    logs.chain(older).map(|(_, bytes)| bytes).sum()
}
