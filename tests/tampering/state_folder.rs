//! The state folder: what a thief of the machine, or a failing disk, can do to it.

use crate::cells::{Case, Cell, DELETED, FOREIGN, Kind, OLDER, bits};
use crate::image::Edit;
use crate::make::Subject;

/// Of a journal: its header, and where records start.
const JOURNAL_HEADER_BYTES: usize = 64;
const BLOCK_BYTES: usize = 512;
const RECORD_HEADER_BYTES: usize = 40;
const RECORDS: usize = 4;
const TAG_BYTES: usize = 16;
/// Of a record, before what is sealed.
const RECORD_FRAME_BYTES: usize = 26;
const PACK_HEADER_BYTES: usize = 32;
const SEALED_CHUNK: usize = 4096 + TAG_BYTES;

pub fn cells(subject: &Subject, every: bool) -> Vec<Cell> {
    let mut cells = records(subject, every);
    cells.extend(journal(subject, every));
    cells.extend(staged(subject, every));
    cells.extend(last_end(subject));
    cells
}

/// `device` and `seen`.
fn records(subject: &Subject, every: bool) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (object, path, other) in
        [("`device`", "state/device", "state/seen"), ("`seen`", "state/seen", "state/device")]
    {
        let mut kind = Kind::new(subject, object, path);
        let bytes = kind.bytes().len();
        kind.flips(bits(bytes, |byte| every || byte < RECORD_FRAME_BYTES));
        kind.cuts(1..bytes);
        kind.extensions();
        kind.swaps(&[other]);
        kind.replaced(FOREIGN, &[&subject.other[path]]);
        let older = &subject.earlier[path];
        if older != kind.bytes() {
            kind.replaced(OLDER, &[older]);
            // What it says is published no longer fits the journal.
            let older = kind.cells.iter_mut().find(|cell| cell.tampering == OLDER);
            older.unwrap().cases[0].or_named.push(subject.journal.clone());
        }
        kind.other_names(&[format!("{path}.next")]);
        kind.deletion();
        cells.extend(kind.cells);
    }
    cells
}

/// Where a record of the journal starts, and the bytes of it.
fn record(journal: &[u8], nth: usize) -> (usize, usize) {
    let mut at = BLOCK_BYTES;
    for _ in 0..nth {
        at += record_bytes(journal, at).next_multiple_of(BLOCK_BYTES);
    }
    (at, record_bytes(journal, at))
}

fn record_bytes(journal: &[u8], at: usize) -> usize {
    assert_eq!(&journal[at..at + 4], b"hjr1");
    RECORD_HEADER_BYTES + u32::from_le_bytes(journal[at + 4..at + 8].try_into().unwrap()) as usize
}

