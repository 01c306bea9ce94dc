//! All arithmetic between file offsets, chunks and pack offsets, and nothing else.
//!
//! A file is cut into chunks of `chunk size` bytes, counted from 0. A run is neighbouring chunks
//! of one file that stand back to back in one pack; every chunk of a run is full but the last.
//! A sealed chunk is [`TAG_BYTES`] longer than the chunk.
//!
//! Worked example (chunk size 4,096): a file of 10,000 bytes is chunks 0 and 1 of 4,096 bytes and
//! chunk 2 of 1,808; as one run it takes 2 × 4,112 + 1,824 = 10,048 bytes of a pack.

use crate::crypto::TAG_BYTES;

use super::error::FormatError;

const SEAL_BYTES: u64 = TAG_BYTES as u64;

/// Bytes of content in a full chunk: a power of two from 4 KiB to 1 MiB, fixed when a vault is
/// made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkSize(u32);

/// Part of one chunk that a range of a file covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkSpan {
    /// Which chunk of the file.
    pub chunk_index: u64,
    /// First byte of the span within the chunk.
    pub start: usize,
    /// Bytes of the span; at least 1.
    pub bytes: usize,
}

/// How many chunks a run has and how long its last one is: what fixes its length in a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunShape {
    /// Chunks, at least 1.
    pub count: u32,
    /// Content bytes of the last chunk, 1 to chunk size.
    pub tail_bytes: u32,
}

impl RunShape {
    /// Whether a run can have this shape; one that was read may have any (I8).
    pub fn is_possible(&self, chunk_size: ChunkSize) -> bool {
        self.count > 0 && (1..=chunk_size.field()).contains(&self.tail_bytes)
    }
}

impl ChunkSize {
    /// What `init` takes where nothing is said.
    pub const DEFAULT: Self = Self(4096);
    /// The smallest there is.
    pub const MIN_BYTES: u32 = 4096;
    /// The largest there is.
    pub const MAX_BYTES: u32 = 1 << 20;
    /// The largest file, with any chunk size: 2^63 - 1 bytes, as POSIX's `off_t` allows.
    pub const FILE_BYTES_MAX: u64 = i64::MAX as u64;

    /// Checks a chunk size from a user or a descriptor.
    ///
    /// # Errors
    /// [`FormatError::Malformed`] unless it is a power of two in range.
    pub fn new(bytes: u32) -> Result<Self, FormatError> {
        if bytes.is_power_of_two() && (Self::MIN_BYTES..=Self::MAX_BYTES).contains(&bytes) {
            Ok(Self(bytes))
        } else {
            Err(FormatError::Malformed("a chunk size is a power of two from 4096 to 1048576"))
        }
    }

