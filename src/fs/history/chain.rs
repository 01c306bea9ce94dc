//! Which states the log objects and checkpoints that are there lead to.
//!
//! Whoever collects may leave gaps: of the days before the last one, a checkpoint and the log objects
//! from it to the last state of the day. So the log is looked at in stretches. Each begins with nothing
//! or with a checkpoint that all of it was written on, and ends where something is missing. A state is
//! only told of if it is certain that no log object which belongs to it is among what is missing.

use std::collections::{BTreeMap, BTreeSet};

use crate::format::{
    CheckpointAge, DeviceId, Frontier, FrontierEntry, LogHash, LogKind, OpenedLog, Operation,
    PackId,
};
use crate::store::StoreError;

use super::super::fold::{FoldGap, Logs, is_covered};
use super::super::recover::runs_of;
use super::states::{History, Start, State};

/// A checkpoint by its name, and what it covers.
pub(in super::super) type Covering = ((DeviceId, u64), Frontier);

/// A checkpoint that can be used.
#[derive(Clone, Debug)]
struct Ground {
    age: CheckpointAge,
    /// As a state; its frontier is what it covers.
    state: State,
    /// The hash of its device's log object of the same number.
    previous: LogHash,
    name: (DeviceId, u64),
}

impl Ground {
    fn frontier(&self) -> &Frontier {
        &self.state.frontier
    }
}

/// The log objects between two frontiers, as far as they go on from the first.
#[derive(Debug)]
struct Runs {
    /// In the order of states; their frontiers are not known yet.
    states: Vec<State>,
    /// Devices of which a log object is missing.
    broken: BTreeSet<DeviceId>,
}

/// Finds states.
pub(super) struct Chain<'a> {
    pub(super) logs: &'a Logs<'a>,
    /// Whether a pack is there, or is no matter of the history.
    pub(super) is_here: &'a dyn Fn(PackId) -> bool,
    pub(super) has_unreadable: bool,
}

