//! `mount --lock-on-suspend`: the vault is locked before the machine sleeps.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::desktop::{Prepared, SleepError, SleepNotice, notify};
use crate::fuse::{Locker, StillMounted, mount_at};

use super::holders::{Holder, holders};
use super::names::Shown as _;

/// Of the 5 seconds that logind waits for, what is left is for the vault.
const TRY_FOR: Duration = Duration::from_millis(1500);
const TRY_EVERY: Duration = Duration::from_millis(100);
/// So many of the programs that keep it unlocked are named.
const HOLDERS_SHOWN: usize = 3;

/// Locks the vault before each sleep of the machine; where that cannot be done, it says why, on the
/// desktop as well if `notifies`.
///
/// # Errors
/// [`SleepError`].
pub(super) fn lock_before_sleep(
    notice: SleepNotice,
    locker: Locker,
    mount_point: PathBuf,
    notifies: bool,
) -> Result<(), SleepError> {
    notice.call(move || match lock(&locker) {
        Ok(()) => Prepared::Ending,
        Err(stays) => {
            let why = in_words(&stays, &mount_point);
            log::warn!("not locked before sleep: {why}");
            if notifies {
                notify("Not locked before sleep", &format!("{}: {why}", mount_point.shown()));
            }
            Prepared::Ready
        }
    })
}

/// Tries again for a while: what looks through files, as indexes and previews do, holds each for moments.
fn lock(locker: &Locker) -> Result<(), StillMounted> {
    let until = Instant::now() + TRY_FOR;
    loop {
        match locker.lock() {
            Err(StillMounted::Busy(_)) if Instant::now() < until => thread::sleep(TRY_EVERY),
            locked => return locked,
        }
    }
}

/// Why it stays mounted; names programs, and no files.
fn in_words(stays: &StillMounted, mount_point: &Path) -> String {
    match stays {
        StillMounted::Busy(_) => {
            let mount = mount_at(mount_point).ok().flatten();
            let holders = mount.map(|mount| holders(mount_point, mount.device));
            users(&holders.unwrap_or_default())
        }
        StillMounted::Refused { why, .. } => why.clone(),
    }
}

fn users(holders: &[Holder]) -> String {
    let named = holders.iter().take(HOLDERS_SHOWN);
    let mut names: Vec<String> =
        named.map(|Holder { pid, name, .. }| format!("{} (process {pid})", name.shown())).collect();
    match holders.len() {
        // Not everybody may look at everybody's programs.
        0 => return "something in it is open; “hushfs unmount” says in which programs".to_owned(),
        count if count > HOLDERS_SHOWN => names.push(format!("{} more", count - HOLDERS_SHOWN)),
        _ => {}
    }
    format!("something in it is open in {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_named_and_files_are_not() {
        let holder = |pid| Holder { pid, name: "vim".to_owned(), path: "/mnt/secret".into() };
        let text = users(&[holder(1), holder(2)]);
        assert_eq!(text, "something in it is open in vim (process 1), vim (process 2)");
        let text = users(&(1..=5).map(holder).collect::<Vec<_>>());
        assert!(text.ends_with("vim (process 3), 2 more"), "{text}");
        assert!(users(&[]).contains("“hushfs unmount” says"));
    }
}
