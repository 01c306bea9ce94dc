//! Objects that sync clients have renamed or copied: which of them are read instead of the object
//! itself, and what is told of them. Only what is missing or damaged is looked for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::arriving::may_be_whole;
use super::file_system::{FileSystem, lock};
use super::fold::{FoldGap, Folded, fold_beyond};
use super::look::Found;
use super::open::OpenRequest;
use super::status::Status;
use super::sync::{Instant, Mutex};
use super::verify::{VerifyReport, VerifyRequest, verify_pack};
use crate::crypto::ClassKeys;
use crate::format::{
    DESCRIPTOR_BYTES_MAX, DESCRIPTOR_NAME, Descriptor, DeviceId, Frontier, Ino, LogKind,
    ObjectName, OpenedLog, Operation, Operations, PackId, Run, SLOT_BYTES_MAX,
    UnverifiedDescriptor, UnverifiedSlot, pack_path, parse_log_name, parse_pack_name,
};
use crate::store::{Copies, PackReader, StoreError, VaultFolder, VaultListing, list_if_there};

/// How long after the vault was last searched for copies it is searched again.
const SEARCH_AGAIN_AFTER: Duration = Duration::from_secs(10);
/// More copies of a descriptor than this are not tried (I8).
const COPIES_TRIED_MAX: usize = 16;
/// Paths of each kind that `status` tells.
const TOLD_MAX: usize = 10;
/// Longer paths are cut there.
const TOLD_CHARS_MAX: usize = 200;

/// When a mount last searched the vault for copies of what it could not read.
#[derive(Debug, Default)]
pub(super) struct Searched(Mutex<Option<Instant>>);

impl Searched {
    /// Whether it is time to search again, which counts as done then.
    fn is_due(&self) -> bool {
        let mut last = lock(&self.0);
        let is_due = last.is_none_or(|last| last.elapsed() >= SEARCH_AGAIN_AFTER);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }
}

/// A whole copy of an object, which nothing needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnusedCopy {
    /// Its path below the vault.
    pub path: String,
    /// The object's path.
    pub object: String,
}

/// Takes the log objects in that the fold has read from copies.
fn take_in_logs(vault: &VaultFolder, listing: &mut VaultListing) {
    for (object, path) in vault.stand_ins() {
        let name = object.rsplit('/').next().unwrap_or_default();
        let Some((kind, device, seq)) = parse_log_name(name) else { continue };
        let object = ObjectName::Log(kind, device, seq);
        if !listing.holds(&object) {
            let bytes = vault.open_as_named(&path).and_then(|file| {
                file.len().map_err(|error| StoreError::io("cannot read", path.as_ref(), error))
            });
            listing.take_in(&object, bytes.unwrap_or(0));
        }
    }
}

/// Takes those of these packs in that are not there, or not as long as any pack, and of which there
/// is a copy with a footer that opens.
pub(super) fn take_in_packs(
    vault: &VaultFolder,
    keys: &ClassKeys,
    listing: &mut VaultListing,
    wanted: impl Iterator<Item = PackId>,
) {
    if listing.copies.is_empty() {
        return;
    }
    let is_here = |id: &PackId| listing.packs.get(id).is_some_and(|bytes| may_be_whole(*bytes));
    let absent: BTreeSet<PackId> = wanted.filter(|id| !is_here(id)).collect();
    for id in absent {
        let object = ObjectName::Pack(id);
        for path in vault.copies_of(&object) {
            let Ok(file) = vault.open_as_named(&path) else { continue };
            let (Ok(bytes), Ok(reader)) = (file.len(), PackReader::open(keys, id, file)) else {
                continue;
            };
            if reader.footer().is_ok() {
                vault.read_from(&object, &path);
                listing.take_in(&object, bytes);
                break;
            }
        }
    }
}

/// Takes in what was read from copies, and the packs that are needed. What is staged is never taken
/// for something that is in the vault: a copy may go as it came.
///
/// # Errors
/// [`StoreError`] if the state folder cannot be listed.
pub(super) fn take_in_copies(request: &OpenRequest, found: &mut Found) -> Result<(), StoreError> {
    let OpenRequest { vault, state, keys, .. } = request;
    take_in_logs(vault, &mut found.listing);
    if found.listing.copies.is_empty() {
        return Ok(());
    }
    let mut staged: BTreeSet<PackId> = BTreeSet::new();
    if let Some(state) = state {
        let items = list_if_there(&**state.disk(), &state.staged())?;
        staged.extend(items.iter().filter_map(|item| parse_pack_name(&item.name)));
    }
    let mut wanted: BTreeSet<PackId> = found.folded.tree.needed_packs().collect();
    let records = found.replay.generations.iter().flat_map(|generation| &generation.records);
    for operation in records.flat_map(|(_, record)| Operations::new(record)).flatten() {
        match operation {
            Operation::Write { runs, .. } => wanted.extend(runs.iter().map(|run| run.pack)),
            Operation::Relocate { run, .. } => {
                wanted.insert(run.pack);
            }
            _ => {}
        }
    }
    let wanted = wanted.into_iter().filter(|id| !staged.contains(id));
    take_in_packs(vault, keys, &mut found.listing, wanted);
    Ok(())
}

