//! What this machine has seen of the vault, and what of its own is not in it yet.

use std::collections::{BTreeSet, HashSet};

use crate::crypto::ClassKeys;
use crate::format::{Frontier, Operation, Operations, PackId};
use crate::fs::live::Live;
use crate::fs::look::seen_by_now;
use crate::fs::open::MountMode;
use crate::fs::recover::{replay_records, staged_readers};
use crate::journal::{Replay, read_journal};
use crate::store::{DeviceIdentity, StateFolder, StoreError, VaultFolder, VaultListing};
use crate::tree::Tree;

use super::plan::RepairError;

/// What the state folder says.
#[derive(Debug, Default)]
pub(super) struct Trust {
    pub(super) identity: Option<DeviceIdentity>,
    pub(super) frontier: Frontier,
    /// Packs that had not arrived when this machine last looked.
    pub(super) awaited: Option<BTreeSet<PackId>>,
    /// The journal's generations up to this number are in the vault.
    pub(super) generation: u64,
    /// Its records are damaged: what was seen, or which device it is.
    pub(super) is_damaged: bool,
    /// What was seen is known.
    knows_seen: bool,
    replay: Replay,
}

impl Trust {
    /// Reads the state folder, if there is one.
    ///
    /// # Errors
    /// [`StoreError`] if the disk fails; damaged records are none.
    pub(super) fn read(
        state: Option<&StateFolder>,
        vault: &VaultFolder,
        keys: &ClassKeys,
    ) -> Result<Self, StoreError> {
        let mut trust = Self::default();
        let Some(state) = state else { return Ok(trust) };
        match state.device(keys) {
            Err(StoreError::Format { .. }) => trust.is_damaged = true,
            identity => trust.identity = identity?,
        }
        let seen = match state.seen(keys) {
            Err(StoreError::Format { .. }) => {
                trust.is_damaged = true;
                None
            }
            seen => seen?,
        };
        trust.knows_seen = seen.is_some();
        let seen = seen_by_now(seen.unwrap_or_default(), vault, keys);
        (trust.frontier, trust.generation) = (seen.frontier, seen.generation);
        trust.awaited = seen.awaited;
        trust.replay = read_journal(&**state.disk(), state.root(), keys, trust.generation)?;
        Ok(trust)
    }

    /// Whether something waits here for the next mount.
    pub(super) fn has_unpublished(&self) -> bool {
        self.replay.has_records()
    }

    /// Packs that records of the journal name: they wait for their log object.
    pub(super) fn pending_packs(&self) -> HashSet<PackId> {
        let records = self.replay.generations.iter().flat_map(|it| &it.records);
        let operations = records.flat_map(|(_, body)| Operations::new(body).flatten());
        let mut packs = HashSet::new();
        for operation in operations {
            if let Operation::Write { runs, .. } = operation {
                packs.extend(runs.iter().map(|run| run.pack));
            }
        }
        packs
    }

    /// Whether what is not in the vault yet can be brought in by a mount that starts from `tree`.
    ///
    /// # Errors
    /// [`RepairError::Unpublished`] if it cannot: then the state folder has to stay as it is.
    pub(super) fn check_replay(
        &self,
        state: Option<&StateFolder>,
        keys: &ClassKeys,
        tree: &Tree,
        listing: &VaultListing,
    ) -> Result<(), RepairError> {
        let Some(state) = state else { return Ok(()) };
        if self.replay.damaged {
            let why = "records that had been made durable cannot be read";
            return Err(RepairError::Unpublished(why.to_owned()));
        }
        if !self.replay.has_records() {
            return Ok(());
        }
        if !self.knows_seen {
            let why = "the note of what of them is in the vault cannot be read";
            return Err(RepairError::Unpublished(why.to_owned()));
        }
        let unfit = |error: &dyn std::fmt::Display| RepairError::Unpublished(error.to_string());
        // On a tree like that one, since a replay leaves its mark.
        let mut operations = Vec::new();
        tree.encode_checkpoint(&mut operations);
        let mut copy = Tree::new(tree.chunk_size());
        for operation in Operations::new(&operations) {
            let operation = operation.map_err(|error| unfit(&error))?;
            copy.apply(&operation).map_err(|error| unfit(&error))?;
        }
        let mut live = Live::new(copy, None, None);
        let readers = staged_readers(state, keys, MountMode::ReadWrite)?;
        replay_records(&mut live, &self.replay, readers, listing)
            .map(|_| ())
            .map_err(|error| unfit(&error))
    }
}
