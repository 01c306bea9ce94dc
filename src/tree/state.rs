//! The table of inodes, and what can be asked of it.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

use crate::format::{ChunkSize, Ino, NAME_BYTES_MAX, NodeKind, PackId, Run, Time, Times};

use super::apply::ApplyError;
use super::attributes::Attributes;
use super::extents::{Extent, Extents, PackSlot};
use super::folder::{Cookie, Folder, InodeSlot};
use super::inode::{Body, Inode};
use super::packs::{PackTable, PackUse};

/// Every inode, name and extent of a vault.
#[derive(Debug)]
pub struct Tree {
    pub(super) chunk_size: ChunkSize,
    pub(super) hasher: DefaultHashBuilder,
    pub(super) inodes: Vec<Option<Inode>>,
    free: Vec<InodeSlot>,
    /// Places in `inodes`, by hash of the number.
    by_ino: HashTable<u32>,
    pub(super) packs: PackTable,
    /// Content bytes that extents hold.
    pub(super) content_bytes: u64,
}

/// The root's place in the table.
pub(super) const ROOT_SLOT: InodeSlot = InodeSlot(0);

impl Tree {
    /// A root folder (mode 0755, owned by root, times 0) and nothing else: what every vault
    /// starts from.
    pub fn new(chunk_size: ChunkSize) -> Self {
        let mut tree = Self {
            chunk_size,
            hasher: DefaultHashBuilder::default(),
            inodes: Vec::new(),
            free: Vec::new(),
            by_ino: HashTable::new(),
            packs: PackTable::default(),
            content_bytes: 0,
        };
        let times = Times::Same(Time::default());
        let mut root = Inode::new(Ino::ROOT, NodeKind::Folder, times, ROOT_SLOT);
        root.mode = 0o755;
        root.names = 1;
        tree.add_inode(root);
        tree
    }

    /// How files are cut into chunks.
    pub fn chunk_size(&self) -> ChunkSize {
        self.chunk_size
    }

    /// Inodes, the root not counted.
    pub fn inode_count(&self) -> u64 {
        self.by_ino.len() as u64 - 1
    }

    /// Content bytes, as chunks: holes not counted.
    pub fn content_bytes(&self) -> u64 {
        self.content_bytes
    }

    /// Inodes that have a name, the root not counted, and content bytes of those.
    pub fn named_totals(&self) -> (u64, u64) {
        let named = self.inodes.iter().flatten().filter(|inode| inode.names > 0);
        let chunks = |inode: &Inode| inode.extents().map_or(0, Extents::chunks);
        let (count, all) = named.fold((0, 0), |(n, all), inode| (n + 1, all + chunks(inode)));
        (count - 1, self.chunk_size.start_of(all))
    }

    /// Packs that operations have named, needed or not.
    pub fn packs(&self) -> impl Iterator<Item = PackUse> {
        self.packs.iter()
    }

    /// Packs that files need.
    pub fn needed_packs(&self) -> impl Iterator<Item = PackId> {
        self.packs().filter(|pack| pack.live_bytes > 0).map(|pack| pack.id)
    }

    /// The pack of an extent.
    pub fn pack(&self, slot: PackSlot) -> PackId {
        self.packs.get(slot).id
    }

    /// The inode that `name` stands for in the folder `parent`.
    ///
    /// # Errors
    /// [`ApplyError::NoInode`], [`ApplyError::NotFolder`] or [`ApplyError::NoName`].
    pub fn lookup(&self, parent: Ino, name: &[u8]) -> Result<Ino, ApplyError> {
        let child = self.folder(parent)?.find(&self.hasher, name).ok_or(ApplyError::NoName)?;
        Ok(self.at(child).ino)
    }

    /// The name, or the first that is free in a folder with a number behind it; cut where it would
    /// become too long.
    pub fn free_name(&self, folder: Ino, wanted: &[u8]) -> Vec<u8> {
        let named = |nth: u64| {
            let number = if nth == 1 { String::new() } else { format!("-{nth}") };
            let kept = wanted.len().min(NAME_BYTES_MAX - number.len());
            [&wanted[..kept], number.as_bytes()].concat()
        };
        let is_free = |name: &Vec<u8>| self.lookup(folder, name).is_err();
        (1..).map(named).find(is_free).unwrap_or_default()
    }

