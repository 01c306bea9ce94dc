//! Which states there are, and which one somebody means.

use std::fmt;

use crate::format::{DeviceId, Frontier, LogHash, PackId, Time};

use super::when::{ID_DIGITS, When, folder_name};

/// Where the way to a state begins that does not go on from the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// From nothing, with the log object that led to it.
    Nothing,
    /// It is what this checkpoint holds.
    Checkpoint(DeviceId, u64),
}

/// A state that can still be put together.
#[derive(Clone, Debug)]
pub struct State {
    /// The hash of the last log object in it, or of the checkpoint that holds it, where it is not certain which
    /// one that is.
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
    pub(in super::super) seq: u64,
    pub(super) clock: u64,
    /// `None` of one that its log object leads to from the state before.
    pub(super) start: Option<Start>,
    /// Packs that its log object or checkpoint names, that the newest state does not need, and that
    /// are not there.
    pub(super) absent: Vec<PackId>,
    pub(super) is_whole: bool,
    /// Its hash is that of the checkpoint that holds it: which log object is the last one in it is not
    /// certain.
    pub(in super::super) is_of_checkpoint: bool,
}

impl State {
    /// Its id, in so many hex digits as are enough to tell states apart by.
    pub fn id(&self) -> String {
        let mut digits = hex(&self.hash);
        digits.truncate(ID_DIGITS);
        digits
    }

    /// Whether nothing that its files need has been collected.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The hash of the last log object in it, or of the checkpoint that holds it, where it is not certain which
    /// one that is.
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
    /// All whose log objects are there.
    pub(super) all: Vec<State>,
    /// Those of them that are whole.
    whole: Vec<State>,
    /// A log object or checkpoint is there and cannot be used.
    has_unreadable: bool,
}

impl History {
    pub(super) fn new(all: Vec<State>, has_unreadable: bool) -> Self {
        let whole = all.iter().filter(|state| state.is_whole).cloned().collect();
        Self { all, whole, has_unreadable }
    }

    /// Takes note of which of all states are whole.
    pub(super) fn note_whole(&mut self, is_whole: &[bool]) {
        for (state, is_whole) in self.all.iter_mut().zip(is_whole) {
            state.is_whole = *is_whole;
        }
        self.whole = self.all.iter().filter(|state| state.is_whole).cloned().collect();
    }

    /// The states that can be had whole, the oldest first.
    pub fn states(&self) -> &[State] {
        &self.whole
    }

    /// Those as well that lack content which has been collected: enough log objects are left for them.
    pub fn states_with_lacking(&self) -> &[State] {
        &self.all
    }

    /// Whether a log object or checkpoint is there and cannot be used, so that there may be more.
    pub(in super::super) fn has_unreadable(&self) -> bool {
        self.has_unreadable
    }

    /// Whether there were older states once.
    pub fn is_cut(&self) -> bool {
        let is_lacking = |first: &State| !first.is_whole;
        self.all.first().is_some_and(|first| {
            matches!(first.start, Some(Start::Checkpoint(..))) || is_lacking(first)
        })
    }

    /// Whether there were others once between those that there are.
    pub fn is_thinned(&self) -> bool {
        let (first, last) = (self.whole.first(), self.whole.last());
        let between =
            self.all.iter().skip_while(|state| Some(state.hash) != first.map(State::hash));
        let between = between.skip(1).take_while(|state| Some(state.hash) != last.map(State::hash));
        let mut between = between.chain(last.filter(|_| self.whole.len() > 1));
        between.any(|state| state.start.is_some() || !state.is_whole)
    }

    /// The state that somebody means. Of a time it is the last one, in the order of states, that
    /// was published by then and is whole; one that lacks something is only found by its id.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn find(&self, when: &When) -> Result<&State, HistoryError> {
        let first = self.whole.first().ok_or(HistoryError::Empty)?;
        match when {
            When::Now => self.all.last().ok_or(HistoryError::Empty),
            When::By(time) => {
                self.whole.iter().rfind(|state| state.published <= *time).ok_or_else(|| {
                    let oldest = folder_name(first.published, false);
                    match self.is_cut() {
                        true => HistoryError::Collected(oldest),
                        false => HistoryError::BeforeTheFirst(oldest),
                    }
                })
            }
            When::Id(id) => {
                let has_id = |state: &&State| state.full_id().starts_with(id.as_str());
                let mut found = self.all.iter().filter(has_id);
                let state = found.next().ok_or_else(|| HistoryError::NoSuchId(id.clone()))?;
                match found.count() {
                    0 => Ok(state),
                    more => Err(HistoryError::Ambiguous { id: id.clone(), count: more + 1 }),
                }
            }
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", folder_name(self.published, false), self.id())
    }
}
