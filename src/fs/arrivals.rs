//! What other devices publish while this one has the vault open.
//!
//! A log object that was written on all that this device has published follows what is shown here. If
//! something of this device is not published yet, it does so only where the two can follow each
//! other in either order; the log object that comes next then tells that it had seen the other.
//! Anything else was done at the same time: this device publishes what it has, everything is folded
//! anew, and what is shown becomes that. So it is what any device shows that has the same objects (I3).

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::format::{
    DeviceId, Frontier, Ino, LogKind, OpenedLog, Operation, Operations, PackId, pack_path,
};
use crate::store::VaultListing;

use super::arriving::{Unseen, absent_packs, may_be_whole, not_arrived};
use super::error::FsError;
use super::file_system::{FileSystem, lock};
use super::fold::{
    DeviceSeen, FoldGap, Folded, Logs, durable_since, fold_beyond, is_covered, packs_of,
};
use super::live::Live;
use super::publish::Publisher;
use super::stand_ins::take_in_packs;
use super::sync::Mutex;
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
pub(super) struct Listening {
    listener: std::sync::OnceLock<Listener>,
    /// The log objects that were there when a merge last changed nothing.
    left: Mutex<Option<u64>>,
}

impl std::fmt::Debug for Listening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listening").field("is_set", &self.listener.get().is_some()).finish()
    }
}

/// What became of what has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// It follows what was there, or has to wait.
    InARow,
    /// It was done while this device did something else.
    ToMerge,
}

/// How often a merge begins anew because something was changed meanwhile; then it waits for the next
/// look.
const MERGE_TRIES: u32 = 5;

impl FileSystem {
    /// Has `listener` told what others change, after it has changed. It is called without any lock,
    /// by one thread at a time. Only the first listener counts.
    pub fn listen(&self, listener: impl Fn(&OutsideChanges) + Send + Sync + 'static) {
        let _ = self.listening.listener.set(Box::new(listener));
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
        let taken = match self.take_logs(&listing, &mut changes) {
            Ok(Taken::InARow) => Ok(()),
            // What could not be merged cannot be as long as nothing else comes.
            Ok(Taken::ToMerge) if *lock(&self.listening.left) == Some(names_hash(&listing)) => {
                Ok(())
            }
            Ok(Taken::ToMerge) => self.merge_arrivals(&mut changes),
            Err(error) => Err(error),
        };
        if !lock(&self.awaited).packs.is_empty() {
            let listing = self.vault.listing().map_err(|error| FsError::Disk(error.to_string()))?;
            self.note_arrived_packs(listing)?;
        }
        if !changes.is_empty()
            && let Some(listener) = self.listening.listener.get()
        {
            listener(&changes);
        }
        taken
    }

    fn take_logs(
        &self,
        listing: &VaultListing,
        changes: &mut OutsideChanges,
    ) -> Result<Taken, FsError> {
        loop {
            let mut publisher = lock(&self.publisher);
            if publisher.pending.is_some() || self.shows_unpublished {
                return Ok(Taken::InARow);
            }
            let (next, taken, sentences) = self.next_log(&publisher, listing);
            lock(&self.awaited).logs = sentences;
            let Some(log) = next else { return Ok(taken) };
            if self.take_log(&mut publisher, &log, changes)? == Taken::ToMerge {
                return Ok(Taken::ToMerge);
            }
        }
    }