    /// What `stat` tells of an inode.
    ///
    /// # Errors
    /// [`ApplyError::NoInode`].
    pub fn attributes(&self, ino: Ino) -> Result<Attributes, ApplyError> {
        Ok(self.inode(ino)?.attributes(self.chunk_size))
    }

    /// The folder that a folder is in; the root is in itself.
    ///
    /// # Errors
    /// [`ApplyError::NoInode`] or [`ApplyError::NotFolder`].
    pub fn parent(&self, folder: Ino) -> Result<Ino, ApplyError> {
        let parent = self.folder(folder)?.parent;
        Ok(self.inodes[parent.0 as usize].as_ref().map_or(Ino::ROOT, |inode| inode.ino))
    }

    /// How many entries a folder has.
    ///
    /// # Errors
    /// [`ApplyError::NoInode`] or [`ApplyError::NotFolder`].
    pub fn entry_count(&self, folder: Ino) -> Result<usize, ApplyError> {
        Ok(self.folder(folder)?.len())
    }

    /// A folder's entries from a cookie on, in an order that stays: cookie, name, attributes.
    ///
    /// # Errors
    /// [`ApplyError::NoInode`] or [`ApplyError::NotFolder`].
    pub fn entries(
        &self,
        folder: Ino,
        from: u32,
    ) -> Result<impl Iterator<Item = (u32, &[u8], Attributes)>, ApplyError> {
        let entries = self.folder(folder)?.list_from(from);
        Ok(entries.map(|(cookie, name, child)| {
            (cookie, name, self.at(child).attributes(self.chunk_size))
        }))
    }

    /// The cookie that the next new entry of a folder gets.
    ///
    /// # Errors
    /// [`ApplyError::NoInode`] or [`ApplyError::NotFolder`].
    pub fn next_cookie(&self, folder: Ino) -> Result<u32, ApplyError> {
        Ok(self.folder(folder)?.next_cookie())
    }

    /// The target of a symbolic link.
    ///
    /// # Errors
    /// [`ApplyError::NoInode`], or [`ApplyError::WrongKind`] for anything else.
    pub fn link_target(&self, ino: Ino) -> Result<&[u8], ApplyError> {
        match &self.inode(ino)?.body {
            Body::Symlink(target) => Ok(target),
            _ => Err(ApplyError::WrongKind),
        }
    }

    /// An extended attribute, if it is set.
    ///
    /// # Errors
    /// [`ApplyError::NoInode`].
    pub fn xattr(&self, ino: Ino, name: &[u8]) -> Result<Option<&[u8]>, ApplyError> {
        let xattrs = self.inode(ino)?.xattrs.as_deref();
        Ok(xattrs.and_then(|xattrs| xattrs.get(name)).map(|value| &**value))
    }

    /// Every extended attribute with its value, in the order of their names.
    ///
    /// # Errors
    /// [`ApplyError::NoInode`].
    pub fn xattrs(&self, ino: Ino) -> Result<impl Iterator<Item = (&[u8], &[u8])>, ApplyError> {
        let xattrs = self.inode(ino)?.xattrs.as_deref();
        Ok(xattrs.into_iter().flatten().map(|(name, value)| (&**name, &**value)))
    }

    /// Where a file's chunks are.
    ///
    /// # Errors
    /// [`ApplyError::NoInode`], or [`ApplyError::WrongKind`] for what is no regular file.
    pub fn extents(&self, ino: Ino) -> Result<&Extents, ApplyError> {
        self.inode(ino)?.extents().ok_or(ApplyError::WrongKind)
    }

