//! Where the log breaks off: what is behind it, and the log object that takes its place.

use std::collections::BTreeSet;

use crate::format::{
    DeviceId, Frontier, FrontierEntry, Ino, LogDraft, LogHash, LogKind, Operation, Time, log_name,
};
use crate::fs::fold::Folded;
use crate::store::{VaultFolder, log_path};
use crate::tree::Tree;

use super::copies::Copies;
use super::logs::Logs;
use super::lost_packs::LostPacks;
use super::marks::Marks;
use super::plan::{RepairError, RepairRequest};
use super::rebuild::Rebuild;
use super::report::RepairReport;
use super::story::{StoryPack, story, story_name, story_pack};
use super::trust::Trust;

/// More log objects of one device than this are not given up one by one (I8).
const GIVEN_UP_MAX: usize = 10_000;

/// A log object and a checkpoint with what was rebuilt, and a pack with the text about it.
#[derive(Debug)]
pub(super) struct Publication {
    pub(super) device: DeviceId,
    pub(super) story: StoryPack,
    pub(super) log: Vec<u8>,
    pub(super) checkpoint: Vec<u8>,
}

/// The state that the vault will have.
pub(super) struct Rebuilt {
    pub(super) tree: Tree,
    /// What brings it about, where the log alone does not.
    pub(super) publication: Option<Publication>,
    pub(super) frontier: Frontier,
    /// Paths of log objects whose place the publication takes.
    pub(super) taken_over: BTreeSet<String>,
}

/// A log object that the fold does not get to.
struct Behind {
    clock: u64,
    place: (DeviceId, u64),
    hash: LogHash,
    /// Where it can be read.
    path: String,
}

/// Goes on where the log breaks off, if it does: applies what is behind the break as far as it
/// fits, and brings files back from packs whose log object is lost.
///
/// # Errors
/// [`RepairError::Store`] if a log object cannot be read again.
pub(super) fn rebuild(
    request: &RepairRequest<'_>,
    healed: &VaultFolder,
    logs: &Logs,
    copies: &Copies,
    trust: &Trust,
    folded: Folded,
    report: &mut RepairReport,
) -> Result<Rebuilt, RepairError> {
    let missing = missing(logs, &folded);
    let has_break = !missing.is_empty() || !folded.gaps.is_empty();
    let behind = behind(request, healed, logs, &folded, has_break)?;
    let lost_packs = LostPacks::find(copies, logs, &trust.pending_packs(), has_break);
    let Folded { tree, frontier, clock, .. } = folded;
    if !has_break && behind.is_empty() && lost_packs.files.is_empty() {
        let taken_over = BTreeSet::new();
        return Ok(Rebuilt { tree, publication: None, frontier, taken_over });
    }
    let now = Time::now();
    let mut rebuild = Rebuild::new(tree, &lost_packs, now);
    let mut marks = Marks { given_up: missing, ..Marks::default() };
    let mut taken_over = BTreeSet::new();
    let clock = behind.iter().map(|object| object.clock).fold(clock, u64::max) + 1;
    for object in &behind {
        let log = healed.get_log_at(request.keys, LogKind::Increment, &object.path)?;
        for operation in log.operations() {
            match operation {
                Ok(operation) => rebuild.take_over(&operation),
                Err(error) => rebuild.skipped.push(format!("{}: {error}", object.path)),
            }
        }
        marks.taken_over.insert(object.place, object.hash);
        report.taken_over.push(object.path.clone());
        if object.path == log_path(LogKind::Increment, object.place.0, object.place.1) {
            taken_over.insert(object.path.clone());
        }
    }
    rebuild.bring_back_rest();
    report.lost_logs = marks
        .given_up
        .iter()
        .filter(|place| !marks.taken_over.contains_key(place))
        .map(|(device, seq)| log_name(LogKind::Increment, *device, *seq))
        .collect();
    let publication = publish(request, &mut rebuild, &marks, (&frontier, clock), report, now)?;
    let mut after = frontier;
    after.advance(entry_of(&publication));
    Ok(Rebuilt { tree: rebuild.tree, publication: Some(publication), frontier: after, taken_over })
}

/// The log object as a frontier names it.
fn entry_of(publication: &Publication) -> FrontierEntry {
    let hash = LogHash::of(&publication.log);
    FrontierEntry { device: publication.device, seq: 1, hash }
}

