//! How results become replies, and a panic an error.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use fuser::{Errno, Generation, ReplyAttr, ReplyEmpty, ReplyEntry, ReplyXattr};

use super::convert::file_attr;
use crate::fs::Attributes;

/// How long the kernel may answer from its caches: every change passes through it.
pub(super) const TTL: Duration = Duration::from_secs(24 * 60 * 60);
/// An inode number is never used twice.
pub(super) const GENERATION: Generation = Generation(0);

/// Does the work of one request. A panic in it is that request's failure and no other's.
pub(super) fn guarded<T>(
    operation: &str,
    work: impl FnOnce() -> Result<T, Errno>,
) -> Result<T, Errno> {
    // What the closures hold is locked inside the file system, which minds its own invariants.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        log::error!("a panic in {operation}: please report this");
        Err(Errno::EIO)
    })
}

pub(super) fn reply_entry(reply: ReplyEntry, ttl: Duration, made: Result<Attributes, Errno>) {
    match made {
        Ok(attributes) => reply.entry(&ttl, &file_attr(&attributes), GENERATION),
        Err(errno) => reply.error(errno),
    }
}

pub(super) fn reply_attr(reply: ReplyAttr, attributes: Result<Attributes, Errno>) {
    match attributes {
        Ok(attributes) => reply.attr(&TTL, &file_attr(&attributes)),
        Err(errno) => reply.error(errno),
    }
}

pub(super) fn reply_empty(reply: ReplyEmpty, done: Result<(), Errno>) {
    match done {
        Ok(()) => reply.ok(),
        Err(errno) => reply.error(errno),
    }
}

/// A value, or its length where `room_bytes` is 0.
pub(super) fn reply_xattr(reply: ReplyXattr, room_bytes: u32, value: Result<Vec<u8>, Errno>) {
    match value.map(|value| (u32::try_from(value.len()), value)) {
        Ok((Ok(bytes), _)) if room_bytes == 0 => reply.size(bytes),
        Ok((Ok(bytes), value)) if bytes <= room_bytes => reply.data(&value),
        Ok(_) => reply.error(Errno::ERANGE),
        Err(errno) => reply.error(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_the_failure_of_its_request_alone() {
        let failed = guarded("test", || -> Result<(), Errno> { panic!("on purpose") });
        assert_eq!(failed, Err(Errno::EIO));
        assert_eq!(guarded("test", || Ok(1)), Ok(1));
    }
}
