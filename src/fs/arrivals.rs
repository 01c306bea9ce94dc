//! What other devices publish while this one has the vault open.
//!
//! A log object that was written on all that this device has published follows what is shown here. If
//! something of this device is not published yet, it does so only where the two can follow each
//! other in either order; the log object that comes next then tells that it had seen the other.
//! Anything else is left for the next opening, and said.

use std::collections::HashSet;

use crate::format::{Ino, OpenedLog, Operation, Operations, PackId, pack_path};
use crate::store::{Seen, VaultListing};

use super::arriving::{absent_packs, may_be_whole, not_arrived};
use super::error::FsError;
use super::file_system::{FileSystem, lock};
use super::fold::{DeviceSeen, FoldGap, Logs, durable_since, is_covered, packs_of};
use super::live::Live;
use super::publish::Publisher;
use super::stand_ins::{needed_packs, take_in_packs};
use super::touched::{Touched, inode_of, names_of};
use super::trust::rollback;

/// What others have changed in files that may be open, or that somebody remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutsideChanges {
    /// Inodes whose content or attributes have changed.
    pub inodes: HashSet<Ino>,
    /// Names that stand for something else now, or for nothing, by folder.
    pub names: HashSet<(Ino, Vec<u8>)>,
}

impl OutsideChanges {
    /// Whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        self.inodes.is_empty() && self.names.is_empty()
    }

    fn add(&mut self, live: &Live, operation: &Operation<'_>) {
        self.inodes.extend(inode_of(operation));
        for (folder, name) in names_of(operation).into_iter().flatten() {
            self.inodes.insert(folder);
            self.inodes.extend(live.tree.lookup(folder, name));
            self.names.insert((folder, name.to_vec()));
        }
    }
}

/// Who is told of changes from outside.
pub(super) type Listener = Box<dyn Fn(&OutsideChanges) + Send + Sync>;

/// Somebody who wants to be told of changes from outside, perhaps.
#[derive(Default)]
pub(super) struct Listening(std::sync::OnceLock<Listener>);

impl std::fmt::Debug for Listening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Listening").field(&self.0.get().is_some()).finish()
    }
}

/// What became of an arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// It is shown.
    Shown,
    /// It cannot be, before the next opening.
    LeftForLater,
}

impl FileSystem {
    /// Has `listener` told what others change, after it has changed. It is called without any lock,
    /// by one thread at a time. Only the first listener counts.
    pub fn listen(&self, listener: impl Fn(&OutsideChanges) + Send + Sync + 'static) {
        let _ = self.listening.0.set(Box::new(listener));
    }

    /// Looks at what has come into the vault folder, and shows what can be shown. Tells the
    /// listener.
    ///
    /// # Errors
    /// [`FsError`] if the folder cannot be listed, or writing had to stop.
    pub fn take_arrivals(&self) -> Result<(), FsError> {
        let _only_one = lock(&self.one_arrival);
        let listing = self.vault.logs_listing();
        let listing = listing.map_err(|error| FsError::Disk(error.to_string()))?;
        let mut changes = OutsideChanges::default();
        let taken = self.take_logs(&listing, &mut changes);
        if !lock(&self.awaited).packs.is_empty() {
            let listing = self.vault.listing().map_err(|error| FsError::Disk(error.to_string()))?;
            self.note_arrived_packs(listing)?;
        }
        if !changes.is_empty()
            && let Some(listener) = self.listening.0.get()
        {
            listener(&changes);
        }
        taken
    }

    fn take_logs(
        &self,
        listing: &VaultListing,
        changes: &mut OutsideChanges,
    ) -> Result<(), FsError> {
        loop {
            let mut publisher = lock(&self.publisher);
            if publisher.pending.is_some() || self.shows_unpublished {
                return Ok(());
            }
            let (next, sentences) = self.next_log(&publisher, listing);
            lock(&self.awaited).logs = sentences;
            let Some(log) = next else { return Ok(()) };
            if self.take_log(&mut publisher, &log, changes)? == Taken::LeftForLater {
                return Ok(());
            }
        }
    }

    /// The log object that comes next of all that follow what this device has seen, and what keeps
    /// others from it, in sentences.
    fn next_log(
        &self,
        publisher: &Publisher,
        listing: &VaultListing,
    ) -> (Option<OpenedLog>, Vec<String>) {
        let logs = Logs {
            vault: &self.vault,
            listing,
            keys: &self.keys,
            chunk_size: self.descriptor.chunk_size,
            seen: &publisher.frontier,
        };
        let seen = lock(&self.awaited).seen.clone();
        let behind = rollback(&seen, &publisher.frontier, listing, None);
        let mut sentences: Vec<String> = behind.into_iter().map(|lost| lost.sentence).collect();
        let mut next: Option<OpenedLog> = None;
        for device in logs.devices().into_iter().filter(|device| *device != publisher.device) {
            match logs.next(device, &publisher.frontier, &Default::default()) {
                Ok(Some(log)) if log.frontier == publisher.frontier => {
                    let place = (log.clock, log.device);
                    if next.as_ref().is_none_or(|next| place < (next.clock, next.device)) {
                        next = Some(log);
                    }
                }
                Ok(None) => {}
                Ok(Some(log)) if is_covered(&log.frontier, &publisher.frontier) => {
                    sentences.push(left_for_later(&log.device_name));
                }
                Ok(Some(log)) => sentences.extend(
                    logs.first_missing(&log.frontier, &publisher.frontier).map(|gap| said(&gap)),
                ),
                Err(gap) => sentences.push(
                    not_arrived(&gap, &publisher.frontier, None).unwrap_or_else(|| said(&gap)),
                ),
            }
        }
        (next, sentences)
    }

