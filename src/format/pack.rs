//! A pack: sealed chunks back to back, then a sealed footer that says whose they are.
//!
//! Layout: header (magic, version, pack id), chunks, footer, trailer. Header and chunks are
//! written as they come; footer and trailer close the pack. A reader that knows from the log
//! where a chunk stands needs neither; they are for `verify`, and for salvage when every log
//! object is lost.
//!
//! Associated data of everything in a pack: its header.

use serde::{Deserialize, Serialize};

use crate::crypto::{
    ClassKeys, Nonce, NotAuthentic, ObjectClass, ObjectId, ObjectSealer, TAG_BYTES,
};

use super::attributes::Time;
use super::error::FormatError;
use super::frame::{FRAME_BYTES, Magic, array, check_magic, need, write_magic};
use super::ids::{DeviceId, Ino, PackId};
use super::offsets::{ChunkSize, RunShape};
use super::operation::Run;
use super::padding::padme;

const ID_AT: usize = FRAME_BYTES + 6;
/// Bytes of a pack's header; the first chunk stands right behind it.
pub const PACK_HEADER_BYTES: usize = ID_AT + 16;
/// How long a pack may grow, footer and all: a length that Padmé leaves as it is.
pub const PACK_TARGET_BYTES: u64 = 16 << 20;

/// The trailer's content: where the footer starts.
const TRAILER_PLAIN_BYTES: usize = 8;
/// Bytes at the end of a pack that say where its footer starts.
pub const PACK_TRAILER_BYTES: usize = TRAILER_PLAIN_BYTES + TAG_BYTES;

const FOOTER_NONCE: Nonce = Nonce::of_part(1);
const TRAILER_NONCE: Nonce = Nonce::of_part(2);

/// Footer bytes that a file's entry can take at most besides its path.
const FOOTER_FILE_BYTES: u64 = 48;
/// Footer bytes that are there whatever the pack holds, at most.
const FOOTER_FIXED_BYTES: u64 = 40;
/// Footer bytes that a run's entry can take at most.
const FOOTER_RUN_BYTES: u64 = 25;

/// The bytes that start a pack, which are the associated data of all that is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackHeader(pub [u8; PACK_HEADER_BYTES]);

impl PackHeader {
    /// Of the pack `id`.
    pub fn of(id: PackId) -> Self {
        let mut out = Vec::with_capacity(PACK_HEADER_BYTES);
        write_magic(Magic::Pack, &mut out);
        out.extend_from_slice(&[0; ID_AT - FRAME_BYTES]);
        out.extend_from_slice(&id.0);
        Self(array(&out, 0))
    }

    /// The header that `bytes` start with, if it is the pack `id`'s, of any version that this
    /// program reads.
    ///
    /// # Errors
    /// [`FormatError`]; [`FormatError::Misplaced`] if it is another pack.
    pub fn read(id: PackId, bytes: &[u8]) -> Result<Self, FormatError> {
        check_magic(Magic::Pack, bytes)?;
        need(bytes, PACK_HEADER_BYTES)?;
        let header = Self(array(bytes, 0));
        if header.id() != id {
            return Err(FormatError::Misplaced);
        }
        Ok(header)
    }

    /// The header to open the pack `id`'s chunks with, which start `bytes`. All of it follows from
    /// the id in every version that this program reads, so that damage to it costs nothing: what
    /// stands behind it is authenticated by itself.
    ///
    /// # Errors
    /// [`FormatError::Newer`] alone.
    pub fn read_or_mend(id: PackId, bytes: &[u8]) -> Result<Self, FormatError> {
        match Self::read(id, bytes) {
            Err(error @ FormatError::Newer { .. }) => Err(error),
            _ => Ok(Self::of(id)),
        }
    }

    /// The id of the pack that `bytes` start, as they say themselves.
    pub fn claimed_id(bytes: &[u8]) -> Option<PackId> {
        check_magic(Magic::Pack, bytes).and_then(|_| need(bytes, PACK_HEADER_BYTES)).ok()?;
        Some(Self(array(bytes, 0)).id())
    }

    /// The pack's id.
    fn id(&self) -> PackId {
        ObjectId(array(&self.0, ID_AT))
    }
}

/// One file's chunks in a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FooterFile {
    /// The file.
    pub ino: Ino,
    /// Its path from the root when it was written, without a leading slash; empty if it had none.
    #[serde(with = "serde_bytes")]
    pub path: Vec<u8>,
    /// Its size when the pack was closed, or when it was last written to if it was gone by then.
    pub size: u64,
    /// Its content time, likewise.
    pub mtime: Time,
    /// Its runs, in the order they were written.
    pub runs: Vec<FooterRun>,
}

