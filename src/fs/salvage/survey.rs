//! The first pass: every pack's footer, and what they tell together.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::crypto::ClassKeys;
use crate::format::{
    ChunkSize, DATA_FOLDER, FooterFile, FooterRun, Ino, LOST_FOLDER, NodeKind, Operation, PackId,
    Run, Time, Times,
};
use crate::fs::pack_copies::pack_copies_at;
use crate::store::{StoreError, VaultFolder};
use crate::tree::{ApplyError, Tree};

use super::content::OpenPacks;

/// A file that packs tell of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SalvagedFile {
    /// Its number.
    pub ino: Ino,
    /// Its path when the newest pack with something of it was closed; empty if it had none then.
    /// Authentic, but not checked in any way.
    pub path: Vec<u8>,
    /// The last name that any pack knows it by; empty if none does. Not checked either.
    pub last_name: Vec<u8>,
    /// Its size then.
    pub size: u64,
    /// Its content time then.
    pub mtime: Time,
    /// When that pack was closed.
    pub seen: Time,
    /// Content bytes that no pack tells of: holes, unless a pack is missing.
    pub untold_bytes: u64,
}

/// What the packs of a vault tell, log or no log.
#[derive(Debug)]
pub struct Salvage {
    pub(super) chunk_size: ChunkSize,
    /// Files under their numbers, and no folders.
    pub(super) tree: Tree,
    pub(super) packs: OpenPacks,
    files: BTreeMap<Ino, Naming>,
    /// Files that ought to be packs and tell nothing, by path below the vault.
    silent: Vec<String>,
    /// Packs that are online only and could not be fetched, likewise.
    online_only: Vec<String>,
    /// What packs tell that cannot be, in sentences.
    nonsense: Vec<String>,
}

#[derive(Debug, Default)]
struct Naming {
    path: Vec<u8>,
    last_name: Vec<u8>,
    seen: Time,
}

