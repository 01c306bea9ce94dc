//! What the states need that a history keeps one a day of.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::format::{DeviceId, Frontier, LogHash, LogKind, PackId, Time};
use crate::store::{VaultFolder, VaultListing, log_path};

use super::super::error::FsError;
use super::super::file_system::FileSystem;
use super::super::fold::durable_here_since;
use super::super::history::{State, VaultHistory};
use super::super::publish::Publisher;
use super::thin::{Dated, believed, one_a_day};

/// A log object or checkpoint.
pub(super) type LogName = (LogKind, (DeviceId, u64));

/// The states of earlier days that are kept, and what they need.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) states: Vec<(LogHash, Frontier)>,
    /// What time it is for certain.
    pub(super) now: Time,
    /// How many states could be had whole before anything was removed.
    pub(super) whole_states: u64,
    pub(super) packs: HashSet<PackId>,
    pub(super) logs: HashSet<LogName>,
}

impl FileSystem {
    /// What is kept of a history that goes back further than a day; `None` where it cannot be told for
    /// certain, because something of it cannot be read: then nothing of the period may go.
    pub(super) fn kept_one_a_day(
        &self,
        vault: &VaultFolder,
        publisher: &Publisher,
        listing: &VaultListing,
        history: Duration,
    ) -> Result<Option<Kept>, FsError> {
        let past = self.history_of(vault, publisher, listing)?;
        if past.history().has_unreadable() {
            log::warn!("earlier states are not thinned out: a log object cannot be read");
            return Ok(None);
        }
        let states = past.history().states_with_lacking();
        let dated: Vec<Dated> = states.iter().map(|state| dated(vault, listing, state)).collect();
        let mut kept = Kept {
            states: Vec::new(),
            now: believed(&dated, vault.now()),
            whole_states: past.history().states().len() as u64,
            packs: HashSet::new(),
            logs: HashSet::new(),
        };
        for at in one_a_day(&dated, kept.now, history) {
            let state = &states[at];
            let Ok(tree) = past.tree_at(state) else {
                log::warn!("earlier states are not thinned out: {state} cannot be put together");
                return Ok(None);
            };
            kept.packs.extend(tree.needed_packs());
            kept.logs.extend(logs_of(&past, publisher, state));
            kept.states.push((state.hash(), state.frontier.clone()));
        }
        Ok(Some(kept))
    }

    /// The history that these objects tell, each under its own name.
    fn history_of(
        &self,
        vault: &VaultFolder,
        publisher: &Publisher,
        listing: &VaultListing,
    ) -> Result<VaultHistory, FsError> {
        let listing = VaultListing { copies: Arc::default(), ..listing.clone() };
        self.history_in(vault.clone(), listing, publisher.frontier.clone())
    }

    /// Whether the kept states can all be had, and whole, once nothing but these objects is left; and
    /// how many can in all.
    pub(super) fn has_kept(
        &self,
        vault: &VaultFolder,
        publisher: &Publisher,
        left: &VaultListing,
        kept: &Kept,
    ) -> Result<(bool, u64), FsError> {
        let past = self.history_of(vault, publisher, left)?;
        let whole = past.history().states();
        let is_there = |(hash, frontier): &(LogHash, Frontier)| {
            whole.iter().any(|state| state.hash() == *hash && state.frontier == *frontier)
        };
        Ok((kept.states.iter().all(is_there), whole.len() as u64))
    }
}

fn dated(vault: &VaultFolder, listing: &VaultListing, state: &State) -> Dated {
    let name = (state.device, state.seq);
    let kind = match listing.logs.contains_key(&name) {
        true => LogKind::Increment,
        false => LogKind::Checkpoint,
    };
    let path = log_path(kind, state.device, state.seq);
    Dated {
        device: state.device,
        published: state.published,
        here_since: durable_here_since(vault, &path, state.published),
        is_whole: state.is_whole(),
    }
}

/// The log objects and the checkpoint that lead to a state, and those by which it is certain that there
/// are no others: of each other device, the next one. Of a state that a checkpoint holds, each device's
/// last one in it: by them it is certain which state that is.
fn logs_of(past: &VaultHistory, publisher: &Publisher, state: &State) -> HashSet<LogName> {
    let ground = past.ground_of(state);
    let from = |device| ground.map_or(0, |(_, covers)| covers.seq(device));
    let is_held = ground.is_some_and(|(_, covers)| *covers == state.frontier);
    let mut logs: HashSet<LogName> =
        ground.map(|(name, _)| (LogKind::Checkpoint, *name)).into_iter().collect();
    for entry in publisher.frontier.iter() {
        let (device, last) = (entry.device, state.frontier.seq(entry.device));
        let next = if device == state.device { last } else { last.saturating_add(1) };
        let first = if is_held { last.max(1) } else { from(device) + 1 };
        logs.extend((first..=next).map(|seq| (LogKind::Increment, (device, seq))));
    }
    logs
}
