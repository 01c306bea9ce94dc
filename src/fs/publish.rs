//! From the state folder to the vault: packs first, then the log object that tells of them (I4),
//! then the journal lets go of what is there (I7).

use std::collections::BTreeMap;

use crate::format::{
    DESCRIPTOR_BYTES_MAX, DESCRIPTOR_NAME, DeviceId, Frontier, FrontierEntry, LogDraft, LogHash,
    LogKind, PackId, Time, UnverifiedDescriptor, pack_path,
};
use crate::store::{ClosedPack, Publishing, StoreError, VaultListing, log_path};

use super::error::FsError;
use super::file_system::{FileSystem, lock};
use super::fold::{DeviceSeen, Folded};
use super::live::Writing;

/// A checkpoint is due when the operations since the last one outgrow half of it, and this.
const CHECKPOINT_LEAST_BYTES: u64 = 256 << 10;
/// With fewer log objects than this, a collection leaves the log as it is.
const LOGS_LEAST: usize = 4;
/// A checkpoint of this size is worth its upload for the number of objects alone.
const SMALL_CHECKPOINT_BYTES: u64 = 64 << 10;

/// What this device has published, and what it is about to.
#[derive(Debug)]
pub(super) struct Publisher {
    pub(super) device: DeviceId,
    pub(super) device_name: String,
    /// Everything this device has seen, its own log objects included.
    pub(super) frontier: Frontier,
    pub(super) clock: u64,
    /// The journal's generations up to this number are in the vault.
    pub(super) generation: u64,
    /// Bytes of operations in the last checkpoint, and since.
    pub(super) checkpoint_bytes: u64,
    pub(super) bytes_since: u64,
    /// Every device whose log objects were seen, this one included.
    pub(super) devices: BTreeMap<DeviceId, DeviceSeen>,
    /// A log object that is sealed and not in the vault yet. It stays the same bytes however
    /// often it is tried: a number is never used for two.
    pub(super) pending: Option<PendingLog>,
    pub(super) last_publish: Option<Time>,
    pub(super) last_error: Option<FsError>,
}

impl Publisher {
    /// Of a device that goes on from what was folded, and from this generation of its journal.
    pub(super) fn after(
        folded: &Folded,
        device: DeviceId,
        device_name: String,
        generation: u64,
    ) -> Self {
        Self {
            device,
            device_name,
            frontier: folded.frontier.clone(),
            clock: folded.clock,
            generation,
            checkpoint_bytes: folded.checkpoint_bytes,
            bytes_since: folded.bytes_since,
            devices: folded.devices.clone(),
            pending: None,
            last_publish: None,
            last_error: None,
        }
    }
}

/// A sealed log object on its way to the vault.
#[derive(Debug)]
pub(super) struct PendingLog {
    seq: u64,
    sealed: Vec<u8>,
    operations_bytes: u64,
    /// When it was made.
    published: Time,
    /// The state after it, if a checkpoint is due.
    checkpoint: Option<Vec<u8>>,
    /// The last generation of the journal whose operations it holds.
    generation: u64,
}

/// What comes after a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Afterwards {
    /// More changes.
    GoOn,
    /// Nothing: the mount ends.
    End,
}

impl Publisher {
    /// Whether a log object is among those that this device has seen.
    pub(super) fn has_seen(&self, entry: &FrontierEntry) -> bool {
        self.frontier.seq(entry.device) >= entry.seq
    }

    fn next_seq(&self) -> u64 {
        self.frontier.seq(self.device) + 1
    }

    fn draft(&self, kind: LogKind, seq: u64, published: Time, operations: Vec<u8>) -> LogDraft {
        let previous = self.frontier.get(self.device).map_or(LogHash::NONE, |entry| entry.hash);
        LogDraft {
            device: self.device,
            seq,
            previous,
            frontier: self.frontier.clone(),
            clock: self.clock,
            kind,
            published,
            device_name: self.device_name.clone(),
            operations,
        }
    }
}

impl FileSystem {
    /// Publishes everything so far: when it returns, it is in the vault.
    ///
    /// # Errors
    /// [`FsError`]; nothing is lost, what is not in the vault stays in the state folder and is
    /// tried again.
    pub fn publish(&self) -> Result<(), FsError> {
        self.publish_and(Afterwards::GoOn)
    }

