//! From state to state in one pass, with what each changed.

use std::collections::BTreeMap;

use crate::format::{DeviceId, Frontier, OpenedLog, Operation};
use crate::tree::{Author, Merge, Tree};

use super::super::fold::{Folded, Logs, is_covered};
use super::super::merged::contested;
use super::facts::{Changes, Observer, Version};
use super::states::{History, HistoryError, Start, State};

/// What is told of a state.
#[derive(Debug)]
pub struct Told<'a> {
    /// The state.
    pub state: &'a State,
    /// Files in it, folders and links counted, the root not.
    pub files: u64,
    /// Bytes of content in it, holes not counted.
    pub content_bytes: u64,
    /// What was changed since the state that was told of before; `None` where that is not known.
    pub changes: Option<Changes>,
    /// Of the paths that were asked for, those that were changed since then.
    pub versions: Vec<Version>,
    /// Its files. While two devices did something at the same time, what is merged by then.
    pub(in super::super) tree: &'a Tree,
}

/// Which states are told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Telling {
    /// Those that are whole.
    Whole,
    /// Those as well that lack content which has been collected.
    All,
}

/// Follows what a walk comes by.
pub(super) trait Follower {
    /// The way goes on from another state than the last one.
    fn start(&mut self) {}
    /// An operation is about to be applied.
    fn operation(&mut self, _tree: &Tree, _operation: &Operation<'_>) {}
    /// A state is reached. Unless `is_exact`, things done at the same time are not all merged yet.
    fn state(&mut self, tree: &Tree, state: &State, is_exact: bool);
}

/// Tells of states, the oldest first, and of what became of `paths`, each from the root and
/// without a slash at either end. Each log object is applied once. While two devices did something
/// at the same time, files and bytes are those of what is merged by then.
///
/// # Errors
/// [`HistoryError::Gone`] where something that was there is not.
pub(super) fn tell_of_states(
    logs: &Logs<'_>,
    history: &History,
    paths: &[Vec<u8>],
    telling: Telling,
    tell: &mut dyn FnMut(&Told<'_>),
) -> Result<(), HistoryError> {
    let observer = Observer::new(logs.chunk_size, paths);
    let mut teller = Teller { observer, telling, knows_before: false, tell };
    stretches(&history.all).try_for_each(|stretch| walk_stretch(logs, stretch, &mut teller))
}

struct Teller<'a> {
    observer: Observer<'a>,
    telling: Telling,
    /// Whether everything was seen since the state that was told of last.
    knows_before: bool,
    tell: &'a mut dyn FnMut(&Told<'_>),
}

impl Follower for Teller<'_> {
    fn start(&mut self) {
        self.observer.start_anew();
        self.knows_before = false;
    }

    fn operation(&mut self, tree: &Tree, operation: &Operation<'_>) {
        self.observer.see(tree, operation);
    }

    fn state(&mut self, tree: &Tree, state: &State, is_exact: bool) {
        self.knows_before |= state.start == Some(Start::Nothing);
        if self.telling == Telling::Whole && !state.is_whole {
            return;
        }
        let (changes, versions) = self.observer.finish(tree);
        let changes = self.knows_before.then_some(changes);
        let (files, content_bytes) = match is_exact {
            true => (tree.inode_count(), tree.content_bytes()),
            false => tree.named_totals(),
        };
        (self.tell)(&Told { state, files, content_bytes, changes, versions, tree });
        self.knows_before = true;
    }
}

/// The states in rows in each of which one leads to the next.
pub(super) fn stretches(states: &[State]) -> impl Iterator<Item = &[State]> {
    states.chunk_by(|_, next| next.start.is_none())
}

/// Comes by the states of one stretch.
///
/// # Errors
/// [`HistoryError::Gone`] where something that was there is not.
pub(super) fn walk_stretch(
    logs: &Logs<'_>,
    mut states: &[State],
    follower: &mut dyn Follower,
) -> Result<(), HistoryError> {
    let mut tree = Tree::new(logs.chunk_size);
    let mut before = Frontier::default();
    follower.start();
    if let Some((first, rest)) = states.split_first()
        && let Some(Start::Checkpoint(device, seq)) = first.start
    {
        let found = logs.checkpoint(device, seq).ok();
        let folded: Option<Folded> = found.and_then(|(log, copy)| logs.at_checkpoint(&log, copy));
        tree = folded.ok_or(HistoryError::Gone)?.tree;
        before.clone_from(&first.frontier);
        follower.state(&tree, first, true);
        states = rest;
    }
    let mut at = 0;
    for end in ends_of_sections(states) {
        let section = &states[at..end];
        at = end;
        let opened: Option<Vec<OpenedLog>> =
            section.iter().map(|state| log_of(logs, state)).collect();
        let opened = opened.ok_or(HistoryError::Gone)?;
        tree = match (&opened[..], section) {
            ([log], [state]) if is_covered(&before, &log.frontier) => {
                follow(tree, log, state, follower)
            }
            _ => merge(tree, &opened, section, follower),
        };
        if let Some(last) = section.last() {
            before.clone_from(&last.frontier);
        }
    }
    Ok(())
}

fn log_of(logs: &Logs<'_>, state: &State) -> Option<OpenedLog> {
    let log = logs.next(state.device, &state.seen, &BTreeMap::new()).ok().flatten()?;
    (log.hash == state.hash).then_some(log)
}

/// Where the states can be cut into sections: all that comes behind a cut was written by somebody who
/// had seen all that comes before it. So each section is folded by itself.
fn ends_of_sections(states: &[State]) -> Vec<usize> {
    let mut ends = Vec::new();
    // What everybody behind had seen of each device.
    let mut seen_behind: Option<BTreeMap<DeviceId, u64>> = None;
    for (nth, state) in states.iter().enumerate().rev() {
        let is_end = seen_behind.as_ref().is_none_or(|behind| {
            let seen = |device| behind.get(&device).copied().unwrap_or(0);
            state.frontier.iter().all(|entry| entry.seq <= seen(entry.device))
        });
        if is_end {
            ends.push(nth + 1);
        }
        seen_behind = Some(match seen_behind {
            None => state.seen.iter().map(|entry| (entry.device, entry.seq)).collect(),
            Some(mut behind) => {
                behind.retain(|device, seq| {
                    *seq = state.seen.seq(*device).min(*seq);
                    *seq > 0
                });
                behind
            }
        });
    }
    ends.reverse();
    ends
}

/// Applies a log object whose author had seen everything.
fn follow(mut tree: Tree, log: &OpenedLog, state: &State, follower: &mut dyn Follower) -> Tree {
    // The fold has found out which log objects fit.
    for operation in log.operations().flatten() {
        follower.operation(&tree, &operation);
        if let Ok(Some(gone)) = tree.apply(&operation) {
            tree.forget(gone);
        }
    }
    follower.state(&tree, state, true);
    tree
}

/// Merges log objects whose authors had not all seen each other's.
fn merge(tree: Tree, opened: &[OpenedLog], section: &[State], follower: &mut dyn Follower) -> Tree {
    let mut merge = Merge::new(tree, contested(opened));
    for (log, state) in opened.iter().zip(section) {
        // A section begins where everybody had seen what is before it.
        merge.begin(Author::of(log, true));
        for operation in log.operations().flatten() {
            follower.operation(merge.tree_mut(), &operation);
            if let Err(error) = merge.apply(&operation) {
                log::debug!("of what was done at the same time, one thing is left out: {error}");
            }
        }
        follower.state(merge.tree_mut(), state, false);
    }
    merge.finish()
}
