//! Answers the kernel's requests with the file system's operations; converts types and numbers.
//!
//! One implementation of one trait cannot be spread over files, hence the length; each operation is
//! by itself.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use fuser::{
    AccessFlags, BsdFileFlags, CopyFileRangeFlags, Errno, FileHandle, Filesystem, FopenFlags,
    INodeNo, InitFlags, IoctlFlags, KernelConfig, LockOwner, Notifier, OpenFlags, PollEvents,
    PollFlags, PollNotifier, RenameFlags, ReplyAttr, ReplyBmap, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyIoctl, ReplyLseek, ReplyOpen,
    ReplyPoll, ReplyStatfs, ReplyWrite, ReplyXattr, Request, TimeOrNow, WriteFlags,
};

use super::access_lists::{self, AccessLists};
use super::caching::OpenHandles;
use super::contents::Contents;
use super::control::{self, Control};
use super::convert::{self, file_attr, ino};
use super::history::HistoryFolder;
use super::kernel;
use super::listings::Listings;
use super::outside::Outside;
use super::permissions::Permissions;
use super::replies::{GENERATION, guarded, reply_attr, reply_empty, reply_entry, reply_xattr};
use super::requests::is_root;
use super::waiting::{self, reply_written};
use crate::format::mode::PERMISSIONS;
use crate::format::{NAME_BYTES_MAX, NodeKind};
use crate::fs::{AttributeChange, CopyRange, FileSystem, NewNode};

/// The kernel's largest request (`max_pages_limit`).
const REQUEST_BYTES_MAX: u32 = 1 << 20;
/// Requests that the kernel makes ahead of need, at most.
const BACKGROUND_REQUESTS: u16 = 64;
/// From so many of those on it holds back.
const CONGESTED_REQUESTS: u16 = 48;
/// What opened handles are known by: an inode's are all alike.
const HANDLE: FileHandle = FileHandle(0);

/// Serves a [`FileSystem`] to the kernel.
pub struct Adapter {
    pub(super) files: Arc<FileSystem>,
    pub(super) handles: Arc<OpenHandles>,
    pub(super) listings: Listings,
    pub(super) control: Control,
    pub(super) permissions: Permissions,
    pub(super) access_lists: AccessLists,
    pub(super) contents: Contents,
    pub(super) history: HistoryFolder,
}

impl Adapter {
    /// For a mount at `mountpoint`, made just now by this process with these `permissions`, that shows
    /// earlier states or not.
    pub fn new(
        files: Arc<FileSystem>,
        mountpoint: PathBuf,
        permissions: Permissions,
        shows_history: bool,
    ) -> Self {
        let contents = Contents::of(files.clone());
        Self {
            files,
            handles: contents.outside.handles.clone(),
            contents,
            listings: Listings::default(),
            control: Control::new(mountpoint),
            permissions,
            access_lists: AccessLists::default(),
            history: HistoryFolder::new(shows_history),
        }
    }

    /// Where the session puts what the adapter needs to talk to the kernel unasked.
    pub(super) fn notifier(&self) -> Arc<OnceLock<Notifier>> {
        self.contents.outside.notifier.clone()
    }

    /// What tells the kernel of changes from outside.
    pub(super) fn outside(&self) -> Outside {
        self.contents.outside.clone()
    }
}

/// A new inode of the asking user.
fn new_node(who: &Request, mode: u32, umask: u32) -> NewNode {
    NewNode { mode: mode & PERMISSIONS, umask, uid: who.uid(), gid: who.gid() }
}