    /// Publishes everything, and refuses changes from the moment on that it is taken: programs
    /// that still have files open after a lazy unmount may write meanwhile.
    ///
    /// # Errors
    /// As for [`Self::publish`]; changes are then taken as before.
    pub(super) fn publish_last(&self) -> Result<(), FsError> {
        let result = self.publish_and(Afterwards::End);
        if result.is_err() {
            self.write_live()?.has_ended = false;
        }
        result
    }

    fn publish_and(&self, afterwards: Afterwards) -> Result<(), FsError> {
        let mut publisher = lock(&self.publisher);
        let result = self.publish_all(&mut publisher, afterwards);
        publisher.last_error = result.as_ref().err().cloned();
        result
    }

    /// Moves full packs to the vault ahead of their log object.
    ///
    /// # Errors
    /// As for [`Self::publish`].
    pub(super) fn publish_full_packs(&self) -> Result<(), FsError> {
        let mut publisher = lock(&self.publisher);
        let result = self.publish_packs();
        if let Err(error) = &result {
            publisher.last_error = Some(error.clone());
        }
        result
    }

    /// Whether the vault folder is there, and this vault's: nothing is put into the empty folder
    /// that an unplugged disk or a sync client that signs out leaves in its place.
    pub(super) fn find_vault(&self) -> Result<(), FsError> {
        let place = self.vault.place(DESCRIPTOR_NAME);
        let bytes = self.vault.get(DESCRIPTOR_NAME, DESCRIPTOR_BYTES_MAX);
        let there = bytes.and_then(|bytes| {
            UnverifiedDescriptor::parse(&bytes).map_err(|error| StoreError::format(&place, error))
        });
        let there = match there {
            Err(_) if self.finds_descriptor_copy() => return Ok(()),
            there => there.map_err(disk_answer)?,
        };
        if *there.claimed_vault() != self.descriptor.vault {
            return Err(FsError::Disk(format!("{} is another vault's", place.display())));
        }
        Ok(())
    }

    fn publish_all(
        &self,
        publisher: &mut Publisher,
        afterwards: Afterwards,
    ) -> Result<(), FsError> {
        // What an earlier attempt had sealed comes first, with the number it has.
        if publisher.pending.is_some() {
            self.publish_pending(publisher)?;
        }
        publisher.pending = self.prepare_log(publisher, afterwards)?;
        self.publish_pending(publisher)
    }

    /// Takes everything so far out of the live state, as a sealed log object.
    fn prepare_log(
        &self,
        publisher: &Publisher,
        afterwards: Afterwards,
    ) -> Result<Option<PendingLog>, FsError> {
        let mut live = self.write_live()?;
        let live = &mut *live;
        if live.writing.is_none() {
            return Ok(None);
        }
        live.writing()?;
        live.settle_all()?;
        let Some(writing) = &mut live.writing else { return Ok(None) };
        if writing.log.is_empty() {
            live.unpublished_since = None;
            live.has_ended |= afterwards == Afterwards::End;
            return Ok(None);
        }
        let seq = publisher.next_seq();
        let closed = writing.stage.close_growing(&live.tree);
        let closed = closed.and_then(|()| writing.journal.rotate());
        let generation = match closed {
            Ok(generation) => generation,
            Err(error) => return Err(live.disk_failed(error)),
        };
        let operations = std::mem::take(&mut writing.log);
        writing.leaving_operations = std::mem::take(&mut writing.log_operations);
        live.unpublished_since = None;
        live.has_ended |= afterwards == Afterwards::End;
        let operations_bytes = operations.len() as u64;
        let published = self.vault.now();
        live.tree.note_unused_packs(|| published);
        let since = publisher.bytes_since + operations_bytes;
        let is_due = since > CHECKPOINT_LEAST_BYTES && since > publisher.checkpoint_bytes / 2;
        let checkpoint = is_due.then(|| {
            let mut state = Vec::new();
            live.tree.encode_checkpoint(&mut state);
            state
        });
        let mut draft = publisher.draft(LogKind::Increment, seq, published, operations);
        draft.clock = draft.clock.saturating_add(1);
        let sealed = draft.seal(&self.keys);
        Ok(Some(PendingLog { seq, sealed, operations_bytes, published, checkpoint, generation }))
    }