impl Salvage {
    /// Reads the footers of all packs: those in their places, a sync client's duplicates, and what
    /// a repair has set aside. `progress` is told how many files of how many are done.
    ///
    /// # Errors
    /// [`StoreError`] if a folder cannot be listed. Files that cannot be read are [`Self::silent`].
    pub fn survey(
        vault: &VaultFolder,
        keys: &Arc<ClassKeys>,
        chunk_size: ChunkSize,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Self, StoreError> {
        let mut paths = vault.files_below(DATA_FOLDER)?;
        paths.append(&mut vault.files_below(&format!("{LOST_FOLDER}/{DATA_FOLDER}"))?);
        let mut sources: HashMap<PackId, Vec<String>> = HashMap::new();
        let mut told: BTreeMap<(Time, PackId), Vec<FooterFile>> = BTreeMap::new();
        let mut heard: BTreeSet<PackId> = BTreeSet::new();
        let mut mute: Vec<(String, Vec<PackId>)> = Vec::new();
        let mut online_only = Vec::new();
        for (nth, path) in paths.iter().enumerate() {
            progress(nth as u64, paths.len() as u64);
            let copies = match pack_copies_at(vault, keys, path) {
                Ok(copies) => copies,
                Err(_) if vault.is_online_only(path) => {
                    online_only.push(path.clone());
                    continue;
                }
                Err(error) => {
                    log::warn!("{error}");
                    mute.push((path.clone(), Vec::new()));
                    continue;
                }
            };
            if copies.is_empty() && vault.is_online_only(path) {
                online_only.push(path.clone());
            }
            let ids = copies.iter().map(|copy| copy.id).collect();
            if !copies.is_empty() && copies.iter().all(|copy| copy.footer.is_none()) {
                mute.push((path.clone(), ids));
            }
            for copy in copies {
                // Whatever opens in it is the pack's, with or without a footer.
                sources.entry(copy.id).or_default().push(copy.path);
                if let Some(footer) = copy.footer.filter(|_| heard.insert(copy.id)) {
                    told.insert((footer.closed.normal(), copy.id), footer.files);
                }
            }
        }
        // A damaged file is no loss where another one tells of the same pack.
        let is_lost = |ids: &[PackId]| !ids.iter().any(|id| heard.contains(id));
        let silent = mute.into_iter().filter(|(_, ids)| is_lost(ids)).map(|(path, _)| path);
        let mut salvage = Self {
            chunk_size,
            tree: Tree::new(chunk_size),
            packs: OpenPacks::new(vault.clone(), keys.clone(), sources),
            files: BTreeMap::new(),
            silent: silent.collect(),
            online_only,
            nonsense: Vec::new(),
        };
        for ((closed, pack), files) in told {
            for file in files {
                let ino = file.ino;
                if let Err(error) = salvage.add(pack, closed, file) {
                    let sentence = format!("the pack {pack} tells of a file {ino}: {error}");
                    salvage.nonsense.push(sentence);
                }
            }
        }
        Ok(salvage)
    }

    /// Every file, the one that was seen last first.
    pub fn files(&self) -> Vec<SalvagedFile> {
        let mut files: Vec<SalvagedFile> =
            self.files.iter().filter_map(|(ino, naming)| self.file(*ino, naming)).collect();
        files.sort_by_key(|file| std::cmp::Reverse((file.seen, file.mtime, file.ino)));
        files
    }

    /// Files in the place of packs, or set aside by a repair, of which nothing could be learned.
    pub fn silent(&self) -> &[String] {
        &self.silent
    }

    /// Packs that are online only and could not be fetched: what they tell is not known.
    pub fn online_only(&self) -> &[String] {
        &self.online_only
    }

    /// What authentic packs tell that cannot be so, and was left out, in sentences.
    pub fn nonsense(&self) -> &[String] {
        &self.nonsense
    }

    fn file(&self, ino: Ino, naming: &Naming) -> Option<SalvagedFile> {
        let attributes = self.tree.attributes(ino).ok()?;
        let runs = self.tree.runs(ino, 0, u64::MAX).ok()?;
        let told: u64 = runs.iter().map(|run| self.visible_bytes(run, attributes.size)).sum();
        Some(SalvagedFile {
            ino,
            path: naming.path.clone(),
            last_name: naming.last_name.clone(),
            size: attributes.size,
            mtime: attributes.mtime,
            seen: naming.seen,
            untold_bytes: attributes.size.saturating_sub(told),
        })
    }

    /// Bytes of a run that count in a file of `size` bytes.
    fn visible_bytes(&self, run: &Run, size: u64) -> u64 {
        let start = self.chunk_size.start_of(run.first_chunk);
        let full = self.chunk_size.start_of(u64::from(run.count) - 1);
        (full + u64::from(run.visible_bytes)).min(size.saturating_sub(start))
    }

    /// Adds what a pack tells of a file, which is newer than all that was added before.
    fn add(&mut self, pack: PackId, closed: Time, file: FooterFile) -> Result<(), ApplyError> {
        let FooterFile { ino, path, size, mtime, runs } = file;
        let mtime = mtime.normal();
        if !self.files.contains_key(&ino) {
            self.tree.apply(&Operation::Create {
                parent: Ino::ROOT,
                name: ino.to_string().as_bytes(),
                ino,
                kind: NodeKind::File,
                mode: 0o600,
                uid: 0,
                gid: 0,
                times: Times::Same(mtime),
            })?;
        }
        let naming = self.files.entry(ino).or_default();
        if let Some(name) = path.rsplit(|byte| *byte == b'/').next().filter(|name| !name.is_empty())
        {
            naming.last_name = name.to_vec();
        }
        (naming.path, naming.seen) = (path, closed);
        let put: Vec<_> =
            runs.iter().map(|run| self.tree.put_live_run(ino, &run_of(pack, run))).collect();
        // First beyond every run, then back: content behind the file's end is gone.
        self.tree.set_live_size(ino, ChunkSize::FILE_BYTES_MAX, mtime)?;
        self.tree.set_live_size(ino, size.min(ChunkSize::FILE_BYTES_MAX), mtime)?;
        put.into_iter().collect()
    }
}

/// A footer's run, as an operation would write it down.
pub(in crate::fs) fn run_of(pack: PackId, run: &FooterRun) -> Run {
    Run {
        first_chunk: run.first_chunk,
        count: run.count,
        pack,
        pack_offset: run.pack_offset,
        tail_bytes: run.tail_bytes,
        visible_bytes: run.tail_bytes,
    }
}
