//! What requests ask for beyond one call of the file system: what goes with a write or an open, and
//! what the kernel has to be told or may remember.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use fuser::{Errno, FileHandle, FopenFlags, INodeNo, OpenFlags, Request};

use super::adapter::Adapter;
use super::caching::Held;
use super::control;
use super::convert;
use super::replies::TTL;
use crate::format::Ino;
use crate::format::mode::SET_IDS;
use crate::fs::{AttributeChange, CopyRange, FolderEntry, FsError};

/// Files up to this size are given to the kernel when they are opened. Most are then read whole, and
/// for those that are not it costs less than the request that it saves for the others.
const SMALL_FILE_BYTES_MAX: u64 = 32 << 10;

impl Adapter {
    pub(super) fn write(
        &self,
        ino: Ino,
        offset: u64,
        data: &[u8],
        clear: bool,
        flags: OpenFlags,
    ) -> Result<u32, Errno> {
        let clears_mode = clear && self.files.attributes(ino)?.mode & SET_IDS != 0;
        if flags.0 & libc::O_APPEND != 0 {
            // The kernel says where the end is, but another device may have moved it since.
            if self.files.append(ino, offset, data, clear)? != offset {
                // What it has kept of `data` is in the wrong place.
                self.afterwards.forget(ino, || self.outside());
            }
        } else {
            self.files.write(ino, offset, data, clear)?;
        }
        if clears_mode {
            self.forget_attributes(ino);
        }
        // O_SYNC has this bit too. After writes past its page cache the kernel sends no FSYNC.
        if flags.0 & libc::O_DSYNC != 0 {
            self.files.fsync(ino)?;
        }
        // A request has a 32-bit length.
        u32::try_from(data.len()).map_err(|_| Errno::EFBIG)
    }

    /// Makes the kernel ask for the mode again, which went without setuid: after a write, or an
    /// open that empties, it asks only for size and times.
    pub(super) fn forget_attributes(&self, ino: Ino) {
        // Negative: attributes alone. Pages it could not drop from here without waiting for other
        // requests.
        let told = self.notifier.get().map(|notifier| notifier.inval_inode(INodeNo(ino.0), -1, 0));
        if let Some(Err(error)) = told {
            log::debug!("inval_inode: {error}");
        }
    }

    pub(super) fn open(&self, ino: Ino, flags: OpenFlags) -> Result<FopenFlags, FsError> {
        self.files.open(ino)?;
        let opened = self.handles.opened(ino, flags);
        if flags.0 & libc::O_TRUNC != 0 {
            let empty = AttributeChange { size: Some(0), ..AttributeChange::default() };
            let emptied = self
                .files
                .attributes(ino)
                .and_then(|before| Ok(before.mode != self.files.set_attributes(ino, &empty)?.mode));
            match emptied {
                Ok(true) => self.forget_attributes(ino),
                Ok(false) => {}
                Err(error) => {
                    self.handles.released(ino);
                    self.files.release(ino);
                    return Err(error);
                }
            }
        } else if let Some(held) = opened.to_fill {
            self.give_content(ino, &held);
        }
        Ok(opened.how)
    }

    /// Gives the kernel the content of a small file, so that it need not ask for it. What cannot be
    /// read is not given: whoever reads it is told why.
    fn give_content(&self, ino: Ino, held: &Held<'_>) {
        let Some(notifier) = self.notifier.get() else { return };
        let size = self.files.attributes(ino).map_or(0, |attributes| attributes.size);
        if !(1..=SMALL_FILE_BYTES_MAX).contains(&size) {
            return;
        }
        let mut content = vec![0; size as usize];
        if self.files.read(ino, 0, &mut content).ok() != Some(content.len()) {
            return;
        }
        match notifier.store(INodeNo(ino.0), 0, &content) {
            Ok(()) => held.note_filled(),
            Err(error) => log::debug!("store: {error}"),
        }
    }

    pub(super) fn open_folder(&self, ino: Ino) -> Result<FileHandle, Errno> {
        self.files.open(ino)?;
        Ok(self.listings.opened())
    }

    /// Lists what was there when the listing began.
    pub(super) fn list(
        &self,
        ino: Ino,
        handle: FileHandle,
        cookie: u64,
        visit: &mut dyn FnMut(&FolderEntry<'_>) -> bool,
    ) -> Result<(), Errno> {
        let end_cookie = match self.listings.end(handle).filter(|_| cookie != 0) {
            Some(end_cookie) => end_cookie,
            None => {
                let end_cookie = self.files.listing_end(ino)?;
                self.listings.began(handle, end_cookie);
                end_cookie
            }
        };
        Ok(self.files.list(ino, cookie, &mut |entry| entry.cookie < end_cookie && visit(entry))?)
    }

    /// How long the kernel may remember what a name stands for. Where an entry goes by several,
    /// not at all: a rename in the kernel takes over what held for the old name.
    pub(super) fn ttl(&self) -> Duration {
        if self.files.equates_name_forms() { Duration::ZERO } else { TTL }
    }

    pub(super) fn allocate(
        &self,
        who: &Request,
        ino: Ino,
        mode: i32,
        offset: u64,
        length: u64,
    ) -> Result<(), Errno> {
        let mode = convert::allocate_mode(mode).ok_or(Errno::EOPNOTSUPP)?;
        self.change_content(who, ino, || self.files.allocate(ino, mode, offset, length))
    }

    pub(super) fn copy(&self, who: &Request, range: CopyRange) -> Result<u32, Errno> {
        let copied = self.change_content(who, range.to, || self.files.copy_range(range))?;
        // The kernel asks for no more than an answer of 32 bits can tell.
        u32::try_from(copied).map_err(|_| Errno::EFBIG)
    }

    /// Does what changes content other than by a write. The kernel leaves it to us to take setuid
    /// and setgid away, and tells only who asks.
    fn change_content<T>(
        &self,
        who: &Request,
        ino: Ino,
        change: impl FnOnce() -> Result<T, FsError>,
    ) -> Result<T, Errno> {
        let clears_mode = !is_root(who) && self.files.clear_set_ids(ino)?;
        let done = change();
        if clears_mode {
            self.forget_attributes(ino);
        }
        Ok(done?)
    }

    pub(super) fn xattr(&self, who: &Request, ino: Ino, name: &OsStr) -> Result<Vec<u8>, Errno> {
        if control::is_reserved(ino, name) {
            return self.control.get(&self.files, who, name);
        }
        self.access_lists.check(name)?;
        Ok(self.files.xattr(ino, name.as_bytes())?)
    }
}

/// Whether root asks: requests do not tell what else a process is privileged to do.
pub(super) fn is_root(who: &Request) -> bool {
    who.uid() == 0
}
