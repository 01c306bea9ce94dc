//! Inode numbers of what is in earlier states. A file has its number in every state; a mount shows
//! it under another in each.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::format::{Ino, LogHash};

/// Something that the history folder shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Node {
    /// `.hushfs`.
    Top,
    /// `.hushfs/history`.
    States,
    /// A state's folder.
    State(LogHash),
    /// What is below it, by its number in the vault.
    In(LogHash, Ino),
}

impl Node {
    /// The number that a mount shows: the same in every mount, and as unlikely to be another's as two
    /// random numbers are to be the same.
    pub(super) fn number(self) -> Ino {
        let (kind, state, ino) = match self {
            Self::Top => (0, LogHash::NONE, Ino(0)),
            Self::States => (1, LogHash::NONE, Ino(0)),
            Self::State(state) => (2, state, Ino(0)),
            Self::In(state, ino) => (3, state, ino),
        };
        let of = [&b"hushfs history"[..], &[kind], &state.0, &ino.0.to_le_bytes()].concat();
        let hash = LogHash::of(&of).0;
        let mut number = [0; 8];
        number.copy_from_slice(&hash[..8]);
        // 0 is no inode, 1 the root, all ones some programs' error.
        Ino(u64::from_le_bytes(number).clamp(2, u64::MAX - 1))
    }
}

/// The numbers that the kernel knows.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// Each with how often the kernel was told of it. A leaf: nothing else is locked while this is.
    known: RwLock<HashMap<Ino, (Node, u64)>>,
    /// Whether there ever was one: most mounts never have any.
    is_used: AtomicBool,
}

impl Numbers {
    /// The kernel was told of a node once more.
    pub(super) fn remember(&self, node: Node) {
        self.is_used.store(true, Ordering::Relaxed);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(node.number()).or_insert((node, 0)).1 += 1;
    }

    /// The kernel forgets having been told so many times.
    pub(super) fn forget(&self, number: Ino, times: u64) {
        if !self.is_used.load(Ordering::Relaxed) {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, told)) = known.get_mut(&number) {
            *told = told.saturating_sub(times);
            if *told == 0 {
                known.remove(&number);
            }
        }
    }

    /// What a number stands for, if it is one of these.
    pub(super) fn node(&self, number: Ino) -> Option<Node> {
        if !self.is_used.load(Ordering::Relaxed) {
            return None;
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&number).map(|(node, _)| *node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_node_has_a_number_of_its_own_which_stays_the_same() {
        let states = [LogHash::of(b"a"), LogHash::of(b"b")];
        let mut nodes = vec![Node::Top, Node::States];
        for state in states {
            nodes.extend([Node::State(state), Node::In(state, Ino(1)), Node::In(state, Ino(2))]);
        }
        let numbers: std::collections::HashSet<Ino> =
            nodes.iter().map(|node| node.number()).collect();
        assert_eq!(numbers.len(), nodes.len());
        assert!(nodes.iter().all(|node| numbers.contains(&node.number())));
    }

    #[test]
    fn a_number_is_known_until_the_kernel_has_forgotten_all_that_it_was_told() {
        let numbers = Numbers::default();
        let number = Node::Top.number();
        assert_eq!(numbers.node(number), None);
        numbers.remember(Node::Top);
        numbers.remember(Node::Top);
        numbers.forget(number, 1);
        assert_eq!(numbers.node(number), Some(Node::Top));
        numbers.forget(number, 1);
        assert_eq!(numbers.node(number), None);
        numbers.forget(number, 1);
    }
}
