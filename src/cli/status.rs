//! `hushfs status`: what a mount tells of itself, at a glance or as JSON.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use serde::Serialize;

use super::answer::{NoAnswer, answer};
use super::error::Error;
use super::host::NO_XATTR;
use super::names::{Shown as _, one_line};
use super::output::show;
use super::units::{ago, bytes, counted};
use crate::format::Time;
use crate::fs::{FetchStatus, Status};
use crate::fuse::{MountInfo, STATUS_ATTRIBUTE, absolute_path, hushfs_mounts, is_dead, mount_at};

/// Why a mount's status is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The path cannot be looked at.
    #[error("{path}: {why}")]
    Path {
        /// The path.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// Nothing is mounted there.
    #[error("{0}: nothing is mounted here")]
    NotMountPoint(PathBuf),
    /// Something else is mounted there.
    #[error("{path}: this mount is not a vault's (its type is {fs_type})")]
    NotOurs {
        /// The path.
        path: PathBuf,
        /// What is mounted.
        fs_type: String,
    },
    /// The mount is another user's.
    #[error("{0}: another user has mounted this: only they and root can ask about it")]
    NotAllowed(PathBuf),
    /// The daemon is gone.
    #[error("{path}: its daemon has ended; clear it away with: hushfs unmount {path}")]
    Dead {
        /// The path.
        path: PathBuf,
    },
    /// It answers in a way that this version does not know.
    #[error(
        "{0}: another version of hushfs has mounted this, and they do not understand each other"
    )]
    NotUnderstood(PathBuf),
}

/// One of a user's mounts.
#[derive(Debug)]
pub struct UserMount {
    /// Where it is.
    pub mount_point: PathBuf,
    /// What it tells, or why it does not.
    pub status: Result<Status, StatusError>,
}

/// What can be said of a vault that is not mounted.
#[derive(Clone, Debug, Serialize)]
pub struct LockedVault {
    /// The vault folder.
    pub vault: String,
    /// Its id, in hex.
    pub vault_id: String,
    /// Packs and log objects in it.
    pub objects: u64,
    /// Bytes of those.
    pub object_bytes: u64,
    /// Ways to unlock.
    pub slots: u64,
    /// Whether this device's keyring has a key for it.
    pub remembered: bool,
    /// This device's state folder, if it has one.
    pub state_folder: Option<String>,
    /// Whether something in the state folder is not in the vault yet.
    pub unpublished: bool,
}

/// The mount of a vault at a path, and that path, absolute and free of symbolic links.
///
/// # Errors
/// [`StatusError::Path`], [`StatusError::NotMountPoint`] or [`StatusError::NotOurs`].
pub fn vault_mount(mountpoint: &Path) -> Result<(PathBuf, MountInfo), StatusError> {
    let of_path = |why: io::Error| StatusError::Path { path: mountpoint.to_owned(), why };
    let path = absolute_path(mountpoint).map_err(of_path)?;
    match mount_at(&path).map_err(of_path)? {
        None => Err(StatusError::NotMountPoint(path)),
        Some(top) if !top.is_hushfs() => Err(StatusError::NotOurs { path, fs_type: top.fs_type }),
        Some(top) => Ok((path, top)),
    }
}

/// Asks the daemon of a mount.
///
/// # Errors
/// [`StatusError`].
pub fn status_of_mount(mountpoint: &Path) -> Result<Status, StatusError> {
    let (path, _) = vault_mount(mountpoint)?;
    if is_dead(&path) {
        return Err(StatusError::Dead { path });
    }
    answer(&path, STATUS_ATTRIBUTE).map_err(|error| match error {
        NoAnswer::NotUnderstood(_) => StatusError::NotUnderstood(path),
        NoAnswer::Refused(errno) => match errno {
            Errno::PERM | Errno::ACCESS => StatusError::NotAllowed(path),
            Errno::NOTCONN | Errno::CONNABORTED => StatusError::Dead { path },
            NO_XATTR | Errno::NOTSUP => StatusError::NotUnderstood(path),
            error => StatusError::Path { path: mountpoint.to_owned(), why: error.into() },
        },
    })
}

/// The mounts of this user; for root, everybody's.
///
/// # Errors
/// If `/proc` is not there.
pub fn mounts_of_user() -> io::Result<Vec<UserMount>> {
    let told =
        |mount_point: PathBuf| UserMount { status: status_of_mount(&mount_point), mount_point };
    Ok(mount_points_of_user()?.into_iter().map(told).collect())
}

