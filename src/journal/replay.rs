//! Reads what a crash left in the journal. Writes nothing.

use std::path::{Path, PathBuf};

use crate::crypto::{ClassKeys, Nonce, ObjectClass, ObjectSealer};
use crate::store::{Disk, DiskFile, StoreError, list_if_there};

use super::layout::{
    BLOCK_BYTES, GenerationHeader, HEADER_BYTES, RECORD_HEADER_BYTES, RECORDS_AT, RecordHeader,
    record_bytes,
};

const FILE_PREFIX: &str = "journal-";
/// How much of a journal file is read at once.
const WINDOW_BYTES: u64 = 256 << 10;

/// Where the journal file `index` is in `folder`.
pub(super) fn journal_path(folder: &Path, index: u32) -> PathBuf {
    folder.join(format!("{FILE_PREFIX}{index}"))
}

/// The number of the journal file `name`; only the name that it was made under counts, so that
/// each is read once. The last number is nobody's: a later file has one after it.
fn file_index(name: &str) -> Option<u32> {
    let digits = name.strip_prefix(FILE_PREFIX)?;
    let index: u32 = digits.parse().ok().filter(|index| *index < u32::MAX)?;
    (index.to_string() == digits).then_some(index)
}

/// A generation and its records that can be relied on.
#[derive(Debug)]
pub struct ReplayedGeneration {
    pub(super) number: u64,
    pub(super) file_index: u32,
    /// Records with their numbers, in order.
    pub records: Vec<(u64, Vec<u8>)>,
}

/// Everything acknowledged that may not be in the vault.
#[derive(Debug, Default)]
pub struct Replay {
    /// Generations, oldest first; their records' numbers have no gap.
    pub generations: Vec<ReplayedGeneration>,
    /// The number after the last record.
    pub next_seq: u64,
    /// Some records that had been made durable cannot be read: damage, not a torn end.
    pub damaged: bool,
    /// Records before this number had been made durable.
    pub durable_seq: u64,
    /// The number of the last generation, published or not.
    pub(super) last_number: u64,
    /// Files that no generation needs.
    pub(super) free_files: Vec<u32>,
    /// Files of generations that come after one that a power loss took: nothing in them was
    /// promised, and what they tell builds on what is gone.
    pub(super) stale_files: Vec<u32>,
}

impl Replay {
    /// Whether there is anything to replay.
    pub fn has_records(&self) -> bool {
        self.generations.iter().any(|generation| !generation.records.is_empty())
    }
}

/// Reads every journal file in `folder`, leaving aside the generations up to
/// `published_number`, whose operations are in the vault. A folder that is not there yet has nothing
/// to replay.
///
/// # Errors
/// [`StoreError`] if the disk fails.
pub fn read_journal(
    disk: &dyn Disk,
    folder: &Path,
    keys: &ClassKeys,
    published_number: u64,
) -> Result<Replay, StoreError> {
    let items = list_if_there(disk, folder)?;
    let mut replay = Replay { last_number: published_number, ..Replay::default() };
    let mut found = Vec::new();
    for item in items {
        let Some(file_index) = file_index(&item.name) else { continue };
        let path = journal_path(folder, file_index);
        let scan = || -> std::io::Result<Scan> {
            let file = disk.open(&path, false)?;
            let mut block = [0; HEADER_BYTES];
            let bytes = file.read_at(&mut block, 0)?;
            match GenerationHeader::open(keys, &block[..bytes]) {
                Ok(header) if header.number <= published_number => Ok(Scan::Done),
                Ok(header) => scan_records(&*file, &header, keys),
                // A block of zeroes was never used; a torn header had no durable record.
                Err(_) if block == [0; HEADER_BYTES] => Ok(Scan::Done),
                Err(_) => orphaned_records(&*file, keys),
            }
        };
        match scan().map_err(|e| StoreError::io("cannot read", &path, e))? {
            Scan::Done => replay.free_files.push(file_index),
            Scan::Damaged => replay.damaged = true,
            Scan::Records { header, records, durable_seq } => {
                found.push((header, file_index, records, durable_seq));
            }
        }
    }
    found.sort_by_key(|(header, ..)| header.number);
    replay.durable_seq = found.iter().map(|(.., durable_seq)| *durable_seq).max().unwrap_or(0);
    // Numbers have no gap. A header may be gone, and later ones not, where none was synced.
    let mut numbers = published_number.saturating_add(1)..;
    let unbroken = found.iter().take_while(|(header, ..)| Some(header.number) == numbers.next());
    let stale = found.split_off(unbroken.count());
    replay.stale_files = stale.into_iter().map(|(_, file_index, ..)| file_index).collect();
    if let Some((first, ..)) = found.first() {
        replay.next_seq = first.first_seq;
    }
    let first_seqs: Vec<u64> = found.iter().map(|(header, ..)| header.first_seq).collect();
    for (nth, (header, file_index, mut records, _)) in found.into_iter().enumerate() {
        // A later generation that starts earlier than this one ends took its place from there.
        let end_seq = first_seqs.get(nth + 1..).into_iter().flatten().min().copied();
        records.retain(|(seq, _)| end_seq.is_none_or(|end| *seq < end));
        if header.first_seq != replay.next_seq {
            records.clear();
        }
        replay.next_seq += records.len() as u64;
        replay.last_number = header.number;
        replay.generations.push(ReplayedGeneration { number: header.number, file_index, records });
    }
    replay.damaged |= replay.durable_seq > replay.next_seq;
    Ok(replay)
}

