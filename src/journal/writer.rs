//! Appends records, changes generations, lets go of what is published.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::crypto::{ClassKeys, Nonce, ObjectId, ObjectSealer, TAG_BYTES};
use crate::format::FormatError;
use crate::store::{Disk, DiskFile, StoreError};

use super::layout::{
    BLOCK_BYTES, GenerationHeader, HEADER_BYTES, NUMBER_MAX, RECORD_HEADER_BYTES, RECORDS_AT,
    RecordHeader, record_bytes,
};
use super::replay::{Replay, journal_path};

/// A journal file's length at first, and the step it grows by: zeroes, written ahead.
const STEP_BYTES: u64 = 4 << 20;
/// Past this a journal asks for its operations to be published.
const FULL_BYTES: u64 = 32 << 20;
/// A record is never larger: its length field has 32 bits.
const BODY_BYTES_MAX: usize = 1 << 30;

/// A record was not written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk failed. If it was full, the record is not there, and the call can be repeated;
    /// otherwise whether it survives a crash is open, and the journal takes no more.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An earlier failure closed the journal; the text is that one's.
    #[error("the journal is closed since a write failed: {0}")]
    Closed(String),
    /// Nothing that large is ever written at once.
    #[error("a record of {0} bytes is too large for the journal")]
    TooLarge(usize),
}

/// One generation that is being written or waits for its operations to be published.
#[derive(Debug)]
struct Generation {
    number: u64,
    file_index: u32,
    file: Arc<dyn DiskFile>,
    /// It holds records that may not be durable.
    needs_sync: bool,
}

/// The journal, open for appending.
#[derive(Debug)]
pub struct Journal {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    keys: Arc<ClassKeys>,
    header: GenerationHeader,
    sealer: ObjectSealer,
    current: Generation,
    /// Where the next record goes.
    end: u64,
    /// Zeroes are written up to here.
    zeroed_end: u64,
    /// Earlier generations whose operations are not published, oldest first.
    waiting: Vec<Generation>,
    /// Files that no generation uses.
    free: Vec<u32>,
    next_seq: u64,
    durable_seq: u64,
    /// Set by the first write that failed for another reason than want of room: nothing that
    /// comes after it can be relied on.
    closed: Option<String>,
    /// A record found no room: what stands at the end of this generation is open, so the next
    /// record starts another one, which takes the place of any that is there.
    is_torn: bool,
    scratch: Vec<u8>,
}

impl Journal {
    /// Starts a new generation behind what `replay` found. Records up to `keep_seq` (not
    /// included) stay valid; the new generation takes the place of any from there on.
    ///
    /// # Errors
    /// [`StoreError`]; what was found stays as it was.
    pub fn start(
        disk: Arc<dyn Disk>,
        folder: &Path,
        keys: Arc<ClassKeys>,
        replay: &Replay,
        keep_seq: u64,
    ) -> Result<Self, StoreError> {
        if replay.last_number.max(keep_seq) > NUMBER_MAX {
            let error = FormatError::Malformed("the journal's numbers are used up");
            return Err(StoreError::format(folder, error));
        }
        let mut waiting = Vec::new();
        for generation in &replay.generations {
            let path = journal_path(folder, generation.file_index);
            let file =
                disk.open(&path, true).map_err(|e| StoreError::io("cannot open", &path, e))?;
            waiting.push(Generation {
                number: generation.number,
                file_index: generation.file_index,
                file,
                needs_sync: true,
            });
        }
        // Whoever made the files may have crashed before their names were durable.
        disk.sync_folder(folder).map_err(|e| StoreError::io("cannot sync", folder, e))?;
        for index in &replay.stale_files {
            // Their numbers are used again: no crash may bring the old ones back.
            let path = journal_path(folder, *index);
            let blanked = disk.open(&path, true).and_then(|file| {
                file.write_all_at(&[0; HEADER_BYTES], 0)?;
                file.sync()
            });
            blanked.map_err(|e| StoreError::io("cannot write", &path, e))?;
        }
        let number = replay.last_number + 1;
        let mut free = [replay.free_files.as_slice(), &replay.stale_files].concat();
        let header = GenerationHeader { id: ObjectId::random(), number, first_seq: keep_seq };
        let (current, zeroed_end) = begin(&*disk, folder, &keys, &header, &mut free, &waiting)?;
        if keep_seq < replay.next_seq {
            // Records that are given up here must not come back with the next crash: what they
            // tell of is cut off its pack by now.
            let path = journal_path(folder, current.file_index);
            current.file.sync().map_err(|e| StoreError::io("cannot sync", &path, e))?;
        }
        Ok(Self {
            sealer: header.sealer(&keys),
            disk,
            folder: folder.into(),
            keys,
            header,
            current,
            end: RECORDS_AT,
            zeroed_end,
            waiting,
            free,
            next_seq: keep_seq,
            durable_seq: 0,
            closed: None,
            is_torn: false,
            scratch: Vec::new(),
        })
    }

