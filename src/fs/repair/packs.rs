//! Packs that are damaged or missing: a copy, or what can be put together chunk by chunk.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::crypto::{ClassKeys, TAG_BYTES};
use crate::format::{
    ChunkSize, DeviceId, Footer, FooterRun, Ino, LogHash, LogKind, Operation, PackHeader, PackId,
    PackSealer, Run, Time, pack_path,
};
use crate::fs::recover::{PackChunks, footer_of, note_chunks};
use crate::fs::stage::FooterFacts;
use crate::fs::verify::{
    DamagedObject, VerifyRequest, not_fetched, paths, runs_by_pack, verify_pack,
};
use crate::store::{StoreError, VaultFolder};
use crate::tree::Tree;

use super::copies::Copies;
use super::logs::Logs;
use super::report::Moved;

/// Takes a chunk that opens: where it stands, what it is, and its sealed bytes.
type OpenedSink<'a> = dyn FnMut(u32, (Ino, u64, u32), &[u8]) + 'a;

/// What is known of a pack besides its content.
#[derive(Debug, Default)]
struct Told {
    chunks: PackChunks,
    /// The device that wrote the log object that tells of it, and when that was published; a
    /// checkpoint, which came later, only where nothing else does.
    by: Option<(LogKind, Time, DeviceId)>,
    /// Its own footer, from whichever copy has it.
    footer: Option<Footer>,
}

/// A pack that is put together anew.
#[derive(Debug)]
pub(super) struct PackRebuild {
    pub(super) id: PackId,
    /// Where its chunks come from.
    pub(super) sources: Vec<String>,
    pub(super) footer: Footer,
    pub(super) opened: PackChunks,
}

/// What is to become of the packs that are not whole.
#[derive(Debug, Default)]
pub(super) struct Packs {
    /// Which pack, from which copy, with which hash.
    pub(super) heals: Vec<(PackId, String, LogHash)>,
    pub(super) rebuilds: Vec<PackRebuild>,
    pub(super) set_aside: Vec<Moved>,
    pub(super) lost: Vec<DamagedObject>,
    pub(super) notes: Vec<String>,
}