/// Where this user has mounted something; for root, where anybody has.
///
/// # Errors
/// If `/proc` is not there.
pub(super) fn mount_points_of_user() -> io::Result<Vec<PathBuf>> {
    let me = rustix::process::getuid();
    let mut mounts = hushfs_mounts()?;
    mounts.retain(|mount| me.is_root() || mount.owner_uid == Some(me.as_raw()));
    Ok(mounts.into_iter().map(|mount| mount.mount_point).collect())
}

/// Shows one mount's status.
///
/// # Errors
/// If standard output does not take it.
pub fn print_status(status: &Status, json: bool) -> Result<(), Error> {
    show(status, json, || described(status, Time::now().secs))
}

/// Shows the mounts of a user, one after the other; as JSON, a list of those that answer.
///
/// # Errors
/// If standard output does not take it.
pub fn print_mounts(mounts: &[UserMount], json: bool) -> Result<(), Error> {
    let now = Time::now().secs;
    let told: Vec<&Status> = mounts.iter().filter_map(|m| m.status.as_ref().ok()).collect();
    let text_of = |mount: &UserMount| match &mount.status {
        Ok(status) => described(status, now),
        Err(error) => format!("{}\n", one_line(&error.to_string())),
    };
    show(&told, json, || match mounts {
        [] => "no vault is mounted\n".to_owned(),
        mounts => mounts.iter().map(text_of).collect::<Vec<_>>().join("\n"),
    })
}

/// Shows a vault that is not mounted.
///
/// # Errors
/// If standard output does not take it.
pub fn print_locked(vault: &LockedVault, json: bool) -> Result<(), Error> {
    show(vault, json, || described_locked(vault))
}

/// Lines of a heading and a text, the texts below each other.
fn aligned(lines: &[(&str, String)]) -> String {
    let width = lines.iter().map(|(head, _)| head.len()).max().unwrap_or(0);
    lines.iter().map(|(head, text)| format!("{head:width$}  {}\n", text.shown())).collect()
}

pub(super) fn described(status: &Status, now: i64) -> String {
    let mut lines = vec![
        ("mounted at", status.mountpoint.clone()),
        ("vault", status.vault.clone()),
        ("since", format!("{} (process {})", ago(status.mounted_since, now), status.pid)),
        (
            "holds",
            format!("{}, {}", counted(status.files, "file", "files"), bytes(status.content_bytes)),
        ),
        ("in the vault", in_the_vault(status)),
        ("not yet there", not_yet_there(status)),
    ];
    if let Some(last) = status.last_publish {
        lines.push(("last published", ago(last, now)));
    }
    if let Some(why) = &status.publish_error {
        lines.push(("PUBLISH FAILS", why.clone()));
        let limit = bytes(status.waiting_limit_bytes);
        lines.push(("", format!("what is written waits on this machine, up to {limit}")));
    }
    if let Some(why) = &status.read_only {
        lines.push(("READ-ONLY", why.clone()));
    }
    if status.conflicts > 0 {
        let copies = counted(status.conflicts, "conflict copy", "conflict copies");
        lines.push(("CONFLICTS", format!("{copies}: “hushfs conflicts” lists them")));
    }
    lines.push(("unlocked by", counted(status.slots, "slot", "slots")));
    for device in &status.devices {
        let this = if device.this_device { " (this one)" } else { "" };
        let seen = ago(device.last_seen, now);
        lines.push(("device", format!("{}{this}, wrote {seen}", device.name)));
    }
    for sentence in &status.notes {
        lines.push(("note", sentence.clone()));
    }
    for sentence in &status.not_arrived {
        lines.push(("not arrived", sentence.clone()));
    }
    lines.extend(fetches(status, now));
    lines.extend(status.copies.iter().map(|sentence| ("copy", sentence.clone())));
    lines.extend(status.strangers.iter().map(|path| ("not used", path.clone())));
    for sentence in &status.damage {
        lines.push(("DAMAGE", sentence.clone()));
    }
    aligned(&lines)
}

fn fetches(status: &Status, now: i64) -> Vec<(&'static str, String)> {
    let FetchStatus { packs, done_bytes, all_bytes, since, failed } = &status.fetches;
    let mut lines = Vec::new();
    if let Some(since) = since {
        let packs = counted(*packs, "pack", "packs");
        let (done, all, begun) = (bytes(*done_bytes), bytes(*all_bytes), ago(*since, now));
        lines.push(("fetching", format!("{packs}, {done} of {all}, begun {begun}")));
    }
    lines.extend(failed.iter().map(|sentence| ("NOT FETCHED", sentence.clone())));
    lines
}

