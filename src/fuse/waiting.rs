//! Requests that need packs which are online only: they wait without a thread that answers requests.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use fuser::{Errno, ReplyData, ReplyWrite};

use super::contents::Contents;
use super::replies::guarded;
use crate::format::{Ino, PackId};
use crate::fs::{FileSystem, FsError};

thread_local! {
    /// The last read's buffer, to be used again: fresh pages would cost more than the read.
    static READ_BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Why a request is not done.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It can be done once this pack is here.
    OnlineOnly(PackId),
    /// It cannot be done.
    Errno(Errno),
}

impl From<FsError> for Refusal {
    fn from(error: FsError) -> Self {
        match error {
            FsError::OnlineOnly(pack) => Self::OnlineOnly(pack),
            error => Self::Errno(error.into()),
        }
    }
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

/// Answers a READ.
pub(super) fn answer_read(
    files: &Arc<FileSystem>,
    of: Ino,
    offset: u64,
    size: u32,
    reply: ReplyData,
) {
    let bytes = size as usize;
    let mut buffer = READ_BUFFER.take();
    if buffer.len() < bytes {
        buffer.resize(bytes, 0);
    }
    match attempted("read", || Ok(files.read(of, offset, &mut buffer[..bytes])?)) {
        Ok(read) => reply.data(&buffer[..read]),
        Err(Refusal::Errno(errno)) => reply.error(errno),
        Err(Refusal::OnlineOnly(pack)) => {
            let again = files.clone();
            let work = move || {
                let mut content = vec![0; bytes];
                let read = again.read(of, offset, &mut content)?;
                content.truncate(read);
                Ok(content)
            };
            later(files, pack, Instant::now(), "read", work, move |read| match read {
                Ok(content) => reply.data(&content),
                Err(errno) => reply.error(errno),
            });
        }
    }
    READ_BUFFER.set(buffer);
}

/// Does what a request asks for, with the bytes that came with it, and gives its result to `reply`:
/// at once, or where a pack is online only, when it is here.
pub(super) fn answer<T: 'static>(
    contents: &Contents,
    operation: &'static str,
    data: &[u8],
    work: impl Fn(&Contents, &[u8]) -> Result<T, Refusal> + Send + 'static,
    reply: impl FnOnce(Result<T, Errno>) + Send + 'static,
) {
    match attempted(operation, || work(contents, data)) {
        Ok(done) => reply(Ok(done)),
        Err(Refusal::Errno(errno)) => reply(Err(errno)),
        Err(Refusal::OnlineOnly(pack)) => {
            let (files, contents, data) = (&contents.files, contents.clone(), data.to_vec());
            let work = move || work(&contents, &data);
            later(files, pack, Instant::now(), operation, work, reply);
        }
    }
}

/// Does the work when the pack is here, and again after every other that it then needs, for as long
/// as whoever asked has patience.
fn later<T: 'static>(
    files: &Arc<FileSystem>,
    pack: PackId,
    since: Instant,
    operation: &'static str,
    work: impl Fn() -> Result<T, Refusal> + Send + 'static,
    reply: impl FnOnce(Result<T, Errno>) + Send + 'static,
) {
    let patience = files.fetch_limit().saturating_sub(since.elapsed());
    let again = files.clone();
    let then = move |fetched: Result<(), FsError>| {
        let done = match fetched {
            Ok(()) => attempted(operation, &work),
            Err(error) => Err(Refusal::Errno(error.into())),
        };
        match done {
            Ok(done) => reply(Ok(done)),
            Err(Refusal::Errno(errno)) => reply(Err(errno)),
            Err(Refusal::OnlineOnly(pack)) => later(&again, pack, since, operation, work, reply),
        }
    };
    files.when_fetched(pack, patience, Box::new(then));
}

/// Like [`guarded`], for what can wait.
fn attempted<T>(operation: &str, work: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    guarded(operation, || Ok(work())).unwrap_or_else(|errno| Err(errno.into()))
}

pub(super) fn reply_written(reply: ReplyWrite, written: Result<u32, Errno>) {
    match written {
        Ok(bytes) => reply.written(bytes),
        Err(errno) => reply.error(errno),
    }
}
