//! What requests ask of a file's content. Each can be asked again from another thread.

use std::sync::Arc;

use fuser::{Errno, INodeNo, OpenFlags};

use super::kernel;
use super::outside::{Afterwards, Outside};
use super::waiting::Refusal;
use crate::format::Ino;
use crate::format::mode::SET_IDS;
use crate::fs::{CopyRange, FileSystem, FsError};

/// The files, and a way to tell the kernel what it is to ask for again.
#[derive(Clone)]
pub(super) struct Contents {
    pub(super) files: Arc<FileSystem>,
    pub(super) outside: Outside,
    afterwards: Arc<Afterwards>,
}

impl Contents {
    pub(super) fn of(files: Arc<FileSystem>) -> Self {
        let outside = Outside { handles: Arc::default(), notifier: Arc::default() };
        Self { files, outside, afterwards: Arc::default() }
    }

    pub(super) fn write(
        &self,
        ino: Ino,
        offset: u64,
        data: &[u8],
        clear: bool,
        flags: OpenFlags,
    ) -> Result<u32, Refusal> {
        let clears_mode = clear && self.files.attributes(ino)?.mode & SET_IDS != 0;
        // Whatever comes of the write, they are gone then.
        let written = if flags.0 & libc::O_APPEND != 0 {
            self.append(ino, offset, data, clear)
        } else {
            self.files.write(ino, offset, data, clear)
        };
        if clears_mode {
            self.forget_attributes(ino);
        }
        written?;
        // O_SYNC has this bit too. After writes past its page cache the kernel sends no FSYNC.
        if flags.0 & libc::O_DSYNC != 0 {
            self.files.fsync(ino)?;
        }
        // A request has a 32-bit length.
        Ok(u32::try_from(data.len()).map_err(|_| Errno::EFBIG)?)
    }

    /// The kernel says where the end is, but another device may have moved it since.
    fn append(&self, ino: Ino, offset: u64, data: &[u8], clear: bool) -> Result<(), FsError> {
        if self.files.append(ino, offset, data, clear)? != offset {
            // What the kernel has kept of `data` is in the wrong place.
            self.afterwards.forget(ino, || self.outside.clone());
        }
        Ok(())
    }

    /// Makes the kernel ask for the mode again, which went without setuid: after a write, or an
    /// open that empties, it asks only for size and times.
    pub(super) fn forget_attributes(&self, ino: Ino) {
        // Negative: attributes alone. Pages it could not drop from here without waiting for other
        // requests.
        let notifier = self.outside.notifier.get();
        let told = notifier.map(|notifier| notifier.inval_inode(INodeNo(ino.0), -1, 0));
        if let Some(Err(error)) = told {
            log::debug!("inval_inode: {error}");
        }
    }

    pub(super) fn allocate(
        &self,
        by_root: bool,
        ino: Ino,
        mode: i32,
        offset: u64,
        length: u64,
    ) -> Result<(), Refusal> {
        let mode = kernel::allocate_mode(mode).ok_or(Errno::ENOTSUP)?;
        self.change_content(by_root, ino, || self.files.allocate(ino, mode, offset, length))
    }

    pub(super) fn copy(&self, by_root: bool, range: CopyRange) -> Result<u32, Refusal> {
        let copied = self.change_content(by_root, range.to, || self.files.copy_range(range))?;
        // The kernel asks for no more than an answer of 32 bits can tell.
        Ok(u32::try_from(copied).map_err(|_| Errno::EFBIG)?)
    }

    /// Does what changes content other than by a write. The kernel leaves it to us to take setuid
    /// and setgid away, and tells only who asks.
    fn change_content<T>(
        &self,
        by_root: bool,
        ino: Ino,
        change: impl FnOnce() -> Result<T, FsError>,
    ) -> Result<T, Refusal> {
        let clears_mode = !by_root && self.files.clear_set_ids(ino)?;
        let done = change();
        if clears_mode {
            self.forget_attributes(ino);
        }
        Ok(done?)
    }
}