/// Folds the log, and takes in what is read from copies.
pub(super) fn fold_with_copies(request: &VerifyRequest<'_>) -> (Folded, VaultListing) {
    let VerifyRequest { vault, keys, descriptor, seen, .. } = request;
    let mut listing = request.listing.clone();
    let mut folded = fold_beyond(&seen.frontier, vault, &listing, keys, descriptor.chunk_size);
    folded.unseen.add_kept(seen.awaited.clone());
    take_in_logs(vault, &mut listing);
    take_in_packs(vault, keys, &mut listing, folded.tree.needed_packs());
    if descriptor_at(vault, keys, DESCRIPTOR_NAME).is_err()
        && let Some(path) = descriptor_copy(vault, keys, descriptor, &listing.copies)
    {
        vault.read_from(&ObjectName::Descriptor, path);
    }
    (folded, listing)
}

/// Whether a copy of a damaged pack is whole; it is read from there then.
pub(super) fn has_whole_copy(
    request: &VerifyRequest<'_>,
    pack: PackId,
    needed: &[(Ino, Run)],
) -> bool {
    let object = ObjectName::Pack(pack);
    request.vault.copies_of(&object).into_iter().any(|path| {
        let vault = request.vault.with_stand_ins([(object.path(), path.clone())].into());
        let of_copy = VerifyRequest { vault: &vault, ..request.clone() };
        let is_whole = verify_pack(&of_copy, pack, needed).is_ok();
        if is_whole {
            request.vault.read_from(&object, &path);
        }
        is_whole
    })
}

/// Says of every file that may be a copy what it is: read from, of no use, or a stranger.
pub(super) fn tell_of_copies(
    request: &VerifyRequest<'_>,
    frontier: &Frontier,
    report: &mut VerifyReport,
) {
    let VerifyRequest { vault, listing, .. } = request;
    report.notes.extend(sentences(vault));
    let in_use: BTreeSet<String> = vault.stand_ins().into_iter().map(|(_, path)| path).collect();
    let mut files: BTreeMap<&str, Vec<&ObjectName>> = BTreeMap::new();
    for (object, path) in
        listing.copies.iter().flat_map(|(object, paths)| paths.iter().map(move |p| (object, p)))
    {
        files.entry(path).or_default().push(object);
    }
    for (path, objects) in files.into_iter().filter(|(path, _)| !in_use.contains(*path)) {
        let copied = objects.into_iter().find(|object| is_copy(request, frontier, object, path));
        match copied {
            // It unlocks from there.
            Some(object @ ObjectName::Slot(_)) if vault.open_as_named(&object.path()).is_err() => {
                report.notes.push(format!("{path} is a slot under another name than its own"));
            }
            Some(object) => {
                let object = object.path();
                report.copies.push(UnusedCopy { path: path.to_owned(), object });
            }
            None => report.strangers.push(path.to_owned()),
        }
    }
    report.strangers.sort_unstable();
    report.copies.sort_by(|a, b| a.path.cmp(&b.path));
}

/// Whether the file at `path` is, by its content, that object; a log object in the version that is
/// there. One that is not there is behind the checkpoint where the state covers it.
fn is_copy(
    request: &VerifyRequest<'_>,
    frontier: &Frontier,
    object: &ObjectName,
    path: &str,
) -> bool {
    let VerifyRequest { vault, keys, descriptor, .. } = request;
    match object {
        ObjectName::Descriptor => descriptor_at(vault, keys, path).is_ok(),
        ObjectName::Slot(id) => vault.get(path, SLOT_BYTES_MAX).is_ok_and(|bytes| {
            UnverifiedSlot::parse(&bytes).is_ok_and(|slot| {
                slot.claimed_id() == id && *slot.claimed_vault() == descriptor.vault
            })
        }),
        ObjectName::Log(kind, device, seq) => {
            let Ok(log) = vault.get_log_at(keys, *kind, path) else { return false };
            let own = vault.get_log_as_named(keys, *kind, *device, *seq);
            let is_in_use = match own {
                Ok(own) => own.hash == log.hash,
                Err(_) => frontier.seq(*device) >= *seq,
            };
            (log.device, log.seq) == (*device, *seq) && is_in_use
        }
        ObjectName::Pack(pack) => {
            let file = vault.open_as_named(path);
            let reader = file.ok().and_then(|file| PackReader::open(keys, *pack, file).ok());
            reader.is_some_and(|reader| reader.footer().is_ok())
        }
    }
}

/// What is read from elsewhere, in sentences.
fn sentences(vault: &VaultFolder) -> impl Iterator<Item = String> {
    vault.stand_ins().into_iter().map(|(object, path)| {
        format!("{object} is read from {path}: “hushfs repair” puts it in its place")
    })
}

