//! Which log objects there are, and which of the missing and damaged ones copies can replace.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::crypto::ClassKeys;
use crate::format::{
    DeviceId, Frontier, FrontierEntry, LogHash, LogKind, OpenedLog, Operation, PackId, Time,
};
use crate::store::{StoreError, VaultFolder, VaultListing, log_path};

use super::copies::{Copies, LogCopy, LogPlace};
use super::marks::Marks;
use super::report::Moved;

/// What of an authentic log object is kept in mind.
#[derive(Clone, Debug)]
pub(super) struct LogFacts {
    pub(super) hash: LogHash,
    pub(super) clock: u64,
    pub(super) published: Time,
}

/// A log object that takes its place again.
#[derive(Clone, Debug)]
pub(super) struct LogHeal {
    pub(super) object: String,
    pub(super) copy: LogCopy,
}

/// The vault's log objects, as far as they are authentic or can be.
#[derive(Debug, Default)]
pub(super) struct Logs {
    /// Those that are in their places, or will be once `heals` are done.
    pub(super) facts: BTreeMap<LogPlace, LogFacts>,
    pub(super) heals: Vec<LogHeal>,
    /// Damaged ones that nothing takes the place of, and those that a repair took the place of.
    pub(super) set_aside: Vec<Moved>,
    /// Damaged ones among those.
    pub(super) past_help: BTreeSet<LogPlace>,
    pub(super) marks: Marks,
    /// Increments that came after a repair had given them up, and other versions of increments:
    /// where they can be read.
    pub(super) astray: Vec<((DeviceId, u64), String)>,
    /// Every pack that any of them mentions.
    pub(super) mentioned: HashSet<PackId>,
    /// What others say an increment's hash is.
    expected: HashMap<(DeviceId, u64), BTreeSet<[u8; 32]>>,
}

impl Logs {
    /// Reads every log object, and finds copies for what is not in place.
    ///
    /// # Errors
    /// [`StoreError`] if one cannot be read for another reason than damage, or is a newer
    /// program's: then nothing may be decided.
    pub(super) fn find(
        vault: &VaultFolder,
        listing: &VaultListing,
        keys: &ClassKeys,
        copies: &Copies,
        trusted: &Frontier,
    ) -> Result<Self, StoreError> {
        let mut logs = Self::default();
        let mut damaged: BTreeMap<LogPlace, String> = BTreeMap::new();
        let increments = listing.logs.keys().map(|(d, s)| (LogKind::Increment, *d, *s));
        let checkpoints = listing.checkpoints.keys().map(|(d, s)| (LogKind::Checkpoint, *d, *s));
        for place in increments.chain(checkpoints) {
            let (kind, device, seq) = place;
            match vault.get_log(keys, kind, device, seq) {
                Ok(log) => logs.note(place, &log),
                Err(error) if error.is_newer() => return Err(error),
                Err(StoreError::Format { source, .. }) => {
                    damaged.insert(place, source.to_string());
                }
                Err(error @ StoreError::TooLong { .. }) => {
                    damaged.insert(place, error.to_string());
                }
                Err(error) => return Err(error),
            }
        }
        trusted.iter().for_each(|entry| logs.expect(entry));
        let mut opened = Vec::new();
        for (place, copy) in
            copies.logs.iter().flat_map(|(place, copies)| copies.iter().map(move |c| (*place, c)))
        {
            let log = vault.get_log_at(keys, place.0, &copy.path)?;
            log.operations().flatten().for_each(|operation| logs.marks.note(&operation));
            opened.push((place, copy.clone(), log));
        }
        for (place, copy, log) in opened {
            logs.take_copy(place, copy, &log);
        }
        logs.leave_out_marked();
        for (place, what) in damaged {
            if !logs.facts.contains_key(&place) {
                let object = log_path(place.0, place.1, place.2);
                logs.set_aside.push(Moved { object, why: what });
                logs.past_help.insert(place);
            }
        }
        Ok(logs)
    }

    /// The objects that the fold is to go by.
    pub(super) fn listing(&self, packs: &VaultListing) -> VaultListing {
        let mut listing = VaultListing { packs: packs.packs.clone(), ..VaultListing::default() };
        for (kind, device, seq) in self.facts.keys() {
            let names = match kind {
                LogKind::Increment => &mut listing.logs,
                LogKind::Checkpoint => &mut listing.checkpoints,
            };
            names.insert((*device, *seq), 0);
        }
        listing
    }

    /// The highest number of each device's increments that anybody knows of.
    pub(super) fn last_known(&self) -> BTreeMap<DeviceId, u64> {
        let mut last: BTreeMap<DeviceId, u64> = BTreeMap::new();
        let there = self.facts.keys().filter(|place| place.0 == LogKind::Increment);
        let gone = self.past_help.iter().filter(|place| place.0 == LogKind::Increment);
        let named = there.chain(gone).map(|(_, device, seq)| (*device, *seq));
        for (device, seq) in named.chain(self.expected.keys().copied()) {
            let known = last.entry(device).or_default();
            *known = seq.max(*known);
        }
        last
    }

    fn note(&mut self, place: LogPlace, log: &OpenedLog) {
        for operation in log.operations().flatten() {
            self.marks.note(&operation);
            if let Operation::Write { runs, .. } = &operation {
                self.mentioned.extend(runs.iter().map(|run| run.pack));
            }
        }
        log.frontier.iter().for_each(|entry| self.expect(entry));
        let facts = LogFacts { hash: log.hash, clock: log.clock, published: log.published };
        self.facts.insert(place, facts);
    }

    fn expect(&mut self, entry: &FrontierEntry) {
        self.expected.entry((entry.device, entry.seq)).or_default().insert(entry.hash.0);
    }

    /// Lets a copy take the place of an object that is damaged or missing, if it is that object.
    fn take_copy(&mut self, place: LogPlace, copy: LogCopy, log: &OpenedLog) {
        let (kind, device, seq) = place;
        let is_marked = kind == LogKind::Increment && self.marks.has((device, seq));
        match self.facts.get(&place) {
            Some(there) if there.hash == copy.hash => return,
            None if !is_marked && self.is_expected(place, &copy.hash) => {
                self.note(place, log);
                self.heals.push(LogHeal { object: log_path(kind, device, seq), copy });
                return;
            }
            _ => {}
        }
        if kind == LogKind::Increment && !self.marks.has_taken((device, seq), &copy.hash) {
            self.astray.push(((device, seq), copy.path));
        }
    }

    fn is_expected(&self, (kind, device, seq): LogPlace, hash: &LogHash) -> bool {
        let expected = self.expected.get(&(device, seq));
        kind == LogKind::Checkpoint || expected.is_none_or(|hashes| hashes.contains(&hash.0))
    }

    /// Objects that a repair has taken the place of are no part of the log any more.
    fn leave_out_marked(&mut self) {
        let marks = &self.marks;
        let is_marked = |(kind, device, seq): &LogPlace| {
            *kind == LogKind::Increment && marks.has((*device, *seq))
        };
        let marked: Vec<LogPlace> = self.facts.keys().filter(|it| is_marked(it)).copied().collect();
        for place in marked {
            let (kind, device, seq) = place;
            let Some(facts) = self.facts.remove(&place) else { continue };
            let object = log_path(kind, device, seq);
            if self.marks.has_taken((device, seq), &facts.hash) {
                let why = "a repair has taken its operations over".to_owned();
                self.set_aside.push(Moved { object, why });
            } else {
                self.astray.push(((device, seq), object));
            }
        }
    }
}
