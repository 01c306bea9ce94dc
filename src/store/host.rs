//! The computer's own disks.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{self, AtFlags, CWD, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::disk::{Disk, DiskFile, DiskRoom, DraftFile, FolderItem};
use super::durably::parent;
#[cfg(target_os = "linux")]
use super::watch::{FolderWatch, watch};
use crate::system::sync_folder;

const FILE_MODE: Mode = Mode::from_raw_mode(0o600);
const FOLDER_MODE: Mode = Mode::from_raw_mode(0o700);

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

    fn is_placeholder(&self) -> io::Result<bool> {
        Ok(has_no_content_here(&self.metadata()?))
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

    fn draft(&self, path: &Path) -> io::Result<Box<dyn DraftFile>> {
        Ok(Box::new(Draft::beside(path)?))
    }

    fn placeholder_bytes(&self, path: &Path) -> io::Result<Option<u64>> {
        let metadata = std::fs::metadata(path)?;
        Ok(has_no_content_here(&metadata).then_some(metadata.len()))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Ok(fs::rename(from, to)?)
    }

    fn rename_free(&self, from: &Path, to: &Path) -> io::Result<()> {
        match fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                if to.symlink_metadata().is_ok() {
                    return Err(Errno::EXIST.into());
                }
                Ok(fs::rename(from, to)?)
            }
            result => Ok(result?),
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        Ok(fs::mkdir(path, FOLDER_MODE)?)
    }

    fn arrived_secs(&self, path: &Path) -> Option<i64> {
        // The status time: no program sets it.
        std::fs::metadata(path).ok().map(|metadata| metadata.ctime())
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

    /// Some network file systems cannot sync a folder and say so with `EINVAL`: names there are
    /// as durable as they will ever be.
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = fs::open(folder, flags, Mode::empty())?;
        match sync_folder(&fd) {
            Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
            result => Ok(result?),
        }
    }

    #[cfg(target_os = "linux")]
    fn watch(&self, folder: &Path) -> Option<Box<dyn FolderWatch>> {
        watch(folder).map_err(|error| log::debug!("no events: {error}")).ok()
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

/// Whether a file has a length but no content on this machine. No object is all holes: each starts
/// with a frame.
fn has_no_content_here(metadata: &Metadata) -> bool {
    #[cfg(target_os = "macos")]
    {
        /// `SF_DATALESS` of `sys/stat.h`: the file's provider has its content.
        const DATALESS: u32 = 0x4000_0000;
        if std::os::macos::fs::MetadataExt::st_flags(metadata) & DATALESS != 0 {
            return true;
        }
    }
    metadata.is_file() && metadata.len() > 0 && metadata.blocks() == 0
}

/// A file that has no final name yet; if it is dropped, nothing of it remains.
#[derive(Debug)]
struct Draft {
    file: File,
    /// Its name meanwhile, on file systems that have no nameless files.
    named: Option<PathBuf>,
}

impl Draft {
    /// In the folder of `path`: nameless (`O_TMPFILE`), so that no sync client ever sees it half
    /// written. Where the file system has none, under a hidden name (the one exception to I1's
    /// last sentence; such file systems are FAT, some network ones, and all of macOS).
    fn beside(path: &Path) -> io::Result<Self> {
        match nameless_file(parent(path)) {
            Ok(file) => Ok(Self { file, named: None }),
            Err(Errno::NOTSUP | Errno::ISDIR | Errno::INVAL) => Self::with_a_name(path),
            Err(error) => Err(error.into()),
        }
    }

    fn with_a_name(path: &Path) -> io::Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let named = parent(path).join(format!(".{name}.part"));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
        let file = File::from(fs::open(&named, flags, FILE_MODE)?);
        Ok(Self { file, named: Some(named) })
    }
}

#[cfg(target_os = "linux")]
fn nameless_file(folder: &Path) -> Result<File, Errno> {
    let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
    fs::open(folder, flags, FILE_MODE).map(File::from)
}

#[cfg(not(target_os = "linux"))]
fn nameless_file(_: &Path) -> Result<File, Errno> {
    Err(Errno::NOTSUP)
}

impl DraftFile for Draft {
    fn file(&self) -> &dyn DiskFile {
        &self.file
    }

    fn appear(mut self: Box<Self>, path: &Path) -> io::Result<()> {
        match &self.named {
            None => {
                let descriptor = format!("/proc/self/fd/{}", self.file.as_raw_fd());
                Ok(fs::linkat(CWD, descriptor.as_str(), CWD, path, AtFlags::SYMLINK_FOLLOW)?)
            }
            Some(named) => {
                HostDisk.rename_free(named, path)?;
                self.named = None;
                Ok(())
            }
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(named) = &self.named {
            let _ = std::fs::remove_file(named);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_length_and_no_blocks_is_a_placeholder_by_name_and_when_open() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("whole"), [7; 5000]).unwrap();
        std::fs::write(at("empty"), []).unwrap();
        File::create(at("online only")).unwrap().set_len(5000).unwrap();
        for (name, expected) in [("whole", false), ("empty", false), ("online only", true)] {
            let told = HostDisk.placeholder_bytes(&at(name)).unwrap();
            assert_eq!(told, expected.then_some(5000), "{name}");
            let file = HostDisk.open(&at(name), false).unwrap();
            assert_eq!(file.is_placeholder().unwrap(), expected, "{name}");
        }
        assert_eq!(HostDisk.placeholder_bytes(folder.path()).unwrap(), None);
        let missing = HostDisk.placeholder_bytes(&at("missing")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
