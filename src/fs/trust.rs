//! What this device has seen of the vault before, held against what it sees now.

use crate::format::{Frontier, LogKind, log_name};
use crate::store::{DeviceIdentity, VaultListing};

/// Log objects of one device that this one has seen before and does not see now.
pub(super) struct Rollback {
    /// The name of the first of them.
    pub(super) first: String,
    /// What is wrong, with their names.
    pub(super) sentence: String,
    /// It is another device's: an object that is not here, rather than one that was lost.
    pub(super) is_others: bool,
}

/// What this device has seen in the vault before and does not see now. Where the fold has gaps,
/// only what is not even there by name: what those keep from being folded is not gone.
pub(super) fn rollback(
    trusted: &Frontier,
    frontier: &Frontier,
    listing: &VaultListing,
    identity: Option<&DeviceIdentity>,
) -> Vec<Rollback> {
    let is_there = |device, seq| listing.logs.contains_key(&(device, seq));
    let mut found = Vec::new();
    for entry in trusted.iter() {
        let now = frontier.get(entry.device);
        let is_own = identity.is_some_and(|identity| identity.device == entry.device);
        let is_others = !is_own;
        let whose = if is_own { "this device" } else { "another device" };
        let name = |seq| log_name(LogKind::Increment, entry.device, seq);
        let last = name(entry.seq);
        match now {
            Some(now) if now.seq > entry.seq => {}
            Some(now) if now.seq == entry.seq && now.hash == entry.hash => {}
            Some(now) if now.seq == entry.seq => found.push(Rollback {
                sentence: format!(
                    "log object {last} of {whose} is not the one that was there before"
                ),
                first: last,
                is_others: false,
            }),
            _ if is_there(entry.device, entry.seq) => {}
            now => {
                let after = now.map_or(0, |now| now.seq) + 1;
                let absent = (after..entry.seq).find(|seq| !is_there(entry.device, *seq));
                let first = name(absent.unwrap_or(entry.seq));
                let why = if is_own {
                    "the vault has lost it, or an older copy of the vault was put in its place; \
                     “hushfs mount --accept-rollback” goes on from what is there"
                } else {
                    "it has not arrived, or an older copy of the vault was put in its place"
                };
                let up_to = if first == last { String::new() } else { format!(" up to {last}") };
                let sentence = format!(
                    "log object {first}{up_to} of {whose}, which was in the vault before, is \
                     gone: {why}"
                );
                found.push(Rollback { first, sentence, is_others });
            }
        }
    }
    found
}

/// Whether the state folder is another machine's, or its device has published what it does not
/// know of: then the device's numbers are in use elsewhere, and it must not go on with them.
pub(super) fn is_copied_state(
    identity: Option<&DeviceIdentity>,
    machine: &str,
    listing: &VaultListing,
    trusted: &Frontier,
) -> bool {
    let Some(identity) = identity else { return false };
    let device = identity.device;
    let in_vault = listing.logs.range((device, 0)..=(device, u64::MAX)).next_back();
    identity.machine != machine || in_vault.is_some_and(|((_, seq), _)| *seq > trusted.seq(device))
}
