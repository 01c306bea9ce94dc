//! One mount, from the first request to the last; whatever ends it, the file system is shut down.

use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvError, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use fuser::{Config, SessionACL};

use super::adapter::Adapter;
use super::dispatch::Dispatch;
use super::idle::{Activity, IdleWatch};
use super::kernel::THREADS;
use super::permissions::Permissions;
use super::signals::Signals;
use super::unmount::{MountPoint, StillMounted, Unmounted};
use crate::fs::{FileSystem, FsError};

/// How long requests may go on after we have unmounted: files that are still open, or copies of
/// the mount in other namespaces, could keep the session for ever.
const GRACE: Duration = Duration::from_millis(500);

/// Why a session did not begin. The mount is gone again.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The kernel and we could not agree on a protocol.
    #[error("FUSE does not answer as it should: {0}")]
    Handshake(io::Error),
    /// No signal handlers, no threads.
    #[error("the system refuses: {0}")]
    System(io::Error),
    /// The kernel was answered, and did not mount.
    #[error("nothing is mounted: {0}")]
    NotMounted(String),
}

/// A mount that answers.
pub struct Session {
    /// To be answered from [`Session::run`] on; none where that has begun already.
    requests: Option<fuser::Session<Dispatch>>,
    mount_point: MountPoint,
    files: Arc<FileSystem>,
    signals: Signals,
    activity: Activity,
    idle_limit: Option<Duration>,
    tell: Sender<Event>,
    events: Receiver<Event>,
}

/// Has a session end from elsewhere in the process.
#[derive(Clone, Debug)]
pub struct Locker {
    tell: Sender<Event>,
}

impl Locker {
    /// Unmounts, if nothing in it is in use; the session then ends, and what is not in the vault yet goes
    /// there. What stays mounted is published.
    ///
    /// # Errors
    /// [`StillMounted`].
    pub fn lock(&self) -> Result<(), StillMounted> {
        let (answer, answered) = mpsc::channel();
        // Nobody listens, or answers, once the session has ended.
        match self.tell.send(Event::Lock(answer)) {
            Ok(()) => answered.recv().unwrap_or(Ok(())),
            Err(_) => Ok(()),
        }
    }
}

#[derive(Debug)]
enum Event {
    /// No more requests will come, or none can be answered.
    Ended(io::Result<()>),
    /// A signal asks to end.
    Asked,
    /// To end if nothing is in use; how that went is the answer.
    Lock(Sender<Result<(), StillMounted>>),
}

impl Session {
    /// Agrees with the kernel on how to talk. From here on SIGTERM, SIGINT and SIGHUP no longer
    /// end the process: [`Session::run`] minds them. `permissions` as it was mounted with;
    /// `shows_history` for a folder of earlier states.
    ///
    /// # Errors
    /// [`SessionError`]; the mount is gone then, and `files` not yet shut down.
    pub fn start(
        device: OwnedFd,
        mount_point: MountPoint,
        files: Arc<FileSystem>,
        permissions: Permissions,
        shows_history: bool,
    ) -> Result<Self, SessionError> {
        let asked = mount_point.await_request(&device).map_err(SessionError::NotMounted);
        let caught = asked.and_then(|()| Signals::catch().map_err(SessionError::System));
        let started = caught.and_then(|signals| {
            let path = mount_point.path().to_owned();
            let adapter = Adapter::new(files.clone(), path, permissions, shows_history);
            let notifier = adapter.notifier();
            let outside = adapter.outside();
            files.listen(move |changes| outside.tell(changes));
            // Who gets in is the kernel's to decide, by `allow_other`.
            device
                .try_clone()
                .map(|polled| Dispatch::new(adapter, polled))
                .and_then(|dispatch| {
                    let activity = dispatch.activity();
                    let all = SessionACL::All;
                    let requests = fuser::Session::from_fd(dispatch, device, all, config())?;
                    Ok((activity, requests))
                })
                .map(|(activity, requests)| {
                    // Nobody else sets it, and only the first session is given this one.
                    let _ = notifier.set(requests.notifier());
                    (signals, activity, requests)
                })
                .map_err(SessionError::Handshake)
        });
        match started {
            Ok((signals, activity, requests)) => {
                let (tell, events) = mpsc::channel();
                let requests = match mount_point.is_awaited() {
                    true => {
                        spawn_requests(requests, tell.clone()).map_err(SessionError::System)?;
                        mount_point.wait().map_err(SessionError::NotMounted)?;
                        None
                    }
                    false => Some(requests),
                };
                mount_point.read_further_ahead();
                let idle_limit = None;
                Ok(Self {
                    requests,
                    mount_point,
                    files,
                    signals,
                    activity,
                    idle_limit,
                    tell,
                    events,
                })
            }
            Err(error) => {
                detach(&mount_point);
                Err(error)
            }
        }
    }

