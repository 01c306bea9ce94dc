//! Whether two vaults tell the same: the newest state, and the states that lead to it.

use sha2::{Digest, Sha256};

use crate::format::{DeviceId, Ino, LogHash, Time};
use crate::tree::{FileKind, Tree};

use super::super::history::VaultHistory;
use super::error::RekeyError;
use super::logs::Hashed;
use super::run::Side;

/// What stands for one fact of a state.
type Fact = [u8; 32];

/// What stands for a state: every name, every inode with its attributes, every run of content. Two
/// trees that show the same have the same, in whatever order they were made.
pub(super) fn state_digest(tree: &Tree) -> Fact {
    let mut facts: Vec<Fact> = Vec::new();
    let mut folders = vec![Ino::ROOT];
    let mut seen = std::collections::HashSet::from([Ino::ROOT]);
    note_inode(tree, Ino::ROOT, &mut facts);
    while let Some(folder) = folders.pop() {
        for (_, name, attributes) in tree.entries(folder, 0).into_iter().flatten() {
            facts.push(fact(&("name", folder, attributes.ino, name)));
            if seen.insert(attributes.ino) {
                note_inode(tree, attributes.ino, &mut facts);
                if attributes.kind == FileKind::Folder {
                    folders.push(attributes.ino);
                }
            }
        }
    }
    facts.extend(tree.all_runs().map(|run| fact(&("run", run))));
    facts.sort_unstable();
    facts.into_iter().fold(Sha256::new(), Sha256::chain_update).finalize().into()
}

fn note_inode(tree: &Tree, ino: Ino, facts: &mut Vec<Fact>) {
    facts.push(fact(&("inode", tree.attributes(ino), tree.link_target(ino))));
    for (name, value) in tree.xattrs(ino).into_iter().flatten() {
        facts.push(fact(&("attribute", ino, name, value)));
    }
}

/// Of anything by what it shows of itself: these types show every field.
fn fact(of: &impl std::fmt::Debug) -> Fact {
    Sha256::digest(format!("{of:?}")).into()
}

/// A state as far as both vaults tell of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct StateTold {
    /// `None` of one that goes by its checkpoint's, which is another one in the new vault.
    hash: Option<LogHash>,
    device: DeviceId,
    seq: u64,
    published: Time,
    device_name: String,
    is_whole: bool,
}

/// The states of a vault, the oldest first.
pub(super) struct HistoryTold(Vec<StateTold>);

impl HistoryTold {
    pub(super) fn of(side: Side<'_>) -> Result<Self, RekeyError> {
        let Side { vault, keys, descriptor } = side;
        let history = VaultHistory::open(vault.clone(), keys.clone(), descriptor.clone())?;
        if let Some(gap) = history.gaps().first() {
            return Err(RekeyError::Unread(gap.clone()));
        }
        if history.history().has_unreadable() {
            let what = "a log object or checkpoint of an earlier state";
            return Err(RekeyError::Unread(what.to_owned()));
        }
        let states = history.history().states_with_lacking().iter();
        let told = states.map(|state| StateTold {
            hash: (!state.is_of_checkpoint).then(|| state.hash()),
            device: state.device,
            seq: state.seq,
            published: state.published,
            device_name: state.device_name.clone(),
            is_whole: state.is_whole(),
        });
        Ok(Self(told.collect()))
    }

    /// States that can be had in full.
    pub(super) fn count(&self) -> u64 {
        self.0.iter().filter(|state| state.is_whole).count() as u64
    }

    /// Whether every state of the old vault is among these, in the same order. There may be more, of
    /// which the old vault has let go since.
    pub(super) fn tells_all_of(&self, old: &Self, hashed: &Hashed) -> Result<(), RekeyError> {
        let mut new = self.0.iter();
        for state in &old.0 {
            let hashes = hashed.0.get(&(state.device, state.seq));
            let hash = state.hash.map(|old| hashes.map_or(old, |hashes| hashes.new));
            let wanted = StateTold { hash, ..state.clone() };
            if !new.any(|state| *state == wanted) {
                let when = crate::fs::folder_name(state.published, false);
                return Err(RekeyError::Differs(format!("the state of {when} is not in it")));
            }
        }
        Ok(())
    }
}
