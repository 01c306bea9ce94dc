//! The reserved extended attributes, of the root and three of any file, by which other processes talk
//! to the daemon.
//!
//! In the `system.` namespace the kernel asks nobody for permission and passes the names through,
//! for root and users alike; `user.` names would depend on the root's own mode bits, and
//! `trusted.` ones need root. They are never listed, so no copying tool meets them.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use fuser::{Errno, Request};
use serde::{Deserialize, Serialize};

use super::contents::Contents;
use crate::format::{Ino, Time};
use crate::fs::{FileSystem, NewSlot, SlotChangeError, Status, Undeleted, When};
use crate::store::StoreError;

/// Reading it gives the [`Status`] as JSON.
pub const STATUS_ATTRIBUTE: &str = "system.hushfs.status";
/// Setting it, to whatever, publishes; the answer is how that went.
pub const PUBLISH_ATTRIBUTE: &str = "system.hushfs.publish";

/// Setting it collects; the value is how far back the history goes in seconds, or empty for what
/// the mount was told. Reading it gives what the last collection did, as JSON.
pub const COLLECT_ATTRIBUTE: &str = "system.hushfs.collect";

/// Reading it of a file has its packs fetched, and gives how far that is ([`FileFetch`]) as JSON.
/// Setting it would be refused in a mount that is read-only.
///
/// [`FileFetch`]: crate::fs::FileFetch
pub const FETCH_ATTRIBUTE: &str = "system.hushfs.fetch";
/// Reading it of a file tells the same, and has nothing fetched.
pub const FETCHING_ATTRIBUTE: &str = "system.hushfs.fetching";

/// Setting it asks for something to be brought back ([`UndeleteRequest`] as JSON). Reading it with the
/// request's token behind its name brings it back, and gives an [`UndeleteAnswer`] as JSON. Two steps,
/// since what sets an attribute holds the root, whose names the kernel has to forget.
pub const UNDELETE_ATTRIBUTE: &str = "system.hushfs.undelete";

/// What is to be brought back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UndeleteRequest {
    /// Tells requests apart.
    pub token: String,
    /// The path from the root of the mount, in bytes, without a slash at either end.
    pub path: Vec<u8>,
    /// The state that it is to come from: a time or an id; without it, the newest that fits.
    pub at: Option<When>,
}

/// What became of it: done, or in a sentence why not.
pub type UndeleteAnswer = Result<Undeleted, String>;

/// So many requests are kept that nobody has read the answer of.
const UNDELETES_KEPT: usize = 16;
/// A kernel that does not forget a name at once is left to it.
const FORGET_WITHIN: Duration = Duration::from_secs(5);
/// With a number behind it: reading it gives the conflict copies from that one on ([`Conflicts`]) as
/// JSON, as many as an attribute holds.
///
/// [`Conflicts`]: crate::fs::Conflicts
pub const CONFLICTS_ATTRIBUTE: &str = "system.hushfs.conflicts.";

/// Setting it adds a slot that opens the vault ([`NewSlot`], as its bytes). The master key stays in
/// the daemon.
///
/// [`NewSlot`]: crate::fs::NewSlot
pub const ADD_SLOT_ATTRIBUTE: &str = "system.hushfs.add-slot";
/// Reading it gives the vault's slots ([`SlotEntry`]) as JSON.
///
/// [`SlotEntry`]: crate::fs::SlotEntry
pub const SLOTS_ATTRIBUTE: &str = "system.hushfs.slots";
/// Reading it of a file or folder, of an earlier state as well, gives what that holds ([`Usage`]) as JSON.
///
/// [`Usage`]: crate::fs::Usage
pub const USAGE_ATTRIBUTE: &str = "system.hushfs.usage";
/// With a time or the id of a state behind it, as [`When`] reads them: reading it gives a [`StateAnswer`]
/// as JSON.
pub const STATE_ATTRIBUTE: &str = "system.hushfs.state.";

/// The path of the folder that shows a state, from the root of the mount; nothing if this mount shows
/// none; or in a sentence why there is no such state.
pub type StateAnswer = Result<Option<String>, String>;

/// What all names start with.
const RESERVED: &[u8] = b"system.hushfs.";
/// No attribute's value can be longer (`XATTR_SIZE_MAX`).
const VALUE_BYTES_MAX: usize = 65_536;
/// So many conflicts are told at a time.
const CONFLICTS_AT_A_TIME: usize = 128;

