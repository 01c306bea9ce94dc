//! Packs that no log object mentions: their log object is lost, and their footers say whose they
//! are.

use std::collections::{BTreeMap, HashSet};

use crate::format::{ChunkSize, FooterFile, Ino, PackId, Run, Time, check_name};
use crate::fs::salvage::run_of;

use super::copies::Copies;
use super::logs::Logs;
use super::story::is_story_path;

/// What one pack tells of one file.
#[derive(Clone, Debug)]
pub(super) struct LostPiece {
    pub(super) path: Vec<u8>,
    pub(super) size: u64,
    pub(super) mtime: Time,
    pub(super) runs: Vec<Run>,
}

/// What unmentioned packs tell, and the names that all packs know.
#[derive(Debug, Default)]
pub(super) struct LostPacks {
    /// By file, in the order in which the packs were closed.
    pub(super) files: BTreeMap<Ino, Vec<LostPiece>>,
    last_names: BTreeMap<Ino, (Time, Vec<u8>)>,
}

impl LostPacks {
    /// Packs that nobody mentions. Without a known loss of log objects (`has_loss`) only those
    /// that were closed after the last log object of their device that is there: others were left
    /// by a crash before anything of them was acknowledged. Those in `pending` wait in this
    /// device's journal for their log object.
    pub(super) fn find(
        copies: &Copies,
        logs: &Logs,
        pending: &HashSet<PackId>,
        has_loss: bool,
    ) -> Self {
        let mut lost = Self::default();
        let mut last_published: BTreeMap<_, Time> = BTreeMap::new();
        for ((_, device, _), facts) in &logs.facts {
            let last = last_published.entry(*device).or_insert(facts.published);
            *last = facts.published.max(*last);
        }
        let mut told: Vec<_> = copies
            .packs
            .iter()
            .filter_map(|(id, copies)| Some((*id, copies.iter().find_map(|c| c.footer.clone())?)))
            .collect();
        told.sort_by_key(|(id, footer)| (footer.closed.normal(), *id));
        for (pack, footer) in told {
            let closed = footer.closed.normal();
            let is_later = last_published.get(&footer.device).is_none_or(|last| closed > *last);
            let is_lost = !logs.mentioned.contains(&pack)
                && !pending.contains(&pack)
                && (has_loss || is_later);
            for file in footer.files {
                lost.note_name(closed, &file);
                if is_lost && !file.runs.is_empty() && !is_story_path(&file.path) {
                    let FooterFile { ino, path, size, mtime, runs } = file;
                    let runs = runs.iter().map(|run| run_of(pack, run)).collect();
                    let (size, mtime) = (size.min(ChunkSize::FILE_BYTES_MAX), mtime.normal());
                    let piece = LostPiece { path, size, mtime, runs };
                    lost.files.entry(ino).or_default().push(piece);
                }
            }
        }
        lost
    }

    /// What a file without a place is called: its number, and the last name that a pack knows.
    pub(super) fn name_of(&self, ino: Ino) -> Vec<u8> {
        let mut name = format!("{:016x}", ino.0).into_bytes();
        if let Some((_, last_name)) = self.last_names.get(&ino) {
            name.push(b'-');
            name.extend_from_slice(last_name);
            name.truncate(crate::format::NAME_BYTES_MAX);
        }
        name
    }

    fn note_name(&mut self, closed: Time, file: &FooterFile) {
        let name = file.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let is_newer = self.last_names.get(&file.ino).is_none_or(|(known, _)| *known <= closed);
        if is_newer && check_name(name).is_ok() {
            self.last_names.insert(file.ino, (closed, name.to_vec()));
        }
    }
}