    /// The number that the next record gets.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Whether its operations should be published soon, to keep the journal short.
    pub fn is_full(&self) -> bool {
        self.end >= FULL_BYTES
    }

    /// Appends a record; afterwards it survives this process.
    ///
    /// # Errors
    /// [`JournalError`]; after a write that failed for another reason than want of room the
    /// journal takes no more records.
    pub fn append(&mut self, body: &[u8]) -> Result<u64, JournalError> {
        if let Some(reason) = &self.closed {
            return Err(JournalError::Closed(reason.clone()));
        }
        if body.len() > BODY_BYTES_MAX {
            return Err(JournalError::TooLarge(body.len()));
        }
        if self.is_torn {
            self.rotate()?;
        }
        let sealed_bytes = body.len() + TAG_BYTES;
        let header = RecordHeader {
            sealed_bytes: sealed_bytes as u32,
            generation: self.header.id,
            seq: self.next_seq,
            durable_seq: self.durable_seq,
        };
        let header_bytes = header.bytes();
        let record_bytes = record_bytes(sealed_bytes as u64);
        self.scratch.clear();
        self.scratch.extend_from_slice(&header_bytes);
        self.scratch.resize(RECORD_HEADER_BYTES + sealed_bytes, 0);
        self.sealer.seal_into(
            Nonce::at(self.next_seq),
            &header_bytes,
            body,
            &mut self.scratch[RECORD_HEADER_BYTES..],
        );
        self.scratch.resize(record_bytes as usize, 0);
        let path = journal_path(&self.folder, self.current.file_index);
        if let Err(error) = self.make_room(self.end + record_bytes) {
            // Only zeroes can have been written: the journal is as it was.
            return Err(StoreError::io("cannot extend", &path, error).into());
        }
        if let Err(error) = self.current.file.write_all_at(&self.scratch, self.end) {
            let error = StoreError::io("cannot write", &path, error);
            match error {
                StoreError::Full(_) => self.is_torn = true,
                _ => self.closed = Some(error.to_string()),
            }
            return Err(error.into());
        }
        self.current.needs_sync = true;
        self.end += record_bytes;
        self.next_seq += 1;
        Ok(header.seq)
    }

    /// The files to sync for every record so far to be durable.
    pub fn files_to_sync(&self) -> Vec<Arc<dyn DiskFile>> {
        let all = self.waiting.iter().chain([&self.current]);
        all.filter(|generation| generation.needs_sync).map(|g| g.file.clone()).collect()
    }

    /// Takes note that records before `seq` are durable: their files were synced after they had
    /// been written.
    pub fn note_durable(&mut self, seq: u64) {
        self.durable_seq = self.durable_seq.max(seq);
        if self.durable_seq == self.next_seq {
            self.current.needs_sync = false;
        }
        if self.durable_seq >= self.header.first_seq {
            self.waiting.iter_mut().for_each(|generation| generation.needs_sync = false);
        }
    }

