//! Where each open listing of a folder ends: at what was there when it began. An entry that is
//! renamed gets a new place behind all others, and a listing that went on to those would never end
//! beside somebody who renames what it lists.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fuser::FileHandle;

/// The open handles of folders.
#[derive(Debug, Default)]
pub(super) struct Listings {
    last: AtomicU64,
    /// By handle, the cookie that the listing stops before. A leaf: nothing else is locked while
    /// this is.
    ends: Mutex<HashMap<u64, u64>>,
}

impl Listings {
    /// A new handle, whose listing has not begun.
    pub(super) fn opened(&self) -> FileHandle {
        FileHandle(self.last.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The listing of a handle begins, or begins anew (`rewinddir`), and ends before `end_cookie`.
    pub(super) fn began(&self, handle: FileHandle, end_cookie: u64) {
        self.ends().insert(handle.0, end_cookie);
    }

    /// Where the listing of a handle ends, if it has begun.
    pub(super) fn end(&self, handle: FileHandle) -> Option<u64> {
        self.ends().get(&handle.0).copied()
    }

    /// The handle is closed.
    pub(super) fn released(&self, handle: FileHandle) {
        self.ends().remove(&handle.0);
    }

    fn ends(&self) -> MutexGuard<'_, HashMap<u64, u64>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_handle_has_an_end_of_its_own_until_it_is_rewound_or_closed() {
        let listings = Listings::default();
        let (first, second) = (listings.opened(), listings.opened());
        assert_eq!((listings.end(first), listings.end(second)), (None, None));
        listings.began(first, 5);
        listings.began(second, 9);
        assert_eq!((listings.end(first), listings.end(second)), (Some(5), Some(9)));
        listings.began(first, 11);
        assert_eq!((listings.end(first), listings.end(second)), (Some(11), Some(9)));
        listings.released(first);
        assert_eq!((listings.end(first), listings.end(second)), (None, Some(9)));
    }
}