/// Log objects that somebody knows of, that the state does not cover, and that are not to be had.
fn missing(logs: &Logs, folded: &Folded) -> BTreeSet<(DeviceId, u64)> {
    let mut missing = BTreeSet::new();
    for (device, last) in logs.last_known() {
        let numbers = folded.frontier.seq(device).saturating_add(1)..=last;
        let is_there = |seq: &u64| {
            logs.facts.contains_key(&(LogKind::Increment, device, *seq))
                || logs.marks.has((device, *seq))
        };
        let gone = numbers.take(GIVEN_UP_MAX).filter(|seq| !is_there(seq));
        missing.extend(gone.map(|seq| (device, seq)));
    }
    missing
}

/// What the fold does not get to, in an order in which each comes after all that it had seen.
fn behind(
    request: &RepairRequest<'_>,
    healed: &VaultFolder,
    logs: &Logs,
    folded: &Folded,
    has_break: bool,
) -> Result<Vec<Behind>, RepairError> {
    let mut behind = Vec::new();
    for ((kind, device, seq), facts) in logs.facts.iter().filter(|_| has_break) {
        let is_behind = *kind == LogKind::Increment && *seq > folded.frontier.seq(*device);
        if is_behind {
            let (clock, place, hash) = (facts.clock, (*device, *seq), facts.hash);
            let path = log_path(LogKind::Increment, *device, *seq);
            behind.push(Behind { clock, place, hash, path });
        }
    }
    for (place, path) in &logs.astray {
        // One in its own place came after a repair had given it up.
        if has_break || *path == log_path(LogKind::Increment, place.0, place.1) {
            let log = healed.get_log_at(request.keys, LogKind::Increment, path)?;
            let (clock, place, hash) = (log.clock, *place, log.hash);
            behind.push(Behind { clock, place, hash, path: path.clone() });
        }
    }
    behind.sort_by(|a, b| (a.clock, a.place, &a.path).cmp(&(b.clock, b.place, &b.path)));
    behind.dedup_by_key(|object| object.hash);
    Ok(behind)
}

/// Seals what was rebuilt as the first log object of a device that nobody has seen before.
fn publish(
    request: &RepairRequest<'_>,
    rebuild: &mut Rebuild<'_>,
    marks: &Marks,
    (frontier, clock): (&Frontier, u64),
    report: &mut RepairReport,
    now: Time,
) -> Result<Publication, RepairError> {
    let RepairRequest { keys, descriptor, device_name, .. } = request;
    let device = DeviceId::random();
    report.skipped.append(&mut rebuild.skipped);
    report.brought_back.append(&mut rebuild.brought_back);
    let ino = Ino::random();
    let unfit = |error: crate::tree::ApplyError| RepairError::Unfit(error.to_string());
    let path = rebuild.make_lost_file(ino, story_name(now).as_bytes(), now).map_err(unfit)?;
    let text = story(report, now);
    let file = (ino, path.as_str());
    let story = story_pack(keys, descriptor.chunk_size, device, file, &text, now);
    let (runs, size) = (vec![story.run], story.size);
    rebuild
        .perform(&Operation::Write { ino, runs, size, mtime: now, ctime: now })
        .map_err(unfit)?;
    let mut told = Ok(());
    marks.tell(ino, now, &mut |operation| {
        told = told.and(rebuild.perform(operation));
    });
    told.map_err(unfit)?;
    report.brought_back.push(format!("{path}: says what was lost and what was brought back"));

    let increment = LogDraft {
        device,
        seq: 1,
        previous: LogHash::NONE,
        frontier: frontier.clone(),
        clock,
        kind: LogKind::Increment,
        published: now,
        device_name: device_name.clone(),
        operations: std::mem::take(&mut rebuild.operations),
    };
    let mut checkpoint = LogDraft { operations: Vec::new(), ..increment.clone() };
    let log = increment.seal(keys);
    let hash = LogHash::of(&log);
    checkpoint.kind = LogKind::Checkpoint;
    checkpoint.previous = hash;
    checkpoint.frontier.advance(FrontierEntry { device, seq: 1, hash });
    rebuild.tree.encode_checkpoint(&mut checkpoint.operations);
    Ok(Publication { device, story, log, checkpoint: checkpoint.seal(keys) })
}
