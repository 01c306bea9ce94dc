//! The plan of a repair: everything is read, and nothing is changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::crypto::ClassKeys;
use crate::format::{DESCRIPTOR_NAME, Descriptor, LogHash, pack_path};
use crate::fs::fold::fold_beyond;
use crate::fs::trust::rollback;
use crate::fs::verify::VerifyRequest;
use crate::store::{Seen, StateFolder, StoreError, VaultFolder, VaultListing};

use super::awaited::{awaited_logs, take_awaited};
use super::breaks::{Publication, Rebuilt, rebuild};
use super::copies::Copies;
use super::fixed::Fixed;
use super::logs::Logs;
use super::packs::Packs;
use super::report::{Healed, Moved, RepairReport};
use super::trust::Trust;

/// What is to be repaired, and with what.
#[derive(Debug)]
pub struct RepairRequest<'a> {
    /// The vault.
    pub vault: &'a VaultFolder,
    /// This machine's state folder for it, locked; needed for carrying a plan out.
    pub state: Option<&'a StateFolder>,
    /// The vault's keys.
    pub keys: &'a Arc<ClassKeys>,
    /// Its descriptor, as it is in the vault or as a slot has it.
    pub descriptor: &'a Descriptor,
    /// What the user calls this device.
    pub device_name: String,
    /// Names this machine.
    pub machine: String,
}

/// Why a vault is not repaired.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// A disk in the way, or an object that only a newer program reads.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What waits in the state folder would be lost.
    #[error(
        "changes of this device wait in its state folder, and cannot be brought into what is left \
         of the vault: {0}. Nothing was changed. Keep that state folder, and repair with \
         --state-dir naming another one"
    )]
    Unpublished(String),
    /// What was planned cannot be.
    #[error("what is left of the vault does not fit together: {0}")]
    Unfit(String),
    /// Somebody else changes the vault.
    #[error("{0} has changed meanwhile: let the sync client finish, and run this again")]
    Changed(String),
    /// Nothing can be written without a state folder.
    #[error("there is no state folder to write to")]
    NoState,
}

/// What a repair will do. It holds for as long as nobody else changes the vault.
#[derive(Debug)]
pub struct RepairPlan {
    pub(super) fixed: Fixed,
    /// Which log object, from where, with which hash.
    pub(super) log_heals: Vec<(String, String, LogHash)>,
    pub(super) packs: Packs,
    pub(super) publication: Option<Publication>,
    pub(super) set_aside: Vec<Moved>,
    /// What this machine has seen of the vault when all is done, if that changes. It is another
    /// device then, so that no number is used twice.
    pub(super) seen: Option<Seen>,
    pub(super) report: RepairReport,
}

impl RepairPlan {
    /// What will be done, and what cannot be.
    pub fn report(&self) -> &RepairReport {
        &self.report
    }
}

