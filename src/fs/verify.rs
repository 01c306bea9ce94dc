//! Verification: reads and authenticates every object of a vault.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use crate::crypto::ClassKeys;
use crate::format::{
    ChunkSize, Descriptor, FooterRun, Ino, KEYS_FOLDER, LOG_FOLDER, LogKind, PackHeader, PackId,
    PackSealer, Run, SLOT_BYTES_MAX, SlotError, UnverifiedSlot, may_be_slot_name, pack_path,
    slot_path,
};
use crate::store::{
    DeviceIdentity, Presence, Seen, StoreError, VaultFolder, VaultListing, log_path,
};
use crate::tree::Tree;

use super::arriving::{not_arrived, without_log};
use super::fold::{FoldGap, Folded};
use super::stand_ins::{
    UnusedCopy, fold_with_copies, has_whole_copy, log_to_verify, tell_of_copies,
};
use super::trust::rollback;
use super::witnesses::Witnesses;

/// What is to be verified, and with what.
#[derive(Clone, Debug)]
pub struct VerifyRequest<'a> {
    /// The vault.
    pub vault: &'a VaultFolder,
    /// Its objects.
    pub listing: &'a VaultListing,
    /// Its keys.
    pub keys: &'a ClassKeys,
    /// Its descriptor, authenticated.
    pub descriptor: &'a Descriptor,
    /// What this machine had seen in the vault before the listing was made: it tells what the
    /// vault has lost since, and what may only not have arrived yet.
    pub seen: Seen,
    /// This machine's device, if it has one.
    pub identity: Option<DeviceIdentity>,
    /// Whether work of it waits that no log object tells of yet ([`has_work`](super::has_work)).
    pub has_work: bool,
}

/// How far a verification has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyProgress {
    /// Bytes read.
    pub done_bytes: u64,
    /// Bytes of all objects.
    pub all_bytes: u64,
}

/// An object that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DamagedObject {
    /// Its path below the vault.
    pub object: String,
    /// What is wrong.
    pub what: String,
    /// Paths of files that lose content by it.
    pub files: Vec<String>,
}

/// What a verification found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct VerifyReport {
    /// Objects read.
    pub objects: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Files, folders and other inodes in the state.
    pub files: u64,
    /// What is damaged or missing; empty where all is well.
    pub damaged: Vec<DamagedObject>,
    /// What has not arrived yet, or in part only, and this machine has never seen whole. It cannot be
    /// told from what was lost before anybody here saw it.
    pub awaited: Vec<DamagedObject>,
    /// Packs that are online only and could not be fetched, by path below the vault, each with what
    /// went wrong. They may be whole.
    pub online_only: Vec<String>,
    /// Objects that only a newer program can read, by path below the vault, each with a word on
    /// its version.
    pub newer: Vec<String>,
    /// What is no damage, but keeps the state from being the whole story.
    pub notes: Vec<String>,
    /// Whole copies of objects that nothing needs.
    pub copies: Vec<UnusedCopy>,
    /// Files in the vault folder that are none of ours, by path.
    pub strangers: Vec<String>,
    /// Files that sync clients and systems keep there for themselves, by path.
    pub litter: Vec<String>,
}

impl VerifyReport {
    fn damage(&mut self, object: impl Into<String>, what: impl Into<String>, files: Vec<String>) {
        self.damaged.push(DamagedObject { object: object.into(), what: what.into(), files });
    }

    fn await_object(&mut self, object: String, what: impl Into<String>, files: Vec<String>) {
        self.awaited.push(DamagedObject { object, what: what.into(), files });
    }

    /// Whether something is wrong with an object already.
    fn names(&self, object: &str) -> bool {
        self.damaged.iter().chain(&self.awaited).any(|damaged| damaged.object == object)
    }
}

/// Reads every object of the listing, authenticates it and its place, and checks that the log
/// tells one whole story and names only content that is there.
///
/// # Errors
/// [`StoreError`] if the slots cannot be listed; damage is no error.
pub fn verify(
    request: &VerifyRequest<'_>,
    progress: &mut dyn FnMut(VerifyProgress),
) -> Result<VerifyReport, StoreError> {
    Ok(verify_packs_if(request, true, progress)?.report)
}

