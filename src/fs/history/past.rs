//! A vault as it was: opened at a state, with no state folder and nothing of the journal.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::crypto::ClassKeys;
use crate::format::{Descriptor, Frontier, PackId};
use crate::store::{Presence, StoreError, VaultFolder, VaultListing};
use crate::tree::Tree;

use super::super::arriving::{Awaited, Unseen, absent_packs};
use super::super::error::FsError;
use super::super::file_system::{FileSystem, lock};
use super::super::fold::{Folded, Logs, fold, fold_beyond, is_covered};
use super::super::live::Live;
use super::super::parts::Parts;
use super::super::publish::Publisher;
use super::super::stand_ins::take_in_packs;
use super::chain::{Chain, Covering};
use super::states::{History, HistoryError, Start, State};
use super::walk::{Telling, Told, tell_of_states};
use super::when::When;
use super::whole::{Wholeness, needs_any, wholeness};

/// What is known of a vault that is shown as it was.
#[derive(Debug)]
pub(in super::super) struct Past {
    /// Packs that the vault's files still needed when this was opened.
    still_needed: HashSet<PackId>,
}

impl Past {
    /// Whether a pack is gone because nothing needs it any more.
    pub(in super::super) fn has_let_go(&self, vault: &VaultFolder, pack: PackId) -> bool {
        !self.still_needed.contains(&pack) && vault.presence(pack) == Presence::Missing
    }
}

/// The states of a vault, and a way to each of them. Nothing is written anywhere.
#[derive(Debug)]
pub struct VaultHistory {
    vault: VaultFolder,
    keys: Arc<ClassKeys>,
    descriptor: Descriptor,
    listing: VaultListing,
    history: History,
    /// What the checkpoints cover, in the order of states.
    checkpoints: Vec<Covering>,
    still_needed: HashSet<PackId>,
    unseen: Unseen,
    gaps: Vec<String>,
}

impl VaultHistory {
    /// Of a vault that is unlocked; another process may have it mounted meanwhile.
    ///
    /// # Errors
    /// [`StoreError`] if the folder cannot be listed. Of what is damaged or has not arrived,
    /// [`Self::gaps`] tells.
    pub fn open(
        vault: VaultFolder,
        keys: ClassKeys,
        descriptor: Descriptor,
    ) -> Result<Self, StoreError> {
        let keys = Arc::new(keys);
        let listing = vault.listing()?;
        let folded = fold(&vault, &listing, &keys, descriptor.chunk_size);
        let gaps = folded.gaps.iter().map(ToString::to_string).collect();
        let still_needed = folded.tree.needed_packs().collect();
        let Folded { frontier, unseen, .. } = folded;
        let of = Of { vault, keys, descriptor, listing, still_needed, unseen, gaps };
        Ok(of.history(&frontier))
    }

    /// The states.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What keeps the newest state from being the whole story, in sentences.
    pub fn gaps(&self) -> &[String] {
        &self.gaps
    }