/// Whether a name on an inode is one that never reaches the file system.
pub(super) fn is_reserved(ino: Ino, name: &OsStr) -> bool {
    let of_any = [FETCH_ATTRIBUTE, FETCHING_ATTRIBUTE, USAGE_ATTRIBUTE];
    let is_of_any = of_any.iter().any(|of_any| name == *of_any);
    is_of_any || ino == Ino::ROOT && name.as_bytes().starts_with(RESERVED)
}

/// What only the mount knows, and who may ask.
#[derive(Debug)]
pub(super) struct Control {
    mountpoint: PathBuf,
    owner_uid: u32,
    since: i64,
    /// Requests to bring something back. A leaf: nothing else is locked while this is.
    undeletes: Mutex<VecDeque<UndeleteRequest>>,
}

impl Control {
    /// For a mount made just now, by this process and its user.
    pub(super) fn new(mountpoint: PathBuf) -> Self {
        Self {
            mountpoint,
            owner_uid: rustix::process::getuid().as_raw(),
            since: Time::now().secs,
            undeletes: Mutex::default(),
        }
    }

    /// The value of a reserved attribute.
    pub(super) fn get(
        &self,
        contents: &Contents,
        who: &Request,
        ino: Ino,
        name: &OsStr,
    ) -> Result<Vec<u8>, Errno> {
        let files = &contents.files;
        self.check(who)?;
        if let Some(token) = name.to_str().and_then(|name| name.strip_prefix(UNDELETE_ATTRIBUTE)) {
            let answer = self.undelete(contents, token)?;
            return serde_json::to_vec(&answer).map_err(|_| Errno::EIO);
        }
        if name == FETCH_ATTRIBUTE {
            files.fetch_file(ino)?;
        }
        if name == FETCH_ATTRIBUTE || name == FETCHING_ATTRIBUTE {
            return serde_json::to_vec(&files.fetch_of_file(ino)?).map_err(|_| Errno::EIO);
        }
        if name == COLLECT_ATTRIBUTE {
            return serde_json::to_vec(&files.last_collected()).map_err(|_| Errno::EIO);
        }
        if name == SLOTS_ATTRIBUTE {
            let slots = files.slots().map_err(|_| Errno::EIO)?;
            return serde_json::to_vec(&slots).map_err(|_| Errno::EIO);
        }
        if let Some(first) = name.as_bytes().strip_prefix(CONFLICTS_ATTRIBUTE.as_bytes()) {
            let first = std::str::from_utf8(first).ok().and_then(|first| first.parse().ok());
            return conflicts_from(files, first.ok_or(Errno::EINVAL)?);
        }
        if name != STATUS_ATTRIBUTE {
            return Err(Errno::NO_XATTR);
        }
        let mut status = files.status();
        status.mountpoint = self.mountpoint.display().to_string();
        status.pid = std::process::id();
        status.mounted_since = self.since;
        to_json(status)
    }

    /// Does what setting a reserved attribute asks for.
    pub(super) fn set(
        &self,
        files: &FileSystem,
        who: &Request,
        name: &OsStr,
        value: &[u8],
    ) -> Result<(), Errno> {
        self.check(who)?;
        if name == PUBLISH_ATTRIBUTE {
            return Ok(files.publish()?);
        }
        if name == UNDELETE_ATTRIBUTE {
            let request = serde_json::from_slice(value).map_err(|_| Errno::EINVAL)?;
            let mut undeletes = self.undeletes();
            if undeletes.len() >= UNDELETES_KEPT {
                undeletes.pop_front();
            }
            undeletes.push_back(request);
            return Ok(());
        }
        if name == ADD_SLOT_ATTRIBUTE {
            let new = NewSlot::parse(value).map_err(|_| Errno::EINVAL)?;
            return files.add_slot(&new).map_err(|error| slot_errno(&error));
        }
        if name != COLLECT_ATTRIBUTE {
            return Err(Errno::EPERM);
        }
        let history = match value {
            [] => files.history().ok_or(Errno::EROFS)?,
            secs => {
                let secs = std::str::from_utf8(secs).ok().and_then(|secs| secs.parse().ok());
                Duration::from_secs(secs.ok_or(Errno::EINVAL)?)
            }
        };
        Ok(files.collect(history).map(drop)?)
    }