    /// A file's runs in `start..end`, cut to it, as an operation writes them down.
    ///
    /// # Errors
    /// As for [`Self::extents`].
    pub fn runs(&self, ino: Ino, start: u64, end: u64) -> Result<Vec<Run>, ApplyError> {
        let cut = self.extents(ino)?.cut_to(start, end, self.chunk_size);
        Ok(cut.map(|extent| self.run(&extent)).collect())
    }

    /// An extent, as an operation writes it down.
    pub fn run(&self, extent: &Extent) -> Run {
        Run {
            first_chunk: extent.first_chunk,
            count: extent.count,
            pack: self.pack(extent.pack),
            pack_offset: extent.pack_offset,
            tail_bytes: extent.tail_bytes,
            visible_bytes: extent.visible_bytes,
        }
    }

    /// Every run of every file, with the file.
    pub fn all_runs(&self) -> impl Iterator<Item = (Ino, Run)> {
        self.inodes.iter().flatten().flat_map(|inode| {
            let extents = inode.extents().into_iter().flat_map(Extents::iter);
            extents.map(|extent| (inode.ino, self.run(extent)))
        })
    }

    /// Files with a chunk in one of these packs.
    pub fn files_in_packs(&self, packs: &[PackId]) -> Vec<Ino> {
        let is_one = |extent: &Extent| packs.contains(&self.pack(extent.pack));
        self.inodes
            .iter()
            .flatten()
            .filter(|inode| inode.extents().is_some_and(|extents| extents.iter().any(is_one)))
            .map(|inode| inode.ino)
            .collect()
    }

    /// One of an inode's paths, from the root, without a leading slash; `None` if it has no name
    /// (any more, or the one that was given last is gone).
    pub fn path(&self, ino: Ino) -> Option<Vec<u8>> {
        let mut names = Vec::new();
        let mut slot = self.slot(ino).ok()?;
        while slot != ROOT_SLOT {
            let inode = self.at(slot);
            if inode.names == 0 {
                return None;
            }
            let parent = self.inodes.get(inode.parent.0 as usize)?.as_ref()?;
            let folder = parent.folder()?;
            let name = folder.name_at(inode.cookie)?;
            // The place may be another folder's by now: only the entry itself proves the name.
            if folder.find(&self.hasher, name) != Some(slot) {
                return None;
            }
            names.push(name);
            slot = inode.parent;
        }
        names.reverse();
        Some(names.join(&b'/'))
    }

    /// Drops an inode that has no name any more.
    pub fn forget(&mut self, ino: Ino) {
        let Ok(slot) = self.slot(ino) else { return };
        if self.at(slot).names > 0 || slot == ROOT_SLOT {
            return;
        }
        self.free_content(slot, 0, u64::MAX);
        let hash = self.hasher.hash_one(ino.0);
        let inodes = &self.inodes;
        let is_it = |place: &u32| *place == slot.0;
        debug_assert!(inodes[slot.0 as usize].is_some());
        if let Ok(found) = self.by_ino.find_entry(hash, is_it) {
            found.remove();
        }
        self.inodes[slot.0 as usize] = None;
        self.free.push(slot);
    }

    /// Makes a hole of a file's chunks `start..end`.
    pub(super) fn free_content(&mut self, slot: InodeSlot, start: u64, end: u64) {
        let Self { inodes, packs, chunk_size, content_bytes, .. } = self;
        let Some(Inode { body: Body::File(extents), .. }) = &mut inodes[slot.0 as usize] else {
            return;
        };
        let before = extents.chunks();
        extents.remove(start, end, *chunk_size, &mut |pack, bytes| packs.free(pack, bytes));
        *content_bytes -= chunk_size.start_of(before - extents.chunks());
    }

    /// Cuts a file's content from `size` on.
    pub(super) fn cut_content(&mut self, slot: InodeSlot, size: u64) {
        let Self { inodes, packs, chunk_size, content_bytes, .. } = self;
        let Some(Inode { body: Body::File(extents), .. }) = &mut inodes[slot.0 as usize] else {
            return;
        };
        let before = extents.chunks();
        extents.truncate(size, *chunk_size, &mut |pack, bytes| packs.free(pack, bytes));
        *content_bytes -= chunk_size.start_of(before - extents.chunks());
    }

