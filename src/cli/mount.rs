//! `hushfs mount`: unlock, open, mount, and stay in the background until it is unmounted.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::desktop::{SleepNotice, has_session, sleep_can_be_noticed, tell_ready};
use crate::format::Time;
use crate::fs::{FileSystem, MountMode};
use crate::fuse::daemon::{self, Detacher, Role};
use crate::fuse::{self, Permissions, Session, harden, hushfs_mounts};
use crate::store::{HostDisk, LockHolder, StateLock, VaultFolder};

use super::args::MountArgs;
use super::ask::Terminal;
use super::descriptor::claimed_descriptor;
use super::device::{open_files, open_state, state_path};
use super::error::Error;
use super::host::EQUATES_NAME_FORMS;
use super::mount_options::{FETCH_LIMIT_DEFAULT, HISTORY_DEFAULT, MountOptions};
use super::names::Shown as _;
use super::notices::{show_refusal, show_troubles};
use super::output::say;
use super::past::open_past;
use super::reminder::remind;
use super::sleeping::lock_before_sleep;
use super::units::ago;
use super::unlock::{Unlocked, unlock};

/// What `umount` takes away still brings everything into the vault, unseen; a mount right after it
/// waits so long before it calls the vault in use.
const WAIT_FOR_UNMOUNTED: Duration = Duration::from_secs(30);
/// A device that has written so lately may still have the vault mounted.
const MOUNTED_STILL_SECS: i64 = 10 * 60;
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Mounts; returns when the mount is ready, or in the foreground when it has ended.
///
/// # Errors
/// [`Error`]; nothing is mounted then.
pub fn run(args: &MountArgs) -> Result<(), Error> {
    let options = args.resolved()?;
    if options.lock_on_suspend {
        sleep_can_be_noticed()?;
    }
    let tell = |error: &Error| {
        if options.notifies && Terminal::at_hand().is_none() {
            show_refusal(error, &args.mountpoint);
        }
    };
    if args.foreground {
        return mount(args, &options, None, None).inspect_err(tell);
    }
    let role = daemon::fork()
        .map_err(|source| Error::Io { doing: "going to the background".into(), source })?;
    match role {
        Role::Parent(code) => std::process::exit(code),
        Role::Child(detacher) => mount(args, &options, None, Some(detacher)).inspect_err(tell),
    }
}

/// Mounts a vault that is unlocked already, in the child of a fork; lets go of the terminal once the
/// mount is ready, and returns no more.
///
/// # Errors
/// [`Error`]; nothing is mounted then.
pub(super) fn mount_unlocked(
    args: &MountArgs,
    unlocked: Unlocked,
    detacher: Detacher,
) -> Result<(), Error> {
    mount(args, &args.resolved()?, Some(unlocked), Some(detacher))
}

fn mount(
    args: &MountArgs,
    options: &MountOptions,
    unlocked: Option<Unlocked>,
    detacher: Option<Detacher>,
) -> Result<(), Error> {
    // Locked memory is not inherited over a fork.
    harden::protect_memory();
    harden::drop_privileges();
    let vault_path = absolute(&args.vault)?;
    let mountpoint = absolute(&args.mountpoint)?;
    if mountpoint.starts_with(&vault_path) || vault_path.starts_with(&mountpoint) {
        return Err(Error::Usage(format!(
            "{} and {} must not be within each other: the vault is what a sync client uploads, \
             the mount point shows it unlocked",
            args.vault.shown(),
            args.mountpoint.shown()
        )));
    }
    let mode = match (options.read_only || args.at.is_some(), args.accept_rollback) {
        (true, _) => MountMode::ReadOnly,
        (false, true) => MountMode::AcceptRollback,
        (false, false) => MountMode::ReadWrite,
    };
    let mut source = vault_path.display().to_string();
    let files = match &args.at {
        Some(when) => {
            let (files, state) = open_past(&vault_path, &options.unlock, when)?;
            say(&format!("mounting the state of {state}"));
            // Whoever looks for the vault's mount does not mean this one.
            source.push_str(&format!("@{}", state.id()));
            files
        }
        None => open_now(&vault_path, args, options, unlocked, mode)?,
    };
    if let Some(bytes) = options.waiting_limit {
        files.limit_waiting(bytes);
    }
    files.collect_unasked(options.history.unwrap_or(HISTORY_DEFAULT));
    files.fetch_online_only(options.fetch_limit.unwrap_or(FETCH_LIMIT_DEFAULT));
    if options.equate_name_forms || EQUATES_NAME_FORMS {
        files.equate_name_forms();
    }
    let status = files.status();
    for sentence in status.damage.iter().filter(|said| Some(*said) != status.read_only.as_ref()) {
        say(sentence);
    }
    for sentence in status.notes.iter().chain(&status.not_arrived) {
        say(sentence);
    }
    for device in status.devices.iter().filter(|_| mode.writes()) {
        let since = Time::now().secs - device.last_seen;
        if !device.this_device && (0..MOUNTED_STILL_SECS).contains(&since) {
            let when = ago(device.last_seen, Time::now().secs);
            say(&format!("{} wrote {when}: it may have the vault mounted, too", device.name));
        }
    }
    if let Some(reason) = status.read_only.filter(|_| mode.writes()) {
        say(&format!("mounted read-only: {reason}"));
    }

    let before_sleep = "to lock a vault that is mounted";
    let sleep = options.lock_on_suspend.then(|| SleepNotice::begin(before_sleep)).transpose()?;
    let permissions = Permissions::needed(options.allow_other);
    let (device, mount_point) = fuse::mount(
        &mountpoint,
        &fuse::MountOptions {
            allow_other: options.allow_other,
            permissions,
            read_only: mode == MountMode::ReadOnly,
            suid: options.suid,
            dev: options.dev,
            noexec: !options.exec,
            source,
        },
    )?;
    if let Some(lock) = files.state_lock() {
        let mountpoint = mount_point.path().display().to_string();
        let told = lock.tell(&LockHolder { pid: std::process::id(), mountpoint });
        told.unwrap_or_else(|error| log::warn!("{error}"));
    }
    let shows_history = options.history_folder && args.at.is_none();
    let session = Session::start(device, mount_point, files.clone(), permissions, shows_history)?
        .ending_when_idle(options.idle);
    let begin = || {
        files.start_background()?;
        if let Some(notice) = sleep {
            let mount_point = session.mount_point().to_owned();
            lock_before_sleep(notice, session.locker(), mount_point, options.notifies)?;
        }
        if options.notifies && has_session() {
            let started = show_troubles(&files, session.mount_point().to_owned());
            started.unwrap_or_else(|error| log::warn!("no notifications: {error}"));
        }
        tell_ready();
        detacher
            .map_or(Ok(()), Detacher::detach)
            .map_err(|source| Error::Io { doing: "going to the background".into(), source })
    };
    let ready = begin();
    if let Err(error) = ready {
        session.abandon();
        files.shut_down()?;
        return Err(error);
    }
    let ended = session.run();
    if let Some(lock) = files.state_lock() {
        lock.let_go();
    }
    ended?;
    // Threads of a mount that is busy elsewhere may still wait for requests, others for a pack that
    // does not come: leave them behind.
    std::process::exit(0);
}

