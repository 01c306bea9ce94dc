//! The packs that this mount is filling: one that grows, and full ones on their way to the vault.

use std::path::PathBuf;
use std::sync::Arc;

use crate::crypto::ClassKeys;
use crate::format::{ChunkSize, DeviceId, Ino, NAME_BYTES_MAX, PackId, PackSealer, Run, Time};
use crate::store::{ClosedPack, Disk, DiskFile, FileFacts, PackRoom, StagedPack, StoreError};
use crate::tree::Tree;

/// No path in a footer is longer.
const FOOTER_PATH_BYTES_MAX: usize = 4 * NAME_BYTES_MAX;

/// A closed pack and whether it is durable where it waits.
#[derive(Debug)]
struct Waiting {
    pack: ClosedPack,
    synced: bool,
}

/// A file to sync, and what is durable once it is.
#[derive(Debug)]
pub(super) struct PackSync {
    pub(super) id: PackId,
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) end: u64,
}

/// The folder of staged packs, to sync for the names of the first so many to be durable.
#[derive(Debug)]
pub(super) struct NamesSync {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    names: u64,
}

impl NamesSync {
    /// Returns when the names are durable.
    pub(super) fn sync(&self) -> std::io::Result<()> {
        self.disk.sync_folder(&self.folder)
    }
}

/// Packs that are not in the vault yet.
#[derive(Debug)]
pub(super) struct Stage {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    keys: Arc<ClassKeys>,
    device: DeviceId,
    chunk_size: ChunkSize,
    growing: Option<StagedPack>,
    waiting: Vec<Waiting>,
    /// A pack was closed since somebody asked.
    has_news: bool,
    /// Packs that got a name in the folder, and how many of those names are durable: content is
    /// not, while the name of its file is not.
    names: u64,
    synced_names: u64,
}