impl Chain<'_> {
    /// The states on the way to what covers `end`, and what the checkpoints within it cover.
    pub(super) fn history(mut self, end: &Frontier) -> (History, Vec<Covering>) {
        let grounds = self.grounds(end);
        let mut states = self.newest_stretch(&grounds, end).unwrap_or_default();
        while let Some(State { start: Some(Start::Checkpoint(..)), frontier, .. }) = states.first()
        {
            let end = frontier.clone();
            let (mut older, is_all) = self.stretch_below(&grounds, &end);
            if older.is_empty() {
                break;
            }
            // What the checkpoint holds is the last state before it.
            older.extend(states.into_iter().skip(usize::from(is_all)));
            states = older;
        }
        let covers = grounds.into_iter().map(|ground| (ground.name, ground.state.frontier));
        (History::new(states, self.has_unreadable), covers.collect())
    }

    /// The checkpoints that can be used within `end`, in the order of states.
    fn grounds(&mut self, end: &Frontier) -> Vec<Ground> {
        let mut grounds = Vec::new();
        for (device, seq) in self.logs.listing.log_names(LogKind::Checkpoint) {
            match self.logs.checkpoint(device, seq) {
                Ok((log, _)) if log.operations().any(|operation| operation.is_err()) => {
                    self.has_unreadable = true;
                }
                Ok((log, _)) if is_covered(&log.frontier, end) => {
                    let (mut state, previous) = (self.state(&log), log.previous);
                    state.frontier.clone_from(&log.frontier);
                    state.start = Some(Start::Checkpoint(device, seq));
                    let (age, name) = (log.checkpoint_age(), (device, seq));
                    grounds.push(Ground { age, state, previous, name });
                }
                Ok(_) | Err(StoreError::Missing(_)) => {}
                Err(_) => self.has_unreadable = true,
            }
        }
        grounds.sort_by_key(|ground| ground.age);
        grounds
    }

    fn state(&self, log: &OpenedLog) -> State {
        let operations: Vec<Operation<'_>> = log.operations().flatten().collect();
        let named: BTreeSet<PackId> =
            operations.iter().flat_map(|it| runs_of(it)).map(|run| run.pack).collect();
        State {
            hash: log.hash,
            device: log.device,
            device_name: log.device_name.clone(),
            published: log.published,
            frontier: Frontier::default(),
            seen: log.frontier.clone(),
            seq: log.seq,
            clock: log.clock,
            start: None,
            absent: named.into_iter().filter(|pack| !(self.is_here)(*pack)).collect(),
            is_whole: true,
            is_of_checkpoint: false,
        }
    }

    /// The states to `end` from as far back as everything is there.
    fn newest_stretch(&mut self, grounds: &[Ground], end: &Frontier) -> Option<Vec<State>> {
        if let Some(mut states) = self.states_between(&Frontier::default(), end) {
            if let Some(first) = states.first_mut() {
                first.start = Some(Start::Nothing);
            }
            return Some(states);
        }
        let mut loose = None;
        for ground in grounds {
            let Some(states) = self.states_between(ground.frontier(), end) else { continue };
            let is_ground = states.iter().all(|state| is_covered(ground.frontier(), &state.seen));
            let states = std::iter::once(self.labelled(ground)).chain(states).collect();
            if is_ground {
                return Some(states);
            }
            // Somebody has not kept to the rules of collection: as good as it gets.
            loose.get_or_insert(states);
        }
        loose
    }

    /// The state that a checkpoint holds, told as that of the last log object in it: the checkpoint may
    /// have been written long after. Where it is not certain which one that is, because some are missing,
    /// the state goes by the checkpoint's own hash, so that it is not taken for another one.
    fn labelled(&self, ground: &Ground) -> State {
        let (mut last, mut missing): (Option<State>, Vec<FrontierEntry>) = (None, Vec::new());
        for entry in ground.frontier().iter() {
            let Some(log) = self.log_of(entry) else {
                missing.push(*entry);
                continue;
            };
            if last.as_ref().is_none_or(|last| (last.clock, last.device) < (log.clock, log.device))
            {
                last = Some(self.state(&log));
            }
        }
        // No log object in a checkpoint has a greater clock than that, and one has as great a one.
        let latest_clock = ground.state.clock;
        let is_latest = last.as_ref().is_some_and(|last| last.clock == latest_clock);
        if let Some(last) = last
            && (missing.is_empty()
                || is_latest && missing.iter().all(|entry| entry.device < last.device))
        {
            return State {
                frontier: ground.state.frontier.clone(),
                start: ground.state.start,
                absent: ground.state.absent.clone(),
                ..last
            };
        }
        let mut own = State { is_of_checkpoint: true, ..ground.state.clone() };
        if !is_latest && matches!(missing[..], [entry] if entry.device == own.device) {
            (own.hash, own.is_of_checkpoint) = (ground.previous, false);
        }
        own
    }

    /// The log object of a frontier's entry, if it is there.
    fn log_of(&self, entry: &FrontierEntry) -> Option<OpenedLog> {
        let (vault, keys) = (self.logs.vault, self.logs.keys);
        let is_there = self.logs.listing.logs.contains_key(&(entry.device, entry.seq));
        let log = is_there
            .then(|| vault.get_log_as_named(keys, LogKind::Increment, entry.device, entry.seq));
        log?.ok().filter(|log| log.hash == entry.hash)
    }

    /// The states after each log object between two frontiers, in order; `None` where one of those is
    /// not to be had.
    fn states_between(&mut self, ground: &Frontier, end: &Frontier) -> Option<Vec<State>> {
        let names = self.logs.listing.log_names(LogKind::Increment);
        let is_there = |device, seq: u64| {
            (ground.seq(device) + 1..=seq).all(|seq| names.contains(&(device, seq)))
        };
        if !end.iter().all(|entry| is_there(entry.device, entry.seq)) {
            return None;
        }
        let Runs { mut states, broken } = self.runs(ground, end);
        if !broken.is_empty() {
            return None;
        }
        let mut frontier = ground.clone();
        for state in &mut states {
            frontier.advance(entry(state));
            state.frontier.clone_from(&frontier);
        }
        Some(states)
    }

    /// What each device wrote from `ground` on, up to `end` or to where something is missing.
    fn runs(&mut self, ground: &Frontier, end: &Frontier) -> Runs {
        let (mut states, mut broken) = (Vec::new(), BTreeSet::new());
        for last in end.iter() {
            let mut at = ground.clone();
            while at.seq(last.device) < last.seq {
                match self.logs.next(last.device, &at, &BTreeMap::new()) {
                    Ok(Some(log)) => {
                        at.advance(log.entry());
                        states.push(self.state(&log));
                    }
                    Ok(None) | Err(FoldGap::Missing { .. }) => break,
                    Err(_) => {
                        self.has_unreadable = true;
                        break;
                    }
                }
            }
            if at.get(last.device) != Some(last) {
                broken.insert(last.device);
            }
        }
        states.sort_by_key(|state| (state.clock, state.device));
        Runs { states, broken }
    }

    /// The states from the newest checkpoint below `end` on, or from nothing, and whether they lead to
    /// `end`.
    fn stretch_below(&mut self, grounds: &[Ground], end: &Frontier) -> (Vec<State>, bool) {
        let below = grounds.iter().rev().filter(|ground| {
            is_covered(ground.frontier(), end) && !is_covered(end, ground.frontier())
        });
        for ground in below {
            let held = self.labelled(ground);
            if self.is_certain(ground, &held, end) {
                let (states, is_all) = self.certain(ground.frontier(), end);
                return (std::iter::once(held).chain(states).collect(), is_all);
            }
        }
        let (mut states, is_all) = self.certain(&Frontier::default(), end);
        if let Some(first) = states.first_mut() {
            first.start = Some(Start::Nothing);
        }
        (states, is_all)
    }

    /// Whether it is certain that nothing within `end` comes before what a checkpoint holds, in the order of
    /// states, and is not in it. Where something is missing, of each device the next log object is there
    /// and comes later; but who wrote the last one in it, or the checkpoint, writes nothing earlier any more.
    fn is_certain(&self, ground: &Ground, held: &State, end: &Frontier) -> bool {
        let is_later = |log: &OpenedLog| match log.clock == held.clock {
            true => !held.is_of_checkpoint && log.device > held.device,
            false => log.clock > held.clock,
        };
        end.iter().all(|last| {
            let (device, seq) = (last.device, ground.frontier().seq(last.device));
            if seq >= last.seq {
                return true;
            }
            let beyond = (device, seq + 1)..=(device, last.seq);
            let writes_no_earlier = device == held.device || device == ground.state.device;
            match self.logs.listing.logs.range(beyond).next() {
                None => writes_no_earlier,
                Some((&(_, next), _)) => {
                    let (vault, keys) = (self.logs.vault, self.logs.keys);
                    let log = vault.get_log_as_named(keys, LogKind::Increment, device, next);
                    (writes_no_earlier || next == seq + 1) && log.is_ok_and(|log| is_later(&log))
                }
            }
        })
    }

    /// The states from `ground` on of which it is certain that nothing that is missing belongs to them:
    /// of every other device, all is there up to `end`, or one more that comes later. What a device
    /// writes comes later than all that it wrote before.
    fn certain(&mut self, ground: &Frontier, end: &Frontier) -> (Vec<State>, bool) {
        let Runs { states, broken } = self.runs(ground, end);
        let mut left: BTreeMap<DeviceId, usize> = BTreeMap::new();
        for state in &states {
            *left.entry(state.device).or_default() += 1;
        }
        let mut frontier = ground.clone();
        let mut certain = Vec::new();
        for mut state in states {
            if let Some(left) = left.get_mut(&state.device) {
                *left -= 1;
            }
            let is_known = broken.iter().all(|device| {
                *device == state.device || left.get(device).is_some_and(|left| *left > 0)
            });
            let fits = is_covered(ground, &state.seen) && is_covered(&state.seen, &frontier);
            if !is_known || !fits {
                return (certain, false);
            }
            frontier.advance(entry(&state));
            state.frontier.clone_from(&frontier);
            certain.push(state);
        }
        (certain, broken.is_empty())
    }
}

fn entry(state: &State) -> FrontierEntry {
    FrontierEntry { device: state.device, seq: state.seq, hash: state.hash }
}