fn journal(subject: &Subject, every: bool) -> Vec<Cell> {
    let path = &subject.journal;
    let journal = subject.bytes(path);
    let up_to_last = |case: &mut Case| case.state_before = None;
    let mut cells = Vec::new();
    let mut header = Kind::new(subject, "header of the journal", path);
    header.flips(0..JOURNAL_HEADER_BYTES * 8);
    cells.extend(header.cells);
    let (first, last) = (record(journal, 0), record(journal, RECORDS - 1));
    for (object, (at, bytes)) in
        [("record of the journal", first), ("last record of the journal", last)]
    {
        let mut kind = Kind::new(subject, object, path).each(up_to_last);
        // As many whatever the record's length.
        let is_whole = |byte: usize| byte < RECORD_HEADER_BYTES || byte + TAG_BYTES >= bytes;
        let flipped = (0..bytes * 8).filter(|bit| is_whole(bit / 8) || every);
        kind.flips(flipped.map(|bit| at * 8 + bit));
        cells.extend(kind.cells);
    }
    let mut kind = Kind::new(subject, "journal", path);
    // Around each record, and in the zeroes behind the last.
    let ends = (0..RECORDS).flat_map(|nth| {
        let (at, bytes) = record(journal, nth);
        [at, at + 1, at + RECORD_HEADER_BYTES, at + bytes - 1]
    });
    kind.cuts([1, 10, 63, 64, 511].into_iter().chain(ends));
    let behind = last.0 + last.1;
    let zeroes = [behind, behind.next_multiple_of(BLOCK_BYTES), journal.len() - 1];
    let cut = |bytes: &usize| {
        Case::new(format!("to {bytes}"), vec![kind.write(path, &journal[..*bytes])])
    };
    let cases = zeroes.iter().map(cut).collect();
    kind.cell(CUT_BEHIND, cases);
    let more = [&[0][..], &[0xA5; 512], &journal[..behind]];
    let more =
        more.map(|more| Case::new("longer", vec![kind.write(path, &[journal, more].concat())]));
    kind.cell(crate::cells::EXTENDED, more.into());
    let (a, b) = (record(journal, 1), record(journal, 2));
    let mut swapped = journal.to_vec();
    swapped[a.0..a.0 + BLOCK_BYTES].copy_from_slice(&journal[b.0..b.0 + BLOCK_BYTES]);
    swapped[b.0..b.0 + BLOCK_BYTES].copy_from_slice(&journal[a.0..a.0 + BLOCK_BYTES]);
    kind.cell(RECORDS_SWAPPED, vec![Case::new("1 and 2", vec![kind.write(path, &swapped)])]);
    let foreign = subject.other.iter().filter(|(name, _)| name.starts_with("state/journal-"));
    let foreign: Vec<&[u8]> = foreign.map(|(_, bytes)| &bytes[..]).collect();
    kind.replaced(FOREIGN, &foreign);
    // With fewer records, and as it was before there were any.
    let mut shorter = journal.to_vec();
    shorter[last.0..].fill(0);
    let mut no_records: Vec<&[u8]> = vec![&shorter];
    no_records.extend(subject.published.get(path).map(Vec::as_slice));
    kind.replaced(OLDER, &no_records);
    kind.other_names(&["state/journal-77".to_owned()]);
    kind.deletion();
    cells.extend(kind.cells);
    cells
}

pub const CUT_BEHIND: &str = "cut behind the last record";
pub const RECORDS_SWAPPED: &str = "records swapped";

fn staged(subject: &Subject, every: bool) -> Vec<Cell> {
    let path = &subject.staged;
    let mut kind = Kind::new(subject, "staged pack", path);
    let bytes = kind.bytes().len();
    // The header is made again from the pack's name.
    let (chunk_start, chunk_end) = (PACK_HEADER_BYTES, PACK_HEADER_BYTES + SEALED_CHUNK);
    let step = if every { 1 } else { 61 };
    let flipped = (chunk_start * 8..chunk_end * 8).step_by(step);
    kind.flips(flipped);
    kind.cuts((1..chunk_end).step_by(97));
    kind.swaps(&[&subject.packs[0]]);
    kind.replaced(FOREIGN, &[&foreign_staged(subject)]);
    kind.replaced(OLDER, &[subject.bytes(&subject.packs[0])]);
    kind.extensions();
    kind.other_names(&["state/staged/0123456789abcdef0123456789abcdef.pack".to_owned()]);
    kind.deletion();
    let mut cells = kind.cells;
    let mut header = Kind::new(subject, "header of a staged pack", path);
    header.flips(0..PACK_HEADER_BYTES * 8);
    cells.extend(header.cells);
    assert!(bytes > chunk_end);
    cells
}

fn foreign_staged(subject: &Subject) -> Vec<u8> {
    let mut staged = subject.other.iter().filter(|(name, _)| name.starts_with("state/staged/"));
    staged.next().unwrap().1.clone()
}

/// No key seals it: commands that have none read it.
fn last_end(subject: &Subject) -> Vec<Cell> {
    let path = "state/last-end";
    let mut kind = Kind::new(subject, "`last-end`", path);
    let lie = br#"{"ok":true,"unpublished":false,"message":""}"#;
    kind.replaced(OLDER, &[lie, b"{", &[b'['; 100_000]]);
    kind.cell(DELETED, vec![Case::new("deleted", vec![Edit::Remove { path: path.into() }])]);
    kind.cells
}