impl Filesystem for Adapter {
    fn init(&mut self, _who: &Request, config: &mut KernelConfig) -> io::Result<()> {
        // Each by itself: one refused bit would have all of them refused. What an old kernel
        // lacks is only slower without.
        for capability in kernel::CAPABILITIES {
            if let Err(missing) = config.add_capabilities(capability) {
                log::debug!("this kernel's FUSE has no {missing:?}");
            }
        }
        self.access_lists.agree(config, self.permissions);
        // Came with the same kernel version as direct writes that drop cached pages.
        let drops_pages = config.capabilities().contains(InitFlags::FUSE_DIRECT_IO_ALLOW_MMAP);
        self.handles.allow_direct(drops_pages);
        // These refuse zero and what is above fuser's own maximum, neither of which these are.
        let _ = config.set_max_write(REQUEST_BYTES_MAX);
        let _ = config.set_max_background(BACKGROUND_REQUESTS);
        let _ = config.set_congestion_threshold(CONGESTED_REQUESTS);
        // A kernel that offers less refuses, and keeps what it offered.
        let _ = config.set_max_readahead(REQUEST_BYTES_MAX);
        Ok(())
    }

    fn lookup(&self, _who: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let parent = ino(parent);
        let found = guarded("lookup", || match self.history.lookup(&self.files, parent, name) {
            Some(found) => found,
            None => Ok(self.files.lookup(parent, name.as_bytes())?),
        });
        match found {
            // A state of that name may come.
            Err(Errno::ENOENT) if !self.history.has(parent) => {
                reply.entry(&self.ttl(), &convert::absent(), GENERATION)
            }
            found => reply_entry(reply, self.ttl(), found),
        }
    }

    // Inodes live as long as they have names or handles, whatever the kernel remembers; but for those
    // of earlier states.
    fn forget(&self, _who: &Request, of: INodeNo, lookups: u64) {
        self.history.forget(ino(of), lookups);
    }

    fn getattr(&self, _who: &Request, of: INodeNo, _fh: Option<FileHandle>, reply: ReplyAttr) {
        let attributes = guarded("getattr", || self.attributes(ino(of)));
        reply_attr(reply, attributes);
    }

    fn setattr(
        &self,
        _who: &Request,
        of: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _fh: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let change = AttributeChange {
            mode: mode.map(|mode| mode & PERMISSIONS),
            uid,
            gid,
            size,
            atime: atime.map(convert::time_to_set),
            mtime: mtime.map(convert::time_to_set),
        };
        let changed = guarded("setattr", || {
            let ino = self.present(of)?;
            let _held = size.map(|_| self.handles.hold(ino));
            Ok(self.files.set_attributes(ino, &change)?)
        });
        reply_attr(reply, changed);
    }

    fn readlink(&self, _who: &Request, of: INodeNo, reply: ReplyData) {
        match guarded("readlink", || self.read_link(ino(of))) {
            Ok(target) => reply.data(&target),
            Err(errno) => reply.error(errno),
        }
    }

    fn mknod(
        &self,
        who: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        rdev: u32,
        reply: ReplyEntry,
    ) {
        let made = guarded("mknod", || {
            let kind = convert::node_kind(mode, rdev).ok_or(Errno::EINVAL)?;
            let (new, parent) = (new_node(who, mode, umask), self.present_name(parent, name)?);
            Ok(self.files.make(parent, name.as_bytes(), kind, new)?)
        });
        reply_entry(reply, self.ttl(), made);
    }

    fn mkdir(
        &self,
        who: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let made = guarded("mkdir", || {
            let (kind, new) = (NodeKind::Folder, new_node(who, mode, umask));
            let parent = self.present_name(parent, name)?;
            Ok(self.files.make(parent, name.as_bytes(), kind, new)?)
        });
        reply_entry(reply, self.ttl(), made);
    }

    fn unlink(&self, _who: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let done = guarded("unlink", || {
            Ok(self.files.unlink(self.present_name(parent, name)?, name.as_bytes())?)
        });
        reply_empty(reply, done);
    }

    fn rmdir(&self, _who: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let done = guarded("rmdir", || {
            Ok(self.files.remove_folder(self.present_name(parent, name)?, name.as_bytes())?)
        });
        reply_empty(reply, done);
    }

