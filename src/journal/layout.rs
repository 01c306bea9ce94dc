//! Where what stands in a journal file.
//!
//! Block 0 is the generation's header; records follow, each at a multiple of [`BLOCK_BYTES`].

use crate::crypto::{ClassKeys, Nonce, ObjectClass, ObjectId, ObjectSealer, TAG_BYTES};
use crate::format::{FRAME_BYTES, FormatError, Magic, check_magic, write_magic};

/// What a disk writes at once or not at all; records start at multiples of it.
pub(super) const BLOCK_BYTES: u64 = 512;
/// Where the first record stands.
pub(super) const RECORDS_AT: u64 = BLOCK_BYTES;

const ID_AT: usize = FRAME_BYTES + 6;
const SEALED_AT: usize = ID_AT + 16;
const SEALED_BYTES: usize = 16;
/// Bytes of a generation's header.
pub(super) const HEADER_BYTES: usize = SEALED_AT + SEALED_BYTES + TAG_BYTES;

const RECORD_MAGIC: [u8; 4] = *b"hjr1";
/// Bytes before a record's sealed body.
pub(super) const RECORD_HEADER_BYTES: usize = 40;

/// No journal comes to counting further, so that going on from numbers that were read does not
/// overflow (I8).
pub(super) const NUMBER_MAX: u64 = u64::MAX >> 1;

/// The header's own nonce; records use their number.
const HEADER_NONCE: Nonce = Nonce::of_part(1);

/// What a generation says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GenerationHeader {
    /// Names the generation; its key comes from it.
    pub(super) id: ObjectId,
    /// Counts generations, over every start of the journal.
    pub(super) number: u64,
    /// The number of its first record.
    pub(super) first_seq: u64,
}

impl GenerationHeader {
    /// The key of this generation's records.
    pub(super) fn sealer(&self, keys: &ClassKeys) -> ObjectSealer {
        keys.sealer(ObjectClass::Journal, &self.id)
    }

    /// The header's bytes.
    pub(super) fn seal(&self, keys: &ClassKeys) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES);
        write_magic(Magic::Journal, &mut out);
        out.extend_from_slice(&[0; ID_AT - FRAME_BYTES]);
        out.extend_from_slice(&self.id.0);
        let mut sealed = Vec::with_capacity(SEALED_BYTES + TAG_BYTES);
        for field in [self.number, self.first_seq] {
            sealed.extend_from_slice(&field.to_le_bytes());
        }
        self.sealer(keys).seal_in_place(HEADER_NONCE, &out, &mut sealed);
        out.append(&mut sealed);
        out
    }

    /// Reads a header.
    ///
    /// # Errors
    /// [`FormatError`].
    pub(super) fn open(keys: &ClassKeys, block: &[u8]) -> Result<Self, FormatError> {
        check_magic(Magic::Journal, block)?;
        crate::format::need(block, HEADER_BYTES)?;
        let id = ObjectId(crate::format::array(block, ID_AT));
        let mut fields = [0; SEALED_BYTES];
        keys.sealer(ObjectClass::Journal, &id).open_into(
            HEADER_NONCE,
            &block[..SEALED_AT],
            &block[SEALED_AT..HEADER_BYTES],
            &mut fields,
        )?;
        let field = |nth: usize| u64::from_le_bytes(crate::format::array(&fields, nth * 8));
        let (number, first_seq) = (field(0), field(1));
        if number.max(first_seq) > NUMBER_MAX {
            return Err(FormatError::Malformed("a number that no journal comes to"));
        }
        Ok(Self { id, number, first_seq })
    }
}

/// What stands before a record's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordHeader {
    /// Bytes of the sealed body.
    pub(super) sealed_bytes: u32,
    /// The generation.
    pub(super) generation: ObjectId,
    /// The record's number: its nonce.
    pub(super) seq: u64,
    /// Every record before this number was durable when this one was written. So a reader can
    /// tell a torn end, where nothing acknowledged is lost, from damage.
    pub(super) durable_seq: u64,
}

impl RecordHeader {
    /// The header's bytes: the associated data of the body.
    pub(super) fn bytes(&self) -> [u8; RECORD_HEADER_BYTES] {
        let mut out = [0; RECORD_HEADER_BYTES];
        out[..4].copy_from_slice(&RECORD_MAGIC);
        out[4..8].copy_from_slice(&self.sealed_bytes.to_le_bytes());
        out[8..24].copy_from_slice(&self.generation.0);
        out[24..32].copy_from_slice(&self.seq.to_le_bytes());
        out[32..].copy_from_slice(&self.durable_seq.to_le_bytes());
        out
    }

    /// Reads a header; `None` where there is none.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < RECORD_HEADER_BYTES || bytes[..4] != RECORD_MAGIC {
            return None;
        }
        Some(Self {
            sealed_bytes: u32::from_le_bytes(crate::format::array(bytes, 4)),
            generation: ObjectId(crate::format::array(bytes, 8)),
            seq: u64::from_le_bytes(crate::format::array(bytes, 24)),
            durable_seq: u64::from_le_bytes(crate::format::array(bytes, 32)),
        })
    }
}

/// Bytes that a record with that many sealed bytes takes, its padding included.
pub(super) fn record_bytes(sealed_bytes: u64) -> u64 {
    (RECORD_HEADER_BYTES as u64 + sealed_bytes).next_multiple_of(BLOCK_BYTES)
}
