//! Close and fsync: the durability contract (I5).

use crate::format::Ino;
use crate::store::StoreError;

use super::error::FsError;
use super::file_system::{FileSystem, lock};
use super::live::FlushTo;
use super::stage::NamesSync;

impl FileSystem {
    /// One more open handle: the inode outlives its names until [`Self::release`].
    ///
    /// # Errors
    /// [`FsError::NotFound`].
    pub fn open(&self, ino: Ino) -> Result<(), FsError> {
        let mut live = self.write_live()?;
        live.tree.attributes(ino)?;
        *live.open.entry(ino).or_insert(0) += 1;
        Ok(())
    }

    /// Whether somebody has a file open.
    pub fn has_open_files(&self) -> bool {
        self.read_live().is_ok_and(|live| !live.open.is_empty())
    }

    /// One open handle fewer.
    pub fn release(&self, ino: Ino) {
        let Ok(mut live) = self.write_live() else { return };
        let Some(handles) = live.open.get_mut(&ino) else { return };
        *handles -= 1;
        if *handles == 0 {
            live.open.remove(&ino);
            if live.is_unnamed(ino).unwrap_or(false) {
                live.drop_inode(ino);
            }
        }
    }

    /// `close(2)`: when it returns, the file's content survives a crash of this process.
    ///
    /// # Errors
    /// [`FsError::NoSpace`] or [`FsError::Disk`]: the content is still in memory, and is tried
    /// again later.
    pub fn close(&self, ino: Ino) -> Result<(), FsError> {
        {
            let live = self.read_live()?;
            if live.dirty.get(&ino).is_none_or(|file| file.changed.is_none())
                && live.writing.as_ref().is_none_or(|writing| writing.batch_is_empty())
            {
                return Ok(());
            }
        }
        let mut live = self.write_live()?;
        if live.writing.is_none() {
            return Ok(());
        }
        let result = live.flush_file(ino, FlushTo::Pack);
        self.ask_for_full_packs(&mut live);
        result
    }

    /// `fsync(2)` of a file or folder: when it returns, the file's content, and every name and
    /// attribute as they are now, survive power loss.
    ///
    /// # Errors
    /// [`FsError::NoSpace`]: nothing is promised yet; the call can be repeated.
    /// [`FsError::Disk`]: what of it is durable is open, and the mount is read-only from now on.
    pub fn fsync(&self, ino: Ino) -> Result<(), FsError> {
        let seq = {
            let mut live = self.write_live()?;
            live.tree.attributes(ino)?;
            if live.writing.is_none() {
                return Ok(());
            }
            live.flush_file(ino, FlushTo::Journal)?;
            live.writing()?.journal.next_seq()
        };
        self.make_durable(seq)
    }

    /// Makes every record of the journal before `seq`, and the content they tell of, durable.
    /// Whoever comes first syncs for all who wait behind.
    pub(super) fn make_durable(&self, seq: u64) -> Result<(), FsError> {
        let mut durable = lock(&self.durable);
        if *durable >= seq {
            return Ok(());
        }
        let (packs, names, journal, next_seq) = {
            let mut live = self.write_live()?;
            let writing = live.writing()?;
            let (stage, journal) = (&writing.stage, &writing.journal);
            (stage.to_sync(), stage.names_to_sync(), journal.files_to_sync(), journal.next_seq())
        };
        // Packs first: a record that is durable must never tell of content that is not.
        let synced = packs
            .iter()
            .try_for_each(|pack| pack.file.sync())
            .and_then(|()| names.iter().try_for_each(NamesSync::sync))
            .and_then(|()| journal.iter().try_for_each(|file| file.sync()));
        let mut live = self.write_live()?;
        if let Err(error) = synced {
            let folder = self.state.as_ref().map(|state| state.root()).unwrap_or(self.vault.root());
            // Never tried again: after a failed fsync a second one may lie (fsyncgate).
            return Err(live.latch(StoreError::io("cannot sync", folder, error).to_string()));
        }
        if let Some(writing) = &mut live.writing {
            packs.iter().for_each(|pack| writing.stage.note_synced(pack));
            names.iter().for_each(|names| writing.stage.note_names_synced(names));
            writing.journal.note_durable(next_seq);
        }
        *durable = next_seq;
        Ok(())
    }
}