/// Reads everything, and plans what can be done about what is damaged or missing. `progress` is
/// told of bytes of packs that were read.
///
/// # Errors
/// [`RepairError`]; nothing is changed in any case.
pub fn plan_repair(
    request: &RepairRequest<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<RepairPlan, RepairError> {
    // What is to be put in its place must not be read from elsewhere meanwhile.
    let request = &RepairRequest {
        vault: &request.vault.as_named(),
        device_name: request.device_name.clone(),
        machine: request.machine.clone(),
        ..*request
    };
    let RepairRequest { vault, state, keys, descriptor, .. } = request;
    let mut report = RepairReport::default();
    let trust = Trust::read(*state, vault, keys)?;
    let listing = vault.listing()?;
    let copies = Copies::find(vault, keys)?;
    let fixed = Fixed::find(vault, keys, &copies)?;
    let logs = Logs::find(vault, &listing, keys, &copies, &trust.frontier)?;
    let stand_ins = logs.heals.iter().map(|heal| (heal.object.clone(), heal.copy.path.clone()));
    let healed = vault.with_stand_ins(stand_ins.collect());
    let there = logs.listing(&listing);
    let mut folded = fold_beyond(&trust.frontier, &healed, &there, keys, descriptor.chunk_size);
    folded.unseen.add_kept(trust.awaited.clone());
    let unseen = folded.unseen.clone();
    report.awaited = awaited_logs(&folded, &trust);
    let rebuilt = rebuild(request, &healed, &logs, &copies, &trust, folded, &mut report)?;
    let Rebuilt { tree, publication, frontier, taken_over } = rebuilt;
    let (nothing, identity) = (VaultListing::default(), trust.identity.as_ref());
    let seen_otherwise = rollback(&trust.frontier, &frontier, &nothing, identity);
    report.takes_as_newest = !seen_otherwise.is_empty() || trust.is_damaged;
    let mut seen = None;
    if publication.is_some() || report.takes_as_newest {
        trust.check_replay(*state, keys, &tree, &listing)?;
        let (generation, awaited) = (trust.generation, Some(BTreeSet::new()));
        seen = Some(Seen { frontier, generation, awaited, publishing: None });
        if trust.has_unpublished() {
            let note = "changes of this device that are not in the vault yet are kept for the next \
                        mount";
            report.notes.push(note.to_owned());
        }
    }

    let verified = VerifyRequest {
        vault: &healed,
        listing: &listing,
        keys,
        descriptor,
        seen: Seen { frontier: trust.frontier.clone(), ..Seen::default() },
        identity: None,
        has_work: false,
    };
    let coming = publication.as_ref().map(|publication| publication.story.id);
    let packs = Packs::find(&verified, &tree, &logs, &copies, coming, progress)?;
    report.lost.clone_from(&packs.lost);
    report.awaited.extend(take_awaited(&verified, &unseen, &mut report.lost));
    report.notes.extend(packs.notes.iter().cloned());

    let is_taken = |object: &str| taken_over.contains(object);
    let log_heals: Vec<(String, String, LogHash)> = logs
        .heals
        .iter()
        .filter(|heal| !is_taken(&heal.object))
        .map(|heal| (heal.object.clone(), heal.copy.path.clone(), heal.copy.hash))
        .collect();
    let pack_heals = packs.heals.iter().map(|(id, from, _)| (pack_path(*id), from.clone()));
    let all_heals = fixed.heals.iter().cloned();
    let all_heals =
        all_heals.chain(log_heals.iter().map(|(object, from, _)| (object.clone(), from.clone())));
    for (object, from) in all_heals.chain(pack_heals) {
        report.healed.push(Healed { object, from });
    }
    if fixed.makes_descriptor {
        let from = "what a slot has of it".to_owned();
        report.rebuilt.push(Healed { object: DESCRIPTOR_NAME.to_owned(), from });
    }
    for rebuild in &packs.rebuilds {
        let object = pack_path(rebuild.id);
        let (chunks, sources) = (rebuild.opened.len(), rebuild.sources.join(", "));
        let from = format!("{chunks} chunks from {sources}");
        report.rebuilt.push(Healed { object, from });
    }
    let mut set_aside = fixed.set_aside.clone();
    set_aside.extend(logs.set_aside.iter().chain(&packs.set_aside).cloned());
    let is_healed_log = |object: &str| logs.heals.iter().any(|heal| heal.object == object);
    let taken_in_place = taken_over.iter().filter(|object| !is_healed_log(object));
    set_aside.extend(taken_in_place.map(|object| {
        let why = "its operations are taken over".to_owned();
        Moved { object: object.clone(), why }
    }));
    report.set_aside.clone_from(&set_aside);
    let is_used = |path: &str| {
        report.healed.iter().any(|healed| healed.from == path)
            || packs.rebuilds.iter().any(|it| it.sources.iter().any(|source| source == path))
            || set_aside.iter().any(|moved| moved.object == path)
            || report.healed.iter().any(|healed| healed.object == path)
    };
    report.superfluous = copies.superfluous(&is_used);
    Ok(RepairPlan { fixed, log_heals, packs, publication, set_aside, seen, report })
}