    /// Puts packs, then the pending log object, into the vault, and takes note of it.
    fn publish_pending(&self, publisher: &mut Publisher) -> Result<(), FsError> {
        self.publish_packs()?;
        let Some(pending) = &publisher.pending else { return Ok(()) };
        let (device, seq) = (publisher.device, pending.seq);
        let entry = FrontierEntry { device, seq, hash: LogHash::of(&pending.sealed) };
        let publishing = Publishing { entry, generation: pending.generation };
        self.find_vault()?;
        self.note_seen(publisher, Some(publishing))?;
        match self.vault.put_log(LogKind::Increment, device, seq, &pending.sealed) {
            // An attempt that failed after the name had appeared.
            Err(StoreError::Exists(_)) => {
                let path = log_path(LogKind::Increment, device, seq);
                self.settle_attempt(&path, &pending.sealed)?;
            }
            result => result.map_err(disk_answer)?,
        }
        publisher.frontier.advance(entry);
        publisher.generation = pending.generation;
        publisher.clock = publisher.clock.saturating_add(1);
        publisher.bytes_since += pending.operations_bytes;
        let published = self.vault.now();
        publisher.last_publish = Some(published);
        self.note_published_news();
        let name = publisher.device_name.clone();
        let seen = DeviceSeen { name, last_seq: seq, last_seen: published };
        publisher.devices.insert(device, seen);
        let mut live = self.write_live()?;
        live.tree.put_off_unused_packs(pending.published, published);
        if let Some(writing) = &mut live.writing {
            writing.journal.release(pending.generation);
            writing.leaving_operations = 0;
        }
        drop(live);
        let checkpoint = publisher.pending.take().and_then(|pending| pending.checkpoint);
        // Not needed for anything promised: it only tells a later rollback from a crash.
        self.note_seen(publisher, None).unwrap_or_else(|error| log::warn!("{error}"));
        if let Some(operations) = checkpoint {
            self.publish_checkpoint(publisher, operations);
        }
        Ok(())
    }

    /// Writes down what this device goes on from.
    ///
    /// # Errors
    /// [`FsError`].
    pub(super) fn note_ground(&self) -> Result<(), FsError> {
        self.note_seen(&lock(&self.publisher), None)
    }