impl Stage {
    /// Over the packs `recovered` from an earlier mount.
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        folder: PathBuf,
        keys: Arc<ClassKeys>,
        device: DeviceId,
        chunk_size: ChunkSize,
        recovered: Vec<ClosedPack>,
    ) -> Self {
        let waiting: Vec<_> =
            recovered.into_iter().map(|pack| Waiting { pack, synced: false }).collect();
        let names = waiting.len() as u64;
        Self {
            disk,
            folder,
            keys,
            device,
            chunk_size,
            growing: None,
            waiting,
            has_news: false,
            names,
            synced_names: 0,
        }
    }

    /// Seals `plain`, chunks of `ino` from `first_chunk` on, into packs; gives each run to
    /// `placed` as soon as it has its place.
    ///
    /// # Errors
    /// [`StoreError`]; the runs given so far stand, the rest is nowhere.
    pub(super) fn append(
        &mut self,
        ino: Ino,
        tree: &Tree,
        mut first_chunk: u64,
        mut plain: &[u8],
        placed: &mut dyn FnMut(Run),
    ) -> Result<(), StoreError> {
        while !plain.is_empty() {
            let pack = match &mut self.growing {
                Some(pack) => pack,
                none => {
                    let Self { disk, folder, keys, device, chunk_size, .. } = self;
                    let pack = StagedPack::create(&**disk, folder, keys, *device, *chunk_size)?;
                    self.names += 1;
                    none.insert(pack)
                }
            };
            let bytes = match pack.room(plain.len(), FOOTER_PATH_BYTES_MAX) {
                PackRoom::Takes(bytes) => bytes,
                PackRoom::Full => {
                    self.close_growing(tree)?;
                    continue;
                }
            };
            let (now, rest) = plain.split_at(bytes);
            placed(pack.append(ino, &FooterFacts(tree), first_chunk, now)?);
            first_chunk += self.chunk_size.count_for(bytes as u64);
            plain = rest;
        }
        Ok(())
    }

    /// Hands everything sealed to the disk.
    ///
    /// # Errors
    /// [`StoreError`]; the call can be repeated.
    pub(super) fn flush(&mut self) -> Result<(), StoreError> {
        self.growing.as_mut().map_or(Ok(()), StagedPack::flush)
    }

    /// Closes the growing pack, if it holds anything.
    ///
    /// # Errors
    /// [`StoreError`]; the call can be repeated.
    pub(super) fn close_growing(&mut self, tree: &Tree) -> Result<(), StoreError> {
        if let Some(pack) = self.growing.as_mut().filter(|pack| !pack.is_empty()) {
            let pack = pack.close(&*self.disk, &FooterFacts(tree))?;
            self.waiting.push(Waiting { pack, synced: false });
            self.growing = None;
            self.has_news = true;
        }
        Ok(())
    }

    /// Whether a pack was closed since the last time this was asked.
    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.has_news)
    }

    /// What to sync for all content handed over so far to be durable.
    pub(super) fn to_sync(&self) -> Vec<PackSync> {
        let waiting = self.waiting.iter().filter(|waiting| !waiting.synced);
        let waiting = waiting.map(|Waiting { pack, .. }| PackSync {
            id: pack.sealer.id(),
            file: pack.file.clone(),
            end: pack.bytes,
        });
        let growing = self.growing.iter().filter(|pack| pack.needs_sync());
        let growing = growing.map(|pack| PackSync {
            id: pack.sealer().id(),
            file: pack.file().clone(),
            end: pack.flushed_end(),
        });
        waiting.chain(growing).collect()
    }

    /// The folder, if it holds names that are not durable.
    pub(super) fn names_to_sync(&self) -> Option<NamesSync> {
        (self.synced_names < self.names).then(|| NamesSync {
            disk: self.disk.clone(),
            folder: self.folder.clone(),
            names: self.names,
        })
    }

    /// Takes note that the folder was synced.
    pub(super) fn note_names_synced(&mut self, done: &NamesSync) {
        self.synced_names = self.synced_names.max(done.names);
    }

    /// Takes note that a sync is done.
    pub(super) fn note_synced(&mut self, done: &PackSync) {
        for waiting in &mut self.waiting {
            if waiting.pack.sealer.id() == done.id {
                waiting.synced |= done.end == waiting.pack.bytes;
            }
        }
        if let Some(pack) = self.growing.as_mut().filter(|pack| pack.sealer().id() == done.id) {
            pack.note_synced(done.end);
        }
    }

    /// Closed packs that wait for the vault.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &ClosedPack> {
        self.waiting.iter().map(|waiting| &waiting.pack)
    }

    /// Takes note that a pack is in the vault.
    pub(super) fn note_published(&mut self, id: PackId) {
        self.waiting.retain(|waiting| waiting.pack.sealer.id() != id);
    }

    /// Key and file of a pack that is not in the vault yet, and how much of the file can be read.
    pub(super) fn find(&self, id: PackId) -> Option<(Arc<PackSealer>, Arc<dyn DiskFile>, u64)> {
        if let Some(pack) = self.growing.as_ref().filter(|pack| pack.sealer().id() == id) {
            return Some((pack.sealer().clone(), pack.file().clone(), pack.flushed_end()));
        }
        let pack = self.waiting().find(|pack| pack.sealer.id() == id)?;
        Some((pack.sealer.clone(), pack.file.clone(), pack.bytes))
    }

    /// A growing pack as it is now, where the disk takes no more of it.
    pub(super) fn snapshot(&self, id: PackId) -> Option<Arc<dyn DiskFile>> {
        let pack = self.growing.as_ref().filter(|pack| pack.sealer().id() == id)?;
        Some(pack.snapshot())
    }

    /// Bytes that are not in the vault yet.
    pub(super) fn bytes(&self) -> u64 {
        let waiting: u64 = self.waiting().map(|pack| pack.bytes).sum();
        waiting
            + self.growing.as_ref().map_or(0, |pack| if pack.is_empty() { 0 } else { pack.end() })
    }
}

/// What a footer tells of files, from the tree as it is now.
pub(super) struct FooterFacts<'a>(pub(super) &'a Tree);

impl FileFacts for FooterFacts<'_> {
    /// Long ones keep their end, which tells the file.
    fn path(&self, ino: Ino) -> Option<Vec<u8>> {
        let path = self.0.path(ino)?;
        Some(path[path.len().saturating_sub(FOOTER_PATH_BYTES_MAX)..].to_vec())
    }

    fn size_and_mtime(&self, ino: Ino) -> Option<(u64, Time)> {
        let attributes = self.0.attributes(ino).ok()?;
        Some((attributes.size, attributes.mtime))
    }
}