    /// Shows what a log object tells, whose turn it is.
    ///
    /// # Errors
    /// [`FsError`]; writing has stopped then.
    fn take_log(
        &self,
        publisher: &mut Publisher,
        log: &OpenedLog,
        changes: &mut OutsideChanges,
    ) -> Result<Taken, FsError> {
        let operations: Result<Vec<_>, _> = log.operations().collect();
        let Ok(operations) = operations else {
            return Err(self.write_live()?.latch(unfit(log, "an operation cannot be decoded")));
        };
        let mut theirs = Touched::default();
        operations.iter().for_each(|operation| theirs.add(operation));
        let packs: HashSet<PackId> = operations.iter().flat_map(packs_of).collect();
        let mut live = self.write_live()?;
        let ours = unpublished(&live);
        if ours.meets(&theirs, &live.tree) {
            lock(&self.awaited).logs.push(left_for_later(&log.device_name));
            return Ok(Taken::LeftForLater);
        }
        publisher.frontier.advance(log.entry());
        {
            let mut awaited = lock(&self.awaited);
            awaited.packs.extend(packs.iter().filter(|pack| !self.may_be_here(**pack)));
            awaited.unseen.add(packs);
        }
        // Before anything is written down here that was done on it.
        self.note_seen_locked(publisher, &mut live)?;
        let times = shared_folders(&live, &ours, &theirs);
        for operation in &operations {
            changes.add(&live, operation);
            if let Err(error) = live.apply_outside(operation) {
                return Err(live.latch(unfit(log, &error.to_string())));
            }
        }
        for operation in times {
            live.tree.apply(&operation)?;
        }
        live.tree.note_unused_packs(|| durable_since(&self.vault, log));
        drop(live);
        publisher.clock = publisher.clock.max(log.clock);
        publisher.bytes_since += log.operations_bytes();
        let (name, last_seq, last_seen) = (log.device_name.clone(), log.seq, log.published);
        log::info!("{name} has published {} operations", operations.len());
        publisher.devices.insert(log.device, DeviceSeen { name, last_seq, last_seen });
        Ok(Taken::Shown)
    }

    /// Whether there is a pack under its name, as long as one can be.
    fn may_be_here(&self, pack: PackId) -> bool {
        let file = self.vault.open(&pack_path(pack));
        file.is_ok_and(|file| file.len().is_ok_and(may_be_whole))
    }

    /// Takes note of packs that have arrived, and of new ones that are awaited.
    fn note_arrived_packs(&self, mut listing: VaultListing) -> Result<(), FsError> {
        let live = self.read_live()?;
        let wanted = needed_packs(&live.tree);
        take_in_packs(&self.vault, &self.keys, &mut listing, wanted);
        let mut awaited = lock(&self.awaited);
        let is_staged = |id| {
            live.writing.as_ref().is_some_and(|writing| writing.stage.find(id).is_some())
                || self.readers.has_staged(id)
        };
        let (packs, _) = absent_packs(&live.tree, &listing, &awaited.unseen, is_staged);
        awaited.packs = packs;
        Ok(())
    }

    /// Writes down what this device has seen, for who holds the lock of the live state.
    fn note_seen_locked(&self, publisher: &Publisher, live: &mut Live) -> Result<(), FsError> {
        let (Some(state), Some(_)) = (&self.state, &live.writing) else { return Ok(()) };
        let (frontier, generation) = (publisher.frontier.clone(), publisher.generation);
        let awaited = lock(&self.awaited).to_keep();
        let seen = Seen { frontier, generation, awaited, publishing: None };
        state.set_seen(&self.keys, &seen).map_err(|error| live.disk_failed(error))
    }
}

fn said(gap: &FoldGap) -> String {
    gap.to_string()
}

fn left_for_later(device_name: &str) -> String {
    format!(
        "{device_name} changed the vault while changes of this device were on their way: what it \
         did is shown after the next mount"
    )
}

fn unfit(log: &OpenedLog, why: &str) -> String {
    format!("what {} has published does not fit: {why}", log.device_name)
}

/// What this device has done and not published.
fn unpublished(live: &Live) -> Touched {
    let mut ours = Touched::default();
    if let Some(writing) = &live.writing {
        // These were encoded here.
        Operations::new(&writing.log).flatten().for_each(|operation| ours.add(&operation));
    }
    live.dirty.keys().for_each(|ino| ours.add_inode(*ino));
    ours
}

/// The times of folders that both have changed, as operations that bring them back: what is not
/// published yet comes last.
fn shared_folders(live: &Live, ours: &Touched, theirs: &Touched) -> Vec<Operation<'static>> {
    let attributes = ours.folders_with(theirs).filter_map(|ino| live.tree.attributes(ino).ok());
    attributes
        .map(|attributes| Operation::SetAttr {
            ino: attributes.ino,
            mode: None,
            uid: None,
            gid: None,
            atime: None,
            mtime: Some(attributes.mtime),
            ctime: attributes.ctime,
        })
        .collect()
}