/// A run of a file, as a footer tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FooterRun {
    /// The first chunk, counted in the file.
    pub first_chunk: u64,
    /// Chunks.
    pub count: u32,
    /// Where in the pack the first one starts.
    pub pack_offset: u32,
    /// Content bytes of the last one.
    pub tail_bytes: u32,
}

impl From<&Run> for FooterRun {
    fn from(run: &Run) -> Self {
        let Run { first_chunk, count, pack_offset, tail_bytes, .. } = *run;
        Self { first_chunk, count, pack_offset, tail_bytes }
    }
}

impl FooterRun {
    /// Chunk count and tail.
    pub fn shape(&self) -> RunShape {
        RunShape { count: self.count, tail_bytes: self.tail_bytes }
    }

    /// Makes one run of this one and `next`, if that goes on where this one ends, in the file and
    /// in the pack; tells whether it does.
    pub fn join(&mut self, next: &Self, chunk_size: ChunkSize) -> bool {
        let follows = self.first_chunk + u64::from(self.count) == next.first_chunk
            && self.tail_bytes == chunk_size.field()
            && u64::from(self.pack_offset) + chunk_size.sealed_run_bytes(self.shape())
                == u64::from(next.pack_offset);
        if follows {
            self.count += next.count;
            self.tail_bytes = next.tail_bytes;
        }
        follows
    }
}

/// Whose chunks a pack holds, and when it was closed: where two packs hold the same chunk of a
/// file, the one that was closed later has the newer content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Footer {
    /// The device that wrote the pack.
    pub device: DeviceId,
    /// When, by that device's clock.
    pub closed: Time,
    /// In the order they were first written.
    pub files: Vec<FooterFile>,
}

impl Footer {
    /// An upper bound of what `files` files with paths of `path_bytes` in all and `runs` runs
    /// take, trailer and tags included: to close a pack before it outgrows its target.
    pub fn bytes_bound(files: u64, path_bytes: u64, runs: u64) -> u64 {
        files * FOOTER_FILE_BYTES
            + path_bytes
            + runs * FOOTER_RUN_BYTES
            + FOOTER_FIXED_BYTES
            + (2 * TAG_BYTES + TRAILER_PLAIN_BYTES) as u64
    }
}

/// Seals and opens what is in one pack.
#[derive(Debug)]
pub struct PackSealer {
    id: PackId,
    header: PackHeader,
    sealer: ObjectSealer,
}

impl PackSealer {
    /// For a pack that starts with `header`.
    pub fn new(keys: &ClassKeys, header: PackHeader) -> Self {
        let id = header.id();
        Self { id, header, sealer: keys.sealer(ObjectClass::Data, &id) }
    }

    /// The pack.
    pub fn id(&self) -> PackId {
        self.id
    }

    /// The bytes that the pack starts with.
    pub fn header(&self) -> &PackHeader {
        &self.header
    }

    /// Seals the chunk that stands at `pack_offset`: its nonce.
    ///
    /// # Panics
    /// If `sealed` is not exactly [`TAG_BYTES`] longer than `plain`.
    pub fn seal_chunk(&self, pack_offset: u64, plain: &[u8], sealed: &mut [u8]) {
        self.sealer.seal_into(Nonce::at(pack_offset), &self.header.0, plain, sealed);
    }

    /// Opens the chunk that stands at `pack_offset`.
    ///
    /// # Errors
    /// [`NotAuthentic`]; `plain` then holds zeroes.
    pub fn open_chunk(
        &self,
        pack_offset: u64,
        sealed: &[u8],
        plain: &mut [u8],
    ) -> Result<(), NotAuthentic> {
        self.sealer.open_into(Nonce::at(pack_offset), &self.header.0, sealed, plain)
    }

    /// What closes a pack whose chunks end at `chunks_end`: footer and trailer, padded so that
    /// the whole pack has a Padmé length.
    pub fn seal_footer(&self, footer: &Footer, chunks_end: u64) -> Vec<u8> {
        let mut body = postcard::to_allocvec(footer)
            .expect("a footer has no type that postcard cannot encode, and a Vec takes any length");
        let bare = chunks_end + (body.len() + TAG_BYTES + PACK_TRAILER_BYTES) as u64;
        let padding = (padme(bare) - bare) as usize;
        body.resize(body.len() + padding, 0);
        self.sealer.seal_in_place(FOOTER_NONCE, &self.header.0, &mut body);
        let mut trailer = chunks_end.to_le_bytes().to_vec();
        self.sealer.seal_in_place(TRAILER_NONCE, &self.header.0, &mut trailer);
        body.extend_from_slice(&trailer);
        body
    }

