//! Decides which open handles go through the kernel's page cache.
//!
//! Handles that only write bypass it: three times the throughput. But a cached reader beside such a
//! writer can fill a page with what was there before the write, after the kernel has dropped that
//! page and before the write is done, and would keep it. So the handles of one inode are at any
//! time either all cached or all direct: the first one decides, the others follow.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use fuser::{FopenFlags, OpenAccMode, OpenFlags};

use crate::format::Ino;

/// The open handles of every inode that has any.
#[derive(Debug, Default)]
pub(super) struct OpenHandles {
    /// Whether a direct write drops the pages that earlier handles left in the cache. Kernels
    /// before 6.6 leave them there, to be read by later handles.
    direct_allowed: bool,
    /// A leaf: nothing else is locked while this is.
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    inodes: HashMap<Ino, Handles>,
    /// Inodes whose cached pages may be old: they were mapped through direct handles.
    drop_cache: HashSet<Ino>,
}

#[derive(Debug)]
struct Handles {
    count: u64,
    direct: bool,
    /// Whether one of them can be mapped into memory, which fills the page cache even if direct.
    mappable: bool,
}

impl OpenHandles {
    /// Handles that may be direct, if the kernel gets that right.
    pub(super) fn allow_direct(&mut self, allowed: bool) {
        self.direct_allowed = allowed;
    }

    /// Counts one more handle; tells how the kernel is to treat it.
    pub(super) fn opened(&self, ino: Ino, flags: OpenFlags) -> FopenFlags {
        let access = flags.acc_mode();
        let write_only = access == OpenAccMode::O_WRONLY;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Open { inodes, drop_cache } = &mut *open;
        let handles = inodes.entry(ino).or_insert(Handles {
            count: 0,
            direct: write_only && self.direct_allowed,
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
        if access == OpenAccMode::O_RDONLY {
            // Nothing was written through it, so its close has nothing to report.
            how |= FopenFlags::FOPEN_NOFLUSH;
        }
        how
    }

    /// Counts one handle less.
    pub(super) fn released(&self, ino: Ino) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
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
        let mut handles = OpenHandles::default();
        handles.allow_direct(true);
        handles
    }

    #[test]
    fn a_lone_writer_is_direct_and_whoever_joins_it_too() {
        let (handles, ino) = (handles(), Ino(7));
        assert_eq!(handles.opened(ino, WRITE), FopenFlags::FOPEN_DIRECT_IO);
        assert_eq!(handles.opened(ino, READ), DIRECT_READ);
        assert_eq!(handles.opened(ino, BOTH), FopenFlags::FOPEN_DIRECT_IO);
        assert_eq!(handles.opened(Ino(8), READ), CACHED_READ);
    }

    #[test]
    fn a_writer_beside_a_reader_is_cached() {
        let (handles, ino) = (handles(), Ino(7));
        assert_eq!(handles.opened(ino, READ), CACHED_READ);
        assert_eq!(handles.opened(ino, WRITE), FopenFlags::FOPEN_KEEP_CACHE);
        handles.released(ino);
        assert_eq!(handles.opened(ino, WRITE), FopenFlags::FOPEN_KEEP_CACHE);
    }

    #[test]
    fn pages_mapped_beside_a_direct_writer_are_dropped_once() {
        let (handles, ino) = (handles(), Ino(7));
        handles.opened(ino, WRITE);
        handles.opened(ino, READ);
        handles.released(ino);
        handles.released(ino);
        assert_eq!(handles.opened(ino, READ), FopenFlags::FOPEN_NOFLUSH);
        assert_eq!(handles.opened(ino, READ), CACHED_READ);
    }

    #[test]
    fn nothing_is_direct_on_a_kernel_that_keeps_old_pages() {
        let handles = OpenHandles::default();
        assert_eq!(handles.opened(Ino(7), WRITE), FopenFlags::FOPEN_KEEP_CACHE);
    }
}