    /// From the base-2 logarithm of a full chunk's bytes.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn from_bits(bits: u8) -> Result<Self, FormatError> {
        Self::new(1_u32.checked_shl(bits.into()).unwrap_or(0))
    }

    /// The base-2 logarithm of a full chunk's bytes, 12 to 20.
    pub const fn bits(self) -> u8 {
        self.0.trailing_zeros() as u8
    }

    /// Bytes of a full chunk.
    pub const fn bytes(self) -> usize {
        self.0 as usize
    }

    /// Bytes of a full chunk, as the field it is written as.
    pub const fn field(self) -> u32 {
        self.0
    }

    /// The chunk that `plain_offset` is in.
    pub const fn index_of(self, plain_offset: u64) -> u64 {
        plain_offset >> self.0.trailing_zeros()
    }

    /// The offset of `chunk_index`'s first byte.
    pub const fn start_of(self, chunk_index: u64) -> u64 {
        chunk_index << self.0.trailing_zeros()
    }

    /// `plain_offset` within its chunk.
    pub const fn within(self, plain_offset: u64) -> usize {
        (plain_offset & (self.0 as u64 - 1)) as usize
    }

    /// Chunks in a file of `file_bytes` bytes; the last may be short.
    pub const fn count_for(self, file_bytes: u64) -> u64 {
        file_bytes.div_ceil(self.0 as u64)
    }

    /// Chunk indices that can be in a file: every one starts below the largest file size.
    pub const fn index_limit(self) -> u64 {
        self.count_for(Self::FILE_BYTES_MAX)
    }

    /// Content bytes of `chunk_index` in a file of `file_bytes` bytes, 0 past its end.
    pub fn bytes_in_file(self, chunk_index: u64, file_bytes: u64) -> usize {
        let start = self.start_of(chunk_index);
        file_bytes.saturating_sub(start).min(u64::from(self.0)) as usize
    }

    /// The spans that `bytes` bytes from `plain_offset` cover, in order.
    pub fn spans(self, plain_offset: u64, bytes: u64) -> impl Iterator<Item = ChunkSpan> {
        let end = plain_offset.saturating_add(bytes);
        let mut at = plain_offset;
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let start = self.within(at);
            let span_bytes = (end - at).min((self.bytes() - start) as u64);
            let span =
                ChunkSpan { chunk_index: self.index_of(at), start, bytes: span_bytes as usize };
            at += span_bytes;
            Some(span)
        })
    }

    /// Bytes of a full chunk once sealed: the step from one chunk of a run to the next.
    pub const fn sealed_step(self) -> u64 {
        self.0 as u64 + SEAL_BYTES
    }

    /// Bytes that a run takes in a pack.
    pub const fn sealed_run_bytes(self, shape: RunShape) -> u64 {
        (shape.count as u64 - 1) * self.sealed_step() + shape.tail_bytes as u64 + SEAL_BYTES
    }

    /// Content bytes of a run.
    pub const fn plain_run_bytes(self, shape: RunShape) -> u64 {
        (shape.count as u64 - 1) * self.0 as u64 + shape.tail_bytes as u64
    }

    /// Content bytes of neighbouring chunks that take `sealed_bytes` bytes of a pack, all but the last
    /// of them full.
    pub const fn plain_in_sealed(self, sealed_bytes: u64) -> u64 {
        sealed_bytes.saturating_sub(sealed_bytes.div_ceil(self.sealed_step()) * SEAL_BYTES)
    }

    /// The shape of a run that holds `plain_bytes` (at least 1) bytes.
    pub fn run_shape(self, plain_bytes: usize) -> RunShape {
        let count = self.count_for(plain_bytes as u64);
        let tail = plain_bytes as u64 - self.start_of(count - 1);
        RunShape { count: count as u32, tail_bytes: tail as u32 }
    }

    /// Which chunk of a run at `run_offset` starts at `pack_offset`, however long the run is; `None`
    /// if none does.
    pub const fn nth_of_run(self, run_offset: u64, pack_offset: u64) -> Option<u64> {
        match pack_offset.checked_sub(run_offset) {
            Some(skipped) if skipped % self.sealed_step() == 0 => {
                Some(skipped / self.sealed_step())
            }
            _ => None,
        }
    }

    /// Where in the pack the `nth` chunk of a run at `run_offset` starts.
    pub const fn chunk_pack_offset(self, run_offset: u64, nth: u32) -> u64 {
        run_offset + nth as u64 * self.sealed_step()
    }
}

/// Content bytes of the `nth` chunk of a run.
impl RunShape {
    /// Content bytes of chunk `nth` (counted from 0) of this run, as sealed.
    pub const fn chunk_bytes(self, nth: u32, chunk: ChunkSize) -> u32 {
        if nth + 1 == self.count { self.tail_bytes } else { chunk.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_cover_every_range_once_and_in_order() {
        let chunk = ChunkSize::DEFAULT;
        for offset in (0..10_000u64).step_by(37) {
            for bytes in (0..10_000u64).step_by(41) {
                let mut at = offset;
                for span in chunk.spans(offset, bytes) {
                    assert_eq!(chunk.start_of(span.chunk_index) + span.start as u64, at);
                    assert!(span.bytes > 0 && span.start + span.bytes <= chunk.bytes());
                    at += span.bytes as u64;
                }
                assert_eq!(at, offset + bytes);
            }
        }
    }

    #[test]
    fn run_shapes_agree_with_their_bytes() {
        for size in [4096, 16384, 1 << 20] {
            let chunk = ChunkSize::new(size).unwrap();
            for bytes in 1..10_000usize {
                let shape = chunk.run_shape(bytes);
                assert_eq!(chunk.plain_run_bytes(shape), bytes as u64);
                let sealed: u64 =
                    (0..shape.count).map(|n| u64::from(shape.chunk_bytes(n, chunk)) + 16).sum();
                assert_eq!(chunk.sealed_run_bytes(shape), sealed);
                assert_eq!(chunk.plain_in_sealed(sealed), bytes as u64);
            }
        }
    }

    #[test]
    fn the_worked_example_holds() {
        assert_eq!(ChunkSize::DEFAULT.plain_in_sealed(0), 0);
        let shape = ChunkSize::DEFAULT.run_shape(10_000);
        assert_eq!(shape, RunShape { count: 3, tail_bytes: 1808 });
        assert_eq!(ChunkSize::DEFAULT.sealed_run_bytes(shape), 10_048);
    }

    #[test]
    fn odd_chunk_sizes_are_refused() {
        for bytes in [0, 1, 2048, 4095, 5000, 1 << 21, u32::MAX] {
            assert!(ChunkSize::new(bytes).is_err(), "{bytes}");
        }
        for bits in 0..=u8::MAX {
            let size = ChunkSize::from_bits(bits);
            assert_eq!(size.is_ok(), (12..=20).contains(&bits), "{bits}");
            assert!(size.is_ok_and(|size| size.bits() == bits) || !(12..=20).contains(&bits));
        }
    }
}