    fn symlink(
        &self,
        who: &Request,
        parent: INodeNo,
        name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        let made = guarded("symlink", || {
            let kind = NodeKind::Symlink(target.as_os_str().as_bytes());
            let (new, parent) = (new_node(who, 0o777, 0), self.present_name(parent, name)?);
            Ok(self.files.make(parent, name.as_bytes(), kind, new)?)
        });
        reply_entry(reply, self.ttl(), made);
    }

    fn rename(
        &self,
        _who: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let done = guarded("rename", || {
            let mode = kernel::rename_mode(flags).ok_or(Errno::EINVAL)?;
            let parent = self.present_name(parent, name)?;
            let newparent = self.present_name(newparent, newname)?;
            let (from, to) = (name.as_bytes(), newname.as_bytes());
            Ok(self.files.rename(parent, from, newparent, to, mode)?)
        });
        reply_empty(reply, done);
    }

    fn link(
        &self,
        _who: &Request,
        of: INodeNo,
        newparent: INodeNo,
        newname: &OsStr,
        reply: ReplyEntry,
    ) {
        let linked = guarded("link", || {
            let (of, newparent) = (self.present(of)?, self.present_name(newparent, newname)?);
            Ok(self.files.link(of, newparent, newname.as_bytes())?)
        });
        reply_entry(reply, self.ttl(), linked);
    }

    fn open(&self, _who: &Request, of: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        match guarded("open", || self.open_any(ino(of), flags)) {
            Ok(how) => reply.opened(HANDLE, how),
            Err(errno) => reply.error(errno),
        }
    }

    fn create(
        &self,
        who: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let created = guarded("create", || {
            let new = new_node(who, mode, umask);
            let parent = self.present_name(parent, name)?;
            let attributes = self.files.create(parent, name.as_bytes(), new)?;
            let how = self.handles.opened(attributes.ino, OpenFlags(flags)).how;
            Ok((attributes, how))
        });
        match created {
            Ok((made, how)) => {
                reply.created(&self.ttl(), &file_attr(&made), GENERATION, HANDLE, how);
            }
            Err(errno) => reply.error(errno),
        }
    }

    fn read(
        &self,
        _who: &Request,
        of: INodeNo,
        _fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match guarded("read", || self.place(ino(of))) {
            Ok((files, ino)) => waiting::answer_read(&files, ino, offset, size, reply),
            Err(errno) => reply.error(errno),
        }
    }

    fn write(
        &self,
        _who: &Request,
        of: INodeNo,
        _fh: FileHandle,
        offset: u64,
        data: &[u8],
        write_flags: WriteFlags,
        flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let clear_set_ids = write_flags.contains(WriteFlags::FUSE_WRITE_KILL_SUIDGID);
        let work = move |contents: &Contents, data: &[u8]| {
            contents.write(ino(of), offset, data, clear_set_ids, flags)
        };
        let tell = move |written| reply_written(reply, written);
        waiting::answer(&self.contents, "write", data, work, tell);
    }

    fn flush(
        &self,
        _who: &Request,
        of: INodeNo,
        _fh: FileHandle,
        _lock_owner: LockOwner,
        reply: ReplyEmpty,
    ) {
        reply_empty(reply, guarded("flush", || self.sync(ino(of), FileSystem::close)));
    }

    fn release(
        &self,
        _who: &Request,
        of: INodeNo,
        _fh: FileHandle,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        let done = guarded("release", || {
            self.handles.released(ino(of));
            self.files.release(ino(of));
            Ok(())
        });
        reply_empty(reply, done);
    }

    fn fsync(
        &self,
        _who: &Request,
        of: INodeNo,
        _fh: FileHandle,
        _datasync: bool,
        reply: ReplyEmpty,
    ) {
        reply_empty(reply, guarded("fsync", || self.sync(ino(of), FileSystem::fsync)));
    }

