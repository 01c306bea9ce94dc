//! Tells the kernel what other devices have changed, so that it forgets what it remembers of that.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, OnceLock};
use std::thread;

use fuser::{INodeNo, Notifier};

use super::caching::OpenHandles;
use crate::format::Ino;
use crate::fs::OutsideChanges;

/// What it takes to tell the kernel.
#[derive(Clone)]
pub(super) struct Outside {
    pub(super) handles: Arc<OpenHandles>,
    pub(super) notifier: Arc<OnceLock<Notifier>>,
}

impl Outside {
    /// Has the kernel drop names, attributes and pages. It may wait for requests in flight, so
    /// whoever calls holds no lock that one of those needs.
    pub(super) fn tell(&self, changes: &OutsideChanges) {
        let Some(notifier) = self.notifier.get() else { return };
        for (folder, name) in &changes.names {
            noted(notifier.inval_entry(INodeNo(folder.0), OsStr::from_bytes(name)));
        }
        for ino in &changes.inodes {
            self.forget(notifier, *ino);
        }
    }

    fn forget(&self, notifier: &Notifier, ino: Ino) {
        // Whoever is giving the kernel content may have read it before the change. Not held for
        // longer: requests that wait for that must not keep others from an answer.
        drop(self.handles.hold(ino));
        noted(notifier.inval_inode(INodeNo(ino.0), 0, 0));
    }
}

/// Has the kernel drop what it holds on to until it has an answer. Its thread waits for that; those
/// that answer must not.
#[derive(Debug, Default)]
pub(super) struct Afterwards(OnceLock<Option<Sender<Ino>>>);

impl Afterwards {
    /// Has it forget the attributes and the pages of `ino`.
    pub(super) fn forget(&self, ino: Ino, outside: impl FnOnce() -> Outside) {
        let tell = self.0.get_or_init(|| {
            let (tell, told) = mpsc::channel();
            let outside = outside();
            let started = thread::Builder::new().name("hushfs-forget".into()).spawn(move || {
                for ino in told {
                    if let Some(notifier) = outside.notifier.get() {
                        outside.forget(notifier, ino);
                    }
                }
            });
            started.inspect_err(|error| log::error!("no thread to forget with: {error}")).ok()?;
            Some(tell)
        });
        if let Some(tell) = tell {
            // Its thread ends when this is dropped.
            let _ = tell.send(ino);
        }
    }
}

/// What the kernel does not remember it cannot forget.
fn noted(told: io::Result<()>) {
    match told {
        Err(error) if error.kind() != io::ErrorKind::NotFound => log::debug!("inval: {error}"),
        _ => {}
    }
}
