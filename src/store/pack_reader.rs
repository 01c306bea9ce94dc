//! Reads chunks out of one pack, wherever the pack is.

use std::sync::Arc;

use crate::crypto::{ClassKeys, NotAuthentic, TAG_BYTES};
use crate::format::{
    ChunkSize, Footer, FormatError, PACK_HEADER_BYTES, PACK_TRAILER_BYTES, PackHeader, PackId,
    PackSealer, Run,
};

use super::disk::DiskFile;
use super::vault_folder::PACK_BYTES_MAX;

/// Why a chunk cannot be had from its pack.
#[derive(Debug, thiserror::Error)]
pub enum PackReadError {
    /// The pack ends before the chunk does.
    #[error("the pack is cut short")]
    CutShort,
    /// The pack is a placeholder, and is not read on the way.
    #[error("it is online only")]
    OnlineOnly,
    /// A newer program wrote the pack.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The chunk is not what was written.
    #[error(transparent)]
    NotAuthentic(#[from] NotAuthentic),
    /// The disk failed.
    #[error("the disk failed: {0}")]
    Io(#[from] std::io::Error),
}

/// An open pack.
#[derive(Debug)]
pub struct PackReader {
    sealer: Arc<PackSealer>,
    file: Arc<dyn DiskFile>,
}

impl PackReader {
    /// Reads `file` with the pack's key.
    pub fn new(sealer: Arc<PackSealer>, file: Arc<dyn DiskFile>) -> Self {
        Self { sealer, file }
    }

    /// Reads the pack `id`, in the vault or staged: a crash may have left one without its first
    /// bytes.
    ///
    /// # Errors
    /// [`PackReadError::Format`] where a newer program wrote it, or [`PackReadError::Io`].
    pub fn open(
        keys: &ClassKeys,
        id: PackId,
        file: Arc<dyn DiskFile>,
    ) -> Result<Self, PackReadError> {
        let mut bytes = [0; PACK_HEADER_BYTES];
        let read = file.read_at(&mut bytes, 0)?;
        let header = PackHeader::read_or_mend(id, &bytes[..read])?;
        Ok(Self::new(Arc::new(PackSealer::new(keys, header)), file))
    }

    /// Whether the pack's content is elsewhere by now ([`DiskFile::is_placeholder`]).
    ///
    /// # Errors
    /// The disk's.
    pub fn is_placeholder(&self) -> std::io::Result<bool> {
        self.file.is_placeholder()
    }

    /// Reads the pack's footer. Nothing else of the pack is read, and its first bytes may be
    /// damaged: the footer is authenticated by itself.
    ///
    /// # Errors
    /// [`PackReadError`].
    pub fn footer(&self) -> Result<Footer, PackReadError> {
        let pack_bytes = self.file.len()?;
        if pack_bytes > PACK_BYTES_MAX {
            return Err(FormatError::Malformed("longer than a pack can be").into());
        }
        let read = |start: u64, end: u64| -> Result<Vec<u8>, PackReadError> {
            let mut bytes = vec![0; end.saturating_sub(start) as usize];
            match self.file.read_at(&mut bytes, start)? {
                read if read < bytes.len() => Err(PackReadError::CutShort),
                _ => Ok(bytes),
            }
        };
        let tail = read(pack_bytes.saturating_sub(PACK_TRAILER_BYTES as u64), pack_bytes)?;
        let place = self.sealer.footer_place(&tail, pack_bytes)?;
        Ok(self.sealer.open_sealed_footer(read(place.start, place.end)?)?)
    }

    /// Whether the pack's end is there: the trailer opens. What comes before may be damaged.
    pub fn has_end(&self) -> bool {
        let Ok(pack_bytes) = self.file.len() else { return false };
        let mut tail = [0; PACK_TRAILER_BYTES];
        let start = pack_bytes.saturating_sub(PACK_TRAILER_BYTES as u64);
        let read = self.file.read_at(&mut tail, start).unwrap_or(0);
        self.sealer.footer_place(&tail[..read], pack_bytes).is_ok()
    }

    /// Reads chunks `nth` up to `nth + count` of `run`, whole, one after the other into `plain`,
    /// with one read of the disk; gives the bytes put there. Every chunk is authenticated before
    /// any of its bytes are given (I2). `sealed` is working memory.
    ///
    /// # Errors
    /// [`PackReadError`]; `plain` then holds only bytes that are authentic, or zeroes.
    ///
    /// # Panics
    /// If the range is not in the run or `plain` is too short for it.
    pub fn read_chunks(
        &self,
        run: &Run,
        nth: u32,
        count: u32,
        chunk_size: ChunkSize,
        plain: &mut [u8],
        sealed: &mut Vec<u8>,
    ) -> Result<usize, PackReadError> {
        let shape = run.shape();
        let start = chunk_size.chunk_pack_offset(run.pack_offset.into(), nth);
        let last = nth + count - 1;
        let last_bytes = shape.chunk_bytes(last, chunk_size) as usize;
        let sealed_bytes =
            (count as usize - 1) * chunk_size.sealed_step() as usize + last_bytes + TAG_BYTES;
        sealed.resize(sealed_bytes, 0);
        if self.file.read_at(sealed, start)? < sealed_bytes {
            return Err(PackReadError::CutShort);
        }
        let mut filled = 0;
        for (step, sealed_chunk) in sealed.chunks(chunk_size.sealed_step() as usize).enumerate() {
            let plain_bytes = sealed_chunk.len() - TAG_BYTES;
            self.sealer.open_chunk(
                chunk_size.chunk_pack_offset(start, step as u32),
                sealed_chunk,
                &mut plain[filled..filled + plain_bytes],
            )?;
            filled += plain_bytes;
        }
        Ok(filled)
    }
}