    /// The log object that comes next of all that follow what this device has seen, and what keeps
    /// others from it, in sentences.
    fn next_log(
        &self,
        publisher: &Publisher,
        listing: &VaultListing,
    ) -> (Option<OpenedLog>, Taken, Vec<String>) {
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
        let mut taken = Taken::InARow;
        // Log objects that led to it have been collected.
        let is_ahead = |(device, seq): &(DeviceId, u64)| {
            let seen_seq = publisher.frontier.seq(*device);
            *seq > seen_seq && !listing.logs.contains_key(&(*device, seen_seq + 1))
        };
        if listing.checkpoints.keys().any(is_ahead) {
            taken = Taken::ToMerge;
        }
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
                    taken = Taken::ToMerge;
                }
                Ok(Some(log)) => {
                    let gap = logs.first_missing(&log.frontier, &publisher.frontier);
                    sentences.extend(gap.map(|gap| said(&gap, &publisher.frontier)));
                }
                Err(gap) => sentences.push(said(&gap, &publisher.frontier)),
            }
        }
        (next, taken, sentences)
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
            return Ok(Taken::ToMerge);
        }
        publisher.frontier.advance(log.entry());
        {
            // Which of them are copies somewhere else is looked at later.
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
        Ok(Taken::InARow)
    }

    /// Shows what others have done while this device did something else: publishes that, folds
    /// everything, and becomes what comes of it. While programs change files without a pause it waits
    /// for the next look.
    ///
    /// # Errors
    /// [`FsError`]; what is shown is then as before.
    fn merge_arrivals(&self, changes: &mut OutsideChanges) -> Result<(), FsError> {
        for _ in 0..MERGE_TRIES {
            let writes = {
                let live = self.read_live()?;
                live.writing.is_some() && live.read_only.is_none()
            };
            if writes {
                self.publish()?;
            }
            let listing = self.vault.listing();
            let mut listing = listing.map_err(|error| FsError::Disk(error.to_string()))?;
            let seen = lock(&self.publisher).frontier.clone();
            let (keys, chunk_size) = (&self.keys, self.descriptor.chunk_size);
            let folded = fold_beyond(&seen, &self.vault, &listing, keys, chunk_size);
            take_in_packs(&self.vault, keys, &mut listing, folded.tree.needed_packs());
            let mut publisher = lock(&self.publisher);
            let mut live = self.write_live()?;
            let is_all = is_covered(&publisher.frontier, &folded.frontier);
            if is_all && publisher.pending.is_none() && !live.has_unpublished() {
                let merged = (folded, &listing);
                return self.become_merged(&mut publisher, &mut live, merged, changes);
            }
        }
        log::debug!("files are changed all the time: what others did is shown later");
        Ok(())
    }

    fn become_merged(
        &self,
        publisher: &mut Publisher,
        live: &mut Live,
        (folded, listing): (Folded, &VaultListing),
        changes: &mut OutsideChanges,
    ) -> Result<(), FsError> {
        let Folded { tree, frontier, clock, gaps, devices, checkpoint_bytes, bytes_since, unseen } =
            folded;
        if frontier == publisher.frontier {
            *lock(&self.listening.left) = Some(names_hash(listing));
            return Ok(());
        }
        for (id, device) in &devices {
            let known_seq = publisher.frontier.seq(*id);
            if device.last_seq > known_seq {
                let count = device.last_seq - known_seq;
                log::info!("{}: {count} log objects were merged", device.name);
            }
        }
        publisher.frontier = frontier;
        publisher.clock = publisher.clock.max(clock);
        (publisher.checkpoint_bytes, publisher.bytes_since) = (checkpoint_bytes, bytes_since);
        publisher.devices.extend(devices);
        {
            let mut awaited = lock(&self.awaited);
            awaited.logs = gaps.iter().map(|gap| said(gap, &publisher.frontier)).collect();
            match unseen {
                Unseen::All => awaited.unseen = Unseen::All,
                Unseen::Packs(packs) => awaited.unseen.add(packs),
            }
            let is_staged = |id| self.is_staged(live, id);
            awaited.packs = absent_packs(&tree, listing, &awaited.unseen, is_staged).0;
        }
        self.note_seen_locked(publisher, live)?;
        let differences = live.tree.turn_into(&tree);
        for ino in &differences.gone {
            if !live.open.contains_key(ino) {
                live.drop_inode(*ino);
            }
        }
        live.resized_outside.extend(&differences.inodes);
        changes.inodes.extend(differences.inodes);
        changes.names.extend(differences.names);
        Ok(())
    }

    /// Whether there is a pack under its name, as long as one can be.
    fn may_be_here(&self, pack: PackId) -> bool {
        let file = self.vault.open(&pack_path(pack));
        file.is_ok_and(|file| file.len().is_ok_and(may_be_whole))
    }

    /// Takes note of packs that have arrived, and of new ones that are awaited.
    fn note_arrived_packs(&self, mut listing: VaultListing) -> Result<(), FsError> {
        let live = self.read_live()?;
        let wanted = live.tree.needed_packs();
        take_in_packs(&self.vault, &self.keys, &mut listing, wanted);
        let mut awaited = lock(&self.awaited);
        let is_staged = |id| self.is_staged(&live, id);
        awaited.packs = absent_packs(&live.tree, &listing, &awaited.unseen, is_staged).0;
        Ok(())
    }

    fn is_staged(&self, live: &Live, pack: PackId) -> bool {
        live.writing.as_ref().is_some_and(|writing| writing.stage.find(pack).is_some())
            || self.readers.has_staged(pack)
    }

    /// Writes down what this device has seen, for who holds the lock of the live state.
    fn note_seen_locked(&self, publisher: &Publisher, live: &mut Live) -> Result<(), FsError> {
        let (Some(state), Some(_)) = (&self.state, &live.writing) else { return Ok(()) };
        let seen = self.seen_by(publisher, None);
        state.set_seen(&self.keys, &seen).map_err(|error| live.disk_failed(error))
    }
}

/// Which log objects and checkpoints there are, in a number.
fn names_hash(listing: &VaultListing) -> u64 {
    let mut hasher = DefaultHasher::new();
    for names in [listing.log_names(LogKind::Increment), listing.log_names(LogKind::Checkpoint)] {
        names.hash(&mut hasher);
    }
    hasher.finish()
}

/// What keeps log objects from being shown, in a sentence.
fn said(gap: &FoldGap, seen: &Frontier) -> String {
    not_arrived(gap, seen, None).unwrap_or_else(|| gap.to_string())
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