    /// Writes down what is in the vault, and what is about to be.
    ///
    /// # Errors
    /// [`FsError::NoSpace`]: it can be tried again. [`FsError::Disk`]: writing has stopped, as
    /// after any write of the state folder that failed.
    fn note_seen(
        &self,
        publisher: &Publisher,
        publishing: Option<Publishing>,
    ) -> Result<(), FsError> {
        let Some(state) = &self.state else { return Ok(()) };
        match state.set_seen(&self.keys, &self.seen_by(publisher, publishing)) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.write_live()?.disk_failed(error)),
        }
    }

    /// Makes a checkpoint where that lets go of more than it costs, or of many log objects for
    /// little. No log object is pending; while more is written it waits.
    pub(super) fn shorten_log(
        &self,
        publisher: &mut Publisher,
        listing: &VaultListing,
    ) -> Result<(), FsError> {
        // Those before the last checkpoint stay no longer for another one.
        let own = (publisher.device, 0)..=(publisher.device, u64::MAX);
        let last = listing.checkpoints.range(own).next_back().map_or(0, |((_, seq), _)| *seq);
        let since = |(device, seq): &(DeviceId, u64)| *device != publisher.device || *seq > last;
        let logs = listing.logs.iter().filter(|(name, _)| since(name));
        let (count, log_bytes) =
            logs.fold((0, 0), |(count, sum), (_, bytes)| (count + 1, sum + bytes));
        if publisher.bytes_since == 0 || count < LOGS_LEAST {
            return Ok(());
        }
        let operations = {
            let mut live = self.write_live()?;
            live.settle_all()?;
            let is_published = |writing: &Writing| writing.log.is_empty();
            if !live.writing.as_ref().is_some_and(is_published) {
                return Ok(());
            }
            let mut operations = Vec::new();
            live.tree.encode_checkpoint(&mut operations);
            operations
        };
        if operations.len() as u64 <= (2 * log_bytes).max(SMALL_CHECKPOINT_BYTES) {
            self.publish_checkpoint(publisher, operations);
        }
        Ok(())
    }

    /// A checkpoint only saves time: one that cannot be written is left for the next time.
    fn publish_checkpoint(&self, publisher: &mut Publisher, operations: Vec<u8>) {
        let (device, seq) = (publisher.device, publisher.frontier.seq(publisher.device));
        let bytes = operations.len() as u64;
        let sealed = publisher.draft(LogKind::Checkpoint, seq, self.vault.now(), operations);
        let sealed = sealed.seal(&self.keys);
        match self.vault.put_log(LogKind::Checkpoint, device, seq, &sealed) {
            Ok(()) => (publisher.checkpoint_bytes, publisher.bytes_since) = (bytes, 0),
            Err(error) => log::warn!("no checkpoint this time: {error}"),
        }
    }

    /// Moves every closed pack to the vault. Nothing is published once writing has stopped: what
    /// of it reached the disk is open, and a second sync may lie about it. The next mount looks.
    fn publish_packs(&self) -> Result<(), FsError> {
        loop {
            let next = {
                let live = self.read_live()?;
                let Some(writing) = &live.writing else { return Ok(()) };
                if let Some(reason) = &live.read_only {
                    return Err(FsError::ReadOnly(reason.clone()));
                }
                writing.stage.waiting().next().cloned()
            };
            let Some(pack) = next else { return Ok(()) };
            self.sync_pack(&pack)?;
            let id = pack.sealer.id();
            self.find_vault()?;
            // Once before, so that no writer's file is closed in the vault, and once after.
            self.readers.close_moved(id);
            self.publish_pack(&pack)?;
            if let Some(writing) = &mut self.write_live()?.writing {
                writing.stage.note_published(id);
            }
            self.readers.close_moved(id);
        }
    }

    /// Makes a pack durable where it waits. Nobody else syncs it meanwhile: after a sync that failed,
    /// a second one may succeed and lie.
    fn sync_pack(&self, pack: &ClosedPack) -> Result<(), FsError> {
        let _nobody_else = lock(&self.durable);
        pack.file.sync().map_err(|error| {
            let error = StoreError::io("cannot sync", &pack.path, error).to_string();
            match self.write_live() {
                Ok(mut live) => live.latch(error),
                Err(fault) => fault,
            }
        })
    }

    fn publish_pack(&self, pack: &ClosedPack) -> Result<(), FsError> {
        let id: PackId = pack.sealer.id();
        match self.vault.adopt_pack(&pack.path, id) {
            // An attempt that failed after the name had appeared; the old one may be gone.
            Err(StoreError::Exists(_) | StoreError::Missing(_)) => {
                let fail = |error| disk_answer(StoreError::io("cannot publish", &pack.path, error));
                let mut here = vec![0; pack.bytes as usize];
                let bytes = pack.file.read_at(&mut here, 0).map_err(fail)?;
                self.settle_attempt(&pack_path(id), &here[..bytes])?;
                match self.vault.disk().remove(&pack.path) {
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
                    result => result.map_err(fail),
                }
            }
            result => result.map_err(disk_answer),
        }
    }

    /// Makes the name of an object durable that an earlier attempt left at `path`, if it is
    /// `bytes`: nobody else has any business there.
    fn settle_attempt(&self, path: &str, bytes: &[u8]) -> Result<(), FsError> {
        let is_ours = match self.vault.get(path, bytes.len() as u64) {
            Err(StoreError::TooLong { .. }) => false,
            there => there.map_err(disk_answer)? == bytes,
        };
        let place = self.vault.place(path);
        if !is_ours {
            let reason = format!("{} is not what belongs there", place.display());
            return Err(self.write_live()?.latch(reason));
        }
        self.vault.settle_name(path).map_err(disk_answer)
    }
}

/// A vault that takes nothing now may take it later: no reason to stop writing here.
fn disk_answer(error: StoreError) -> FsError {
    match error {
        StoreError::Full(_) => FsError::NoSpace,
        error => FsError::Disk(error.to_string()),
    }
}