/// The descriptor that the file at `path` is.
///
/// # Errors
/// [`StoreError`], also where it is another vault's.
fn descriptor_at(
    vault: &VaultFolder,
    keys: &ClassKeys,
    path: &str,
) -> Result<Descriptor, StoreError> {
    let bytes = vault.get(path, DESCRIPTOR_BYTES_MAX)?;
    UnverifiedDescriptor::parse(&bytes)
        .and_then(|descriptor| descriptor.verify(keys))
        .map_err(|error| StoreError::format(&vault.place(path), error))
}

/// Where in `copies` the descriptor is.
fn descriptor_copy<'a>(
    vault: &VaultFolder,
    keys: &ClassKeys,
    descriptor: &Descriptor,
    copies: &'a Copies,
) -> Option<&'a String> {
    let paths = copies.get(&ObjectName::Descriptor).into_iter().flatten().take(COPIES_TRIED_MAX);
    let mut found = paths.filter(|path| {
        descriptor_at(vault, keys, path).is_ok_and(|found| found.vault == descriptor.vault)
    });
    found.next()
}

impl FileSystem {
    /// Whether a copy of the descriptor is in the vault folder: then it is this vault's, whatever a
    /// sync client has made of the name.
    pub(super) fn finds_descriptor_copy(&self) -> bool {
        let find_in = |copies: &Copies| {
            let found = descriptor_copy(&self.vault, &self.keys, &self.descriptor, copies);
            if let Some(path) = found {
                self.vault.read_from(&ObjectName::Descriptor, path);
            }
            found.is_some()
        };
        self.vault.copies_beside().is_ok_and(|copies| find_in(&copies))
            || self.vault.listing().is_ok_and(|listing| find_in(&listing.copies))
    }

    /// Reads with `read` from whatever file is the pack by its name and gives what is wanted,
    /// authenticated; tells whether there is one. The pack is read from there from then on.
    pub(super) fn read_from_copy(
        &self,
        pack: PackId,
        read: &mut dyn FnMut(&PackReader) -> bool,
    ) -> bool {
        if self.read_from_known_copy(pack, read) {
            return true;
        }
        // A sync client may have renamed it since.
        self.readers.searched.is_due()
            && self.vault.listing().is_ok()
            && self.read_from_known_copy(pack, read)
    }

    fn read_from_known_copy(
        &self,
        pack: PackId,
        read: &mut dyn FnMut(&PackReader) -> bool,
    ) -> bool {
        let object = ObjectName::Pack(pack);
        let mut paths = self.vault.copies_of(&object);
        // Where a copy is read that is damaged, too.
        paths.extend([pack_path(pack)].into_iter().filter(|own| self.vault.has_stand_in(own)));
        for path in paths {
            let Ok(file) = self.vault.open_as_named(&path) else { continue };
            let Ok(reader) = PackReader::open(&self.keys, pack, file) else { continue };
            if read(&reader) {
                self.vault.read_from(&object, &path);
                self.readers.close_moved(pack);
                lock(&self.awaited).packs.remove(&pack);
                return true;
            }
        }
        false
    }

    /// Says which objects are read from copies, and which files of the vault folder are of no use,
    /// by their names.
    pub(super) fn tell_of_copies(&self, status: &mut Status, listing: &VaultListing) {
        let in_use: Vec<String> =
            self.vault.stand_ins().into_iter().map(|(_, path)| path).collect();
        status.notes.extend(told(sentences(&self.vault)));
        let named = listing.copies.iter().flat_map(|(object, paths)| {
            let object = object.path();
            paths.iter().map(move |path| (path, object.clone()))
        });
        let mut seen = BTreeSet::new();
        let unused = named.filter(|(path, _)| !in_use.contains(path) && seen.insert(*path));
        status.copies =
            told(unused.map(|(path, object)| {
                format!("{path}: named like a copy of {object}, not needed")
            }));
        status.strangers = told(listing.strangers.iter().cloned());
    }
}

/// The first of these, and how many more there are.
fn told(all: impl Iterator<Item = String>) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    let mut more = 0;
    for text in all {
        match told.len() < TOLD_MAX {
            true => told.push(text.chars().take(TOLD_CHARS_MAX).collect()),
            false => more += 1,
        }
    }
    if more > 0 {
        told.push(format!("and {more} more: “hushfs verify” names them all"));
    }
    told
}

/// Reads a log object for verification. From where the fold has come upon one of a device that cannot
/// be used, and upon no copy that continues the log, no copy stands for one of that device.
pub(super) fn log_to_verify(
    request: &VerifyRequest<'_>,
    folded: &Folded,
    (kind, device, seq): (LogKind, DeviceId, u64),
) -> Result<OpenedLog, StoreError> {
    let VerifyRequest { vault, keys, .. } = request;
    let is_behind = |gap: &FoldGap| matches!(gap, FoldGap::Unreadable { device: of, seq: from, .. } if *of == device && *from <= seq);
    match folded.gaps.iter().any(is_behind) {
        false => vault.get_log(keys, kind, device, seq),
        true => vault.get_log_as_named(keys, kind, device, seq),
    }
}