    /// Where the footer starts, from the pack's last `PACK_TRAILER_BYTES` bytes.
    ///
    /// # Errors
    /// [`FormatError::CutShort`] or [`FormatError::NotAuthentic`]: the pack is not whole.
    pub fn open_trailer(&self, pack_tail: &[u8]) -> Result<u64, FormatError> {
        need(pack_tail, PACK_TRAILER_BYTES)?;
        let mut plain = [0; TRAILER_PLAIN_BYTES];
        let sealed = &pack_tail[pack_tail.len() - PACK_TRAILER_BYTES..];
        self.sealer.open_into(TRAILER_NONCE, &self.header.0, sealed, &mut plain)?;
        Ok(u64::from_le_bytes(plain))
    }

    /// Opens a closed pack's footer; `pack` is the whole pack.
    ///
    /// # Errors
    /// [`FormatError`]: it is another pack, not whole, or its footer was changed.
    pub fn open_footer(&self, pack: &[u8]) -> Result<Footer, FormatError> {
        if PackHeader::read(self.id, pack)? != self.header {
            return Err(FormatError::Malformed("reserved bytes of the header are not zero"));
        }
        let place = self.footer_place(pack, pack.len() as u64)?;
        let sealed = (usize::try_from(place.start).ok().zip(usize::try_from(place.end).ok()))
            .and_then(|(start, end)| pack.get(start..end))
            .ok_or(FormatError::Malformed("the footer is not in the pack"))?;
        self.open_sealed_footer(sealed.to_vec())
    }

    /// Where in a closed pack of `pack_bytes` bytes, which end in `pack_tail`, the footer is.
    ///
    /// # Errors
    /// As for [`Self::open_trailer`]; [`FormatError::Malformed`] if it cannot be there.
    pub fn footer_place(
        &self,
        pack_tail: &[u8],
        pack_bytes: u64,
    ) -> Result<std::ops::Range<u64>, FormatError> {
        let start = self.open_trailer(pack_tail)?;
        let end = pack_bytes.saturating_sub(PACK_TRAILER_BYTES as u64);
        if !(PACK_HEADER_BYTES as u64..=end).contains(&start) {
            return Err(FormatError::Malformed("the footer is not in the pack"));
        }
        Ok(start..end)
    }

    /// Opens a footer by itself.
    ///
    /// # Errors
    /// [`FormatError::NotAuthentic`] or [`FormatError::Malformed`].
    pub fn open_sealed_footer(&self, sealed: Vec<u8>) -> Result<Footer, FormatError> {
        let body = self.sealer.open_in_place(FOOTER_NONCE, &self.header.0, sealed)?;
        let (footer, _padding): (Footer, &[u8]) = postcard::take_from_bytes(&body)?;
        Ok(footer)
    }

    /// Whether every chunk of a run opens, by itself and in its place; `pack` is the whole pack.
    pub fn run_opens(
        &self,
        pack: &[u8],
        pack_offset: u32,
        shape: RunShape,
        chunk_size: ChunkSize,
    ) -> bool {
        let mut plain = vec![0; chunk_size.bytes()];
        (0..shape.count).all(|nth| {
            let at = chunk_size.chunk_pack_offset(pack_offset.into(), nth);
            let plain_bytes = shape.chunk_bytes(nth, chunk_size) as usize;
            let sealed = usize::try_from(at)
                .ok()
                .and_then(|start| pack.get(start..start.checked_add(plain_bytes + TAG_BYTES)?));
            let plain = plain.get_mut(..plain_bytes);
            sealed
                .zip(plain)
                .is_some_and(|(sealed, plain)| self.open_chunk(at, sealed, plain).is_ok())
        })
    }

    /// Opens a closed pack's footer and checks that it tells of every byte before it: runs that
    /// do not overlap, and zeroes between them. The chunks themselves are not opened.
    ///
    /// # Errors
    /// [`FormatError`], as for [`Self::open_footer`].
    pub fn check_layout(&self, pack: &[u8], chunk_size: ChunkSize) -> Result<Footer, FormatError> {
        let footer = self.open_footer(pack)?;
        let footer_at = self.open_trailer(pack)?;
        let mut runs: Vec<&FooterRun> = footer.files.iter().flat_map(|file| &file.runs).collect();
        runs.sort_unstable_by_key(|run| run.pack_offset);
        let mut chunks_end = PACK_HEADER_BYTES as u64;
        for run in runs {
            let run_at = u64::from(run.pack_offset);
            if run_at < chunks_end || !run.shape().is_possible(chunk_size) {
                return Err(FormatError::Malformed("two runs overlap, or one is empty"));
            }
            check_gap(pack, chunks_end, run_at)?;
            chunks_end = run_at + chunk_size.sealed_run_bytes(run.shape());
        }
        check_gap(pack, chunks_end, footer_at)?;
        Ok(footer)
    }
}

