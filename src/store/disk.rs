//! The few calls that everything durable goes through.

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::format::Time;

use super::error::StoreError;
use super::watch::FolderWatch;

/// One entry of a folder on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderItem {
    /// Its name; names that are not UTF-8 are none of ours and are left out.
    pub name: String,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Its length in bytes.
    pub bytes: u64,
}

/// The room on the disk that holds a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskRoom {
    /// All bytes.
    pub total_bytes: u64,
    /// Free bytes.
    pub free_bytes: u64,
    /// Free bytes for us.
    pub available_bytes: u64,
}

/// An open file. Positions are explicit, so that one file serves many threads.
pub trait DiskFile: Debug + Send + Sync {
    /// Reads up to `out.len()` bytes at `offset`; fewer only at the end of the file.
    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `bytes` at `offset`. After an error any part may have been written.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Bytes of the file.
    fn len(&self) -> io::Result<u64>;
    /// Whether the file has no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Whether the file stands only for content that reading it would first have to fetch from
    /// elsewhere. Told without waiting for anything that is fetched.
    fn is_placeholder(&self) -> io::Result<bool> {
        Ok(false)
    }
    /// Cuts or extends with zeroes.
    fn set_len(&self, bytes: u64) -> io::Result<()>;
    /// Returns when content and size are durable. After an error nothing written since the last
    /// success may be relied on, whatever a second call says (fsyncgate).
    fn sync(&self) -> io::Result<()>;
}

/// A file that has no final name yet. Dropped, nothing of it remains.
pub trait DraftFile: Debug {
    /// The file, to write to and to sync.
    fn file(&self) -> &dyn DiskFile;
    /// Gives it the name `path`, which was free and is in the folder that it was made for.
    ///
    /// # Errors
    /// `AlreadyExists`, or what the system says; the file has no name then, or (an error after
    /// the name appeared) that one.
    fn appear(self: Box<Self>, path: &Path) -> io::Result<()>;
}

/// A disk: the vault folder and the state folder are paths on one, or on two.
///
/// A name is durable only after its folder is synced, content only after its file is; until then
/// a power loss may keep any of the changes and lose the others. Only a rename happens as a whole
/// or not at all. What has to be durable in an order is put together from these calls in
/// [`durably`](super::durably), so that a test that runs on a simulated disk sees every step.
pub trait Disk: Debug + Send + Sync {
    /// Opens a file that exists, for reading, and for writing too where `write`.
    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn DiskFile>>;
    /// Makes an empty file (mode 0600) that is not there yet and opens it.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Makes an empty file (mode 0600) that will be at `path`, and is not yet.
    fn draft(&self, path: &Path) -> io::Result<Box<dyn DraftFile>>;
    /// What time it is, by the clock that dates this disk's files. Who simulates a disk may have one
    /// of its own.
    fn now(&self) -> Time {
        Time::now()
    }
    /// When a file came to be as it is here, in seconds since 1970, whatever time whoever put it here
    /// gave it; `None` on a disk that does not tell.
    fn arrived_secs(&self, path: &Path) -> Option<i64> {
        let _ = path;
        None
    }
    /// The length of a file that is a placeholder ([`DiskFile::is_placeholder`]), told by its name:
    /// to open it may take as long as to fetch it. A disk that has none need not tell whether the
    /// file is there.
    fn placeholder_bytes(&self, path: &Path) -> io::Result<Option<u64>> {
        let _ = path;
        Ok(None)
    }
    /// A file moves to a name, and replaces what is there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// A file moves to a name that is free; `AlreadyExists` where it is not, `CrossesDevices`
    /// where it is on another disk.
    fn rename_free(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// A file goes.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes a folder (mode 0700) that is not there yet.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// What is in a folder, in no order.
    fn list(&self, folder: &Path) -> io::Result<Vec<FolderItem>>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Tells when names come into a folder; `None` on a disk that does not tell.
    fn watch(&self, folder: &Path) -> Option<Box<dyn FolderWatch>> {
        let _ = folder;
        None
    }
    /// How much room there is.
    fn room(&self, path: &Path) -> io::Result<DiskRoom>;
}

/// What is in a folder, in no order; nothing where there is no folder. Any other failure is one:
/// whoever took it for an empty folder would give up what is in it.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn list_if_there(disk: &dyn Disk, folder: &Path) -> Result<Vec<FolderItem>, StoreError> {
    match disk.list(folder) {
        Ok(items) => Ok(items),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(StoreError::io("cannot list", folder, error)),
    }
}

/// Memory is taken for so many bytes of a file at a time.
const PIECE_BYTES: usize = 1 << 20;

/// Reads a whole file of at most `max_bytes`. Memory is taken as bytes come, and never more than
/// twice as much as has come: what a disk says is a file's length is not believed (I8).
///
/// # Errors
/// What the system says; `InvalidData` where the file is longer.
pub(crate) fn read_whole(file: &dyn DiskFile, max_bytes: u64) -> io::Result<Vec<u8>> {
    let bytes = file.len()?;
    if bytes > max_bytes {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "longer than it can be"));
    }
    let bytes = usize::try_from(bytes).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let mut out = Vec::new();
    while out.len() < bytes {
        let filled = out.len();
        let piece = PIECE_BYTES.min(bytes - filled);
        if out.capacity() - filled < piece {
            let more = filled.max(piece).min(bytes - filled);
            out.try_reserve_exact(more).map_err(|_| io::ErrorKind::OutOfMemory)?;
        }
        out.resize(filled + piece, 0);
        let read = file.read_at(&mut out[filled..], filled as u64)?;
        out.truncate(filled + read);
        if read == 0 {
            break;
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that is not as long as it says.
    #[derive(Debug)]
    struct Claims {
        claimed_bytes: u64,
        bytes: Vec<u8>,
        /// Bytes that one read gives at most.
        step: usize,
    }

    impl DiskFile for Claims {
        fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
            assert!(out.len() <= PIECE_BYTES);
            let rest = self.bytes.get(offset as usize..).unwrap_or_default();
            let count = rest.len().min(out.len()).min(self.step);
            out[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        }

        fn write_all_at(&self, _: &[u8], _: u64) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn len(&self) -> io::Result<u64> {
            Ok(self.claimed_bytes)
        }

        fn set_len(&self, _: u64) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn sync(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_whole_file_takes_as_much_memory_as_it_has_bytes() {
        let bytes: Vec<u8> = (0..3 * PIECE_BYTES + 5).map(|at| at as u8).collect();
        for step in [usize::MAX, 4097] {
            for claimed_bytes in [bytes.len() as u64, 1 << 40] {
                let file = Claims { claimed_bytes, bytes: bytes.clone(), step };
                let read = read_whole(&file, 1 << 40).unwrap();
                assert!(read == bytes && read.capacity() <= 2 * (bytes.len() + PIECE_BYTES));
            }
            let file = Claims { claimed_bytes: 10, bytes: bytes.clone(), step };
            assert_eq!(read_whole(&file, 10).unwrap(), bytes[..10]);
        }
        let file = Claims { claimed_bytes: 11, bytes, step: 1 };
        assert_eq!(read_whole(&file, 10).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
