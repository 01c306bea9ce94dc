//! Conflict copies: what they stand beside, and where either version comes from.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::format::{DeviceId, Ino, LogKind, NodeKind, OpenedLog, Operation, Time};
use crate::tree::{Attributes, ConflictCopy, FileKind};

use super::error::FsError;
use super::file_system::FileSystem;
use super::live::Live;

/// A conflict copy and what it stands beside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// What has the name; `None` if nothing has it any more.
    pub named: Option<ConflictSide>,
    /// The conflict copy.
    pub copy: ConflictSide,
}

/// One of two versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictSide {
    /// Its path, from the root of the mount.
    pub path: String,
    /// `file`, `folder`, `link` or `other`.
    pub kind: String,
    /// Its size.
    pub bytes: u64,
    /// What is in a folder.
    pub entries: Option<u64>,
    /// When its content last changed, in seconds since 1970.
    pub modified: i64,
    /// The device that it comes from, by its name; `None` where that is unknown.
    pub device: Option<String>,
    /// The day on which that device published it, as in 2026-11-24.
    pub date: Option<String>,
}

/// Some of a vault's conflicts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflicts {
    /// How many there are in all.
    pub total: u64,
    /// These of them.
    pub conflicts: Vec<Conflict>,
}

/// A path that is longer is told by its end.
const PATH_BYTES_MAX: usize = 4096;

impl FileSystem {
    /// Conflict copies, from the `first` on and no more than `count`, with what each stands beside.
    /// Who has written what has the name is looked for in the log objects that are there.
    ///
    /// # Errors
    /// [`FsError`] if the state or the vault folder cannot be looked at.
    pub fn conflicts(&self, first: usize, count: usize) -> Result<Conflicts, FsError> {
        let mut conflicts = Conflicts::default();
        let mut wanted: HashMap<Ino, Wanted> = HashMap::new();
        let mut named_inos = Vec::new();
        {
            let live = self.read_live()?;
            let copies = live.tree.conflict_copies();
            conflicts.total = copies.len() as u64;
            for copy in copies.into_iter().skip(first).take(count) {
                let named = copy.beside.as_ref().map(|(name, ino)| {
                    let attributes = live.attributes(*ino)?;
                    wanted.insert(*ino, Wanted::of(&attributes));
                    version(&live, &copy, name, &attributes)
                });
                let told = ConflictSide {
                    device: Some(copy.told.device.clone()),
                    date: Some(copy.told.date.clone()),
                    ..version(&live, &copy, &copy.name, &live.attributes(copy.ino)?)?
                };
                named_inos.push(copy.beside.as_ref().map(|(_, ino)| *ino));
                conflicts.conflicts.push(Conflict { named: named.transpose()?, copy: told });
            }
        }
        let writers = self.last_writers(wanted)?;
        for (conflict, ino) in conflicts.conflicts.iter_mut().zip(named_inos) {
            let writer = ino.and_then(|ino| writers.get(&ino));
            if let (Some(named), Some(writer)) = (&mut conflict.named, writer) {
                named.device = Some(writer.device_name.clone());
                named.date = Some(writer.published.date());
            }
        }
        Ok(conflicts)
    }

    /// Who has given inodes the content that they have, as far as log objects tell.
    fn last_writers(&self, wanted: HashMap<Ino, Wanted>) -> Result<HashMap<Ino, Writer>, FsError> {
        let mut writers: HashMap<Ino, Writer> = HashMap::new();
        if wanted.is_empty() {
            return Ok(writers);
        }
        let listing = self.vault.listing().map_err(|error| FsError::Disk(error.to_string()))?;
        for (device, seq) in listing.log_names(LogKind::Increment) {
            // What cannot be read is told of by whoever needs it.
            let Ok(log) = self.vault.get_log(&self.keys, LogKind::Increment, device, seq) else {
                continue;
            };
            for operation in log.operations().flatten() {
                let Some((ino, change)) = change_by(&operation) else { continue };
                let Some(wanted) = wanted.get(&ino) else { continue };
                let age = (log.clock, log.device);
                let is_later = writers.get(&ino).is_none_or(|writer| writer.age <= age);
                if is_later && wanted.comes_from(change) {
                    writers.insert(ino, Writer::of(&log));
                }
            }
        }
        Ok(writers)
    }
}

/// Whose author is looked for.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    kind: FileKind,
    mtime: Time,
}

/// What an operation does to an inode.
#[derive(Clone, Copy, Debug)]
enum Change {
    Made,
    Content(Time),
}

impl Wanted {
    fn of(attributes: &Attributes) -> Self {
        Self { kind: attributes.kind, mtime: attributes.mtime }
    }

    /// Whether a change is one that this may come from. Two versions of one file have one inode in
    /// the log; which of them an operation belongs to shows in the time that it gives the content.
    fn comes_from(&self, change: Change) -> bool {
        match change {
            Change::Made => self.kind != FileKind::File,
            Change::Content(time) => self.kind == FileKind::File && time.normal() == self.mtime,
        }
    }
}

/// Who has written something.
#[derive(Clone, Debug)]
struct Writer {
    age: (u64, DeviceId),
    device_name: String,
    published: Time,
}

impl Writer {
    fn of(log: &OpenedLog) -> Self {
        Self {
            age: (log.clock, log.device),
            device_name: log.device_name.clone(),
            published: log.published,
        }
    }
}

fn change_by(operation: &Operation<'_>) -> Option<(Ino, Change)> {
    match *operation {
        Operation::Create { ino, kind: NodeKind::File, times, .. } => {
            Some((ino, Change::Content(times.each().1)))
        }
        Operation::Create { ino, .. } => Some((ino, Change::Made)),
        Operation::Write { ino, mtime, .. } => Some((ino, Change::Content(mtime))),
        Operation::SetAttr { ino, mtime: Some(mtime), .. } => Some((ino, Change::Content(mtime))),
        Operation::Truncate { ino, time, .. } | Operation::Punch { ino, time, .. } => {
            Some((ino, Change::Content(time)))
        }
        _ => None,
    }
}

fn version(
    live: &Live,
    copy: &ConflictCopy,
    name: &[u8],
    attributes: &Attributes,
) -> Result<ConflictSide, FsError> {
    let mut path = live.tree.path(copy.folder).unwrap_or_default();
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    let start = path.len().saturating_sub(PATH_BYTES_MAX);
    let mut shown = String::from_utf8_lossy(&path[start..]).into_owned();
    if start > 0 {
        shown.insert(0, '…');
    }
    let kind = match attributes.kind {
        FileKind::File => "file",
        FileKind::Folder => "folder",
        FileKind::Symlink => "link",
        _ => "other",
    };
    let entries = match attributes.kind {
        FileKind::Folder => Some(live.tree.entry_count(attributes.ino)? as u64),
        _ => None,
    };
    Ok(ConflictSide {
        path: shown,
        kind: kind.to_owned(),
        bytes: attributes.size,
        entries,
        modified: attributes.mtime.secs,
        device: None,
        date: None,
    })
}
