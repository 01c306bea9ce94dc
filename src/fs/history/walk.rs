//! From state to state in one pass, with what each changed.

use std::collections::BTreeMap;

use crate::format::{DeviceId, Frontier, OpenedLog};
use crate::tree::{Author, Merge, Tree};

use super::super::fold::{Folded, Logs, is_covered};
use super::super::merged::contested;
use super::facts::{Changes, Observer, Version};
use super::states::{History, HistoryError, State};

/// What is told of a state.
#[derive(Debug)]
pub struct Told<'a> {
    /// The state.
    pub state: &'a State,
    /// Files in it, folders and links counted, the root not.
    pub files: u64,
    /// Bytes of content in it, holes not counted.
    pub content_bytes: u64,
    /// What it changed; `None` of a state before which nothing is known.
    pub changes: Option<Changes>,
    /// Of the paths that were asked for, those that it changed.
    pub versions: Vec<Version>,
}

/// Tells of every state, the oldest first, and of what became of `paths`, each from the root and
/// without a slash at either end. Each log object is applied once. While two devices did something
/// at the same time, files and bytes are those of what is merged by then.
///
/// # Errors
/// [`HistoryError::Gone`] where something that was there is not.
pub(in super::super) fn walk_logs(
    logs: &Logs<'_>,
    history: &History,
    paths: &[Vec<u8>],
    tell: &mut dyn FnMut(&Told<'_>),
) -> Result<(), HistoryError> {
    let mut states = history.states.as_slice();
    let mut tree = Tree::new(logs.chunk_size);
    let mut before = Frontier::default();
    let mut ground = None;
    if let (Some((device, seq)), Some((first, rest))) = (history.ground, states.split_first()) {
        let found = logs.checkpoint(device, seq).ok();
        let folded: Option<Folded> = found.and_then(|(log, copy)| logs.at_checkpoint(&log, copy));
        tree = folded.ok_or(HistoryError::Gone)?.tree;
        before.clone_from(&first.frontier);
        (states, ground) = (rest, Some(first));
    }
    let mut observer = Observer::new(&tree, paths);
    if let Some(state) = ground {
        let (files, content_bytes) = tree.named_totals();
        let versions = observer.standing();
        tell(&Told { state, files, content_bytes, changes: None, versions });
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
                follow(tree, log, state, &mut observer, tell)
            }
            _ => merge(tree, &opened, section, &mut observer, tell),
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
fn follow(
    mut tree: Tree,
    log: &OpenedLog,
    state: &State,
    observer: &mut Observer<'_>,
    tell: &mut dyn FnMut(&Told<'_>),
) -> Tree {
    // The fold has found out which log objects fit.
    for operation in log.operations().flatten() {
        observer.see(&tree, &operation);
        if let Ok(Some(gone)) = tree.apply(&operation) {
            tree.forget(gone);
        }
    }
    let (changes, versions) = observer.finish(&tree);
    let (files, content_bytes) = (tree.inode_count(), tree.content_bytes());
    tell(&Told { state, files, content_bytes, changes: Some(changes), versions });
    tree
}

/// Merges log objects whose authors had not all seen each other's.
fn merge(
    tree: Tree,
    opened: &[OpenedLog],
    section: &[State],
    observer: &mut Observer<'_>,
    tell: &mut dyn FnMut(&Told<'_>),
) -> Tree {
    let mut merge = Merge::new(tree, contested(opened));
    for (log, state) in opened.iter().zip(section) {
        // A section begins where everybody had seen what is before it.
        merge.begin(Author::of(log, true));
        for operation in log.operations().flatten() {
            observer.see(merge.tree_mut(), &operation);
            if let Err(error) = merge.apply(&operation) {
                log::debug!("of what was done at the same time, one thing is left out: {error}");
            }
        }
        let tree = merge.tree_mut();
        let (changes, versions) = observer.finish(tree);
        let (files, content_bytes) = tree.named_totals();
        tell(&Told { state, files, content_bytes, changes: Some(changes), versions });
    }
    merge.finish()
}
