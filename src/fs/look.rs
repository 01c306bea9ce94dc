//! The first half of opening: what is in vault and state folder, and what is not right with it.

use crate::crypto::ClassKeys;
use crate::format::{Frontier, FrontierEntry, LogKind};
use crate::journal::{Replay, read_journal};
use crate::store::{
    DeviceIdentity, Publishing, Seen, StoreError, VaultFolder, VaultListing, log_path,
};

use super::arriving::{Awaited, not_arrived, without_log};
use super::fold::{Folded, fold_beyond, is_covered};
use super::open::{MountMode, OpenError, OpenRequest};
use super::stand_ins::take_in_copies;
use super::trust::rollback;

/// What was found in vault and state folder, before it is put together.
pub(super) struct Found {
    pub(super) listing: VaultListing,
    pub(super) folded: Folded,
    pub(super) identity: Option<DeviceIdentity>,
    /// The last frontier seen; what a crash kept from being noted is in it.
    pub(super) trusted: Frontier,
    /// The journal's generations up to this number are in the vault.
    pub(super) generation: u64,
    /// A log object of this device that had appeared when a crash came: its name may not be
    /// durable.
    pub(super) unsettled_log: Option<String>,
    pub(super) replay: Replay,
    /// What is not there yet; packs are not among it.
    pub(super) awaited: Awaited,
    /// What is wrong, in sentences.
    pub(super) damage: Vec<String>,
    /// What else there is to know, in sentences.
    pub(super) notes: Vec<String>,
    /// Log objects that this device had seen are gone, and it goes on without them.
    pub(super) goes_back: bool,
    /// Why nothing can be written, if so.
    pub(super) read_only: Option<String>,
}

impl Found {
    /// Folds what the listing has by now; the tree may have had records applied.
    pub(super) fn fold_again(&mut self, request: &OpenRequest) {
        let OpenRequest { vault, keys, descriptor, .. } = request;
        self.folded = fold_beyond(&self.trusted, vault, &self.listing, keys, descriptor.chunk_size);
    }
}

/// Reads the log and the journal, and finds what is not right with them.
pub(super) fn look(request: &OpenRequest) -> Result<Found, OpenError> {
    let OpenRequest { vault, state, lock, keys, descriptor, mode, .. } = request;
    let listing = vault.listing()?;
    let StateRecords { identity, seen, damage: mut state_damage } = state_records(request)?;
    let knows_what_is_published = seen.is_some();
    let seen = seen_by_now(seen.unwrap_or_default(), vault, keys);
    let Seen { frontier: trusted, generation, awaited: awaited_before, publishing } = seen;
    let mut folded = fold_beyond(&trusted, vault, &listing, keys, descriptor.chunk_size);
    folded.unseen.add_kept(awaited_before);
    let unsettled_log = publishing
        .map(|Publishing { entry, .. }| log_path(LogKind::Increment, entry.device, entry.seq));
    if let (true, Some(newer)) = (mode.writes(), folded.newer()) {
        return Err(newer.clone().into());
    }
    let lost = rollback(&trusted, &folded.frontier, &listing, identity.as_ref());
    let goes_back = *mode == MountMode::AcceptRollback && !lost.is_empty();
    let lost = if goes_back { Vec::new() } else { lost };
    let (others, own): (Vec<_>, Vec<_>) = lost.into_iter().partition(|lost| lost.is_others);
    let has_lost_own = !own.is_empty();
    let mut damage: Vec<String> = own.into_iter().map(|lost| lost.sentence).collect();
    let unseen = std::mem::take(&mut folded.unseen);
    let mut awaited = Awaited { unseen, seen: trusted.clone(), ..Awaited::default() };
    awaited.logs.extend(others.into_iter().map(|lost| lost.sentence));
    for gap in &folded.gaps {
        match not_arrived(gap, &trusted, identity.as_ref()) {
            Some(sentence) => awaited.logs.push(sentence),
            None => damage.push(gap.to_string()),
        }
    }
    // What waits in the journal was written onto what this device had seen.
    let is_ground_here = goes_back || is_covered(&trusted, &folded.frontier);
    // Numbers that this device has used, and that what is here does not tell of.
    let is_own_here = identity.as_ref().is_none_or(|identity| {
        folded.frontier.seq(identity.device) >= trusted.seq(identity.device)
    });
    if mode.writes() && !damage.is_empty() {
        return Err(match has_lost_own {
            true => OpenError::RolledBack(damage),
            false => OpenError::Damaged(damage),
        });
    }
    let mut replay = match state {
        Some(state) => read_journal(&**state.disk(), state.root(), keys, generation)?,
        None => Replay::default(),
    };
    if awaited.logs.is_empty() && damage.is_empty() {
        let what = without_log(&listing, &folded.frontier, replay.has_records());
        awaited.logs.extend(what.map(str::to_owned));
    }
    let is_ready = goes_back || is_own_here && (is_ground_here || !replay.has_records());
    let read_only = match mode {
        MountMode::ReadOnly => Some("mounted so".to_owned()),
        _ if !is_ready => Some(
            "log objects have not arrived that changes of this device were made on: once they \
             have, a new mount can write"
                .to_owned(),
        ),
        _ if state.is_none() || lock.is_none() => {
            Some("there is no state folder to write to".to_owned())
        }
        MountMode::ReadWrite | MountMode::AcceptRollback => None,
    };
    // Without that, generations that are long published look like a journal with holes.
    let unknown = !knows_what_is_published && (replay.has_records() || replay.damaged);
    if replay.damaged || unknown {
        let why = match unknown {
            true => "“seen”, which says what of it is in the vault, is missing or cannot be read",
            false => "records that had been made durable cannot be read",
        };
        let error = OpenError::JournalDamaged(why.into());
        if mode.writes() {
            return Err(error);
        }
        state_damage.push(error.to_string());
    }
    if !damage.is_empty() || unknown || !is_ground_here {
        // Its records were written onto a state that is not to be had, or not to be told.
        if replay.has_records() {
            state_damage.push("changes that wait in the state folder are not shown".into());
            replay = Replay::default();
        }
    }
    damage.append(&mut state_damage);
    let mut found = Found {
        listing,
        folded,
        identity,
        trusted,
        generation,
        unsettled_log,
        replay,
        awaited,
        damage,
        notes: Vec::new(),
        goes_back,
        read_only,
    };
    take_in_copies(request, &mut found)?;
    Ok(found)
}