    /// Has it end by itself once no request has come for so long, and nothing in it is in use.
    #[must_use]
    pub fn ending_when_idle(mut self, limit: Option<Duration>) -> Self {
        self.idle_limit = limit;
        self
    }

    /// What has it end from elsewhere.
    pub fn locker(&self) -> Locker {
        Locker { tell: self.tell.clone() }
    }

    /// Where it is mounted, absolute and free of symbolic links.
    pub fn mount_point(&self) -> &Path {
        self.mount_point.path()
    }

    /// Unmounts again without having answered anything; `files` is not shut down.
    pub fn abandon(self) {
        detach(&self.mount_point);
    }

    /// Answers requests until the mount is gone: unmounted by whomever, or by us after a signal.
    /// Then, whatever happened, shuts the file system down.
    ///
    /// # Errors
    /// [`FileSystem::shut_down`]'s.
    pub fn run(self) -> Result<(), FsError> {
        let Self { requests, mount_point, files, signals, activity, idle_limit, tell, events } =
            self;
        let idle = idle_limit.map(|limit| IdleWatch::new(activity, limit));
        let begun = requests.map_or(Ok(()), |requests| spawn_requests(requests, tell.clone()));
        let started = begun
            .and_then(|()| spawn_signals(signals, tell))
            .map_err(|error| log::error!("no threads: {error}"));
        if started.is_ok() {
            wait(&events, idle, &mount_point, &files);
        }
        detach(&mount_point);
        // The last of our descriptors: without a thread to answer, requests fail from here on.
        drop(mount_point);
        files.shut_down()
    }
}

fn config() -> Config {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut config = Config::default();
    config.n_threads = Some(cores.clamp(*THREADS.start(), *THREADS.end()));
    config
}

fn spawn_requests(requests: fuser::Session<Dispatch>, tell: Sender<Event>) -> io::Result<()> {
    thread::Builder::new()
        .name("hushfs-requests".to_owned())
        .spawn(move || {
            let ended = catch_unwind(AssertUnwindSafe(|| requests.run()))
                .unwrap_or_else(|_| Err(io::Error::other("a panic in the session")));
            // Nobody listens any more once the mount was given up.
            let _ = tell.send(Event::Ended(ended));
        })
        .map(drop)
}

fn spawn_signals(signals: Signals, tell: Sender<Event>) -> io::Result<()> {
    thread::Builder::new()
        .name("hushfs-signals".to_owned())
        .spawn(move || while signals.wait().is_ok() && tell.send(Event::Asked).is_ok() {})
        .map(drop)
}

