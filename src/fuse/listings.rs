//! Where each open listing of a folder ends: at what was there when it began. An entry that is
//! renamed gets a new place behind all others, and a listing that went on to those would never end
//! beside somebody who renames what it lists.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use fuser::FileHandle;

/// The open handles of folders.
#[derive(Debug, Default)]
pub(super) struct Listings {
    /// A leaf: nothing else is locked while this is.
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    last: u64,
    /// By handle, the cookie that the listing stops before.
    ends: HashMap<u64, u64>,
}

impl Listings {
    /// A new handle; its listing ends before `end_cookie`.
    pub(super) fn opened(&self, end_cookie: u64) -> FileHandle {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.last += 1;
        let handle = open.last;
        open.ends.insert(handle, end_cookie);
        FileHandle(handle)
    }

    /// Starts the listing of a handle anew (`rewinddir`), up to `end_cookie`.
    pub(super) fn rewound(&self, handle: FileHandle, end_cookie: u64) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.ends.insert(handle.0, end_cookie);
    }

    /// Where the listing of a handle ends; an unknown one's never does.
    pub(super) fn end(&self, handle: FileHandle) -> u64 {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.ends.get(&handle.0).copied().unwrap_or(u64::MAX)
    }

    /// The handle is closed.
    pub(super) fn released(&self, handle: FileHandle) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.ends.remove(&handle.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_handle_has_an_end_of_its_own_until_it_is_rewound_or_closed() {
        let listings = Listings::default();
        let (first, second) = (listings.opened(5), listings.opened(9));
        assert_eq!((listings.end(first), listings.end(second)), (5, 9));
        listings.rewound(first, 11);
        assert_eq!((listings.end(first), listings.end(second)), (11, 9));
        listings.released(first);
        assert_eq!((listings.end(first), listings.end(second)), (u64::MAX, 9));
    }
}
