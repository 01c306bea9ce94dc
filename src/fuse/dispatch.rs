//! What to expect of each request, so that it is known who listens meanwhile.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use fuser::{
    AccessFlags, BsdFileFlags, CopyFileRangeFlags, FileHandle, Filesystem, INodeNo, IoctlFlags,
    KernelConfig, LockOwner, OpenFlags, PollEvents, PollFlags, PollNotifier, RenameFlags,
    ReplyAttr, ReplyBmap, ReplyCreate, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty,
    ReplyEntry, ReplyIoctl, ReplyLseek, ReplyOpen, ReplyPoll, ReplyStatfs, ReplyWrite, ReplyXattr,
    Request, TimeOrNow, WriteFlags,
};

use super::adapter::Adapter;
use super::control::is_reserved;
use super::convert::ino;
use super::idle::Activity;
use super::listening::{Listening, Pace};

/// Writes from this size on are sealed at once.
const BULK_BYTES: usize = 64 << 10;

/// Has the adapter answer each request, between the moments when its thread listens.
pub(super) struct Dispatch {
    adapter: Adapter,
    listening: Arc<Listening>,
    /// The last request to forget inodes.
    forgotten: AtomicU64,
    activity: Activity,
}

impl Dispatch {
    /// `device` is another descriptor of the one that requests are read from.
    pub(super) fn new(adapter: Adapter, device: OwnedFd) -> Self {
        let (forgotten, activity) = (AtomicU64::new(0), Activity::default());
        Self { adapter, listening: Listening::new(device), forgotten, activity }
    }

    /// What tells whether the mount is used.
    pub(super) fn activity(&self) -> Activity {
        self.activity.clone()
    }
}

fn pace_of_write(bytes: usize) -> Pace {
    if bytes < BULK_BYTES { Pace::Quick } else { Pace::Long }
}

fn pace_of_attributes(size_bytes: Option<u64>) -> Pace {
    if size_bytes.is_none() { Pace::Quick } else { Pace::Long }
}

macro_rules! requests {
    ($($pace:expr, $request:ident($($given:ident: $type:ty),*);)*) => {$(
        fn $request(&self, who: &Request, $($given: $type),*) {
            self.activity.note();
            let _answering = self.listening.begin($pace);
            Filesystem::$request(&self.adapter, who, $($given),*);
        }
    )*};
}

impl Filesystem for Dispatch {
    fn init(&mut self, who: &Request, config: &mut KernelConfig) -> io::Result<()> {
        self.adapter.init(who, config)
    }

    fn destroy(&mut self) {
        self.adapter.destroy();
    }

    // Many can come as one request.
    fn forget(&self, who: &Request, of: INodeNo, lookups: u64) {
        let is_first = self.forgotten.swap(who.unique().0, Ordering::Relaxed) != who.unique().0;
        let _answering = is_first.then(|| self.listening.begin(Pace::Quick));
        self.adapter.forget(who, of, lookups);
    }

    // To ask how the mount is does not use it.
    fn getxattr(&self, who: &Request, of: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        if !is_reserved(ino(of), name) {
            self.activity.note();
        }
        let _answering = self.listening.begin(Pace::Quick);
        self.adapter.getxattr(who, of, name, size, reply);
    }

    fn statfs(&self, who: &Request, of: INodeNo, reply: ReplyStatfs) {
        let _answering = self.listening.begin(Pace::Quick);
        self.adapter.statfs(who, of, reply);
    }

