//! What has not arrived yet: objects that others tell of, and that this device has never seen whole.
//!
//! What it has seen whole and is gone or cut now was lost, or taken away: that is damage. Of a log
//! object the frontier that was seen tells, of a pack the log object that first named it.

use std::collections::{BTreeSet, HashSet};

use crate::crypto::ClassKeys;
use crate::format::{Frontier, LogKind, PackId, log_name, padme};
use crate::journal::read_journal;
use crate::store::{DeviceIdentity, Publishing, Seen, StateFolder, VaultListing};
use crate::tree::Tree;

use super::file_system::{FileSystem, lock};
use super::fold::{FoldGap, names_of};
use super::publish::Publisher;

/// Packs that this device may never have seen whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unseen {
    /// Whichever: it has seen nothing of the vault, or does not know what of it.
    All,
    /// These.
    Packs(HashSet<PackId>),
}

impl Default for Unseen {
    fn default() -> Self {
        Self::Packs(HashSet::new())
    }
}

impl Unseen {
    pub(super) fn add(&mut self, packs: impl IntoIterator<Item = PackId>) {
        match self {
            Self::All => {}
            Self::Packs(known) => known.extend(packs),
        }
    }

    /// Takes in what an earlier mount has kept, by [`Awaited::to_keep`].
    pub(super) fn add_kept(&mut self, kept: Option<BTreeSet<PackId>>) {
        match kept {
            None => *self = Self::All,
            Some(packs) => self.add(packs),
        }
    }

    pub(super) fn has(&self, pack: PackId) -> bool {
        match self {
            Self::All => true,
            Self::Packs(known) => known.contains(&pack),
        }
    }
}

/// What a vault's log objects tell of and is not there yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Awaited {
    /// Log objects, in sentences.
    pub(super) logs: Vec<String>,
    /// Packs that files need.
    pub(super) packs: HashSet<PackId>,
    pub(super) unseen: Unseen,
    /// What this device had seen when it opened the vault.
    pub(super) seen: Frontier,
}

/// More packs than this are not written down one by one.
const AWAITED_KEPT: usize = 4096;

impl Awaited {
    /// Whether everything has arrived.
    pub(super) fn is_nothing(&self) -> bool {
        self.logs.is_empty() && self.packs.is_empty()
    }

    /// The packs as the state folder keeps them for the next mount.
    pub(super) fn to_keep(&self) -> Option<BTreeSet<PackId>> {
        (self.packs.len() <= AWAITED_KEPT).then(|| self.packs.iter().copied().collect())
    }

    /// What is not there yet, in sentences.
    pub(super) fn sentences(&self, tree: &Tree) -> Vec<String> {
        let mut sentences = self.logs.clone();
        if !self.packs.is_empty() {
            let packs: Vec<PackId> = self.packs.iter().copied().collect();
            let all = tree.needed_packs().count();
            sentences.push(format!(
                "{} of {all} packs have not arrived: {}",
                packs.len(),
                match tree.files_in_packs(&packs).len() {
                    1 => "1 file waits for them".to_owned(),
                    files => format!("{files} files wait for them"),
                }
            ));
        }
        sentences
    }
}

/// Whether a pack can be so long.
pub(super) fn may_be_whole(pack_bytes: u64) -> bool {
    pack_bytes > 0 && padme(pack_bytes) == pack_bytes
}

/// Packs that files need and that are not there, or are not as long as any pack: those that are still
/// to arrive, and those that are lost.
pub(super) fn absent_packs(
    tree: &Tree,
    listing: &VaultListing,
    unseen: &Unseen,
    is_here: impl Fn(PackId) -> bool,
) -> (HashSet<PackId>, Vec<PackId>) {
    let is_whole = |id: &PackId| match listing.packs.get(id) {
        Some(_) if listing.stubs.contains(id) => true,
        Some(bytes) => may_be_whole(*bytes) || !unseen.has(*id),
        None => is_here(*id),
    };
    let (awaited, lost): (Vec<_>, Vec<_>) =
        tree.needed_packs().filter(|id| !is_whole(id)).partition(|id| unseen.has(*id));
    (awaited.into_iter().collect(), lost)
}

/// Why a gap is only something that has not arrived yet; `None` where it is more than that. What
/// this device itself had published is there before anybody can tell of it.
pub(super) fn not_arrived(
    gap: &FoldGap,
    seen: &Frontier,
    identity: Option<&DeviceIdentity>,
) -> Option<String> {
    let is_own = |device| identity.is_some_and(|identity| identity.device == device);
    match gap {
        FoldGap::Missing { device, seq, last } => {
            let was_here = is_own(*device) && *seq <= seen.seq(*device);
            let names = names_of(*device, *seq, *last);
            (!was_here).then(|| format!("log object {names} has not arrived"))
        }
        FoldGap::Unreadable { device, seq, is_cut_short: true, .. } => {
            let was_here = *seq <= seen.seq(*device);
            let name = log_name(LogKind::Increment, *device, *seq);
            (!was_here).then(|| format!("log object {name} has arrived in part only"))
        }
        FoldGap::Unreadable { .. } | FoldGap::Replaced { .. } | FoldGap::Unfit { .. } => None,
    }
}

/// What there is to say of packs without any log object that tells what they are for: what was folded
/// goes as far as `frontier`. A device that has work waiting may have put them there itself, since packs
/// come before their log object (I4).
pub(super) fn without_log(
    listing: &VaultListing,
    frontier: &Frontier,
    has_work: bool,
) -> Option<&'static str> {
    let is_without = frontier.count() == 0 && !listing.packs.is_empty() && !has_work;
    is_without
        .then_some("no log object has arrived, but packs have: what files there are cannot be told")
}

/// Whether this device has work that no log object tells of yet; a journal that cannot be read may have some.
pub fn has_work(state: &StateFolder, keys: &ClassKeys, seen: &Seen) -> bool {
    let replay = read_journal(&**state.disk(), state.root(), keys, seen.generation);
    replay.map_or(true, |replay| replay.has_records())
}

impl FileSystem {
    /// What this device has seen, as the state folder keeps it.
    pub(super) fn seen_by(&self, publisher: &Publisher, publishing: Option<Publishing>) -> Seen {
        let (frontier, generation) = (publisher.frontier.clone(), publisher.generation);
        let awaited = lock(&self.awaited).to_keep();
        Seen { frontier, generation, awaited, publishing }
    }

    /// Whether a pack that does not give what it should is one that has not arrived, or only in part.
    pub(super) fn awaits_pack(&self, pack: PackId) -> bool {
        {
            let awaited = lock(&self.awaited);
            if awaited.packs.contains(&pack) || !awaited.unseen.has(pack) {
                return awaited.packs.contains(&pack);
            }
        }
        let is_part = self.vault.pack_is_cut_short(&self.keys, pack);
        if is_part {
            lock(&self.awaited).packs.insert(pack);
        }
        is_part
    }
}
