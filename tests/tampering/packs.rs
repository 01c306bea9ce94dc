//! Packs: as a whole, part by part, and chunk for chunk.

use crate::cells::{Case, Cell, FOREIGN, Kind, OLDER, copy_name, spread};
use crate::make::Subject;

const HEADER_BYTES: usize = 32;
const TRAILER_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
const SEALED_CHUNK: usize = 4096 + TAG_BYTES;

/// The pack that is tampered with bit by bit: two files of less than a chunk.
const SMALL: usize = 2;
const SMALL_CHUNKS: [usize; 2] = [150 + TAG_BYTES, 90 + TAG_BYTES];

const FOOTER: &str = "footer of a pack";

/// Where the footer of the first pack starts: 3, 2 and 1 chunks of three files.
const FIRST_CHUNKS_END: usize = HEADER_BYTES + 10_000 + 8_192 + 3_000 + 6 * TAG_BYTES;

pub const CHUNKS_SWAPPED: &str = "chunks swapped";

pub fn cells(subject: &Subject, every: bool) -> Vec<Cell> {
    let mut cells = parts(subject, every);
    cells.extend(whole(subject));
    cells
}

/// Every part of a small pack by itself.
fn parts(subject: &Subject, every: bool) -> Vec<Cell> {
    let pack = &subject.packs[SMALL];
    let bytes = subject.bytes(pack).len();
    let chunks_end = HEADER_BYTES + SMALL_CHUNKS.iter().sum::<usize>();
    let parts = [
        ("header of a pack", 0, HEADER_BYTES),
        ("first chunk of a pack", HEADER_BYTES, HEADER_BYTES + SMALL_CHUNKS[0]),
        ("last chunk of a pack", HEADER_BYTES + SMALL_CHUNKS[0], chunks_end),
        (FOOTER, chunks_end, bytes - TRAILER_BYTES),
        ("trailer of a pack", bytes - TRAILER_BYTES, bytes),
    ];
    let mut cells = Vec::new();
    for (object, start, end) in parts {
        let mut kind = Kind::new(subject, object, pack);
        if every || object != FOOTER {
            kind.flips(start * 8..end * 8);
            kind.cuts(start.max(1)..end);
        } else {
            kind.flips(spread(start * 8..end * 8));
            kind.cuts(spread(start..end));
        }
        // A pack is emptied once, as a whole.
        kind.cells.retain(|cell| cell.tampering != crate::cells::EMPTIED);
        cells.extend(kind.cells);
    }
    cells
}

fn whole(subject: &Subject) -> Vec<Cell> {
    let [first, second, small, last] = &subject.packs[..] else { panic!("four packs") };
    let mut kind = Kind::new(subject, "pack", first);
    let bytes = kind.bytes().len();
    // Behind every chunk, and in the middle of it.
    let lengths = (HEADER_BYTES..FIRST_CHUNKS_END).step_by(SEALED_CHUNK / 2);
    kind.cuts(lengths.chain([bytes - 1]));
    kind.extensions();
    kind.swaps(&[second, small]);
    kind.cell(CHUNKS_SWAPPED, swapped_chunks(subject, first, second));
    kind.replaced(OLDER, &[subject.bytes(second), subject.bytes(small), subject.bytes(last)]);
    let foreign = subject.other.iter().filter(|(name, _)| name.ends_with(".pack"));
    let foreign: Vec<&[u8]> = foreign.map(|(_, bytes)| &bytes[..]).collect();
    kind.replaced(FOREIGN, &foreign);
    let (_, name) = first.rsplit_once('/').unwrap();
    let other_id = "0123456789abcdef0123456789abcdef";
    kind.other_names(&[
        format!("vault/data/01/{other_id}.pack"),
        format!("vault/data/zz/{name}"),
        format!("vault/data/{name}"),
        format!("vault/log/{name}"),
        format!("vault/{name}"),
        copy_name(first),
    ]);
    kind.deletion();
    kind.cells
}

/// Whole chunks trade places within the first pack, and with the second one's.
fn swapped_chunks(subject: &Subject, first: &str, second: &str) -> Vec<Case> {
    let at =
        |nth: usize| HEADER_BYTES + nth * SEALED_CHUNK..HEADER_BYTES + (nth + 1) * SEALED_CHUNK;
    let (here, there) = (subject.bytes(first), subject.bytes(second));
    let write =
        |path: &str, bytes: Vec<u8>| crate::image::Edit::Write { path: path.to_owned(), bytes };
    let mut within = here.to_vec();
    within[at(0)].copy_from_slice(&here[at(1)]);
    within[at(1)].copy_from_slice(&here[at(0)]);
    let (mut taken, mut given) = (here.to_vec(), there.to_vec());
    taken[at(1)].copy_from_slice(&there[at(1)]);
    given[at(1)].copy_from_slice(&here[at(1)]);
    vec![
        Case::new("within a pack", vec![write(first, within)]),
        Case::new("across packs", vec![write(first, taken), write(second, given)]),
    ]
}
