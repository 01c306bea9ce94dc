//! What a mount shows on the desktop when it needs somebody. No name of any file is in it: a locked screen
//! shows it as well.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::desktop::notify;
use crate::fs::{FileSystem, OpenError, Trouble};

use super::error::Error;
use super::names::Shown as _;

/// How often is looked. What is over by the next time was none of anybody's business.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// What comes back within this time is the same trouble still.
const OVER_AFTER: Duration = Duration::from_secs(60 * 60);

/// Shows each trouble of a mount once, on a thread of its own.
///
/// # Errors
/// If there are no more threads.
pub(super) fn show_troubles(files: &Arc<FileSystem>, mount_point: PathBuf) -> io::Result<()> {
    let files = Arc::downgrade(files);
    let thread = thread::Builder::new().name("hushfs-notices".to_owned());
    thread.spawn(move || look(&files, &mount_point)).map(drop)
}

fn look(files: &Weak<FileSystem>, mount_point: &Path) {
    let mut shown = Shown::default();
    loop {
        let Some(troubles) = files.upgrade().map(|files| files.troubles()) else { return };
        for trouble in shown.new_ones(&troubles, Instant::now()) {
            let (title, body) = in_words(trouble, mount_point);
            notify(title, &body);
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Shows why a vault is not mounted, where nobody sits at a terminal and it needs somebody.
pub(super) fn show_refusal(error: &Error, mount_point: &Path) {
    let at = mount_point.shown();
    let (title, why) = match error {
        Error::Open(OpenError::RolledBack(_)) => (
            "A vault has gone back",
            "An older copy of the vault was put in its place, or it has lost what was in it",
        ),
        Error::Open(OpenError::Damaged(_) | OpenError::JournalDamaged(_)) => {
            ("A vault is damaged", "Something that the vault needs is damaged or missing")
        }
        _ => return,
    };
    let body = format!(
        "{why}. So it is not mounted at {at}. “hushfs mount” at a terminal says what to do."
    );
    notify(title, &body);
}

fn in_words(trouble: Trouble, mount_point: &Path) -> (&'static str, String) {
    let at = mount_point.shown();
    match trouble {
        Trouble::Full => (
            "No room left",
            format!(
                "{at} takes nothing more until there is room on the disk of the vault, or on this \
                 machine’s. What was saved is safe. “hushfs status” says more."
            ),
        ),
        Trouble::Damaged => (
            "Damage found",
            format!(
                "Something in the vault that is mounted at {at} is damaged or missing. “hushfs status” \
                 names it."
            ),
        ),
        Trouble::VaultGone => (
            "A vault’s folder is gone",
            format!(
                "What is written to {at} waits on this machine until the folder is back: is a disk \
                 unplugged, or a sync client signed out?"
            ),
        ),
        Trouble::DiskFailed => (
            "A disk has failed",
            format!(
                "{at} can only be read from now on. What was saved before is kept. “hushfs status” says \
                 more."
            ),
        ),
    }
}

/// Which troubles have been shown.
#[derive(Debug, Default)]
struct Shown {
    /// Those of the last look.
    before: Vec<Trouble>,
    /// Those that were shown, and when each was there last.
    last: BTreeMap<Trouble, Instant>,
}

impl Shown {
    /// Those of `troubles` that are to be shown: there for two looks in a row, and not shown before, or
    /// over for a long time since.
    fn new_ones(&mut self, troubles: &[Trouble], now: Instant) -> Vec<Trouble> {
        self.last.retain(|_, last| now.saturating_duration_since(*last) < OVER_AFTER);
        let lasts = |trouble: &&Trouble| self.before.contains(trouble);
        let is_new = |trouble: &&Trouble| !self.last.contains_key(trouble);
        let new: Vec<Trouble> = troubles.iter().filter(lasts).filter(is_new).copied().collect();
        let shown = troubles.iter().filter(|trouble| self.last.contains_key(trouble));
        let there: Vec<Trouble> = shown.chain(&new).copied().collect();
        self.last.extend(there.into_iter().map(|trouble| (trouble, now)));
        self.before = troubles.to_vec();
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_is_shown_once_until_it_has_been_over_for_long() {
        let mut shown = Shown::default();
        let start = Instant::now();
        let mut at = |secs: u64, troubles: &[Trouble]| {
            shown.new_ones(troubles, start + Duration::from_secs(secs))
        };
        let (full, gone) = (Trouble::Full, Trouble::VaultGone);
        assert_eq!(at(0, &[full]), [], "it may be over in a moment");
        assert_eq!(at(5, &[]), []);
        assert_eq!(at(10, &[full]), []);
        assert_eq!(at(15, &[full, gone]), [full]);
        assert_eq!(at(20, &[full, gone]), [gone]);
        assert_eq!(at(25, &[full, gone]), []);
        // Over, and back again and again.
        assert_eq!(at(30, &[]), []);
        assert_eq!(at(3000, &[full]), []);
        assert_eq!(at(3005, &[full]), []);
        // As long as it is there, it is the same one.
        for hour in 1..50 {
            assert_eq!(at(hour * 3500, &[full]), []);
        }
        assert_eq!(at(180_000, &[]), []);
        assert_eq!(at(180_005, &[full]), []);
        assert_eq!(at(180_010, &[full]), [full]);
    }

    #[test]
    fn every_trouble_has_a_title_and_says_where() {
        for trouble in [Trouble::Full, Trouble::Damaged, Trouble::VaultGone, Trouble::DiskFailed] {
            let (title, body) = in_words(trouble, Path::new("/home/ann/Chats"));
            assert!(!title.is_empty() && body.contains("/home/ann/Chats"), "{body}");
        }
    }
}