/// A vault that was verified.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) report: VerifyReport,
    /// The newest state.
    pub(super) folded: Folded,
    /// The vault's objects, with those that are read from copies.
    pub(super) listing: VaultListing,
}

/// As [`verify`]; of packs only that they are there, unless they are to be read.
///
/// # Errors
/// As for [`verify`].
pub(super) fn verify_packs_if(
    request: &VerifyRequest<'_>,
    reads_packs: bool,
    progress: &mut dyn FnMut(VerifyProgress),
) -> Result<Verified, StoreError> {
    let (folded, listing) = fold_with_copies(request);
    let request = &VerifyRequest { listing: &listing, ..request.clone() };
    let VerifyRequest { vault, keys, .. } = request;
    let mut report = VerifyReport {
        strangers: listing.strangers.clone(),
        litter: listing.litter.clone(),
        ..VerifyReport::default()
    };
    let all_bytes = listing.object_bytes();
    let mut done = |report: &mut VerifyReport, bytes: u64| {
        report.objects += 1;
        report.bytes = report.bytes.saturating_add(bytes);
        progress(VerifyProgress { done_bytes: report.bytes, all_bytes });
    };
    verify_slots(request, &mut report)?;
    let mut witnesses = Witnesses::default();
    let logs = listing.logs.iter().map(|item| (LogKind::Increment, item));
    let checkpoints = listing.checkpoints.iter().map(|item| (LogKind::Checkpoint, item));
    for (kind, ((device, seq), bytes)) in logs.chain(checkpoints) {
        let path = log_path(kind, *device, *seq);
        match log_to_verify(request, &folded, (kind, *device, *seq)) {
            Ok(log) => {
                if let Some(error) = log.operations().find_map(Result::err) {
                    report.damage(path.clone(), error.to_string(), Vec::new());
                }
                witnesses.note(path, kind, &log);
            }
            Err(error) if error.is_newer() => {
                report.newer.push(format!("{path}: {}", without_path(&error)));
            }
            Err(_)
                if *seq > request.seen.frontier.seq(*device)
                    && vault.log_is_cut_short(kind, *device, *seq) =>
            {
                report.await_object(path, ARRIVED_IN_PART, Vec::new());
            }
            Err(error) => report.damage(path, without_path(&error), Vec::new()),
        }
        done(&mut report, *bytes);
    }
    report.files = folded.tree.inode_count();
    verify_story(&folded, &witnesses, request, &mut report);
    let mut needed = runs_by_pack(&folded.tree, |_| true);
    for (pack, bytes) in &listing.packs {
        let runs = needed.remove(pack).unwrap_or_default();
        if reads_packs
            && let Err((what, lost)) = verify_pack(request, *pack, &runs)
            && !has_whole_copy(request, *pack, &runs)
        {
            let (path, lost) = (pack_path(*pack), paths(&folded.tree, lost));
            // Whose log object has not arrived either, nobody knows.
            let is_new = folded.unseen.has(*pack) || !folded.tree.knows_pack(*pack);
            if let Some(why) = not_fetched(vault, *pack) {
                let why = format!("{path}: online only: could not be fetched: {why}");
                report.online_only.push(why);
            } else if is_new && vault.pack_is_cut_short(keys, *pack) {
                report.await_object(path, ARRIVED_IN_PART, lost);
            } else {
                report.damage(path, what, lost);
            }
        }
        done(&mut report, *bytes);
    }
    for (pack, runs) in needed {
        let lost = paths(&folded.tree, runs.iter().map(|(ino, _)| *ino).collect());
        match folded.unseen.has(pack) {
            true => report.await_object(pack_path(pack), "not arrived yet", lost),
            false => report.damage(pack_path(pack), "missing", lost),
        }
    }
    if report.damaged.is_empty()
        && report.awaited.is_empty()
        && let Some(what) = without_log(request.listing, &folded.frontier, request.has_work)
    {
        report.await_object(LOG_FOLDER.to_owned(), what, Vec::new());
    }
    tell_of_copies(request, &folded.frontier, &mut report);
    report.damaged.sort_by(|a, b| a.object.cmp(&b.object));
    report.awaited.sort_by(|a, b| a.object.cmp(&b.object));
    Ok(Verified { report, folded, listing })
}

