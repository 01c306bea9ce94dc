//! The text that a repair leaves among the vault's files: what is gone, and what became of the
//! rest.

use crate::crypto::{ClassKeys, TAG_BYTES};
use crate::format::{
    ChunkSize, DeviceId, Footer, FooterFile, FooterRun, Ino, PackHeader, PackId, PackSealer, Run,
    Time,
};

use super::rebuild::LOST_NAME;
use super::report::RepairReport;
use crate::fs::salvage::run_of;

/// Longer ones are cut: what they would tell is in the objects that were set aside.
const STORY_BYTES_MAX: usize = 4 << 20;

/// A text as a pack of its own.
#[derive(Debug)]
pub(super) struct StoryPack {
    pub(super) id: PackId,
    pub(super) bytes: Vec<u8>,
    pub(super) run: Run,
    pub(super) size: u64,
}

/// The story's name.
pub(super) fn story_name(now: Time) -> String {
    format!("repair-{}.txt", now.date())
}

/// Whether a footer's path is a story's. A repair that was cut off may leave one that nothing
/// mentions, and the next one tells its own.
pub(super) fn is_story_path(path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    path.starts_with(LOST_NAME.as_bytes())
        && name.starts_with(b"repair-")
        && name.ends_with(b".txt")
}

/// What is to be told.
pub(super) fn story(report: &RepairReport, now: Time) -> String {
    let mut text = format!(
        "This vault was repaired by “hushfs repair” on {} (UTC).\n\n\
         Some of its log objects were lost. What could be had of the changes that they told of is \
         in the vault's files as before, or in this folder. Damaged objects and those that were \
         taken over are in the folder lost+found of the vault folder itself, as they were.\n",
        now.date()
    );
    let mut list = |heading: &str, lines: &mut dyn Iterator<Item = String>| {
        let lines: Vec<String> = lines.collect();
        if !lines.is_empty() {
            text.push_str(&format!("\n{heading}\n"));
            lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
        }
    };
    list("Log objects that are gone:", &mut report.lost_logs.iter().cloned());
    list("Log objects that were taken over:", &mut report.taken_over.iter().cloned());
    list("Changes in those that do not fit any more:", &mut report.skipped.iter().cloned());
    list("What was brought back here:", &mut report.brought_back.iter().cloned());
    let end = (0..=STORY_BYTES_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or(0));
    text
}

/// Seals a text as the only file of a pack.
pub(super) fn story_pack(
    keys: &ClassKeys,
    chunk_size: ChunkSize,
    device: DeviceId,
    (ino, path): (Ino, &str),
    text: &str,
    now: Time,
) -> StoryPack {
    let id = PackId::random();
    let sealer = PackSealer::new(keys, PackHeader::of(id));
    let mut bytes = sealer.header().0.to_vec();
    let shape = chunk_size.run_shape(text.len().max(1));
    let run = FooterRun {
        first_chunk: 0,
        count: shape.count,
        pack_offset: bytes.len() as u32,
        tail_bytes: shape.tail_bytes,
    };
    for plain in text.as_bytes().chunks(chunk_size.bytes()) {
        let mut sealed = vec![0; plain.len() + TAG_BYTES];
        sealer.seal_chunk(bytes.len() as u64, plain, &mut sealed);
        bytes.append(&mut sealed);
    }
    let size = text.len() as u64;
    let file = FooterFile { ino, path: path.into(), size, mtime: now, runs: vec![run] };
    let footer = Footer { device, closed: now, files: vec![file] };
    let tail = sealer.seal_footer(&footer, bytes.len() as u64);
    bytes.extend_from_slice(&tail);
    StoryPack { id, bytes, run: run_of(id, &run), size }
}
