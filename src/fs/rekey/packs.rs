//! Packs, one after the other: opened with the old keys, sealed with the new ones.

use crate::format::{
    ChunkSize, FormatError, ObjectName, PackHeader, PackId, PackSealer, pack_path,
};
use crate::store::{PackReadError, PackReader, StoreError, VaultFolder};

use super::super::verify::{DamagedObject, not_fetched, without_path};
use super::error::RekeyError;
use super::run::Rekey;

impl Rekey<'_> {
    /// Puts a pack into the new vault; checks it if it is there. Tells how long it is, and whether it
    /// was made.
    pub(super) fn pack(&self, id: PackId, is_there: bool) -> Result<(u64, bool), RekeyError> {
        if is_there {
            return Ok((self.check_pack(id)?, false));
        }
        let bytes = self.pack_anew(id)?;
        self.new.vault.put_pack(id, &bytes)?;
        Ok((bytes.len() as u64, true))
    }

    /// The pack under the new keys; from a copy, if what stands under its own name is damaged.
    fn pack_anew(&self, id: PackId) -> Result<Vec<u8>, RekeyError> {
        let vault = self.old.vault;
        let damaged = match vault.get_pack(id) {
            Ok(content) => match self.seal_pack(id, &content) {
                Ok(bytes) => return Ok(bytes),
                Err(error) => error.to_string(),
            },
            Err(error) => match not_fetched(vault, id) {
                Some(why) => return Err(RekeyError::OnlineOnly(pack_path(id), why)),
                None if is_damage(&error) => without_path(&error),
                None => return Err(error.into()),
            },
        };
        for path in vault.copies_of(&ObjectName::Pack(id)) {
            let content = vault.get(&path, VaultFolder::PACK_BYTES_MAX);
            if let Some(bytes) = content.ok().and_then(|content| self.seal_pack(id, &content).ok())
            {
                return Ok(bytes);
            }
        }
        let (object, files) = (pack_path(id), Vec::new());
        Err(RekeyError::Damaged(vec![DamagedObject { object, what: damaged, files }]))
    }

    fn seal_pack(&self, id: PackId, content: &[u8]) -> Result<Vec<u8>, FormatError> {
        let chunk_size: ChunkSize = self.old.descriptor.chunk_size;
        let old = PackSealer::new(self.old.keys, PackHeader::read_or_mend(id, content)?);
        let new = PackSealer::new(self.new.keys, PackHeader::of(id));
        old.seal_anew(content, chunk_size, &new)
    }

    /// Whether the pack that is there tells of the same chunks. That each of them is authentic is seen
    /// when the new vault is read as a whole: under its keys and in its place there was never another.
    fn check_pack(&self, id: PackId) -> Result<u64, RekeyError> {
        let not_the_same = |why: String| RekeyError::NotTheSame { object: pack_path(id), why };
        let file = self.new.vault.open_as_named(&pack_path(id))?;
        let pack_bytes = file.len();
        let pack_bytes = pack_bytes
            .map_err(|error| StoreError::io("cannot read", pack_path(id).as_ref(), error))?;
        let there = PackReader::open(self.new.keys, id, file).and_then(|reader| reader.footer());
        let there = match there {
            Err(PackReadError::Io(error)) => {
                return Err(StoreError::io("cannot read", pack_path(id).as_ref(), error).into());
            }
            there => there.map_err(|error| not_the_same(error.to_string()))?,
        };
        let wanted = self.old.vault.open(&pack_path(id)).ok().and_then(|file| {
            PackReader::open(self.old.keys, id, file).and_then(|reader| reader.footer()).ok()
        });
        match wanted {
            Some(wanted) if wanted == there => Ok(pack_bytes),
            Some(_) => Err(not_the_same("it tells of other content".to_owned())),
            // Damaged since, or to be read from a copy: then all of it is compared.
            None => {
                let is_it = self.pack_anew(id)? == self.new.vault.as_named().get_pack(id)?;
                is_it.then_some(pack_bytes).ok_or_else(|| not_the_same("it differs".to_owned()))
            }
        }
    }
}

/// Whether an object is not what it should be, rather than the disk.
fn is_damage(error: &StoreError) -> bool {
    matches!(error, StoreError::Missing(_) | StoreError::TooLong { .. } | StoreError::Format { .. })
}
