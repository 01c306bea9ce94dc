//! Packs that are placeholders: what reads files leaves them alone until they are fetched.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::format::{ChunkSize, Ino, PackId, pack_path};
use crate::store::{PackReadError, PackReader, Presence};

use super::error::FsError;
use super::fetch::{FailedPack, FileFetch, Then};
use super::file_system::FileSystem;

impl FileSystem {
    /// From now on no read waits for a placeholder: it is [`FsError::OnlineOnly`] until somebody has
    /// the pack fetched, and waits `limit` at most. Without this, reading a placeholder is fetching it.
    pub fn fetch_online_only(&self, limit: Duration) {
        self.fetches.begin(limit);
    }

    /// How long whoever needs a pack is to wait for it.
    pub fn fetch_limit(&self) -> Duration {
        self.fetches.limit().unwrap_or_default()
    }

    /// Has a pack fetched, for whoever waits for it. `then` is called once, on another thread or at
    /// once: when the pack is here, or with an error when it cannot be had or `patience` is over.
    pub fn when_fetched(&self, pack: PackId, patience: Duration, then: Then) {
        self.fetches.wait(pack, patience, then);
    }

    /// Has all packs fetched that a file needs, as soon as nobody waits for another; returns at once.
    ///
    /// # Errors
    /// [`FsError::NotFound`], or [`FsError::Invalid`] for what has no content.
    pub fn fetch_file(&self, ino: Ino) -> Result<(), FsError> {
        for pack in self.vault_packs_of(ino)? {
            if !self.is_here(pack) {
                self.fetches.ask(pack);
            }
        }
        Ok(())
    }

    /// Whether a pack of the vault is on this machine, as far as can be told.
    fn is_here(&self, pack: PackId) -> bool {
        match self.vault.presence(pack) {
            Presence::Here => true,
            Presence::Placeholder { .. } => self.fetches.was_fetched(pack),
            Presence::Stub | Presence::Missing => false,
        }
    }

    /// How far the fetching of a file's packs is.
    ///
    /// # Errors
    /// As for [`Self::fetch_file`].
    pub fn fetch_of_file(&self, ino: Ino) -> Result<FileFetch, FsError> {
        let packs = self.vault_packs_of(ino)?;
        let mut told = self.fetches.of_packs(&packs);
        // Failures are forgotten, and what has come may have been taken away again.
        if told.waiting.is_empty()
            && told.failed.is_empty()
            && let Some(pack) = packs.into_iter().find(|pack| !self.is_here(*pack))
        {
            let why = "it is not on this machine".to_owned();
            told.failed.push(FailedPack { pack: pack.to_string(), why });
        }
        Ok(told)
    }

    /// The packs of the vault that have content of a file.
    fn vault_packs_of(&self, ino: Ino) -> Result<BTreeSet<PackId>, FsError> {
        let live = self.read_live()?;
        let end = ChunkSize::FILE_BYTES_MAX / live.tree.chunk_size().bytes() as u64 + 1;
        let mut packs: BTreeSet<PackId> =
            live.tree.runs(ino, 0, end)?.into_iter().map(|run| run.pack).collect();
        packs.retain(|pack| {
            let stage = live.writing.as_ref().map(|writing| &writing.stage);
            stage.is_none_or(|stage| stage.find(*pack).is_none()) && !self.readers.has_staged(*pack)
        });
        Ok(packs)
    }

    /// An open pack of the vault. Only one that was found to be on this machine is kept open, and
    /// asked at each use whether it still is: a sync client may take it away again.
    pub(super) fn vault_reader(&self, pack: PackId) -> Result<Arc<PackReader>, PackReadError> {
        if let Some(reader) = self.readers.kept(pack) {
            if !reader.is_placeholder()? {
                return Ok(reader);
            }
            self.readers.close_moved(pack);
        }
        // Asked by name first: where files are fetched, opening one alone may take as long.
        let is_here = match self.vault.presence(pack) {
            Presence::Here | Presence::Missing => true,
            Presence::Placeholder { .. } if self.fetches.may_read(pack) => false,
            Presence::Placeholder { .. } | Presence::Stub => return Err(PackReadError::OnlineOnly),
        };
        let file = self.vault.open(&pack_path(pack)).map_err(std::io::Error::other)?;
        let is_here = is_here && !file.is_placeholder()?;
        if !is_here && !self.fetches.may_read(pack) {
            return Err(PackReadError::OnlineOnly);
        }
        let reader = Arc::new(PackReader::open(&self.keys, pack, file)?);
        if is_here {
            self.readers.keep(pack, reader.clone());
        }
        Ok(reader)
    }

    /// What whoever reads the file at `path` is told. What is awaited and what is damaged is noted.
    pub(super) fn refusal(
        &self,
        path: Option<Vec<u8>>,
        pack: PackId,
        error: PackReadError,
    ) -> FsError {
        let is_online_only = match &error {
            PackReadError::OnlineOnly => true,
            // Where reading fetches, a failure says that there is no fetching.
            PackReadError::Io(_) => self.vault.presence(pack).is_online_only(),
            _ => false,
        };
        if is_online_only {
            self.fetches.read_failed(pack);
            return FsError::OnlineOnly(pack);
        }
        self.readers.close_moved(pack);
        let path = String::from_utf8_lossy(&path.unwrap_or_default()).into_owned();
        let what = format!("{}: {error}", pack_path(pack));
        let has_let_go = |past: &super::history::Past| past.has_let_go(&self.vault, pack);
        if self.past.as_ref().is_some_and(has_let_go) {
            return FsError::Collected { path, what: pack_path(pack) };
        }
        if self.awaits_pack(pack) {
            return FsError::NotArrived { path, what };
        }
        self.note_damage(format!("{path} cannot be read in part: {what}"));
        FsError::Damaged { path, what }
    }
}
