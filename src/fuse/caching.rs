//! Decides which open handles go through the kernel's page cache, and which of them find it filled.
//!
//! Handles that only write bypass it: three times the throughput. But a cached reader beside such a
//! writer can fill a page with what was there before the write, after the kernel has dropped that
//! page and before the write is done, and would keep it. So the handles of one inode are at any
//! time either all cached or all direct: the first one decides, the others follow.
//!
//! The cache can be filled before a handle is answered, so that reading a small file costs no request
//! more. What is put there must still be so when it gets there, and whoever puts it waits for pages
//! that requests in flight have locked. So it is done for an inode's only handle, and while it is,
//! no other is opened and the size stays: an inode is *held* for that.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use fuser::{FopenFlags, OpenAccMode, OpenFlags};
use lru::LruCache;

use crate::format::Ino;

/// Inodes remembered of which the kernel was given the content; it may have it still.
const FILLED_KEPT: NonZeroUsize = NonZeroUsize::new(16 << 10).expect("not zero");

/// The open handles of every inode that has any.
#[derive(Debug)]
pub(super) struct OpenHandles {
    /// Whether a direct write drops the pages that earlier handles left in the cache. Kernels
    /// before 6.6 leave them there, to be read by later handles.
    direct_allowed: AtomicBool,
    /// A leaf: nothing else is locked while this is.
    open: Mutex<Open>,
    let_go: Condvar,
}

#[derive(Debug)]
struct Open {
    inodes: HashMap<Ino, Handles>,
    /// Inodes whose cached pages may be old: they were mapped through direct handles.
    drop_cache: HashSet<Ino>,
    /// Inodes of which no handle is opened now and the size stays.
    held: HashSet<Ino>,
    /// Inodes whose content the kernel was given and may have still.
    filled: LruCache<Ino, ()>,
}

#[derive(Debug)]
struct Handles {
    count: u64,
    direct: bool,
    /// Whether one of them can be mapped into memory, which fills the page cache even if direct.
    mappable: bool,
}

/// How a handle was opened.
#[derive(Debug)]
pub(super) struct Opened<'a> {
    /// What the kernel is told.
    pub(super) how: FopenFlags,
    /// There, if the kernel is to be given the content before it is told.
    pub(super) to_fill: Option<Held<'a>>,
}

/// An inode that is held, until this is dropped.
#[derive(Debug)]
pub(super) struct Held<'a> {
    handles: &'a OpenHandles,
    ino: Ino,
}

impl Held<'_> {
    /// Takes note that the kernel was given the content.
    pub(super) fn note_filled(&self) {
        self.handles.lock().filled.put(self.ino, ());
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.handles.lock().held.remove(&self.ino);
        self.handles.let_go.notify_all();
    }
}

impl Default for OpenHandles {
    fn default() -> Self {
        let open = Open {
            inodes: HashMap::new(),
            drop_cache: HashSet::new(),
            held: HashSet::new(),
            filled: LruCache::new(FILLED_KEPT),
        };
        Self {
            direct_allowed: AtomicBool::new(false),
            open: Mutex::new(open),
            let_go: Condvar::new(),
        }
    }
}