    requests! {
        Pace::Quick, lookup(parent: INodeNo, name: &OsStr, reply: ReplyEntry);
        Pace::Quick, getattr(of: INodeNo, fh: Option<FileHandle>, reply: ReplyAttr);
        pace_of_attributes(size), setattr(
            of: INodeNo, mode: Option<u32>, uid: Option<u32>, gid: Option<u32>, size: Option<u64>,
            atime: Option<TimeOrNow>, mtime: Option<TimeOrNow>, ctime: Option<SystemTime>,
            fh: Option<FileHandle>, crtime: Option<SystemTime>, chgtime: Option<SystemTime>,
            bkuptime: Option<SystemTime>, flags: Option<BsdFileFlags>, reply: ReplyAttr
        );
        Pace::Quick, readlink(of: INodeNo, reply: ReplyData);
        Pace::Quick, mknod(
            parent: INodeNo, name: &OsStr, mode: u32, umask: u32, rdev: u32, reply: ReplyEntry
        );
        Pace::Quick, mkdir(
            parent: INodeNo, name: &OsStr, mode: u32, umask: u32, reply: ReplyEntry
        );
        Pace::Quick, unlink(parent: INodeNo, name: &OsStr, reply: ReplyEmpty);
        Pace::Quick, rmdir(parent: INodeNo, name: &OsStr, reply: ReplyEmpty);
        Pace::Quick, symlink(parent: INodeNo, name: &OsStr, target: &Path, reply: ReplyEntry);
        Pace::Quick, rename(
            parent: INodeNo, name: &OsStr, newparent: INodeNo, newname: &OsStr, flags: RenameFlags,
            reply: ReplyEmpty
        );
        Pace::Quick, link(of: INodeNo, newparent: INodeNo, newname: &OsStr, reply: ReplyEntry);
        Pace::Reads, open(of: INodeNo, flags: OpenFlags, reply: ReplyOpen);
        Pace::Quick, create(
            parent: INodeNo, name: &OsStr, mode: u32, umask: u32, flags: i32, reply: ReplyCreate
        );
        Pace::Reads, read(
            of: INodeNo, fh: FileHandle, offset: u64, size: u32, flags: OpenFlags,
            lock_owner: Option<LockOwner>, reply: ReplyData
        );
        pace_of_write(data.len()), write(
            of: INodeNo, fh: FileHandle, offset: u64, data: &[u8], write_flags: WriteFlags,
            flags: OpenFlags, lock_owner: Option<LockOwner>, reply: ReplyWrite
        );
        Pace::Quick, flush(of: INodeNo, fh: FileHandle, lock_owner: LockOwner, reply: ReplyEmpty);
        Pace::Quick, release(
            of: INodeNo, fh: FileHandle, flags: OpenFlags, lock_owner: Option<LockOwner>,
            flush: bool, reply: ReplyEmpty
        );
        Pace::Syncs, fsync(of: INodeNo, fh: FileHandle, datasync: bool, reply: ReplyEmpty);
        Pace::Quick, opendir(of: INodeNo, flags: OpenFlags, reply: ReplyOpen);
        Pace::Quick, releasedir(of: INodeNo, fh: FileHandle, flags: OpenFlags, reply: ReplyEmpty);
        Pace::Quick, readdir(of: INodeNo, fh: FileHandle, offset: u64, reply: ReplyDirectory);
        Pace::Quick, readdirplus(
            of: INodeNo, fh: FileHandle, offset: u64, reply: ReplyDirectoryPlus
        );
        Pace::Syncs, fsyncdir(of: INodeNo, fh: FileHandle, datasync: bool, reply: ReplyEmpty);
        Pace::Long, setxattr(
            of: INodeNo, name: &OsStr, value: &[u8], flags: i32, position: u32, reply: ReplyEmpty
        );
        Pace::Quick, listxattr(of: INodeNo, size: u32, reply: ReplyXattr);
        Pace::Quick, removexattr(of: INodeNo, name: &OsStr, reply: ReplyEmpty);
        Pace::Long, fallocate(
            of: INodeNo, fh: FileHandle, offset: u64, length: u64, mode: i32, reply: ReplyEmpty
        );
        Pace::Quick, lseek(
            of: INodeNo, fh: FileHandle, offset: i64, whence: i32, reply: ReplyLseek
        );
        Pace::Long, copy_file_range(
            from: INodeNo, from_fh: FileHandle, from_offset: u64, to: INodeNo, to_fh: FileHandle,
            to_offset: u64, bytes: u64, flags: CopyFileRangeFlags, reply: ReplyWrite
        );
        Pace::Quick, access(of: INodeNo, mask: AccessFlags, reply: ReplyEmpty);
        Pace::Quick, ioctl(
            of: INodeNo, fh: FileHandle, flags: IoctlFlags, cmd: u32, in_data: &[u8],
            out_size: u32, reply: ReplyIoctl
        );
        Pace::Quick, poll(
            of: INodeNo, fh: FileHandle, notifier: PollNotifier, events: PollEvents,
            flags: PollFlags, reply: ReplyPoll
        );
        Pace::Quick, bmap(of: INodeNo, blocksize: u32, idx: u64, reply: ReplyBmap);
    }
}