/// Returns once no request needs an answer any more.
fn wait(
    events: &Receiver<Event>,
    mut idle: Option<IdleWatch>,
    mount_point: &MountPoint,
    files: &FileSystem,
) {
    let event = loop {
        let pause = idle.as_ref().map(IdleWatch::pause);
        let event = match pause {
            Some(pause) => events.recv_timeout(pause),
            None => events.recv().map_err(|RecvError| RecvTimeoutError::Disconnected),
        };
        match event {
            // Once it is unmounted, no more requests come.
            Ok(Event::Lock(answer)) => {
                // Whoever asked may have given up.
                let _ = answer.send(lock(mount_point, files));
                continue;
            }
            Ok(event) => break Some(event),
            Err(RecvTimeoutError::Disconnected) => break None,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if let Some(watch) = &mut idle
            && watch.is_idle(Instant::now())
            && !end_idle(mount_point, files)
        {
            watch.start_anew(Instant::now());
        }
    };
    match event {
        Some(Event::Asked) => {
            log::info!("asked to end: unmounting {}", mount_point.path().display());
            end(events, mount_point, files);
        }
        Some(Event::Ended(Err(error))) => log::error!("the session broke off: {error}"),
        Some(Event::Ended(Ok(())) | Event::Lock(_)) | None => {}
    }
}

/// Unmounts, if nothing is in use; else publishes what there is.
fn lock(mount_point: &MountPoint, files: &FileSystem) -> Result<(), StillMounted> {
    let covered = || StillMounted::Refused {
        path: mount_point.path().to_owned(),
        why: "something else is mounted on it".to_owned(),
    };
    let stays = match mount_point.unmount(false) {
        Ok(Unmounted::Done) => return Ok(()),
        // Somebody else was faster; the session ends.
        Ok(Unmounted::NotOnTop) if !mount_point.lives() => return Ok(()),
        Ok(Unmounted::NotOnTop) => covered(),
        Err(stays) => stays,
    };
    mount_point.sync();
    if let Err(error) = files.publish() {
        log::warn!("publish: {error}");
    }
    Err(stays)
}

/// Publishes and unmounts, if nothing is in use and the vault takes everything; says whether it did. The
/// end of the session follows then.
fn end_idle(mount_point: &MountPoint, files: &FileSystem) -> bool {
    if files.has_open_files() {
        return false;
    }
    let status = files.status();
    let published = match files.publish() {
        Err(FsError::ReadOnly(_)) if status.unpublished_operations == 0 => Ok(()),
        published => published,
    };
    let unmounted = match published {
        Ok(()) => mount_point.unmount(false),
        Err(error) => {
            log::warn!("stays mounted, though nobody uses it: {error}");
            return false;
        }
    };
    match unmounted {
        // Something else is mounted on it, so it is not unused.
        Ok(Unmounted::NotOnTop) => false,
        Ok(Unmounted::Done) => {
            log::info!("unused: unmounted {}", mount_point.path().display());
            true
        }
        // A shell in it, say, or another mount.
        Err(StillMounted::Busy(_)) => false,
        Err(error) => {
            log::warn!("{error}");
            false
        }
    }
}

/// Unmounts, and gives the last requests a moment.
fn end(events: &Receiver<Event>, mount_point: &MountPoint, files: &FileSystem) {
    match mount_point.unmount(false) {
        Ok(Unmounted::Done) => {}
        Ok(Unmounted::NotOnTop) => {
            log::warn!("{}: not ours to unmount", mount_point.path().display());
        }
        Err(error) => {
            if !matches!(error, StillMounted::Busy(_)) {
                log::warn!("{error}");
            }
            // Open files are cut off. What was written so far goes to the vault first.
            mount_point.sync();
            if let Err(error) = files.publish() {
                log::error!("publish: {error}");
            }
            detach(mount_point);
        }
    }
    let until = Instant::now() + GRACE;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match events.recv_timeout(left) {
            Ok(Event::Asked | Event::Lock(_)) => {}
            Ok(Event::Ended(_)) | Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                log::warn!("files are still open in the mount that was ended");
                return;
            }
        }
    }
}

/// Takes the mount away, if it is still there and ours, even while files are open.
fn detach(mount_point: &MountPoint) {
    if let Err(error) = mount_point.unmount(true) {
        log::error!("{error}");
    }
}
