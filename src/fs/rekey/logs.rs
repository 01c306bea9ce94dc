//! Log objects and checkpoints, in an order in which everything that one names comes before it.
//!
//! A log object names by hash the one before it of its device, and every one that its author had seen.
//! Of what is there the new hash takes the place of the old one. What has been collected stays absent,
//! and its old hash stays where it is named: all who name it go on agreeing on it, and that is all that
//! the hash of something absent ever tells.

use std::collections::{BTreeMap, BTreeSet};

use crate::format::{DeviceId, Frontier, FrontierEntry, LogDraft, LogHash, LogKind, OpenedLog};
use crate::store::{StoreError, VaultListing, log_path};

use super::super::verify::{DamagedObject, without_path};
use super::error::RekeyError;
use super::run::Rekey;

/// A log object by its device and number.
type Name = (DeviceId, u64);

/// The hashes that one log object has in both vaults.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hashes {
    /// `None` where the old vault has collected it since it was sealed anew.
    pub(super) old: Option<LogHash>,
    pub(super) new: LogHash,
}

/// The increments of the new vault, by name.
#[derive(Debug, Default)]
pub(super) struct Hashed(pub(super) BTreeMap<Name, Hashes>);

impl Hashed {
    /// What stands for an entry of a frontier in the new vault; `Err` where the entry names another
    /// version of a log object than the one that is there.
    fn anew(&self, entry: &FrontierEntry) -> Result<FrontierEntry, String> {
        match self.0.get(&(entry.device, entry.seq)) {
            Some(Hashes { old: Some(old), .. }) if *old != entry.hash => {
                let path = log_path(LogKind::Increment, entry.device, entry.seq);
                Err(format!("was written on another version of {path}"))
            }
            Some(Hashes { new, .. }) => Ok(FrontierEntry { hash: *new, ..*entry }),
            None => Ok(*entry),
        }
    }

    pub(super) fn frontier(&self, frontier: &Frontier) -> Result<Frontier, String> {
        let mut anew = Frontier::default();
        for entry in frontier.iter() {
            anew.advance(self.anew(entry)?);
        }
        Ok(anew)
    }

    /// What a log object of the old vault says in the new one.
    fn draft(&self, log: &OpenedLog) -> Result<LogDraft, String> {
        let before = match log.kind {
            LogKind::Increment => log.seq - 1,
            LogKind::Checkpoint => log.seq,
        };
        let (device, hash) = (log.device, log.previous);
        let previous = self.anew(&FrontierEntry { device, seq: before, hash })?.hash;
        Ok(LogDraft {
            device: log.device,
            seq: log.seq,
            previous,
            frontier: self.frontier(&log.frontier)?,
            clock: log.clock,
            kind: log.kind,
            published: log.published,
            device_name: log.device_name.clone(),
            operations: log.encoded_operations().to_vec(),
        })
    }
}

