//! Reads what a crash left in the journal. Writes nothing.

use std::path::{Path, PathBuf};

use crate::crypto::{ClassKeys, Nonce, ObjectClass, ObjectSealer};
use crate::store::{Disk, DiskFile, StoreError};

use super::layout::{
    BLOCK_BYTES, GenerationHeader, HEADER_BYTES, RECORD_HEADER_BYTES, RECORDS_AT, RecordHeader,
    record_bytes,
};

const FILE_PREFIX: &str = "journal-";

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
    /// The highest number of a generation that is known of, published or not.
    pub(super) last_number: u64,
    /// Files that no generation needs.
    pub(super) free_files: Vec<u32>,
}

impl Replay {
    /// Whether there is anything to replay.
    pub fn has_records(&self) -> bool {
        self.generations.iter().any(|generation| !generation.records.is_empty())
    }
}

/// Reads every journal file in `folder`, leaving aside the generations up to
/// `published_number`, whose operations are in the vault.
///
/// # Errors
/// [`StoreError`] if the disk fails.
pub fn read_journal(
    disk: &dyn Disk,
    folder: &Path,
    keys: &ClassKeys,
    published_number: u64,
) -> Result<Replay, StoreError> {
    let items = disk.list(folder).map_err(|e| StoreError::io("cannot list", folder, e))?;
    let mut replay = Replay { last_number: published_number, ..Replay::default() };
    let mut found = Vec::new();
    for item in items {
        let Some(file_index) = file_index(&item.name) else { continue };
        let path = journal_path(folder, file_index);
        let mut scan = || -> std::io::Result<Scan> {
            let file = disk.open(&path, false)?;
            let mut block = [0; HEADER_BYTES];
            let bytes = file.read_at(&mut block, 0)?;
            match GenerationHeader::open(keys, &block[..bytes]) {
                Ok(header) => {
                    replay.last_number = replay.last_number.max(header.number);
                    if header.number <= published_number {
                        return Ok(Scan::Done);
                    }
                    scan_records(&*file, &header, keys)
                }
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
    let file_bytes = file.len()?;
    let mut records = Vec::new();
    let mut durable_seq = 0;
    let mut at = RECORDS_AT;
    let mut seq = header.first_seq;
    let mut unbroken = true;
    while at < file_bytes {
        match read_record(file, at, file_bytes, &sealer, |found| found == header.id)? {
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
    let mut block = [0; RECORD_HEADER_BYTES];
    file.read_at(&mut block, RECORDS_AT)?;
    let Some(record) = RecordHeader::parse(&block) else {
        return Ok(Scan::Done);
    };
    let sealer = keys.sealer(ObjectClass::Journal, &record.generation);
    let found = read_record(file, RECORDS_AT, file.len()?, &sealer, |_| true)?;
    Ok(if found.is_some() { Scan::Damaged } else { Scan::Done })
}

/// The record at `at`, if there is one that opens.
fn read_record(
    file: &dyn DiskFile,
    at: u64,
    file_bytes: u64,
    sealer: &ObjectSealer,
    is_wanted: impl Fn(crate::crypto::ObjectId) -> bool,
) -> std::io::Result<Option<(RecordHeader, Vec<u8>)>> {
    let mut header_bytes = [0; RECORD_HEADER_BYTES];
    if file.read_at(&mut header_bytes, at)? < RECORD_HEADER_BYTES {
        return Ok(None);
    }
    let Some(header) = RecordHeader::parse(&header_bytes) else {
        return Ok(None);
    };
    let body_at = at + RECORD_HEADER_BYTES as u64;
    let left_bytes = file_bytes.saturating_sub(body_at);
    if !is_wanted(header.generation) || u64::from(header.sealed_bytes) > left_bytes {
        return Ok(None);
    }
    let mut sealed = vec![0; header.sealed_bytes as usize];
    if file.read_at(&mut sealed, body_at)? < sealed.len() {
        return Ok(None);
    }
    let opened = sealer.open_in_place(Nonce::at(header.seq), &header_bytes, sealed);
    Ok(opened.ok().map(|body| (header, body)))
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
