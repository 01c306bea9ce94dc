//! A disk in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use hushfs::store::{Disk, DiskFile, DiskRoom, DraftFile, FolderItem};

/// No file grows past this: what a target writes is bounded by it.
const FILE_BYTES_MAX: u64 = 48 << 20;

type Content = Arc<Mutex<Vec<u8>>>;

#[derive(Debug, Default)]
struct Names {
    files: BTreeMap<PathBuf, Content>,
    folders: BTreeSet<PathBuf>,
}

/// The disk. A clone is the same disk.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk(Arc<Mutex<Names>>);

impl MemoryDisk {
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a file and the folders that it is in, whatever was there.
    pub fn put_file(&self, path: impl Into<PathBuf>, bytes: &[u8]) {
        let path = path.into();
        let mut names = self.names();
        names.folders.extend(path.ancestors().skip(1).map(PathBuf::from));
        names.files.insert(path, Arc::new(Mutex::new(bytes.into())));
    }

    pub fn put_folder(&self, path: impl Into<PathBuf>) {
        let path = path.into();
        self.names().folders.extend(path.ancestors().map(PathBuf::from));
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.0.lock().unwrap()
    }
}

impl Names {
    fn file(&self, path: &Path) -> io::Result<Content> {
        self.files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn check_free(&self, path: &Path) -> io::Result<()> {
        if self.files.contains_key(path) || self.folders.contains(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        match path.parent().is_some_and(|parent| self.folders.contains(parent)) {
            true => Ok(()),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

#[derive(Debug)]
struct MemoryFile(Content);

fn check_size(bytes: u64) -> io::Result<()> {
    if bytes > FILE_BYTES_MAX { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}

impl DiskFile for MemoryFile {
    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        let bytes = self.0.lock().unwrap();
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = bytes.get(start..).unwrap_or_default();
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_all_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        let end = offset.saturating_add(data.len() as u64);
        check_size(end)?;
        let mut bytes = self.0.lock().unwrap();
        let length = bytes.len().max(end as usize);
        bytes.resize(length, 0);
        bytes[offset as usize..end as usize].copy_from_slice(data);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().len() as u64)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        check_size(bytes)?;
        self.0.lock().unwrap().resize(bytes as usize, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct MemoryDraft {
    disk: MemoryDisk,
    file: MemoryFile,
}

impl DraftFile for MemoryDraft {
    fn file(&self) -> &dyn DiskFile {
        &self.file
    }

    fn appear(self: Box<Self>, path: &Path) -> io::Result<()> {
        let mut names = self.disk.names();
        names.check_free(path)?;
        names.files.insert(path.into(), self.file.0.clone());
        Ok(())
    }
}

impl Disk for MemoryDisk {
    fn open(&self, path: &Path, _write: bool) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(MemoryFile(self.names().file(path)?)))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut names = self.names();
        names.check_free(path)?;
        let content = Content::default();
        names.files.insert(path.into(), content.clone());
        Ok(Arc::new(MemoryFile(content)))
    }

    fn draft(&self, path: &Path) -> io::Result<Box<dyn DraftFile>> {
        self.names().check_free(path)?;
        let content = Content::default();
        Ok(Box::new(MemoryDraft { disk: self.clone(), file: MemoryFile(content) }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut names = self.names();
        let content = names.file(from)?;
        names.files.insert(to.into(), content);
        names.files.remove(from);
        Ok(())
    }

    fn rename_free(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.names().check_free(to)?;
        self.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let removed = self.names().files.remove(path);
        removed.map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let mut names = self.names();
        names.check_free(path)?;
        names.folders.insert(path.into());
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<FolderItem>> {
        let names = self.names();
        if !names.folders.contains(folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let name = |path: &Path| Some(path.file_name()?.to_str()?.to_owned());
        let files = names.files.iter().filter(|(path, _)| path.parent() == Some(folder));
        let files = files.filter_map(|(path, content)| {
            let bytes = content.lock().unwrap().len() as u64;
            Some(FolderItem { name: name(path)?, is_folder: false, bytes })
        });
        let folders = names.folders.iter().filter(|path| path.parent() == Some(folder));
        let folders = folders
            .filter_map(|path| Some(FolderItem { name: name(path)?, is_folder: true, bytes: 0 }));
        Ok(files.chain(folders).collect())
    }

    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }

    fn room(&self, _path: &Path) -> io::Result<DiskRoom> {
        let bytes = 1 << 40;
        Ok(DiskRoom { total_bytes: bytes, free_bytes: bytes, available_bytes: bytes })
    }
}