    /// The state that somebody means.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn find(&self, when: &When) -> Result<&State, HistoryError> {
        self.history.find(when)
    }

    /// Tells of every state that is whole, the oldest first, and of what became of `paths`, each from the root and
    /// without a slash at either end. While two devices did something at the same time, files and
    /// bytes are those of what is merged by then.
    ///
    /// # Errors
    /// [`HistoryError::Gone`] where something that was listed is gone.
    pub fn walk(
        &self,
        paths: &[Vec<u8>],
        tell: &mut dyn FnMut(&Told<'_>),
    ) -> Result<(), HistoryError> {
        self.walk_telling(Telling::Whole, paths, tell)
    }

    pub(in super::super) fn walk_telling(
        &self,
        telling: Telling,
        paths: &[Vec<u8>],
        tell: &mut dyn FnMut(&Told<'_>),
    ) -> Result<(), HistoryError> {
        tell_of_states(&self.logs(&Frontier::default()), &self.history, paths, telling, tell)
    }

    fn logs<'a>(&'a self, seen: &'a Frontier) -> Logs<'a> {
        Logs {
            vault: &self.vault,
            listing: &self.listing,
            keys: &self.keys,
            chunk_size: self.descriptor.chunk_size,
            seen,
        }
    }

    /// The tree of a state.
    ///
    /// # Errors
    /// [`HistoryError::Gone`].
    pub(in super::super) fn tree_at(&self, state: &State) -> Result<Tree, HistoryError> {
        Ok(self.fold_at(state)?.tree)
    }

    /// Where the fold of a state begins: the newest checkpoint that all the rest of it was written on,
    /// or where its stretch does; `None` is from nothing.
    pub(in super::super) fn ground_of(&self, state: &State) -> Option<&Covering> {
        let all = &self.history.all;
        let at = all.iter().position(|other| other.hash == state.hash)?;
        let first = all[..=at].iter().rposition(|state| state.start.is_some())?;
        let start = match all[first].start {
            Some(Start::Checkpoint(device, seq)) => {
                self.checkpoints.iter().position(|(name, _)| *name == (device, seq))
            }
            Some(Start::Nothing) | None => None,
        };
        let lowest = start.map(|start| &self.checkpoints[start].1);
        let is_ground = |covers: &Frontier| {
            let after = all[first..=at].iter().filter(|state| covers.seq(state.device) < state.seq);
            is_covered(covers, &state.frontier)
                && lowest.is_none_or(|lowest| is_covered(lowest, covers))
                && after.into_iter().all(|state| is_covered(covers, &state.seen))
        };
        let newest = self.checkpoints.iter().rfind(|(_, covers)| is_ground(covers));
        newest.or(start.map(|start| &self.checkpoints[start]))
    }

    fn fold_at(&self, state: &State) -> Result<Folded, HistoryError> {
        let ground = self.ground_of(state);
        let (name, covers) = ground.map_or((None, None), |(name, of)| (Some(name), Some(of)));
        let mut listing = self.listing.clone();
        listing.keep_logs_for(name, |device, seq| {
            seq <= state.frontier.seq(device) && covers.is_none_or(|of| of.seq(device) < seq)
        });
        let (keys, chunk_size) = (&self.keys, self.descriptor.chunk_size);
        let folded = fold_beyond(&Frontier::default(), &self.vault, &listing, keys, chunk_size);
        (folded.frontier == state.frontier).then_some(folded).ok_or(HistoryError::Gone)
    }

    /// The vault as it was in a state, read-only. What was collected since is told among its notes.
    ///
    /// # Errors
    /// [`HistoryError::Gone`].
    pub fn files_at(&self, state: &State) -> Result<Arc<FileSystem>, HistoryError> {
        let folded = self.fold_at(state)?;
        let publisher = Publisher::after(&folded, state.device, state.device_name.clone(), 0);
        let tree = folded.tree;
        let mut listing = self.listing.clone();
        take_in_packs(&self.vault, &self.keys, &mut listing, tree.needed_packs());
        let is_collected =
            |id: &PackId| !listing.packs.contains_key(id) && !self.still_needed.contains(id);
        let collected: HashSet<PackId> = tree.needed_packs().filter(is_collected).collect();
        let mut notes = Vec::new();
        if !collected.is_empty() {
            let packs: Vec<PackId> = collected.iter().copied().collect();
            let files = tree.files_in_packs(&packs).len();
            notes.push(format!(
                "{} of {} packs of this state have been collected: {files} {} be read in full",
                packs.len(),
                tree.needed_packs().count(),
                if files == 1 { "file cannot" } else { "files cannot" },
            ));
        }
        let is_here = |id| collected.contains(&id);
        let (absent, lost) = absent_packs(&tree, &listing, &self.unseen, is_here);
        let damage = match lost.len() {
            0 => Vec::new(),
            count => vec![format!("{count} packs of this state are gone from the vault folder")],
        };
        let mut awaited = Awaited { unseen: self.unseen.clone(), ..Awaited::default() };
        awaited.packs = absent;
        let read_only = format!("this is the vault as it was: {state}");
        let parts = Parts {
            vault: self.vault.clone(),
            state: None,
            lock: None,
            keys: self.keys.clone(),
            descriptor: self.descriptor.clone(),
            live: Live::new(tree, None, Some(read_only)),
            publisher,
            staged: BTreeMap::new(),
            awaited,
            damage,
            notes,
            // Nothing that comes later belongs to it.
            shows_unpublished: true,
            past: Some(Past { still_needed: self.still_needed.clone() }),
        };
        Ok(Arc::new(parts.assemble()))
    }
}

impl FileSystem {
    /// What was published and has arrived by now; `None` while a publication is under way, which may
    /// take as long as the disk does.
    pub fn published_frontier(&self) -> Option<Frontier> {
        self.publisher.try_lock().ok().map(|publisher| publisher.frontier.clone())
    }

    /// The states that lead to what was last published or has arrived.
    ///
    /// # Errors
    /// [`FsError`] if the vault folder cannot be listed.
    pub fn vault_history(&self) -> Result<VaultHistory, FsError> {
        let listing = self.vault.listing().map_err(|error| FsError::Disk(error.to_string()))?;
        let frontier = lock(&self.publisher).frontier.clone();
        self.history_in(self.vault.clone(), listing, frontier)
    }

    /// The states that lead to `frontier`, which is what was last published or has arrived, by the
    /// objects of `listing`.
    ///
    /// # Errors
    /// [`FsError`] if something has failed before.
    pub(in super::super) fn history_in(
        &self,
        vault: VaultFolder,
        listing: VaultListing,
        frontier: Frontier,
    ) -> Result<VaultHistory, FsError> {
        let still_needed = self.read_live()?.tree.needed_packs().collect();
        let unseen = lock(&self.awaited).unseen.clone();
        let keys = self.keys.clone();
        let (descriptor, gaps) = (self.descriptor.clone(), Vec::new());
        let of = Of { vault, keys, descriptor, listing, still_needed, unseen, gaps };
        Ok(of.history(&frontier))
    }
}

/// What a history is of.
struct Of {
    vault: VaultFolder,
    keys: Arc<ClassKeys>,
    descriptor: Descriptor,
    listing: VaultListing,
    still_needed: HashSet<PackId>,
    unseen: Unseen,
    gaps: Vec<String>,
}

impl Of {
    fn history(self, frontier: &Frontier) -> VaultHistory {
        let Self { vault, keys, descriptor, listing, still_needed, unseen, gaps } = self;
        let is_here = |pack| listing.packs.contains_key(&pack) || still_needed.contains(&pack);
        let (history, checkpoints) = {
            let logs = Logs {
                vault: &vault,
                listing: &listing,
                keys: &keys,
                chunk_size: descriptor.chunk_size,
                seen: &Frontier::default(),
            };
            let chain = Chain { logs: &logs, is_here: &is_here, has_unreadable: false };
            chain.history(frontier)
        };
        let mut of = VaultHistory {
            vault,
            keys,
            descriptor,
            listing,
            history,
            checkpoints,
            still_needed,
            unseen,
            gaps,
        };
        of.find_whole();
        of
    }
}

impl VaultHistory {
    /// Finds out which states are whole.
    fn find_whole(&mut self) {
        let all = &self.history.all;
        let mut absent: HashSet<PackId> =
            all.iter().flat_map(|state| &state.absent).copied().collect();
        if absent.is_empty() {
            return;
        }
        take_in_packs(&self.vault, &self.keys, &mut self.listing, absent.iter().copied());
        absent.retain(|pack| !self.listing.packs.contains_key(pack));
        let known = wholeness(&self.logs(&Frontier::default()), all, &absent);
        let is_whole = |(state, known): (&State, Wholeness)| match known {
            Wholeness::Whole => true,
            Wholeness::Lacking => false,
            Wholeness::Unknown => self.tree_at(state).is_ok_and(|tree| !needs_any(&tree, &absent)),
        };
        let whole: Vec<bool> = all.iter().zip(known).map(is_whole).collect();
        self.history.note_whole(&whole);
    }
}