    /// Starts a new generation, for what comes after the log object that is about to be made.
    /// Gives the number of the last one before it, for [`Self::release`].
    ///
    /// # Errors
    /// [`StoreError`]; the old generation then goes on.
    pub fn rotate(&mut self) -> Result<u64, StoreError> {
        let header = GenerationHeader {
            id: ObjectId::random(),
            number: self.header.number + 1,
            first_seq: self.next_seq,
        };
        let in_use: Vec<&Generation> = self.waiting.iter().chain([&self.current]).collect();
        let (next, zeroed_end) =
            begin(&*self.disk, &self.folder, &self.keys, &header, &mut self.free, in_use)?;
        let done = self.header.number;
        self.sealer = header.sealer(&self.keys);
        self.header = header;
        self.waiting.push(std::mem::replace(&mut self.current, next));
        self.end = RECORDS_AT;
        self.zeroed_end = zeroed_end;
        self.is_torn = false;
        Ok(done)
    }

    /// Lets go of the generations up to `number`: their operations are durable in the vault, and
    /// so is the note of that which [`read_journal`](super::read_journal) will be given. Their
    /// files are used again as they are.
    pub fn release(&mut self, number: u64) {
        let done = self.waiting.extract_if(.., |generation| generation.number <= number);
        self.free.extend(done.map(|generation| generation.file_index));
    }

    /// Writes zeroes ahead until the file holds `end` bytes, a step at a time, so that few fsyncs
    /// have a new size to commit.
    fn make_room(&mut self, end: u64) -> std::io::Result<()> {
        if end <= self.zeroed_end {
            return Ok(());
        }
        let zeroed_end = end.next_multiple_of(STEP_BYTES);
        write_zeroes(&*self.current.file, self.zeroed_end, zeroed_end)?;
        self.zeroed_end = zeroed_end;
        Ok(())
    }
}

/// Takes a free file, or makes one, and writes `header` into it. The header becomes durable with
/// the first record's sync, which is soon enough: until then nothing in it was promised.
fn begin<'a>(
    disk: &dyn Disk,
    folder: &Path,
    keys: &ClassKeys,
    header: &GenerationHeader,
    free: &mut Vec<u32>,
    in_use: impl IntoIterator<Item = &'a Generation>,
) -> Result<(Generation, u64), StoreError> {
    let (file_index, is_new) = match free.last() {
        Some(index) => (*index, false),
        None => (in_use.into_iter().map(|g| g.file_index + 1).max().unwrap_or(0), true),
    };
    let path = journal_path(folder, file_index);
    let fail = |error| StoreError::io("cannot start the journal in", &path, error);
    let file = if is_new { disk.create(&path) } else { disk.open(&path, true) }.map_err(fail)?;
    let prepare = || -> std::io::Result<u64> {
        let mut zeroed_end = file.len()?;
        if zeroed_end < STEP_BYTES {
            write_zeroes(&*file, zeroed_end, STEP_BYTES)?;
            zeroed_end = STEP_BYTES;
        }
        if is_new {
            file.sync().and_then(|()| disk.sync_folder(folder))?;
        }
        // With it goes the first record of an earlier use, which would pass for one that lost its
        // header if only a part of this were written.
        let mut start = header.seal(keys);
        start.resize((RECORDS_AT + BLOCK_BYTES) as usize, 0);
        file.write_all_at(&start, 0)?;
        Ok(zeroed_end)
    };
    let zeroed_end = prepare().map_err(|error| {
        if is_new {
            // The next attempt makes it again; one that cannot be removed is found by a mount.
            let _ = disk.remove(&path);
        }
        fail(error)
    })?;
    free.retain(|index| *index != file_index);
    Ok((Generation { number: header.number, file_index, file, needs_sync: true }, zeroed_end))
}

fn write_zeroes(file: &dyn DiskFile, start: u64, end: u64) -> std::io::Result<()> {
    let zeroes = vec![0; (end - start).min(1 << 20) as usize];
    let mut at = start;
    while at < end {
        let bytes = (end - at).min(zeroes.len() as u64);
        file.write_all_at(&zeroes[..bytes as usize], at)?;
        at += bytes;
    }
    Ok(())
}
