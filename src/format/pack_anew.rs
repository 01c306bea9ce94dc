//! A pack of one vault as a pack of another: the same content in the same places, under other keys.

use crate::crypto::TAG_BYTES;

use super::error::FormatError;
use super::offsets::ChunkSize;
use super::pack::PackSealer;

impl PackSealer {
    /// The whole pack `pack`, which this opens, as `other` seals it: what its footer tells of, chunk
    /// by chunk where it stands, and the footer. Every byte is authenticated on the way (I2).
    ///
    /// # Errors
    /// [`FormatError`] if anything of the pack is not what was written.
    pub fn seal_anew(
        &self,
        pack: &[u8],
        chunk_size: ChunkSize,
        other: &Self,
    ) -> Result<Vec<u8>, FormatError> {
        let footer = self.check_layout(pack, chunk_size)?;
        let footer_at = self.open_trailer(pack)?;
        let chunks = usize::try_from(footer_at).ok().and_then(|end| pack.get(..end));
        let chunks = chunks.ok_or(FormatError::Malformed("the footer is not in the pack"))?;
        let mut out = vec![0; chunks.len()];
        let header = &other.header().0;
        out[..header.len()].copy_from_slice(header);
        let mut plain = vec![0; chunk_size.bytes()];
        for run in footer.files.iter().flat_map(|file| &file.runs) {
            for nth in 0..run.count {
                let at = chunk_size.chunk_pack_offset(run.pack_offset.into(), nth);
                let plain_bytes = run.shape().chunk_bytes(nth, chunk_size) as usize;
                let place = usize::try_from(at)
                    .ok()
                    .and_then(|start| Some(start..start.checked_add(plain_bytes + TAG_BYTES)?));
                let sealed = place.clone().and_then(|place| chunks.get(place));
                let anew = place.and_then(|place| out.get_mut(place));
                let (Some((sealed, anew)), Some(plain)) =
                    (sealed.zip(anew), plain.get_mut(..plain_bytes))
                else {
                    return Err(FormatError::Malformed("a run is not in the pack"));
                };
                self.open_chunk(at, sealed, plain)?;
                other.seal_chunk(at, plain, anew);
            }
        }
        out.extend_from_slice(&other.seal_footer(&footer, footer_at));
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{MasterKey, VaultId};
    use crate::format::{
        DeviceId, Footer, FooterFile, FooterRun, Ino, PACK_HEADER_BYTES, PackHeader, PackId, Time,
    };

    const CHUNK: ChunkSize = ChunkSize::DEFAULT;

    fn sealer(id: PackId) -> PackSealer {
        let keys = MasterKey::random().class_keys(&VaultId::random());
        PackSealer::new(&keys, PackHeader::of(id))
    }

    /// A pack with a run of three chunks and, behind a gap that a crash left, one of one.
    fn sample(sealer: &PackSealer) -> (Vec<u8>, Footer) {
        let gap_bytes = 500;
        let run = |first_chunk, count, pack_offset, tail_bytes| FooterRun {
            first_chunk,
            count,
            pack_offset,
            tail_bytes,
        };
        let first = run(0, 3, PACK_HEADER_BYTES as u32, 1808);
        let end = first.pack_offset + CHUNK.sealed_run_bytes(first.shape()) as u32;
        let second = run(9, 1, end + gap_bytes, 7);
        let mut bytes = sealer.header().0.to_vec();
        for run in [first, second] {
            bytes.resize(run.pack_offset as usize, 0);
            for nth in 0..run.count {
                let at = CHUNK.chunk_pack_offset(run.pack_offset.into(), nth);
                let plain = vec![nth as u8; run.shape().chunk_bytes(nth, CHUNK) as usize];
                let mut sealed = vec![0; plain.len() + TAG_BYTES];
                sealer.seal_chunk(at, &plain, &mut sealed);
                bytes.extend_from_slice(&sealed);
            }
        }
        let (path, mtime) = (b"a/b".to_vec(), Time { secs: 5, nanos: 6 });
        let file = FooterFile { ino: Ino(5), path, size: 40_000, mtime, runs: vec![first, second] };
        let footer = Footer { device: DeviceId(7), closed: mtime, files: vec![file] };
        bytes.extend_from_slice(&sealer.seal_footer(&footer, bytes.len() as u64));
        (bytes, footer)
    }

    #[test]
    fn a_pack_sealed_anew_holds_the_same_in_the_same_places_and_opens_with_the_new_keys_alone() {
        let id = PackId::random();
        let (old, new) = (sealer(id), sealer(id));
        let (pack, footer) = sample(&old);
        let anew = old.seal_anew(&pack, CHUNK, &new).unwrap();
        assert_eq!(anew.len(), pack.len());
        assert_eq!(new.check_layout(&anew, CHUNK).unwrap(), footer);
        assert!(old.open_footer(&anew).is_err());
        for run in &footer.files[0].runs {
            assert!(new.run_opens(&anew, run.pack_offset, run.shape(), CHUNK));
            assert!(!old.run_opens(&anew, run.pack_offset, run.shape(), CHUNK));
        }
        assert_eq!(new.seal_anew(&anew, CHUNK, &old).unwrap(), pack, "there and back");
    }

    #[test]
    fn nothing_of_a_pack_that_was_changed_anywhere_is_sealed_anew() {
        let id = PackId::random();
        let (old, new) = (sealer(id), sealer(id));
        let (pack, _) = sample(&old);
        for at in (0..pack.len()).step_by(11).chain(pack.len() - 40..pack.len()) {
            let mut changed = pack.clone();
            changed[at] ^= 1;
            assert!(old.seal_anew(&changed, CHUNK, &new).is_err(), "byte {at}");
        }
        for cut in [0, 5, 31, 32, 60, 5000, pack.len() - 1] {
            assert!(old.seal_anew(&pack[..cut], CHUNK, &new).is_err(), "cut {cut}");
        }
        assert!(new.seal_anew(&pack, CHUNK, &old).is_err(), "with other keys");
    }
}
