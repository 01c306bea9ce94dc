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
const DAY_SECS: i64 = 24 * 60 * 60;

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
    format!("repair-{}.txt", date(now))
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
        date(now)
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

/// The day, as in 2026-11-24; by Howard Hinnant's `civil_from_days`.
pub(super) fn date(time: Time) -> String {
    let days = time.secs.div_euclid(DAY_SECS).clamp(-10_000_000, 10_000_000) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_the_dates_of_the_calendar() {
        for (secs, expected) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (951_782_400, "2000-02-29"),
            (1_795_546_302, "2026-11-24"),
            (4_107_542_399, "2100-02-28"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(date(Time { secs, nanos: 0 }), expected);
        }
    }
}
