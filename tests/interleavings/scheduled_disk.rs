//! A disk image on which another thread may go first before every call that changes anything.

use std::io;
use std::path::Path;
use std::sync::Arc;

use hushfs::store::{Disk, DiskFile, DiskRoom, DraftFile, FolderItem};
use shuttle::sync::atomic::{AtomicBool, Ordering};

use crate::image::Image;

/// Reading it lets the scheduler choose who goes on.
type Turn = Arc<AtomicBool>;

fn give_way(turn: &Turn) {
    turn.load(Ordering::SeqCst);
}

#[derive(Clone, Debug)]
pub struct ScheduledDisk {
    pub image: Image,
    turn: Turn,
}

impl ScheduledDisk {
    pub fn new(image: Image) -> Self {
        Self { image, turn: Arc::new(AtomicBool::new(false)) }
    }

    fn file(&self, file: io::Result<Arc<dyn DiskFile>>) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(ScheduledFile { file: file?, turn: self.turn.clone() }))
    }
}

#[derive(Debug)]
struct ScheduledFile {
    file: Arc<dyn DiskFile>,
    turn: Turn,
}

impl DiskFile for ScheduledFile {
    // No other thread may come between: all of them share what the system calls a thread's own,
    // the working memory that is in use while a pack is read.
    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(out, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        give_way(&self.turn);
        self.file.write_all_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        give_way(&self.turn);
        self.file.set_len(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        give_way(&self.turn);
        self.file.sync()
    }
}

#[derive(Debug)]
struct ScheduledDraft {
    draft: Box<dyn DraftFile>,
    turn: Turn,
}

impl DraftFile for ScheduledDraft {
    fn file(&self) -> &dyn DiskFile {
        self.draft.file()
    }

    fn appear(self: Box<Self>, path: &Path) -> io::Result<()> {
        give_way(&self.turn);
        self.draft.appear(path)
    }
}

impl Disk for ScheduledDisk {
    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn DiskFile>> {
        give_way(&self.turn);
        self.file(self.image.open(path, write))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        give_way(&self.turn);
        self.file(self.image.create(path))
    }

    fn draft(&self, path: &Path) -> io::Result<Box<dyn DraftFile>> {
        give_way(&self.turn);
        let (draft, turn) = (self.image.draft(path)?, self.turn.clone());
        Ok(Box::new(ScheduledDraft { draft, turn }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        give_way(&self.turn);
        self.image.rename(from, to)
    }

    fn rename_free(&self, from: &Path, to: &Path) -> io::Result<()> {
        give_way(&self.turn);
        self.image.rename_free(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        give_way(&self.turn);
        self.image.remove(path)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.image.create_folder(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<FolderItem>> {
        give_way(&self.turn);
        self.image.list(folder)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        give_way(&self.turn);
        self.image.sync_folder(folder)
    }

    fn room(&self, path: &Path) -> io::Result<DiskRoom> {
        self.image.room(path)
    }
}
