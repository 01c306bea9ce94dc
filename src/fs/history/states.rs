//! Which states there are, and which one somebody means.

use std::collections::BTreeMap;
use std::fmt;

use crate::format::{DeviceId, Frontier, LogHash, LogKind, Time};

use super::super::fold::{Logs, is_covered};
use super::when::{ID_DIGITS, When, folder_name};

/// A state that can still be had.
#[derive(Clone, Debug)]
pub struct State {
    /// The hash of the last log object in it.
    pub(super) hash: LogHash,
    /// Who published that.
    pub device: DeviceId,
    /// What its owner calls the device.
    pub device_name: String,
    /// When it did, by its own clock.
    pub published: Time,
    /// What the state covers.
    pub(in super::super) frontier: Frontier,
    /// What the author had seen.
    pub(super) seen: Frontier,
    pub(super) seq: u64,
    pub(super) clock: u64,
}

impl State {
    /// Its id, in so many hex digits as are enough to tell states apart by.
    pub fn id(&self) -> String {
        let mut digits = hex(&self.hash);
        digits.truncate(ID_DIGITS);
        digits
    }

    /// The hash of the last log object in it.
    pub fn hash(&self) -> LogHash {
        self.hash
    }

    /// Its id in full.
    pub fn full_id(&self) -> String {
        hex(&self.hash)
    }
}

fn hex(hash: &LogHash) -> String {
    hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Why there is no such state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// No state has such an id.
    #[error("no state has the id {0}: “hushfs history” lists those there are")]
    NoSuchId(String),
    /// More than one has.
    #[error("{count} states have an id that starts with {id}: give more digits of it")]
    Ambiguous {
        /// What was typed.
        id: String,
        /// How many.
        count: usize,
    },
    /// The time is before that of the oldest state.
    #[error("older states have been collected: the oldest one is of {0}")]
    Collected(String),
    /// The time is before the vault's first state.
    #[error("there was nothing in the vault then: its first state is of {0}")]
    BeforeTheFirst(String),
    /// Nothing was ever published.
    #[error("the vault has no states: nothing was published yet")]
    Empty,
    /// It was there when it was listed.
    #[error("this state cannot be put together any more: log objects of it are gone")]
    Gone,
}

/// The states that can still be had, the oldest first.
#[derive(Clone, Debug)]
pub struct History {
    pub(super) states: Vec<State>,
    /// The checkpoint that the first of them is, if what led to it is gone.
    pub(super) ground: Option<(DeviceId, u64)>,
}

impl History {
    /// The states, the oldest first.
    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// Whether there were older states once.
    pub fn is_cut(&self) -> bool {
        self.ground.is_some()
    }

    /// The state that somebody means. Of a time it is the last one, in the order of states, that
    /// was published by then.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn find(&self, when: &When) -> Result<&State, HistoryError> {
        let first = self.states.first().ok_or(HistoryError::Empty)?;
        match when {
            When::Now => self.states.last().ok_or(HistoryError::Empty),
            When::By(time) => {
                self.states.iter().rfind(|state| state.published <= *time).ok_or_else(|| {
                    let oldest = folder_name(first.published, false);
                    match self.is_cut() {
                        true => HistoryError::Collected(oldest),
                        false => HistoryError::BeforeTheFirst(oldest),
                    }
                })
            }
            When::Id(id) => {
                let has_id = |state: &&State| state.full_id().starts_with(id.as_str());
                let mut found = self.states.iter().filter(has_id);
                let state = found.next().ok_or_else(|| HistoryError::NoSuchId(id.clone()))?;
                match found.count() {
                    0 => Ok(state),
                    more => Err(HistoryError::Ambiguous { id: id.clone(), count: more + 1 }),
                }
            }
        }
    }
}

impl Logs<'_> {
    /// The states on the way to what covers `frontier`, from as far back as everything is there.
    pub(in super::super) fn history(&self, frontier: &Frontier) -> History {
        if let Some(states) = self.states_beyond(&Frontier::default(), frontier) {
            return History { states, ground: None };
        }
        let mut grounds = Vec::new();
        for (device, seq) in self.listing.log_names(LogKind::Checkpoint) {
            if let Ok((log, _)) = self.checkpoint(device, seq)
                && is_covered(&log.frontier, frontier)
                && log.operations().all(|operation| operation.is_ok())
            {
                grounds.push(State {
                    hash: log.previous,
                    device,
                    device_name: log.device_name.clone(),
                    published: log.published,
                    frontier: log.frontier.clone(),
                    seen: log.frontier,
                    seq,
                    clock: log.clock,
                });
            }
        }
        grounds.sort_by_key(|state| (state.clock, state.device));
        for ground in grounds {
            if let Some(states) = self.states_beyond(&ground.frontier, frontier) {
                let name = (ground.device, ground.seq);
                let states = std::iter::once(ground).chain(states).collect();
                return History { states, ground: Some(name) };
            }
        }
        History { states: Vec::new(), ground: None }
    }

    /// The states after each log object between two frontiers, in order; `None` where one of those is
    /// not to be had.
    fn states_beyond(&self, ground: &Frontier, end: &Frontier) -> Option<Vec<State>> {
        let names = self.listing.log_names(LogKind::Increment);
        let is_there = |device, seq: u64| {
            (ground.seq(device) + 1..=seq).all(|seq| names.contains(&(device, seq)))
        };
        if !end.iter().all(|entry| is_there(entry.device, entry.seq)) {
            return None;
        }
        let mut states = Vec::new();
        for entry in end.iter() {
            let mut at = ground.clone();
            while at.seq(entry.device) < entry.seq {
                let log = self.next(entry.device, &at, &BTreeMap::new()).ok().flatten()?;
                at.advance(log.entry());
                states.push(State {
                    hash: log.hash,
                    device: log.device,
                    device_name: log.device_name,
                    published: log.published,
                    frontier: Frontier::default(),
                    seen: log.frontier,
                    seq: log.seq,
                    clock: log.clock,
                });
            }
            if at.get(entry.device) != Some(entry) {
                return None;
            }
        }
        states.sort_by_key(|state| (state.clock, state.device));
        let mut frontier = ground.clone();
        for state in &mut states {
            let (device, seq, hash) = (state.device, state.seq, state.hash);
            frontier.advance(crate::format::FrontierEntry { device, seq, hash });
            state.frontier.clone_from(&frontier);
        }
        Some(states)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", folder_name(self.published, false), self.id())
    }
}
