//! A whole collection, from publishing to removing.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::format::{Footer, Operation, PackId, pack_path};
use crate::store::{PackReadError, PackReader, VaultListing};

use super::super::error::FsError;
use super::super::file_system::{FileSystem, lock};
use super::super::verify::runs_by_pack;
use super::choose::{NeededPack, packs_to_rewrite};
use super::report::Collected;

impl FileSystem {
    /// Publishes everything, writes packs anew of which little is needed or that are small, and
    /// removes what no state of the last `history` needs.
    ///
    /// # Errors
    /// [`FsError`]; nothing is lost by it, and what was done so far stays done.
    pub fn collect(&self, history: Duration) -> Result<Collected, FsError> {
        let _only_one = lock(&self.one_collection);
        let mut collected = Collected::default();
        self.write_live()?.writing()?;
        self.publish()?;
        let listing = self.vault.listing().map_err(|error| FsError::Disk(error.to_string()))?;
        self.note_strays(&listing)?;
        let chosen = packs_to_rewrite(&self.needed_packs(&listing)?);
        let wanted: HashSet<PackId> = chosen.iter().copied().collect();
        let mut runs = match wanted.is_empty() {
            true => HashMap::new(),
            false => runs_by_pack(&self.read_live()?.tree, |pack| wanted.contains(&pack)),
        };
        for pack in chosen {
            let Some(runs) = runs.remove(&pack) else { continue };
            if lock(&self.background.asked).end {
                break;
            }
            match self.rewrite_pack(pack, runs) {
                Ok(written_bytes) => {
                    collected.rewritten_packs += 1;
                    collected.rewritten_bytes += written_bytes;
                }
                // It stays, with whatever can still be read of it.
                Err(FsError::Damaged { what, .. }) => self.note_damage(what),
                // Nor is anything fetched to be written anew.
                Err(FsError::OnlineOnly(_)) => {}
                // No room to write anew what would free some.
                Err(FsError::NoSpace) => break,
                Err(error) => return Err(error),
            }
        }
        if collected.rewritten_packs > 0 {
            self.publish()?;
        }
        let mut publisher = lock(&self.publisher);
        if publisher.pending.is_some() {
            // Of what it says is unneeded nothing may go before it is in the vault.
            return Ok(collected);
        }
        self.shorten_log(&mut publisher, &listing)?;
        let listing = self.vault.listing().map_err(|error| FsError::Disk(error.to_string()))?;
        self.remove_unneeded(&publisher, &listing, history, &mut collected)?;
        self.note_collected(collected);
        Ok(collected)
    }

    /// Takes note of packs of this device that neither log nor journal tells of: a crash came after
    /// the pack had gone to the vault, or all that was in it was overwritten before anybody told of
    /// it. Packs of other devices may only have come before their log object.
    fn note_strays(&self, listing: &VaultListing) -> Result<(), FsError> {
        let device = lock(&self.publisher).device;
        let unknown: Vec<PackId> = {
            let live = self.read_live()?;
            listing.packs.keys().filter(|id| !live.tree.knows_pack(**id)).copied().collect()
        };
        for pack in unknown {
            if self.footer(pack).is_ok_and(|footer| footer.device == device) {
                let since = self.vault.now();
                self.write_live()?.tree.apply(&Operation::PackUnused { pack, since })?;
            }
        }
        Ok(())
    }

    /// Every pack in the vault that somebody needs.
    fn needed_packs(&self, listing: &VaultListing) -> Result<Vec<NeededPack>, FsError> {
        let packs: Vec<_> = self.read_live()?.tree.packs().collect();
        let mut needed = Vec::new();
        for pack in packs.into_iter().filter(|pack| pack.live_bytes > 0) {
            let Some(pack_bytes) = listing.packs.get(&pack.id).copied() else { continue };
            // One that cannot be read, or is online only, is left as it is.
            let Ok(chunk_bytes) = self.chunk_bytes(pack.id) else { continue };
            let needed_bytes = pack.live_bytes.min(chunk_bytes);
            needed.push(NeededPack { id: pack.id, pack_bytes, chunk_bytes, needed_bytes });
        }
        Ok(needed)
    }

    /// Bytes of all chunks of a pack in the vault, by its footer.
    fn chunk_bytes(&self, pack: PackId) -> Result<u64, PackReadError> {
        if let Some(chunk_bytes) = lock(&self.chunk_bytes_of).get(&pack) {
            return Ok(*chunk_bytes);
        }
        let footer = self.footer(pack)?;
        let chunk_size = self.descriptor.chunk_size;
        let runs = footer.files.iter().flat_map(|file| &file.runs);
        let chunk_bytes = runs.map(|run| chunk_size.sealed_run_bytes(run.shape())).sum();
        lock(&self.chunk_bytes_of).insert(pack, chunk_bytes);
        Ok(chunk_bytes)
    }

    fn footer(&self, pack: PackId) -> Result<Footer, PackReadError> {
        if self.vault.presence(pack).is_online_only() {
            return Err(PackReadError::OnlineOnly);
        }
        let file = self.vault.open(&pack_path(pack)).map_err(std::io::Error::other)?;
        PackReader::open(&self.keys, pack, file)?.footer()
    }
}