fn in_the_vault(status: &Status) -> String {
    let mut text =
        format!("{}, {}", counted(status.objects, "object", "objects"), bytes(status.object_bytes));
    let parts = [
        (status.dead_bytes, "padding, footers and what is dead"),
        (status.history_bytes, "of packs kept for the history"),
        (status.history_log_bytes, "of log objects kept for the history"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<_> = parts.map(|(count, what)| format!("{} {what}", bytes(count))).collect();
    if !parts.is_empty() {
        text.push_str(&format!(" ({})", parts.join(", ")));
    }
    text
}

fn not_yet_there(status: &Status) -> String {
    match (status.unpublished_operations, status.unpublished_bytes) {
        (0, 0) => "nothing: all is in the vault".to_owned(),
        (operations, content) => {
            format!("{}, {}", counted(operations, "change", "changes"), bytes(content))
        }
    }
}

fn described_locked(vault: &LockedVault) -> String {
    let waiting = match (&vault.state_folder, vault.unpublished) {
        (None, _) => "nothing from this device: it has not mounted this vault".to_owned(),
        (Some(_), false) => "nothing: all is in the vault".to_owned(),
        (Some(folder), true) => format!("changes wait in {folder}: mount it to bring them in"),
    };
    let locked = match vault.remembered {
        true => "not mounted; this device remembers how to unlock it",
        false => "not mounted",
    };
    aligned(&[
        ("vault", vault.vault.clone()),
        ("locked", locked.to_owned()),
        (
            "in the vault",
            format!(
                "{}, {}",
                counted(vault.objects, "object", "objects"),
                bytes(vault.object_bytes)
            ),
        ),
        ("not yet there", waiting),
        ("unlocked by", counted(vault.slots, "slot", "slots")),
        ("vault id", vault.vault_id.clone()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::DeviceStatus;

    fn sample() -> Status {
        Status {
            vault: "/home/ann/Drive/chats".to_owned(),
            mountpoint: "/home/ann/Chats".to_owned(),
            pid: 77,
            mounted_since: 1000,
            files: 12_345,
            content_bytes: 3_400_000_000,
            objects: 210,
            object_bytes: 3_500_000_000,
            dead_bytes: 1_200_000,
            history_bytes: 34_000,
            history_log_bytes: 5000,
            unpublished_operations: 3,
            unpublished_bytes: 4096,
            last_publish: Some(1000),
            slots: 2,
            devices: vec![DeviceStatus {
                id: "00".to_owned(),
                name: "laptop".to_owned(),
                last_seq: 4,
                last_seen: 1060,
                this_device: true,
            }],
            ..Status::default()
        }
    }

    #[test]
    fn a_status_reads_at_a_glance() {
        let expected = "\
mounted at      /home/ann/Chats
vault           /home/ann/Drive/chats
since           2 minutes ago (process 77)
holds           12,345 files, 3.4 GB
in the vault    210 objects, 3.5 GB (1.2 MB padding, footers and what is dead, 34 kB of packs kept for the history, 5.0 kB of log objects kept for the history)
not yet there   3 changes, 4.1 kB
last published  2 minutes ago
unlocked by     2 slots
device          laptop (this one), wrote 1 minute ago
";
        assert_eq!(described(&sample(), 1120), expected);
    }

    #[test]
    fn what_is_wrong_stands_out() {
        let status = Status {
            publish_error: Some("no space left".to_owned()),
            conflicts: 2,
            read_only: Some("the disk failed".to_owned()),
            damage: vec!["a.txt: pack missing".to_owned()],
            fetches: FetchStatus {
                packs: 2,
                done_bytes: 3_100_000,
                all_bytes: 32_000_000,
                since: Some(1000),
                failed: vec!["data/aa/1.pack: no".to_owned()],
            },
            ..sample()
        };
        let text = described(&status, 1120);
        for line in [
            "PUBLISH FAILS   no space left\n",
            "READ-ONLY       the disk failed\n",
            "CONFLICTS       2 conflict copies: “hushfs conflicts” lists them\n",
            "fetching        2 packs, 3.1 MB of 32 MB, begun 2 minutes ago\n",
            "NOT FETCHED     data/aa/1.pack: no\n",
            "DAMAGE          a.txt: pack missing\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn a_locked_vault_says_what_waits_for_it() {
        let vault = LockedVault {
            vault: "/v".to_owned(),
            vault_id: "ab".to_owned(),
            objects: 1,
            object_bytes: 0,
            slots: 1,
            remembered: true,
            state_folder: Some("/s".to_owned()),
            unpublished: true,
        };
        let text = described_locked(&vault);
        assert!(text.contains("changes wait in /s"), "{text}");
        assert!(text.contains("this device remembers"), "{text}");
        assert!(text.contains("1 object, 0 bytes"), "{text}");
    }
}
