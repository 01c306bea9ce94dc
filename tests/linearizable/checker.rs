//! Whether what several threads saw can have happened in one order: the search of Wing and Gong
//! ("Testing and verifying concurrent objects", 1993), with Lowe's memory of what was tried.

use std::collections::HashSet;
use std::fmt::{Debug, Display, Formatter};
use std::hash::Hash;

/// A thing by itself, which one call after the other is made to.
pub trait Sequential: Clone + Eq + Hash {
    /// What is called, with its arguments.
    type Call: Debug;
    /// What came of it.
    type Outcome: Debug;

    /// Makes a call, if this outcome can come of it.
    #[must_use]
    fn make(&mut self, call: &Self::Call, outcome: &Self::Outcome) -> bool;
}

/// A call that was made, and between which two moments.
#[derive(Debug)]
pub struct Recorded<C, O> {
    pub thread: usize,
    pub call: C,
    pub outcome: O,
    /// Moments are numbers of one counter, so no two are the same.
    pub started: u64,
    pub ended: u64,
}

/// Every call to one thing.
pub struct History<S: Sequential>(pub Vec<Recorded<S::Call, S::Outcome>>);

/// A history is searched as a set of bits.
const CALLS_MAX: usize = u128::BITS as usize;

impl<S: Sequential> History<S> {
    /// Whether there is an order of all calls, in which each comes after those that had ended when
    /// it started, and has the outcome that it had.
    ///
    /// # Panics
    /// If there are more than 128 calls.
    pub fn is_linearizable(&self, from: &S) -> bool {
        assert!(self.0.len() <= CALLS_MAX);
        let all = if self.0.len() == CALLS_MAX { u128::MAX } else { (1 << self.0.len()) - 1 };
        let mut tried: HashSet<(u128, S)> = HashSet::new();
        let mut waiting = vec![(0, from.clone())];
        while let Some((made, state)) = waiting.pop() {
            if made == all {
                return true;
            }
            let left = || self.0.iter().enumerate().filter(|(nth, _)| made >> nth & 1 == 0);
            let first_end = left().map(|(_, call)| call.ended).min().unwrap_or(u64::MAX);
            for (nth, one) in left().filter(|(_, call)| call.started < first_end) {
                let mut state = state.clone();
                if state.make(&one.call, &one.outcome) {
                    let next = (made | 1 << nth, state);
                    if !tried.contains(&next) {
                        tried.insert(next.clone());
                        waiting.push(next);
                    }
                }
            }
        }
        false
    }

    /// How many pairs of calls overlapped in time.
    pub fn overlaps(&self) -> usize {
        let is_beside = |a: &&Recorded<_, _>, b: &Recorded<_, _>| {
            a.started < b.started && b.started < a.ended && a.thread != b.thread
        };
        self.0.iter().map(|b| self.0.iter().filter(|a| is_beside(a, b)).count()).sum()
    }
}

impl<S: Sequential> Display for History<S> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let mut calls: Vec<_> = self.0.iter().collect();
        calls.sort_by_key(|one| one.started);
        for Recorded { thread, call, outcome, started, ended } in calls {
            writeln!(f, "{started:>4} to {ended:>4}  thread {thread}  {call:?}: {outcome:?}")?;
        }
        Ok(())
    }
}