/// What the state folder says of the device.
struct StateRecords {
    identity: Option<DeviceIdentity>,
    seen: Option<Seen>,
    damage: Vec<String>,
}

fn state_records(request: &OpenRequest) -> Result<StateRecords, StoreError> {
    let Some(state) = &request.state else {
        return Ok(StateRecords { identity: None, seen: None, damage: Vec::new() });
    };
    let mut damage = Vec::new();
    let identity = readable(state.device(&request.keys), request.mode, &mut damage)?;
    let seen = readable(state.seen(&request.keys), request.mode, &mut damage)?;
    Ok(StateRecords { identity, seen, damage })
}

/// A record that is damaged keeps nobody from looking: what the vault holds can be read all the
/// same.
fn readable<T>(
    record: Result<Option<T>, StoreError>,
    mode: MountMode,
    damage: &mut Vec<String>,
) -> Result<Option<T>, StoreError> {
    match record {
        Err(error @ StoreError::Format { .. }) if mode == MountMode::ReadOnly => {
            damage.push(error.to_string());
            Ok(None)
        }
        record => record,
    }
}

/// What this device has seen, with the log object that it was about to put there when it last wrote
/// that down, if that very object is in the vault: `publishing` is told only then.
pub(super) fn seen_by_now(mut seen: Seen, vault: &VaultFolder, keys: &ClassKeys) -> Seen {
    seen.publishing = seen.publishing.filter(|it| is_in_vault(&it.entry, vault, keys));
    if let Some(Publishing { entry, generation }) = seen.publishing {
        seen.frontier.advance(entry);
        seen.generation = generation;
    }
    seen
}

/// Whether that very log object is in the vault, and not another one of its number.
fn is_in_vault(entry: &FrontierEntry, vault: &VaultFolder, keys: &ClassKeys) -> bool {
    let there = vault.get_log(keys, LogKind::Increment, entry.device, entry.seq);
    there.is_ok_and(|log| log.hash == entry.hash)
}

impl Found {
    /// Whether others have published since, what the changes that wait here were not made on.
    pub(super) fn is_behind(&self) -> bool {
        self.replay.has_records() && self.folded.frontier != self.trusted
    }

    /// Goes back to what this device had seen, so that what waits follows that; tells whether it is
    /// still to be had. What others have published since is merged with it later.
    pub(super) fn go_back_to_seen(&mut self, request: &OpenRequest) -> bool {
        let OpenRequest { vault, keys, descriptor, .. } = request;
        let mut listing = self.listing.clone();
        listing.keep_logs(|device, seq| seq <= self.trusted.seq(device));
        let folded = fold_beyond(&self.trusted, vault, &listing, keys, descriptor.chunk_size);
        let is_had = folded.frontier == self.trusted;
        if is_had {
            self.folded = folded;
        }
        is_had
    }

    /// What the changes were made on is not to be had any more: they stay where they are.
    pub(super) fn leave_waiting(&mut self, mode: MountMode) {
        let sentence = "changes of this device wait in the state folder, and the vault no longer \
                        tells what they were made on: they are kept there and not shown"
            .to_owned();
        self.replay = Replay::default();
        if mode.writes() {
            self.read_only = Some(sentence.clone());
        }
        self.damage.push(sentence);
    }
}