    fn undeletes(&self) -> MutexGuard<'_, VecDeque<UndeleteRequest>> {
        self.undeletes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings back what was asked for, and has the kernel hear of it.
    fn undelete(&self, contents: &Contents, token: &str) -> Result<UndeleteAnswer, Errno> {
        let token = token.strip_prefix('.').ok_or(Errno::NO_XATTR)?;
        let request = {
            let mut undeletes = self.undeletes();
            let at = undeletes.iter().position(|request| request.token == token);
            at.and_then(|at| undeletes.remove(at)).ok_or(Errno::NO_XATTR)?
        };
        let done = match contents.files.undelete(&request.path, request.at.as_ref()) {
            Ok(done) => done,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let (told, heard) = mpsc::channel();
        let (outside, changes) = (contents.outside.clone(), done.changes.clone());
        // The kernel may wait for requests in flight, which this thread may have to answer.
        let started = thread::Builder::new().name("hushfs-undelete".into()).spawn(move || {
            outside.tell(&changes);
            let _ = told.send(());
        });
        match started {
            Ok(_) => drop(heard.recv_timeout(FORGET_WITHIN)),
            Err(error) => log::warn!("no thread to tell the kernel with: {error}"),
        }
        Ok(Ok(done))
    }

    /// Whether this user may ask.
    pub(super) fn check(&self, who: &Request) -> Result<(), Errno> {
        if who.uid() == self.owner_uid || who.uid() == 0 { Ok(()) } else { Err(Errno::EPERM) }
    }
}

/// The error number of why no slot was added; the log says more.
fn slot_errno(error: &SlotChangeError) -> Errno {
    log::warn!("no slot was added: {error}");
    match error {
        SlotChangeError::Store(StoreError::Full(_)) => Errno::ENOSPC,
        SlotChangeError::Store(StoreError::Exists(_)) => Errno::EEXIST,
        SlotChangeError::NotThisVault(_) => Errno::ENODEV,
        SlotChangeError::TooMany => Errno::EMLINK,
        SlotChangeError::Unfit(_) => Errno::EINVAL,
        SlotChangeError::Store(_) | SlotChangeError::NotReadBack(_) => Errno::EIO,
    }
}

/// Conflicts as JSON, as many as fit into an attribute.
fn conflicts_from(files: &FileSystem, first: usize) -> Result<Vec<u8>, Errno> {
    let mut told = files.conflicts(first, CONFLICTS_AT_A_TIME)?;
    loop {
        let json = serde_json::to_vec(&told).map_err(|_| Errno::EIO)?;
        if json.len() <= VALUE_BYTES_MAX {
            return Ok(json);
        }
        // One fits: its paths are cut, and everything else is short.
        told.conflicts.truncate(told.conflicts.len() / 2);
    }
}

/// The status as JSON, with so much of the damage left out that it fits into an attribute.
fn to_json(mut status: Status) -> Result<Vec<u8>, Errno> {
    loop {
        let json = serde_json::to_vec(&status).map_err(|_| Errno::EIO)?;
        if json.len() <= VALUE_BYTES_MAX {
            return Ok(json);
        }
        let keep = status.damage.len() / 2;
        if keep == 0 {
            return Err(Errno::E2BIG);
        }
        status.damage.truncate(keep - 1);
        status.damage.push("and more: see the log".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_with_endless_damage_still_fits_into_an_attribute() {
        let status = Status { damage: vec!["x".repeat(100); 5000], ..Status::default() };
        let json = to_json(status).unwrap();
        assert!(json.len() <= VALUE_BYTES_MAX);
        let back: Status = serde_json::from_slice(&json).unwrap();
        assert!(back.damage.len() > 100);
        assert_eq!(back.damage.last().unwrap(), "and more: see the log");
    }

    #[test]
    fn only_the_root_has_reserved_names_but_for_a_few() {
        assert!(is_reserved(Ino::ROOT, OsStr::new(STATUS_ATTRIBUTE)));
        assert!(is_reserved(Ino::ROOT, OsStr::new("system.hushfs.other")));
        assert!(!is_reserved(Ino(2), OsStr::new(STATUS_ATTRIBUTE)));
        assert!(!is_reserved(Ino::ROOT, OsStr::new("user.hushfs.status")));
        assert!(is_reserved(Ino(2), OsStr::new(FETCH_ATTRIBUTE)));
        assert!(is_reserved(Ino(2), OsStr::new(FETCHING_ATTRIBUTE)));
        assert!(is_reserved(Ino(2), OsStr::new(USAGE_ATTRIBUTE)));
        assert!(!is_reserved(Ino(2), OsStr::new("system.hushfs.fetched")));
    }
}