    fn opendir(&self, _who: &Request, of: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        // Counted like files: a folder that is removed while it is open still has attributes.
        match guarded("opendir", || self.open_folder(ino(of))) {
            // Not FOPEN_CACHE_DIR: under several listers and a change, kernels put an old answer
            // into the new cache, and a listing then lacks a file whose making had returned.
            Ok(handle) => reply.opened(handle, FopenFlags::empty()),
            Err(errno) => reply.error(errno),
        }
    }

    fn releasedir(
        &self,
        _who: &Request,
        of: INodeNo,
        handle: FileHandle,
        _flags: OpenFlags,
        reply: ReplyEmpty,
    ) {
        let done = guarded("releasedir", || {
            self.listings.released(handle);
            self.files.release(ino(of));
            Ok(())
        });
        reply_empty(reply, done);
    }

    fn readdir(
        &self,
        _who: &Request,
        of: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let listed = guarded("readdir", || {
            self.list_any(ino(of), handle, offset, false, &mut |entry| {
                let name = OsStr::from_bytes(entry.name);
                let kind = convert::file_type(entry.attributes.kind);
                let of = INodeNo(entry.attributes.ino.0);
                !reply.add(of, entry.cookie, kind, name)
            })
        });
        match listed {
            Ok(()) => reply.ok(),
            Err(errno) => reply.error(errno),
        }
    }

    fn readdirplus(
        &self,
        _who: &Request,
        of: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        let listed = guarded("readdirplus", || {
            self.list_any(ino(of), handle, offset, true, &mut |entry| {
                let name = OsStr::from_bytes(entry.name);
                let attr = file_attr(&entry.attributes);
                !reply.add(attr.ino, entry.cookie, name, &self.ttl(), &attr, GENERATION)
            })
        });
        match listed {
            Ok(()) => reply.ok(),
            Err(errno) => reply.error(errno),
        }
    }

    fn fsyncdir(
        &self,
        _who: &Request,
        of: INodeNo,
        _fh: FileHandle,
        _datasync: bool,
        reply: ReplyEmpty,
    ) {
        reply_empty(reply, guarded("fsyncdir", || self.sync(ino(of), FileSystem::fsync)));
    }

    fn statfs(&self, _who: &Request, _of: INodeNo, reply: ReplyStatfs) {
        match guarded("statfs", || Ok(self.files.room()?)) {
            Ok(room) => reply.statfs(
                room.blocks,
                room.free,
                room.available,
                // Inodes are limited by room alone.
                room.files.saturating_add(room.free),
                room.free,
                room.block_bytes,
                NAME_BYTES_MAX as u32,
                room.block_bytes,
            ),
            Err(errno) => reply.error(errno),
        }
    }

    fn setxattr(
        &self,
        who: &Request,
        of: INodeNo,
        name: &OsStr,
        value: &[u8],
        flags: i32,
        position: u32,
        reply: ReplyEmpty,
    ) {
        let done = guarded("setxattr", || {
            if control::is_reserved(ino(of), name) {
                return self.control.set(&self.files, who, name, value);
            }
            if position != 0 || !kernel::keeps_xattr(name.as_bytes()) {
                return Err(Errno::ENOTSUP);
            }
            self.access_lists.check(name)?;
            let mode = kernel::xattr_mode(flags).ok_or(Errno::EINVAL)?;
            let (of, name) = (INodeNo(self.present(of)?.0), name.as_bytes());
            access_lists::set_xattr(&self.files, who, ino(of), name, value, mode)?;
            if self.access_lists.changes_mode_unseen(name) {
                self.contents.forget_attributes(ino(of));
            }
            Ok(())
        });
        reply_empty(reply, done);
    }

    fn getxattr(&self, who: &Request, of: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        let value = guarded("getxattr", || self.xattr(who, ino(of), name));
        reply_xattr(reply, size, value);
    }

    fn listxattr(&self, who: &Request, of: INodeNo, size: u32, reply: ReplyXattr) {
        let names = guarded("listxattr", || {
            let names = self.access_lists.listed(self.xattr_names(ino(of))?);
            // The kernel hides the values of `trusted`, but not the names.
            Ok(if is_root(who) { names } else { convert::untrusted_names(&names) })
        });
        reply_xattr(reply, size, names);
    }

