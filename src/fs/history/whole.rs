//! Which states are whole. What a state needs follows from log objects alone; whether it is there, from
//! the names of packs. So it is the same for everybody who has the same objects, whatever their clocks
//! and their history periods are, and nothing that is there is hidden.

use std::collections::HashSet;

use crate::format::PackId;
use crate::tree::Tree;

use super::super::fold::Logs;
use super::states::State;
use super::walk::{Follower, stretches, walk_stretch};

/// What is known of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wholeness {
    /// All that its files need is there.
    Whole,
    /// Something is not.
    Lacking,
    /// It has to be folded for that: devices did something at the same time.
    Unknown,
}

/// Which of the states need none of these packs, which are not there.
pub(super) fn wholeness(
    logs: &Logs<'_>,
    states: &[State],
    absent: &HashSet<PackId>,
) -> Vec<Wholeness> {
    let mut all = Vec::with_capacity(states.len());
    for stretch in stretches(states) {
        let names_absent = |state: &State| state.absent.iter().any(|pack| absent.contains(pack));
        if !stretch.iter().any(names_absent) {
            all.extend(stretch.iter().map(|_| Wholeness::Whole));
            continue;
        }
        let mut marker = Marker { absent, found: Vec::new() };
        let walked = walk_stretch(logs, stretch, &mut marker);
        // What cannot be put together is not whole.
        debug_assert!(walked.is_err() || marker.found.len() == stretch.len());
        marker.found.resize(stretch.len(), Wholeness::Lacking);
        all.append(&mut marker.found);
    }
    all
}

struct Marker<'a> {
    absent: &'a HashSet<PackId>,
    found: Vec<Wholeness>,
}

impl Follower for Marker<'_> {
    fn state(&mut self, tree: &Tree, _: &State, is_exact: bool) {
        self.found.push(match is_exact {
            false => Wholeness::Unknown,
            true if needs_any(tree, self.absent) => Wholeness::Lacking,
            true => Wholeness::Whole,
        });
    }
}

/// Whether files need one of these packs.
pub(super) fn needs_any(tree: &Tree, packs: &HashSet<PackId>) -> bool {
    tree.needed_packs().any(|pack| packs.contains(&pack))
}