/// What one journal file holds.
enum Scan {
    /// Nothing that is needed.
    Done,
    /// Records, but not the header that they need.
    Damaged,
    Records {
        header: GenerationHeader,
        records: Vec<(u64, Vec<u8>)>,
        durable_seq: u64,
    },
}

fn scan_records(
    file: &dyn DiskFile,
    header: &GenerationHeader,
    keys: &ClassKeys,
) -> std::io::Result<Scan> {
    let sealer = header.sealer(keys);
    let mut window = Window::of(file)?;
    let mut records = Vec::new();
    let mut durable_seq = 0;
    let mut at = RECORDS_AT;
    let mut seq = header.first_seq;
    let mut unbroken = true;
    while at < window.file_bytes {
        match read_record(&mut window, at, &sealer, |found| found == header.id)? {
            Some((record, body)) => {
                durable_seq = durable_seq.max(record.durable_seq);
                unbroken &= record.seq == seq;
                if unbroken {
                    records.push((record.seq, body));
                    seq += 1;
                }
                at += record_bytes(record.sealed_bytes.into());
            }
            // Behind a gap there may be records that say whether the gap had been durable.
            None => {
                unbroken = false;
                at += BLOCK_BYTES;
            }
        }
    }
    Ok(Scan::Records { header: *header, records, durable_seq })
}

/// Whether a file whose header is gone holds records that open.
fn orphaned_records(file: &dyn DiskFile, keys: &ClassKeys) -> std::io::Result<Scan> {
    let mut window = Window::of(file)?;
    let Some(record) = window.get(RECORDS_AT, RECORD_HEADER_BYTES)?.and_then(RecordHeader::parse)
    else {
        return Ok(Scan::Done);
    };
    let sealer = keys.sealer(ObjectClass::Journal, &record.generation);
    let found = read_record(&mut window, RECORDS_AT, &sealer, |_| true)?;
    Ok(if found.is_some() { Scan::Damaged } else { Scan::Done })
}

/// The record at `at`, if there is one that opens.
fn read_record(
    window: &mut Window<'_>,
    at: u64,
    sealer: &ObjectSealer,
    is_wanted: impl Fn(crate::crypto::ObjectId) -> bool,
) -> std::io::Result<Option<(RecordHeader, Vec<u8>)>> {
    let Some(header) = window.get(at, RECORD_HEADER_BYTES)?.and_then(RecordHeader::parse) else {
        return Ok(None);
    };
    if !is_wanted(header.generation) {
        return Ok(None);
    }
    let body_at = at + RECORD_HEADER_BYTES as u64;
    let Some(sealed) = window.get(body_at, header.sealed_bytes as usize)? else {
        return Ok(None);
    };
    let opened = sealer.open_in_place(Nonce::at(header.seq), &header.bytes(), sealed.to_vec());
    Ok(opened.ok().map(|body| (header, body)))
}