    fn removexattr(&self, _who: &Request, of: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let done = guarded("removexattr", || {
            if control::is_reserved(ino(of), name) {
                return Err(Errno::EPERM);
            }
            self.access_lists.check(name)?;
            Ok(self.files.remove_xattr(self.present(of)?, name.as_bytes())?)
        });
        reply_empty(reply, done);
    }

    fn fallocate(
        &self,
        who: &Request,
        of: INodeNo,
        _fh: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let by_root = is_root(who);
        let work = move |contents: &Contents, _: &[u8]| {
            contents.allocate(by_root, ino(of), mode, offset, length)
        };
        let tell = move |done| reply_empty(reply, done);
        waiting::answer(&self.contents, "fallocate", &[], work, tell);
    }

    fn lseek(
        &self,
        _who: &Request,
        of: INodeNo,
        _fh: FileHandle,
        offset: i64,
        whence: i32,
        reply: ReplyLseek,
    ) {
        let found = guarded("lseek", || {
            let from = u64::try_from(offset).map_err(|_| Errno::ENXIO)?;
            let (files, ino) = self.place(ino(of))?;
            let found = match whence {
                libc::SEEK_DATA => files.seek_data(ino, from)?,
                libc::SEEK_HOLE => files.seek_hole(ino, from)?,
                _ => return Err(Errno::EINVAL),
            };
            i64::try_from(found).map_err(|_| Errno::EOVERFLOW)
        });
        match found {
            Ok(offset) => reply.offset(offset),
            Err(errno) => reply.error(errno),
        }
    }

    fn copy_file_range(
        &self,
        who: &Request,
        from: INodeNo,
        _from_fh: FileHandle,
        from_offset: u64,
        to: INodeNo,
        _to_fh: FileHandle,
        to_offset: u64,
        bytes: u64,
        _flags: CopyFileRangeFlags,
        reply: ReplyWrite,
    ) {
        // Programs then read and write: runs are shared within one state alone.
        if self.history.has(ino(from)) {
            return reply.error(Errno::EXDEV);
        }
        let range = CopyRange { from: ino(from), from_offset, to: ino(to), to_offset, bytes };
        let by_root = is_root(who);
        let work = move |contents: &Contents, _: &[u8]| contents.copy(by_root, range);
        let tell = move |copied| reply_written(reply, copied);
        waiting::answer(&self.contents, "copy_file_range", &[], work, tell);
    }

    /// Asked only where the kernel does not check permissions itself.
    fn access(&self, _who: &Request, of: INodeNo, mask: AccessFlags, reply: ReplyEmpty) {
        let allowed = guarded("access", || {
            let attributes = self.attributes(ino(of))?;
            Permissions::allow(&attributes, mask).then_some(()).ok_or(Errno::EACCES)
        });
        reply_empty(reply, allowed);
    }

    // To these ENOSYS means "do it yourself, and do not ask again": the kernel polls as for any
    // regular file; an ioctl becomes ENOTTY. Without these, fuser would log a warning each time.

    fn ioctl(
        &self,
        _who: &Request,
        _of: INodeNo,
        _fh: FileHandle,
        _flags: IoctlFlags,
        _cmd: u32,
        _in_data: &[u8],
        _out_size: u32,
        reply: ReplyIoctl,
    ) {
        reply.error(Errno::ENOSYS);
    }

    fn poll(
        &self,
        _who: &Request,
        _of: INodeNo,
        _fh: FileHandle,
        _notifier: PollNotifier,
        _events: PollEvents,
        _flags: PollFlags,
        reply: ReplyPoll,
    ) {
        reply.error(Errno::ENOSYS);
    }

    fn bmap(&self, _who: &Request, _of: INodeNo, _blocksize: u32, _idx: u64, reply: ReplyBmap) {
        reply.error(Errno::ENOSYS);
    }
}