impl OpenHandles {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locked, and the inode not held.
    fn lock_let_go(&self, ino: Ino) -> MutexGuard<'_, Open> {
        let is_held = |open: &mut Open| open.held.contains(&ino);
        self.let_go.wait_while(self.lock(), is_held).unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds an inode: nobody fills the kernel's cache while its size changes.
    pub(super) fn hold(&self, ino: Ino) -> Held<'_> {
        self.lock_let_go(ino).held.insert(ino);
        Held { handles: self, ino }
    }

    /// Handles that may be direct, if the kernel gets that right.
    pub(super) fn allow_direct(&self, allowed: bool) {
        self.direct_allowed.store(allowed, Ordering::Relaxed);
    }

    /// Counts one more handle; tells how the kernel is to treat it.
    pub(super) fn opened(&self, ino: Ino, flags: OpenFlags) -> Opened<'_> {
        let access = flags.acc_mode();
        let write_only = access == OpenAccMode::O_WRONLY;
        let mut open = self.lock_let_go(ino);
        let Open { inodes, drop_cache, held, filled } = &mut *open;
        let handles = inodes.entry(ino).or_insert(Handles {
            count: 0,
            direct: write_only && self.direct_allowed.load(Ordering::Relaxed),
            mappable: false,
        });
        handles.count += 1;
        handles.mappable |= !write_only;
        let mut how = if handles.direct {
            FopenFlags::FOPEN_DIRECT_IO
        } else if drop_cache.remove(&ino) {
            FopenFlags::empty()
        } else {
            FopenFlags::FOPEN_KEEP_CACHE
        };
        let mut to_fill = None;
        if access == OpenAccMode::O_RDONLY {
            let is_empty = handles.count == 1 && !filled.contains(&ino);
            if is_empty && how.contains(FopenFlags::FOPEN_KEEP_CACHE) {
                held.insert(ino);
                to_fill = Some(Held { handles: self, ino });
            }
            // Nothing was written through it, so its close has nothing to report.
            how |= FopenFlags::FOPEN_NOFLUSH;
        } else {
            filled.pop(&ino);
        }
        Opened { how, to_fill }
    }

    /// Counts one handle less.
    pub(super) fn released(&self, ino: Ino) {
        let mut open = self.lock();
        let Some(handles) = open.inodes.get_mut(&ino) else {
            return;
        };
        handles.count -= 1;
        if handles.count > 0 {
            return;
        }
        let stale = handles.direct && handles.mappable;
        open.inodes.remove(&ino);
        if stale {
            open.drop_cache.insert(ino);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: OpenFlags = OpenFlags(libc::O_RDONLY);
    const WRITE: OpenFlags = OpenFlags(libc::O_WRONLY | libc::O_APPEND);
    const BOTH: OpenFlags = OpenFlags(libc::O_RDWR);
    const CACHED_READ: FopenFlags = FopenFlags::FOPEN_KEEP_CACHE.union(FopenFlags::FOPEN_NOFLUSH);
    const DIRECT_READ: FopenFlags = FopenFlags::FOPEN_DIRECT_IO.union(FopenFlags::FOPEN_NOFLUSH);

    fn handles() -> OpenHandles {
        let handles = OpenHandles::default();
        handles.allow_direct(true);
        handles
    }

    fn opened(handles: &OpenHandles, ino: Ino, flags: OpenFlags) -> FopenFlags {
        handles.opened(ino, flags).how
    }

    #[test]
    fn a_lone_writer_is_direct_and_whoever_joins_it_too() {
        let (handles, ino) = (handles(), Ino(7));
        assert_eq!(opened(&handles, ino, WRITE), FopenFlags::FOPEN_DIRECT_IO);
        assert_eq!(opened(&handles, ino, READ), DIRECT_READ);
        assert_eq!(opened(&handles, ino, BOTH), FopenFlags::FOPEN_DIRECT_IO);
        assert_eq!(opened(&handles, Ino(8), READ), CACHED_READ);
    }

    #[test]
    fn a_writer_beside_a_reader_is_cached() {
        let (handles, ino) = (handles(), Ino(7));
        assert_eq!(opened(&handles, ino, READ), CACHED_READ);
        assert_eq!(opened(&handles, ino, WRITE), FopenFlags::FOPEN_KEEP_CACHE);
        handles.released(ino);
        assert_eq!(opened(&handles, ino, WRITE), FopenFlags::FOPEN_KEEP_CACHE);
    }

    #[test]
    fn pages_mapped_beside_a_direct_writer_are_dropped_once() {
        let (handles, ino) = (handles(), Ino(7));
        opened(&handles, ino, WRITE);
        opened(&handles, ino, READ);
        handles.released(ino);
        handles.released(ino);
        assert_eq!(opened(&handles, ino, READ), FopenFlags::FOPEN_NOFLUSH);
        assert_eq!(opened(&handles, ino, READ), CACHED_READ);
    }

    #[test]
    fn nothing_is_direct_on_a_kernel_that_keeps_old_pages() {
        let handles = OpenHandles::default();
        assert_eq!(opened(&handles, Ino(7), WRITE), FopenFlags::FOPEN_KEEP_CACHE);
    }

    #[test]
    fn the_first_reader_alone_finds_the_cache_filled_and_once() {
        let (handles, ino) = (handles(), Ino(7));
        let first = handles.opened(ino, READ);
        first.to_fill.unwrap().note_filled();
        assert!(handles.opened(ino, READ).to_fill.is_none());
        handles.released(ino);
        handles.released(ino);
        assert!(handles.opened(ino, READ).to_fill.is_none());
        handles.released(ino);
        // Whoever can write makes old what the kernel was given.
        assert!(handles.opened(ino, WRITE).to_fill.is_none());
        handles.released(ino);
        assert!(handles.opened(ino, READ).to_fill.is_some());
    }

    #[test]
    fn while_an_inode_is_held_nobody_opens_it() {
        let (handles, ino) = (handles(), Ino(7));
        let first = handles.opened(ino, READ);
        let held = first.to_fill.unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| opened(&handles, ino, BOTH));
            let third = scope.spawn(|| drop(handles.hold(ino)));
            assert_eq!(opened(&handles, Ino(8), READ), CACHED_READ);
            assert!(!second.is_finished() && !third.is_finished());
            drop(held);
            second.join().unwrap();
            third.join().unwrap();
        });
    }
}