/// A file that is read from front to back, much at a time.
struct Window<'a> {
    file: &'a dyn DiskFile,
    file_bytes: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    fn of(file: &'a dyn DiskFile) -> std::io::Result<Self> {
        Ok(Self { file, file_bytes: file.len()?, start: 0, bytes: Vec::new() })
    }

    /// `count` bytes at `at`; `None` where the file has fewer.
    fn get(&mut self, at: u64, count: usize) -> std::io::Result<Option<&[u8]>> {
        let left = self.file_bytes.saturating_sub(at);
        if left < count as u64 {
            return Ok(None);
        }
        let held = at.checked_sub(self.start).and_then(|skip| usize::try_from(skip).ok());
        if held.is_none_or(|skip| skip.saturating_add(count) > self.bytes.len()) {
            let wanted = WINDOW_BYTES.max(count as u64).min(left);
            self.bytes.resize(wanted as usize, 0);
            self.start = at;
            let read = self.file.read_at(&mut self.bytes, at)?;
            self.bytes.truncate(read);
        }
        let skip = (at - self.start) as usize;
        Ok(self.bytes.get(skip..skip + count))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::crypto::{MasterKey, VaultId};
    use crate::journal::Journal;
    use crate::store::HostDisk;

    fn setting() -> (tempfile::TempDir, Arc<ClassKeys>) {
        let keys = MasterKey::random().class_keys(&VaultId::random());
        (tempfile::tempdir().unwrap(), Arc::new(keys))
    }

    fn start(folder: &Path, keys: &Arc<ClassKeys>, replay: &Replay) -> Journal {
        let disk = Arc::new(HostDisk);
        Journal::start(disk, folder, keys.clone(), replay, replay.next_seq).unwrap()
    }

    fn read(folder: &Path, keys: &ClassKeys, published: u64) -> Replay {
        read_journal(&HostDisk, folder, keys, published).unwrap()
    }

    fn bodies(replay: &Replay) -> Vec<String> {
        let records = replay.generations.iter().flat_map(|g| &g.records);
        records.map(|(_, body)| String::from_utf8(body.clone()).unwrap()).collect()
    }

    #[test]
    fn records_come_back_in_order_over_generations_and_starts() {
        let (dir, keys) = setting();
        let mut journal = start(dir.path(), &keys, &read(dir.path(), &keys, 0));
        journal.append(b"one").unwrap();
        journal.append(b"two").unwrap();
        journal.rotate().unwrap();
        journal.append(b"three").unwrap();
        drop(journal);
        let replay = read(dir.path(), &keys, 0);
        assert_eq!(bodies(&replay), ["one", "two", "three"]);
        let mut journal = start(dir.path(), &keys, &replay);
        journal.append(b"four").unwrap();
        let replay = read(dir.path(), &keys, 0);
        assert_eq!(bodies(&replay), ["one", "two", "three", "four"]);
        assert!(!replay.damaged);
    }

    #[test]
    fn what_is_published_is_not_replayed_and_its_file_is_used_again() {
        let (dir, keys) = setting();
        let mut journal = start(dir.path(), &keys, &read(dir.path(), &keys, 0));
        for round in 1..20 {
            journal.append(format!("{round}").as_bytes()).unwrap();
            let done = journal.rotate().unwrap();
            assert_eq!(bodies(&read(dir.path(), &keys, done)), Vec::<String>::new());
            assert_eq!(bodies(&read(dir.path(), &keys, done - 1)), [round.to_string()]);
            journal.release(done);
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn generations_are_counted_on_over_every_start_of_the_journal() {
        let (dir, keys) = setting();
        let mut journal = start(dir.path(), &keys, &read(dir.path(), &keys, 0));
        journal.append(b"one").unwrap();
        journal.rotate().unwrap();
        journal.append(b"two").unwrap();
        drop(journal);
        // After a crash all of it, and what follows, goes into one log object.
        let mut journal = start(dir.path(), &keys, &read(dir.path(), &keys, 0));
        journal.append(b"three").unwrap();
        let done = journal.rotate().unwrap();
        journal.append(b"four").unwrap();
        drop(journal);
        assert_eq!(bodies(&read(dir.path(), &keys, done)), ["four"]);
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
        let mut journal = start(dir.path(), &keys, &read(dir.path(), &keys, done));
        journal.append(b"five").unwrap();
        assert_eq!(bodies(&read(dir.path(), &keys, done)), ["five"]);
    }

    #[test]
    fn a_torn_end_is_cut_off_but_a_hole_in_what_was_durable_is_damage() {
        for durable in [false, true] {
            let (dir, keys) = setting();
            let mut journal = start(dir.path(), &keys, &read(dir.path(), &keys, 0));
            for body in ["one", "two", "three"] {
                journal.append(body.as_bytes()).unwrap();
                if durable {
                    journal.note_durable(journal.next_seq());
                }
            }
            let path = journal_path(dir.path(), 0);
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[(RECORDS_AT + BLOCK_BYTES) as usize + 45] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            let replay = read(dir.path(), &keys, 0);
            assert_eq!(bodies(&replay), ["one"]);
            assert_eq!(replay.damaged, durable);
        }
    }

    #[test]
    fn records_behind_a_torn_end_stay_dead_when_the_journal_goes_on() {
        let (dir, keys) = setting();
        let mut journal = start(dir.path(), &keys, &read(dir.path(), &keys, 0));
        for body in ["one", "two", "three"] {
            journal.append(body.as_bytes()).unwrap();
        }
        let replay = read(dir.path(), &keys, 0);
        let disk = Arc::new(HostDisk);
        let mut journal = Journal::start(disk, dir.path(), keys.clone(), &replay, 1).unwrap();
        journal.append(b"after one").unwrap();
        assert_eq!(bodies(&read(dir.path(), &keys, 0)), ["one", "after one"]);
    }

    #[test]
    fn a_generation_with_numbers_that_nobody_counts_to_is_damage() {
        for numbers in [(u64::MAX, 0), (1, u64::MAX), (1 << 63, 1 << 63)] {
            let (dir, keys) = setting();
            let mut journal = start(dir.path(), &keys, &read(dir.path(), &keys, 0));
            journal.append(b"one").unwrap();
            let path = journal_path(dir.path(), 0);
            let mut bytes = std::fs::read(&path).unwrap();
            let id = crate::crypto::ObjectId(bytes[16..32].try_into().unwrap());
            let header = GenerationHeader { id, number: numbers.0, first_seq: numbers.1 };
            bytes[..HEADER_BYTES].copy_from_slice(&header.seal(&keys));
            std::fs::write(&path, &bytes).unwrap();
            assert!(read(dir.path(), &keys, 0).damaged, "{numbers:?}");
        }
        // The note of what is published may be any number as well.
        let (dir, keys) = setting();
        let replay = read(dir.path(), &keys, u64::MAX);
        let started = Journal::start(Arc::new(HostDisk), dir.path(), keys, &replay, 0);
        assert!(matches!(started, Err(StoreError::Format { .. })));
    }

    #[test]
    fn a_journal_file_is_read_once_whatever_else_has_its_number() {
        let (dir, keys) = setting();
        let mut journal = start(dir.path(), &keys, &read(dir.path(), &keys, 0));
        journal.append(b"one").unwrap();
        for name in
            ["journal-00", "journal-007", "journal-+8", "journal-4294967295", "journal-0 (1)"]
        {
            std::fs::copy(journal_path(dir.path(), 0), dir.path().join(name)).unwrap();
        }
        let replay = read(dir.path(), &keys, 0);
        assert_eq!((bodies(&replay), replay.damaged), (vec!["one".to_owned()], false));
        start(dir.path(), &keys, &replay).append(b"two").unwrap();
        assert_eq!(bodies(&read(dir.path(), &keys, 0)), ["one", "two"]);
    }

    #[test]
    fn a_lost_header_in_front_of_records_is_damage() {
        let (dir, keys) = setting();
        let mut journal = start(dir.path(), &keys, &read(dir.path(), &keys, 0));
        journal.append(b"one").unwrap();
        let path = journal_path(dir.path(), 0);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[20] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(read(dir.path(), &keys, 0).damaged);
    }
}
