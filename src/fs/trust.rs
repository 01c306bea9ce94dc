//! What this device has seen of the vault before, held against what it sees now.

use crate::format::Frontier;
use crate::journal::Replay;
use crate::store::{DeviceIdentity, VaultListing};

use super::fold::Folded;

/// What this device has seen in the vault before and does not see now.
pub(super) fn rollback(
    trusted: &Frontier,
    folded: &Folded,
    identity: Option<&DeviceIdentity>,
) -> Vec<String> {
    // With gaps in the chain, those already say what is missing.
    if !folded.gaps.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for entry in trusted.iter() {
        let now = folded.frontier.get(entry.device);
        let is_own = identity.is_some_and(|identity| identity.device == entry.device);
        let whose = if is_own { "this device".into() } else { format!("device {}", entry.device) };
        match now {
            Some(now) if now.seq > entry.seq => {}
            Some(now) if now.seq == entry.seq && now.hash == entry.hash => {}
            Some(now) if now.seq == entry.seq => found.push(format!(
                "the last log object of {whose} is not the one that was there before"
            )),
            now => {
                let missing = entry.seq - now.map_or(0, |now| now.seq);
                let why = if is_own {
                    "the vault has lost them, or an older copy of it was put in its place"
                } else {
                    "they have not arrived, or an older copy of the vault was put in its place"
                };
                found.push(format!(
                    "{missing} log object(s) of {whose} that were in the vault are gone: {why}"
                ));
            }
        }
    }
    found
}

/// Whether the state folder is another machine's, or older than what its device has published:
/// then the device's numbers may be in use elsewhere, and it must not go on with them.
pub(super) fn is_copied_state(
    identity: Option<&DeviceIdentity>,
    machine: &str,
    listing: &VaultListing,
    trusted: &Frontier,
    replay: &Replay,
) -> bool {
    let Some(identity) = identity else { return false };
    let device = identity.device;
    let known = replay
        .meant_for
        .iter()
        .filter(|(meant_device, _)| *meant_device == device)
        .map(|(_, seq)| *seq)
        .chain([trusted.seq(device)])
        .max()
        .unwrap_or(0);
    let in_vault = listing.logs.range((device, 0)..=(device, u64::MAX)).next_back();
    identity.machine != machine || in_vault.is_some_and(|((_, seq), _)| *seq > known)
}
