//! What requests ask for beyond one call of the file system: what goes with an open, and
//! what the kernel has to be told or may remember.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use fuser::{Errno, FileHandle, FopenFlags, INodeNo, OpenFlags, Request};

use super::adapter::Adapter;
use super::caching::Held;
use super::control;
use super::kernel;
use super::replies::TTL;
use crate::format::Ino;
use crate::fs::{AttributeChange, FolderEntry, FsError};

/// Files up to this size are given to the kernel when they are opened. Most are then read whole, and
/// for those that are not it costs less than the request that it saves for the others.
const SMALL_FILE_BYTES_MAX: u64 = 32 << 10;

impl Adapter {
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
                Ok(true) => self.contents.forget_attributes(ino),
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
        let notifier = self.contents.outside.notifier.get().filter(|_| kernel::TAKES_CONTENT);
        let Some(notifier) = notifier else { return };
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
        if self.history.has(ino) {
            return Ok(self.listings.opened());
        }
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

    pub(super) fn xattr(&self, who: &Request, ino: Ino, name: &OsStr) -> Result<Vec<u8>, Errno> {
        if let Some(answer) = self.looked_at(who, ino, name) {
            return answer;
        }
        if control::is_reserved(ino, name) && !self.history.has(ino) {
            return self.control.get(&self.contents, who, ino, name);
        }
        if !kernel::keeps_xattr(name.as_bytes()) {
            return Err(Errno::ENOTSUP);
        }
        self.access_lists.check(name)?;
        let (files, ino) = self.place(ino)?;
        Ok(files.xattr(ino, name.as_bytes())?)
    }
}

/// Whether root asks: requests do not tell what else a process is privileged to do.
pub(super) fn is_root(who: &Request) -> bool {
    who.uid() == 0
}