/// What is said of an object that may still be on its way.
const ARRIVED_IN_PART: &str = "arrived in part only";

/// Why a pack that is online only cannot be read; `None` where it can be, or is no such pack.
pub(super) fn not_fetched(vault: &VaultFolder, pack: PackId) -> Option<String> {
    match vault.presence(pack) {
        Presence::Here | Presence::Missing => None,
        Presence::Stub => Some("iCloud Drive shows a stub instead of it".to_owned()),
        // What can be read and is not right does not become so by being fetched.
        Presence::Placeholder { .. } => match vault.get_pack(pack) {
            Err(StoreError::Io { source, .. }) => Some(source.to_string()),
            _ => None,
        },
    }
}

/// What is wrong with an object whose path is told beside it.
pub(super) fn without_path(error: &StoreError) -> String {
    match error {
        StoreError::Format { source, .. } => source.to_string(),
        StoreError::Missing(_) => "missing".to_owned(),
        error => error.to_string(),
    }
}

/// Slots need no key to be checked for accidents; the one that unlocked was authenticated. Which
/// slots there were is written nowhere: that one is gone cannot be told.
fn verify_slots(request: &VerifyRequest<'_>, report: &mut VerifyReport) -> Result<(), StoreError> {
    let VerifyRequest { vault, descriptor, .. } = request;
    let mut names = match vault.names(KEYS_FOLDER) {
        // Whoever has the keys by other means needs no slots.
        Err(StoreError::Missing(_)) => Vec::new(),
        names => names?,
    };
    names.retain(|name| may_be_slot_name(name));
    names.sort();
    for name in names {
        let path = format!("{KEYS_FOLDER}/{name}");
        match vault.get(&path, SLOT_BYTES_MAX).map(|bytes| UnverifiedSlot::parse(&bytes)) {
            Ok(Ok(slot)) if *slot.claimed_vault() != descriptor.vault => {
                report.strangers.push(path);
            }
            Ok(Ok(slot)) if slot_path(*slot.claimed_id()) != path => {
                report.notes.push(format!("{path} is a slot under another name than its own"));
            }
            Ok(Ok(_)) => {}
            // A way to unlock that a newer program made is no damage.
            Ok(Err(error @ (SlotError::Newer(_) | SlotError::UnknownKind(_)))) => {
                report.notes.push(format!("{path}: {error}"));
            }
            Ok(Err(error)) => report.damage(path, error.to_string(), Vec::new()),
            Err(error) => report.damage(path, without_path(&error), Vec::new()),
        }
        report.objects += 1;
    }
    Ok(())
}

/// Whether the log objects fit together, and are no older than what this machine has seen.
fn verify_story(
    folded: &Folded,
    witnesses: &Witnesses,
    request: &VerifyRequest<'_>,
    report: &mut VerifyReport,
) {
    let contradictions = witnesses.contradictions(&request.seen.frontier);
    let is_contradicted = !contradictions.is_empty();
    for (object, what) in contradictions {
        report.damage(object, what, Vec::new());
    }
    for gap in &folded.gaps {
        let object = match gap {
            FoldGap::Missing { device, seq, .. } | FoldGap::Unfit { device, seq, .. } => {
                log_path(LogKind::Increment, *device, *seq)
            }
            // Who was replaced, and who only built on it, is told from all that is there.
            FoldGap::Replaced { .. } if is_contradicted => continue,
            FoldGap::Replaced { device, seq } => log_path(LogKind::Increment, *device, *seq),
            // Found when it was read by itself.
            FoldGap::Unreadable { .. } => continue,
        };
        if report.names(&object) {
            continue;
        }
        match not_arrived(gap, &request.seen.frontier, request.identity.as_ref()) {
            Some(what) => report.await_object(object, what, Vec::new()),
            None => report.damage(object, gap.to_string(), Vec::new()),
        }
    }
    let VerifyRequest { seen, listing, identity, .. } = request;
    for lost in rollback(&seen.frontier, &folded.frontier, listing, identity.as_ref()) {
        let object = format!("{LOG_FOLDER}/{}", lost.first);
        match (report.names(&object), lost.is_others) {
            (true, _) => {}
            (false, true) => report.await_object(object, lost.sentence, Vec::new()),
            (false, false) => report.damage(object, lost.sentence, Vec::new()),
        }
    }
}