impl Rekey<'_> {
    /// The old vault's log objects in the order in which they are sealed anew, checkpoints last: no
    /// log object names one.
    pub(super) fn logs_in_order(
        &self,
        listing: &VaultListing,
    ) -> Result<Vec<(LogKind, DeviceId, u64)>, RekeyError> {
        let mut logs = Vec::new();
        for (device, seq) in listing.logs.keys() {
            let log = self.old_log((LogKind::Increment, *device, *seq))?;
            logs.push((log.clock, *device, *seq));
        }
        logs.sort_unstable();
        let logs = logs.into_iter().map(|(_, device, seq)| (LogKind::Increment, device, seq));
        let checkpoints = listing.checkpoints.keys();
        let checkpoints = checkpoints.map(|(device, seq)| (LogKind::Checkpoint, *device, *seq));
        Ok(logs.chain(checkpoints).collect())
    }

    /// The hashes of what the new vault has and the old one has let go of.
    pub(super) fn hashes_of_collected(
        &self,
        old: &VaultListing,
        new: &VaultListing,
    ) -> Result<Hashed, RekeyError> {
        let mut hashed = Hashed::default();
        let gone: BTreeSet<Name> =
            new.logs.keys().filter(|name| !old.logs.contains_key(name)).copied().collect();
        for (device, seq) in gone {
            let log = self.new_log((LogKind::Increment, device, seq))?;
            hashed.0.insert((device, seq), Hashes { old: None, new: log.hash });
        }
        Ok(hashed)
    }

    /// Puts a log object or checkpoint into the new vault; checks it if it is there. Tells how long it
    /// is, and whether it was made.
    pub(super) fn log(
        &self,
        place: (LogKind, DeviceId, u64),
        listing: &VaultListing,
        is_there: bool,
        hashed: &mut Hashed,
    ) -> Result<(u64, bool), RekeyError> {
        let (kind, device, seq) = place;
        let old = self.old_log(place)?;
        let unseen = |entry: &&FrontierEntry| {
            let name = (entry.device, entry.seq);
            listing.logs.contains_key(&name) && !hashed.0.contains_key(&name)
        };
        if let Some(entry) = old.frontier.iter().find(unseen) {
            let before = log_path(LogKind::Increment, entry.device, entry.seq);
            return Err(damaged(place, format!("its clock is not behind that of {before}")));
        }
        let draft = hashed.draft(&old).map_err(|why| damaged(place, why))?;
        let (hash, bytes) = match is_there {
            true => {
                let there = self.new_log(place)?;
                if let Some(why) = difference(&draft, &there) {
                    let object = log_path(kind, device, seq);
                    return Err(RekeyError::NotTheSame { object, why: why.to_owned() });
                }
                (there.hash, there.object_bytes)
            }
            false => {
                let sealed = draft.seal(self.new.keys);
                self.new.vault.put_log(kind, device, seq, &sealed)?;
                (LogHash::of(&sealed), sealed.len() as u64)
            }
        };
        if kind == LogKind::Increment {
            hashed.0.insert((device, seq), Hashes { old: Some(old.hash), new: hash });
        }
        Ok((bytes, !is_there))
    }

    fn old_log(&self, place: (LogKind, DeviceId, u64)) -> Result<OpenedLog, RekeyError> {
        let (kind, device, seq) = place;
        let read = self.old.vault.get_log(self.old.keys, kind, device, seq);
        read.map_err(|error| match &error {
            StoreError::Format { .. } | StoreError::TooLong { .. } => {
                damaged(place, without_path(&error))
            }
            _ => error.into(),
        })
    }

    fn new_log(&self, place: (LogKind, DeviceId, u64)) -> Result<OpenedLog, RekeyError> {
        let (kind, device, seq) = place;
        let read = self.new.vault.get_log_as_named(self.new.keys, kind, device, seq);
        read.map_err(|error| match &error {
            StoreError::Format { .. } | StoreError::TooLong { .. } => RekeyError::NotTheSame {
                object: log_path(kind, device, seq),
                why: without_path(&error),
            },
            _ => error.into(),
        })
    }
}

fn damaged((kind, device, seq): (LogKind, DeviceId, u64), what: String) -> RekeyError {
    let object = log_path(kind, device, seq);
    RekeyError::Damaged(vec![DamagedObject { object, what, files: Vec::new() }])
}

/// What a log object that is there says other than it should.
fn difference(wanted: &LogDraft, there: &OpenedLog) -> Option<&'static str> {
    let is_same = [
        (wanted.previous == there.previous, "it follows another log object"),
        (wanted.frontier == there.frontier, "it was written on other log objects"),
        (wanted.clock == there.clock, "its clock is another"),
        (wanted.published == there.published, "its time is another"),
        (wanted.device_name == there.device_name, "its device has another name"),
        (wanted.operations == there.encoded_operations(), "its operations are others"),
    ];
    is_same.into_iter().find(|(is_same, _)| !is_same).map(|(_, why)| why)
}