/// The vault as it is, as this machine's device.
fn open_now(
    vault_path: &Path,
    args: &MountArgs,
    options: &MountOptions,
    unlocked: Option<Unlocked>,
    mode: MountMode,
) -> Result<Arc<FileSystem>, Error> {
    let vault = VaultFolder::new(Arc::new(HostDisk), vault_path);
    let claimed = claimed_descriptor(vault_path, &vault)?;
    let state_path = state_path(options.state_dir.as_deref(), claimed.claimed_vault())?;
    refuse_if_in_use(vault_path, &state_path)?;
    let unlocked = match unlocked {
        Some(unlocked) => unlocked,
        None => unlock(vault_path, &vault, &options.unlock)?,
    };
    let (state, lock) = open_state(&state_path, mode)?;
    if let Some(state) = state.as_ref().filter(|_| mode.writes() && !args.no_reminder) {
        // Only where the command line itself says so: what mount(8) and fstab ask for asks nothing.
        if let (Some(key), Some(mut terminal)) = (&args.unlock.key_file, Terminal::at_hand()) {
            remind(&mut terminal, &vault, state, &unlocked.keys, key)?;
        }
    }
    open_files(vault, (state, lock), unlocked, mode)
}

/// Refuses before anybody types a password for nothing.
///
/// # Errors
/// [`Error::InUse`].
pub(super) fn refuse_if_in_use(vault: &Path, state: &Path) -> Result<(), Error> {
    let mounted = hushfs_mounts().unwrap_or_default();
    let elsewhere =
        mounted.iter().find(|mount| mount.source == vault && !fuse::is_dead(&mount.mount_point));
    let place = match (holder_that_stays(state), elsewhere) {
        (Some(LockHolder { pid, mountpoint }), _) if mountpoint.is_empty() => {
            format!("by process {pid}")
        }
        (Some(LockHolder { pid, mountpoint }), _) => {
            format!("mounted at {mountpoint} by process {pid}")
        }
        (None, Some(mount)) => format!("mounted at {}", mount.mount_point.shown()),
        (None, None) => return Ok(()),
    };
    Err(Error::InUse(format!("{} is in use on this machine: {place}", vault.shown())))
}

/// Who holds the lock, once what was unmounted already has had time to let go of it. A mount in
/// another namespace looks unmounted from here, hence the limit.
fn holder_that_stays(state: &Path) -> Option<LockHolder> {
    let until = Instant::now() + WAIT_FOR_UNMOUNTED;
    loop {
        let holder = StateLock::holder(state)?;
        let is_mounted = holder.mountpoint.is_empty()
            || !matches!(fuse::mount_at(Path::new(&holder.mountpoint)), Ok(None));
        if is_mounted || Instant::now() >= until {
            return Some(holder);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// A path that still means the same after leaving the working folder, and at the next login.
///
/// # Errors
/// [`Error::Io`] if there is no working folder.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, Error> {
    fuse::absolute_path(path)
        .or_else(|_| std::path::absolute(path))
        .map_err(|source| Error::Io { doing: format!("finding {}", path.shown()), source })
}