/// The runs that files have in those packs that are wanted.
pub(super) fn runs_by_pack(
    tree: &Tree,
    is_wanted: impl Fn(PackId) -> bool,
) -> HashMap<PackId, Vec<(Ino, Run)>> {
    let mut needed: HashMap<PackId, Vec<(Ino, Run)>> = HashMap::new();
    for (ino, run) in tree.all_runs().filter(|(_, run)| is_wanted(run.pack)) {
        needed.entry(run.pack).or_default().push((ino, run));
    }
    needed
}

/// `Err`: what is wrong with a pack, and which of the files that need it lose content.
pub(super) fn verify_pack(
    request: &VerifyRequest<'_>,
    pack: PackId,
    needed: &[(Ino, Run)],
) -> Result<(), (String, BTreeSet<Ino>)> {
    let chunk_size = request.descriptor.chunk_size;
    let all_lost = || needed.iter().map(|(ino, _)| *ino).collect();
    let content = request.vault.get_pack(pack);
    let content = content.map_err(|error| (without_path(&error), all_lost()))?;
    let header = PackHeader::read_or_mend(pack, &content)
        .map_err(|error| (error.to_string(), all_lost()))?;
    let sealer = PackSealer::new(request.keys, header);
    let opens = |pack_offset, shape| sealer.run_opens(&content, pack_offset, shape, chunk_size);
    let what = match sealer.check_layout(&content, chunk_size) {
        Ok(footer) => {
            let runs = footer.files.iter().flat_map(|file| &file.runs);
            let bad = runs.filter(|run| !opens(run.pack_offset, run.shape())).count();
            let told = footer.files.iter().flat_map(|file| &file.runs);
            let told = told.map(|run| (run.pack_offset, *run)).collect();
            let untold = needed.iter().any(|(_, run)| !tells_of(&told, run, chunk_size));
            match (bad, untold) {
                (0, false) => return Ok(()),
                (0, true) => "content that the log tells of is not in it".to_owned(),
                (1, _) => "a run of chunks is not authentic".to_owned(),
                (bad, _) => format!("{bad} runs of chunks are not authentic"),
            }
        }
        Err(error) => error.to_string(),
    };
    let lost = needed.iter().filter(|(_, run)| !opens(run.pack_offset, run.shape()));
    Err((what, lost.map(|(ino, _)| *ino).collect()))
}

/// Whether the footer has every chunk of a run, in its place: then all are among those that were
/// opened. Whose they are there does not matter: copies share the chunks of several originals.
fn tells_of(footer: &BTreeMap<u32, FooterRun>, run: &Run, chunk_size: ChunkSize) -> bool {
    let mut nth = 0;
    while nth < run.count {
        let at = chunk_size.chunk_pack_offset(run.pack_offset.into(), nth);
        let before = u32::try_from(at).ok().and_then(|at| footer.range(..=at).next_back());
        let told = before.and_then(|(told_at, told)| {
            let skipped = chunk_size.nth_of_run((*told_at).into(), at)?;
            u64::from(told.count).checked_sub(skipped).filter(|chunks| *chunks > 0)
        });
        let Some(told) = told else { return false };
        nth = nth.saturating_add(u32::try_from(told).unwrap_or(u32::MAX));
    }
    true
}

pub(super) fn paths(tree: &Tree, files: BTreeSet<Ino>) -> Vec<String> {
    let path = |ino| String::from_utf8_lossy(&tree.path(ino).unwrap_or_default()).into_owned();
    files.into_iter().map(path).collect()
}