/// Checks that what no run covers is zeroes: such a gap is left where a crash took a run that
/// nothing had acknowledged.
fn check_gap(pack: &[u8], start: u64, end: u64) -> Result<(), FormatError> {
    let gap = (usize::try_from(start).ok().zip(usize::try_from(end).ok()))
        .and_then(|(start, end)| pack.get(start..end))
        .ok_or(FormatError::Malformed("a run is not in the pack"))?;
    if gap.iter().any(|byte| *byte != 0) {
        return Err(FormatError::Malformed("bytes that belong to no run"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{MasterKey, VaultId};

    fn sample(chunk: ChunkSize) -> (PackSealer, Vec<u8>, Footer) {
        let keys = MasterKey::random().class_keys(&VaultId::random());
        let pack = PackSealer::new(&keys, PackHeader::of(PackId::random()));
        let mut bytes = pack.header().0.to_vec();
        let content = vec![0x5A; 10_000];
        let run = FooterRun {
            first_chunk: 0,
            count: 3,
            pack_offset: PACK_HEADER_BYTES as u32,
            tail_bytes: 1808,
        };
        for (nth, plain) in content.chunks(chunk.bytes()).enumerate() {
            let at = chunk.chunk_pack_offset(run.pack_offset.into(), nth as u32);
            let mut sealed = vec![0; plain.len() + TAG_BYTES];
            pack.seal_chunk(at, plain, &mut sealed);
            bytes.extend_from_slice(&sealed);
        }
        let far = Time { secs: i64::MIN, nanos: u32::MAX };
        let path = b"a/b".to_vec();
        let file = FooterFile { ino: Ino(5), path, size: 10_000, mtime: far, runs: vec![run] };
        let footer = Footer { device: DeviceId(u64::MAX), closed: far, files: vec![file] };
        bytes.extend_from_slice(&pack.seal_footer(&footer, bytes.len() as u64));
        (pack, bytes, footer)
    }

    fn runs_open(pack: &PackSealer, bytes: &[u8], footer: &Footer) -> bool {
        footer
            .files
            .iter()
            .flat_map(|file| &file.runs)
            .all(|run| pack.run_opens(bytes, run.pack_offset, run.shape(), ChunkSize::DEFAULT))
    }

    #[test]
    fn a_pack_tells_from_its_footer_what_is_in_it() {
        let (pack, bytes, footer) = sample(ChunkSize::DEFAULT);
        assert_eq!(padme(bytes.len() as u64), bytes.len() as u64);
        assert_eq!(pack.check_layout(&bytes, ChunkSize::DEFAULT).unwrap(), footer);
        assert!(runs_open(&pack, &bytes, &footer));
        let bound = Footer::bytes_bound(1, 3, 1);
        assert!(postcard::to_allocvec(&footer).unwrap().len() as u64 + 40 <= bound);
    }

    #[test]
    fn a_header_with_changed_reserved_bytes_is_mended_like_any_other() {
        let (pack, mut bytes, _) = sample(ChunkSize::DEFAULT);
        for at in [0, FRAME_BYTES, ID_AT - 1, ID_AT] {
            bytes[at] ^= 1;
            assert_eq!(PackHeader::read_or_mend(pack.id(), &bytes).unwrap(), *pack.header());
            assert!(pack.open_footer(&bytes).is_err());
            bytes[at] ^= 1;
        }
    }

    #[test]
    fn a_changed_byte_is_found_wherever_it_is() {
        let (pack, bytes, footer) = sample(ChunkSize::DEFAULT);
        for at in (0..bytes.len()).step_by(7).chain(bytes.len() - 40..bytes.len()) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let is_content = (PACK_HEADER_BYTES..PACK_HEADER_BYTES + 10_048).contains(&at);
            assert_eq!(runs_open(&pack, &changed, &footer), !is_content, "byte {at}");
            let layout = pack.check_layout(&changed, ChunkSize::DEFAULT);
            assert_eq!(layout.is_ok(), is_content, "byte {at}");
        }
        for cut in [0, 5, 31, 32, 60, 5000, bytes.len() - 1] {
            assert!(pack.check_layout(&bytes[..cut], ChunkSize::DEFAULT).is_err());
            assert_eq!(runs_open(&pack, &bytes[..cut], &footer), cut == bytes.len() - 1);
        }
    }
}