    /// Gives a file's chunks new content.
    pub(super) fn put_content(&mut self, slot: InodeSlot, run: &Run) {
        let pack = self.packs.slot(run.pack);
        let Self { inodes, packs, chunk_size, content_bytes, .. } = self;
        let Some(Inode { body: Body::File(extents), .. }) = &mut inodes[slot.0 as usize] else {
            return;
        };
        let extent = Extent {
            first_chunk: run.first_chunk,
            count: run.count,
            pack,
            pack_offset: run.pack_offset,
            tail_bytes: run.tail_bytes,
            visible_bytes: run.visible_bytes,
        };
        let before = extents.chunks();
        extents.insert(extent, *chunk_size, &mut |pack, bytes| packs.free(pack, bytes));
        packs.add(pack, extent.sealed_bytes(*chunk_size));
        *content_bytes += chunk_size.start_of(extents.chunks() - before);
    }

    pub(super) fn slot(&self, ino: Ino) -> Result<InodeSlot, ApplyError> {
        let is_it =
            |place: &u32| self.inodes[*place as usize].as_ref().is_some_and(|i| i.ino == ino);
        let found = self.by_ino.find(self.hasher.hash_one(ino.0), is_it);
        found.map(|place| InodeSlot(*place)).ok_or(ApplyError::NoInode(ino))
    }

    pub(super) fn inode(&self, ino: Ino) -> Result<&Inode, ApplyError> {
        Ok(self.at(self.slot(ino)?))
    }

    pub(super) fn inode_mut(&mut self, ino: Ino) -> Result<&mut Inode, ApplyError> {
        let slot = self.slot(ino)?;
        Ok(self.at_mut(slot))
    }

    /// The inode at a place that an entry or the index gave.
    pub(super) fn at(&self, slot: InodeSlot) -> &Inode {
        self.inodes[slot.0 as usize].as_ref().expect("entries and index name inodes that are there")
    }

    pub(super) fn at_mut(&mut self, slot: InodeSlot) -> &mut Inode {
        self.inodes[slot.0 as usize].as_mut().expect("entries and index name inodes that are there")
    }

    pub(super) fn folder(&self, ino: Ino) -> Result<&Folder, ApplyError> {
        self.inode(ino)?.folder().ok_or(ApplyError::NotFolder)
    }

    /// Adds an entry to a folder and makes it the inode's known name.
    pub(super) fn add_entry(&mut self, folder: InodeSlot, name: &[u8], child: InodeSlot) {
        let hasher = self.hasher.clone();
        let mut moved: Vec<(InodeSlot, Cookie)> = Vec::new();
        let Some(entries) = self.at_mut(folder).folder_mut() else { return };
        let cookie = entries.add(&hasher, name, child, &mut |slot, c| moved.push((slot, c)));
        for (slot, cookie) in moved {
            let inode = self.at_mut(slot);
            if inode.parent == folder {
                inode.cookie = cookie;
            }
        }
        let inode = self.at_mut(child);
        inode.parent = folder;
        inode.cookie = cookie;
    }

    pub(super) fn add_inode(&mut self, inode: Inode) -> InodeSlot {
        let ino = inode.ino;
        let slot = match self.free.pop() {
            Some(slot) => {
                self.inodes[slot.0 as usize] = Some(inode);
                slot
            }
            None => {
                if self.inodes.len() == self.inodes.capacity() {
                    // An eighth more, not double: see `folder.rs`.
                    self.inodes.reserve_exact(self.inodes.len() / 8 + 64);
                }
                self.inodes.push(Some(inode));
                InodeSlot(self.inodes.len() as u32 - 1)
            }
        };
        let (inodes, hasher) = (&self.inodes, &self.hasher);
        self.by_ino.insert_unique(hasher.hash_one(ino.0), slot.0, |place| {
            hasher.hash_one(inodes[*place as usize].as_ref().map_or(0, |inode| inode.ino.0))
        });
        slot
    }
}
