//! The computer's own disks.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{self, AtFlags, CWD, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::disk::{Disk, DiskFile, DiskRoom, FolderItem};

const FILE_MODE: Mode = Mode::from_raw_mode(0o600);
const FOLDER_MODE: Mode = Mode::from_raw_mode(0o700);

/// How much is copied at once from one disk to another.
const COPY_BYTES: usize = 1 << 20;

/// The computer's own disks, through system calls.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostDisk;

impl DiskFile for File {
    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < out.len() {
            match FileExt::read_at(self, &mut out[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(more) => filled += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        File::set_len(self, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

impl Disk for HostDisk {
    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn DiskFile>> {
        let access = if write { OFlags::RDWR } else { OFlags::RDONLY };
        // A named pipe in an object's place would be waited for without end (I8).
        let flags = access | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
        let file = File::from(fs::open(path, flags, Mode::empty())?);
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
        }
        Ok(Arc::new(file))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        Ok(Arc::new(File::from(fs::open(path, flags, FILE_MODE)?)))
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let draft = Draft::beside(path)?;
        FileExt::write_all_at(&draft.file, bytes, 0)?;
        draft.publish(path)
    }

    fn adopt(&self, from: &Path, to: &Path) -> io::Result<()> {
        match rename_free(from, to) {
            Ok(()) => {
                sync_parent(to)?;
                sync_parent(from)
            }
            Err(Errno::XDEV) => {
                let source = File::open(from)?;
                let draft = Draft::beside(to)?;
                let mut buffer = vec![0; COPY_BYTES];
                let mut offset = 0;
                loop {
                    let bytes = DiskFile::read_at(&source, &mut buffer, offset)?;
                    if bytes == 0 {
                        break;
                    }
                    FileExt::write_all_at(&draft.file, &buffer[..bytes], offset)?;
                    offset += bytes as u64;
                }
                draft.publish(to)?;
                std::fs::remove_file(from)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn rename_free(&self, from: &Path, to: &Path) -> io::Result<()> {
        Ok(rename_free(from, to)?)
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let next = with_suffix(path, ".next");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
        let file = File::from(fs::open(&next, flags, FILE_MODE)?);
        FileExt::write_all_at(&file, bytes, 0)?;
        file.sync_all()?;
        fs::rename(&next, path)?;
        sync_parent(path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        fs::mkdir(path, FOLDER_MODE)?;
        sync_parent(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<FolderItem>> {
        let mut items = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            match entry.metadata() {
                Ok(metadata) => items.push(FolderItem {
                    name,
                    is_folder: metadata.is_dir(),
                    bytes: metadata.len(),
                }),
                // A sync client took it away since.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(items)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        sync_folder(folder)
    }

    fn room(&self, path: &Path) -> io::Result<DiskRoom> {
        let stat = fs::statvfs(path)?;
        Ok(DiskRoom {
            total_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
            free_bytes: stat.f_bfree.saturating_mul(stat.f_frsize),
            available_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
        })
    }
}

/// A file that has no final name yet; if it is dropped, nothing of it remains.
struct Draft {
    file: File,
    /// Its name meanwhile, on file systems that have no nameless files.
    named: Option<PathBuf>,
}

impl Draft {
    /// In the folder of `path`: nameless (`O_TMPFILE`), so that no sync client ever sees it half
    /// written. Where the file system has none, under a hidden name (the one exception to I1's
    /// last sentence; such file systems are FAT and some network ones).
    fn beside(path: &Path) -> io::Result<Self> {
        let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
        match fs::open(parent(path), flags, FILE_MODE) {
            Ok(fd) => Ok(Self { file: File::from(fd), named: None }),
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let named = parent(path).join(format!(".{name}.part"));
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
                let file = File::from(fs::open(&named, flags, FILE_MODE)?);
                Ok(Self { file, named: Some(named) })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the content durable, then the name, in this order.
    fn publish(mut self, path: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        match &self.named {
            None => {
                let descriptor = format!("/proc/self/fd/{}", self.file.as_raw_fd());
                fs::linkat(CWD, descriptor.as_str(), CWD, path, AtFlags::SYMLINK_FOLLOW)?;
            }
            Some(named) => {
                rename_free(named, path)?;
                self.named = None;
            }
        }
        sync_parent(path)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(named) = &self.named {
            let _ = std::fs::remove_file(named);
        }
    }
}

/// Renames to a name that is free, and fails with `EEXIST` where it is not.
fn rename_free(from: &Path, to: &Path) -> Result<(), Errno> {
    match fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            if to.symlink_metadata().is_ok() {
                return Err(Errno::EXIST);
            }
            fs::rename(from, to)
        }
        result => result,
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn sync_parent(path: &Path) -> io::Result<()> {
    sync_folder(parent(path))
}

/// Some network file systems cannot sync a folder and say so with `EINVAL`: names there are as
/// durable as they will ever be.
fn sync_folder(folder: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = fs::open(folder, flags, Mode::empty())?;
    match fs::fsync(&fd) {
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(()),
        result => Ok(result?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_appears_whole_and_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("object");
        HostDisk.put(&path, b"first").unwrap();
        let error = HostDisk.put(&path, b"second").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(HostDisk.list(dir.path()).unwrap().len(), 1);
    }

    #[test]
    fn adopting_never_replaces_and_crosses_file_systems() {
        let dir = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir_in("/dev/shm").unwrap();
        for source_dir in [dir.path(), other.path()] {
            let (from, to) = (source_dir.join("staged"), dir.path().join("final"));
            std::fs::write(&from, vec![7; COPY_BYTES + 5]).unwrap();
            HostDisk.adopt(&from, &to).unwrap();
            assert!(!from.exists());
            assert_eq!(std::fs::read(&to).unwrap(), vec![7; COPY_BYTES + 5]);
            std::fs::write(&from, b"again").unwrap();
            let error = HostDisk.adopt(&from, &to).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            std::fs::remove_file(&to).unwrap();
            std::fs::remove_file(&from).unwrap();
        }
    }
}