impl Packs {
    /// Reads every pack, and finds what can be done for those that are not whole. `tree` is the
    /// state that the vault will have, the vault has the log objects that it will have, and
    /// `coming` is a pack that is to be put there.
    ///
    /// # Errors
    /// [`StoreError`] if the disk fails.
    pub(super) fn find(
        request: &VerifyRequest<'_>,
        tree: &Tree,
        logs: &Logs,
        copies: &Copies,
        coming: Option<PackId>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Self, StoreError> {
        let mut packs = Self::default();
        let mut needed = runs_by_pack(tree, |_| true);
        needed.retain(|id, _| Some(*id) != coming);
        let mut bad: BTreeMap<PackId, String> = BTreeMap::new();
        for (id, bytes) in &request.listing.packs {
            let runs = needed.get(id).map_or(&[][..], Vec::as_slice);
            match request.vault.open(&pack_path(*id)) {
                Ok(_) | Err(StoreError::Missing(_)) => {}
                Err(error) => return Err(error),
            }
            if let Err((what, _)) = verify_pack(request, *id, runs) {
                if let Some(why) = not_fetched(request.vault, *id) {
                    let why = format!("online only, and could not be fetched ({why})");
                    packs.notes.push(format!("{}: {why}: it is left as it is", pack_path(*id)));
                    progress(*bytes);
                    continue;
                }
                let content = request.vault.get_pack(*id).unwrap_or_default();
                match PackHeader::read_or_mend(*id, &content) {
                    Err(error) => packs.notes.push(format!("{}: {error}", pack_path(*id))),
                    Ok(_) => {
                        bad.insert(*id, what);
                    }
                }
            }
            progress(*bytes);
        }
        for id in needed.keys().filter(|id| !request.listing.packs.contains_key(id)) {
            bad.insert(*id, "missing".to_owned());
        }
        let mut told = told_by_logs(request, logs, &bad)?;
        for (id, what) in bad {
            let runs = needed.get(&id).map_or(&[][..], Vec::as_slice);
            packs.decide(request, tree, copies, id, what, runs, told.remove(&id))?;
        }
        Ok(packs)
    }

    #[expect(clippy::too_many_arguments, reason = "one pack's facts, each of another kind")]
    fn decide(
        &mut self,
        request: &VerifyRequest<'_>,
        tree: &Tree,
        copies: &Copies,
        id: PackId,
        what: String,
        needed: &[(Ino, Run)],
        told: Option<Told>,
    ) -> Result<(), StoreError> {
        let own = pack_path(id);
        let is_there = request.listing.packs.contains_key(&id);
        let copies = copies.packs.get(&id).map_or(&[][..], Vec::as_slice);
        let others: Vec<&str> =
            copies.iter().map(|copy| copy.path.as_str()).filter(|path| *path != own).collect();
        for path in &others {
            let stand_in = HashMap::from([(own.clone(), (*path).to_owned())]);
            let vault = request.vault.with_stand_ins(stand_in);
            let request = VerifyRequest { vault: &vault, identity: None, ..request.clone() };
            if verify_pack(&request, id, needed).is_ok() {
                let hash = LogHash::of(&vault.get_pack(id)?);
                self.heals.push((id, (*path).to_owned(), hash));
                return Ok(());
            }
        }
        let chunk_size = request.descriptor.chunk_size;
        let mut told = told.unwrap_or_default();
        told.footer = copies.iter().find_map(|copy| copy.footer.clone());
        let own_footer = copies.iter().any(|copy| copy.path == own && copy.footer.is_some());
        for file in told.footer.iter().flat_map(|footer| &footer.files) {
            for run in &file.runs {
                note_told(&mut told.chunks, file.ino, run, chunk_size);
            }
        }
        let mut opened = PackChunks::new();
        let mut sources = Vec::new();
        let mut own_opened = 0;
        for path in [own.as_str()].into_iter().filter(|_| is_there).chain(others) {
            let content = content_of(request.vault, path)?;
            let before = opened.len();
            open_chunks(
                request.keys,
                chunk_size,
                id,
                &content,
                &told.chunks,
                &mut |at, chunk, _| {
                    opened.entry(at).or_insert(chunk);
                },
            );
            if path == own {
                own_opened = opened.len();
            }
            if opened.len() > before {
                sources.push(path.to_owned());
            }
        }
        let lost: BTreeSet<Ino> = needed
            .iter()
            .filter(|(_, run)| !has_run(&opened, run, chunk_size))
            .map(|(ino, _)| *ino)
            .collect();
        let is_better = opened.len() > own_opened || !own_footer;
        let told_is_empty = told.chunks.is_empty();
        if !opened.is_empty() && (lost.is_empty() || is_better) {
            let footer = footer_for(&told, &opened, tree, chunk_size);
            self.rebuilds.push(PackRebuild { id, sources, footer, opened: opened.clone() });
        } else if is_there && opened.is_empty() {
            let why = match told_is_empty {
                true => format!("{what}, and no log object tells what is in it"),
                false => format!("{what}, and nothing in it opens"),
            };
            self.set_aside.push(Moved { object: own.clone(), why });
        }
        if !lost.is_empty() {
            self.lost.push(DamagedObject { object: own, what, files: paths(tree, lost) });
        }
        Ok(())
    }
}

impl PackRebuild {
    /// The whole pack: every chunk that opens somewhere, sealed as it was, and a footer.
    ///
    /// The footer may be another than the one that was there once, sealed with the same key and
    /// nonce. AES-GCM-SIV is made for that: who has both learns whether they are equal, and
    /// nothing else.
    ///
    /// # Errors
    /// [`StoreError`] if a source cannot be read any more.
    pub(super) fn bytes(
        &self,
        vault: &VaultFolder,
        keys: &ClassKeys,
        chunk_size: ChunkSize,
    ) -> Result<Vec<u8>, StoreError> {
        let sealer = PackSealer::new(keys, PackHeader::of(self.id));
        let ends = self.opened.iter().map(|(at, (_, _, bytes))| sealed_end(*at, *bytes));
        let mut pack = vec![0; ends.max().unwrap_or_default().max(sealer.header().0.len())];
        pack[..sealer.header().0.len()].copy_from_slice(&sealer.header().0);
        for path in &self.sources {
            let content = content_of(vault, path)?;
            open_chunks(keys, chunk_size, self.id, &content, &self.opened, &mut |at, _, sealed| {
                let at = at as usize;
                if let Some(place) = pack.get_mut(at..at + sealed.len()) {
                    place.copy_from_slice(sealed);
                }
            });
        }
        let tail = sealer.seal_footer(&self.footer, pack.len() as u64);
        pack.extend_from_slice(&tail);
        sealer
            .check_layout(&pack, chunk_size)
            .map_err(|error| StoreError::format(&vault.place(&pack_path(self.id)), error))?;
        Ok(pack)
    }
}

/// The end of a sealed chunk in its pack.
fn sealed_end(at: u32, bytes: u32) -> usize {
    at as usize + bytes as usize + TAG_BYTES
}

/// A file's bytes; none where it is longer than a pack can be.
fn content_of(vault: &VaultFolder, path: &str) -> Result<Vec<u8>, StoreError> {
    match vault.get(path, VaultFolder::PACK_BYTES_MAX) {
        Err(StoreError::TooLong { .. }) => Ok(Vec::new()),
        content => content,
    }
}

/// Gives each of these chunks that opens in `content`, with its sealed bytes.
fn open_chunks(
    keys: &ClassKeys,
    chunk_size: ChunkSize,
    id: PackId,
    content: &[u8],
    chunks: &PackChunks,
    sink: &mut OpenedSink<'_>,
) {
    let sealer = PackSealer::new(keys, PackHeader::of(id));
    let mut plain = vec![0; chunk_size.bytes()];
    for (at, chunk) in chunks {
        let sealed = content.get(*at as usize..sealed_end(*at, chunk.2));
        let plain = plain.get_mut(..chunk.2 as usize);
        if let Some((sealed, plain)) = sealed.zip(plain)
            && sealer.open_chunk(u64::from(*at), sealed, plain).is_ok()
        {
            sink(*at, *chunk, sealed);
        }
    }
}

/// What every log object says of the packs in `bad`.
fn told_by_logs(
    request: &VerifyRequest<'_>,
    logs: &Logs,
    bad: &BTreeMap<PackId, String>,
) -> Result<HashMap<PackId, Told>, StoreError> {
    let mut all: HashMap<PackId, Told> = HashMap::new();
    if bad.is_empty() {
        return Ok(all);
    }
    let chunk_size = request.descriptor.chunk_size;
    for (kind, device, seq) in logs.facts.keys() {
        let log = request.vault.get_log(request.keys, *kind, *device, *seq);
        let log = match log {
            Err(StoreError::Format { .. } | StoreError::Missing(_)) => continue,
            log => log?,
        };
        for operation in log.operations().flatten() {
            let Operation::Write { ino, runs, .. } = operation else { continue };
            for run in runs.iter().filter(|run| bad.contains_key(&run.pack)) {
                let told = all.entry(run.pack).or_default();
                let by = (*kind, log.published, *device);
                told.by = Some(told.by.map_or(by, |known| known.min(by)));
                note_told(&mut told.chunks, ino, &run.into(), chunk_size);
            }
        }
    }
    Ok(all)
}

/// Takes down where each chunk of a run is said to stand. What cannot be in a pack is not counted
/// out, however much of it is told (I8).
fn note_told(chunks: &mut PackChunks, ino: Ino, run: &FooterRun, chunk_size: ChunkSize) {
    let end =
        u64::from(run.pack_offset) + (u64::from(run.count.max(1)) - 1) * chunk_size.sealed_step();
    if run.shape().is_possible(chunk_size) && end <= VaultFolder::PACK_BYTES_MAX {
        note_chunks(chunks, ino, run, chunk_size);
    }
}

fn has_run(opened: &PackChunks, run: &Run, chunk_size: ChunkSize) -> bool {
    (0..run.count).all(|nth| {
        let at = chunk_size.chunk_pack_offset(run.pack_offset.into(), nth);
        u32::try_from(at).is_ok_and(|at| opened.contains_key(&at))
    })
}

/// The pack's own footer where it tells of exactly what is there; else one of what is.
fn footer_for(told: &Told, opened: &PackChunks, tree: &Tree, chunk_size: ChunkSize) -> Footer {
    let (device, closed) = match (&told.footer, &told.by) {
        (Some(footer), _) => (footer.device, footer.closed),
        (None, Some((_, published, device))) => (*device, *published),
        (None, None) => (DeviceId(0), Time::default()),
    };
    if let Some(footer) = &told.footer {
        let runs = footer.files.iter().flat_map(|file| &file.runs);
        let mut of_footer = PackChunks::new();
        runs.for_each(|run| note_told(&mut of_footer, Ino::ROOT, run, chunk_size));
        if of_footer.keys().eq(opened.keys()) {
            return footer.clone();
        }
    }
    let mut footer = footer_of(&FooterFacts(tree), device, opened, chunk_size);
    footer.closed = closed;
    for file in &mut footer.files {
        let known = told.footer.iter().flat_map(|footer| &footer.files);
        if let Some(known) = known.into_iter().find(|known| known.ino == file.ino) {
            (file.path, file.size, file.mtime) = (known.path.clone(), known.size, known.mtime);
        }
    }
    footer
}
