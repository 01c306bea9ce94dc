//! Killed at many moments, and between the steps in which the two vaults change places.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use hushfs::format::LogKind;
use hushfs::store::{Rekeyed, StateFolder, VaultFolder};

use crate::anew::Opened;
use crate::program::Said;
use crate::subject::{FIRST, SECOND};
use crate::subject_anew::Filled;

/// Whether a run was the last: it went to the end, or the one before did and was killed as it said so.
fn is_end(filled: &Filled, ended: Option<std::process::ExitStatus>) -> bool {
    let Some(status) = ended else { return false };
    let is_done = !filled.beside().exists() && filled.0.opens(SECOND);
    assert!(status.success() || is_done && status.code() == Some(10), "{status}");
    true
}

/// There is always a vault that one of the two passwords opens and that holds everything: at its place,
/// or for a moment, on a disk that knows no exchange, beside it.
fn check_nothing_is_lost(filled: &Filled) -> &'static str {
    let password = if filled.0.opens(FIRST) { FIRST } else { SECOND };
    filled.assert_holds_all(&filled.0.vault(), password);
    password
}

fn killed_again_and_again(words: &[&str]) {
    let filled = Filled::new();
    let (mut kills, mut delay, mut seen) = (0, Duration::ZERO, Vec::new());
    loop {
        let mut command = filled.command(words);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(delay);
        let ended = child.try_wait().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        seen.push(check_nothing_is_lost(&filled));
        if is_end(&filled, ended) {
            break;
        }
        kills += 1;
        delay += Duration::from_millis(25);
    }
    assert!(kills > 5, "{kills}");
    assert_eq!(seen.last(), Some(&SECOND));
    assert!(!filled.beside().exists());
    match words {
        ["--delete-old"] => assert_eq!(filled.kept(), Vec::<PathBuf>::new()),
        _ => filled.assert_holds_all(&filled.kept()[0], FIRST),
    }
}

#[test]
fn a_run_that_is_killed_at_any_moment_goes_on_and_loses_nothing() {
    killed_again_and_again(&["--keep-old"]);
}

#[test]
fn a_run_that_deletes_the_old_vault_and_is_killed_at_any_moment_goes_on_and_loses_nothing() {
    killed_again_and_again(&["--delete-old"]);
}

#[test]
fn a_run_that_writes_a_key_file_and_is_killed_at_any_moment_ends_with_a_key_that_opens() {
    let filled = Filled::new();
    let key = filled.0.place("new key");
    let mut delay = Duration::ZERO;
    loop {
        let mut command = filled.command(&["--new-key-file", key.to_str().unwrap()]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(delay);
        let ended = child.try_wait().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        if is_end(&filled, ended) {
            break;
        }
        delay += Duration::from_millis(20);
    }
    let mut test = filled.0.command(&["key", "test", "--key-file"]);
    Said::by(test.arg(&key).arg(filled.0.vault())).expect(0, &[]);
    filled.assert_holds_all(&filled.0.vault(), SECOND);
}

/// A vault whose new one is in its place, as if nothing of that was noted as done: the record is there.
struct Changed {
    filled: Filled,
    kept: PathBuf,
    state: StateFolder,
    new: Opened,
    record: Rekeyed,
}

impl Changed {
    fn new() -> Self {
        let filled = Filled::new();
        let old = Opened::by_key(&filled.0.vault(), &filled.0.key()).descriptor.vault;
        let key = filled.0.place("new key");
        filled.rekey(&["--new-key-file", key.to_str().unwrap()]).expect(0, &[]);
        let new = Opened::by_key(&filled.0.vault(), &key);
        let disk = std::sync::Arc::new(hushfs::store::HostDisk);
        let state = StateFolder::existing(disk, filled.state_of(&new.descriptor.vault));
        let kept = filled.kept().remove(0);
        let old_name = kept.file_name().unwrap().to_str().unwrap().to_owned();
        let record = Rekeyed { old, old_name, deletes: false };
        state.set_rekeyed(&new.keys, &record).unwrap();
        Self { filled, kept, state, new, record }
    }

    /// The next run is at the end, and has not sealed anything.
    fn assert_finishes(&self, words: &[&str], texts: &[&str]) {
        let said = self.filled.rekey(words);
        said.expect(0, texts);
        assert!(!said.stdout.contains("sealed anew"), "{said:?}");
        self.filled.assert_holds_all(&self.filled.0.vault(), SECOND);
        assert!(!self.filled.beside().exists());
        assert_eq!(self.state.rekeyed(&self.new.keys).unwrap(), None);
    }
}

#[test]
fn a_run_that_was_cut_off_between_two_steps_of_the_exchange_is_finished_by_the_next() {
    let changed = Changed::new();
    fs::rename(changed.filled.0.vault(), changed.filled.beside()).unwrap();
    changed.assert_finishes(&[], &["The old vault is kept"]);
    changed.filled.assert_holds_all(&changed.kept, FIRST);
}

#[test]
fn a_run_that_was_cut_off_right_behind_the_exchange_is_finished_by_the_next() {
    let changed = Changed::new();
    fs::rename(&changed.kept, changed.filled.beside()).unwrap();
    changed.assert_finishes(&[], &["The old vault is kept"]);
    changed.filled.assert_holds_all(&changed.kept, FIRST);
}

#[test]
fn an_old_vault_that_something_came_into_at_the_last_moment_is_not_deleted() {
    let changed = Changed::new();
    let log = changed.kept.join("log");
    let last = crate::names::names(&log).into_iter().max().unwrap();
    let late = "00000000000000ff-00000001.log";
    fs::copy(log.join(last), log.join(late)).unwrap();
    changed.assert_finishes(&["--delete-old"], &[late, "is not deleted", "The old vault is kept"]);
    assert!(log.join(late).exists());
}

#[test]
fn a_deletion_that_was_cut_off_is_finished_by_the_next_run_and_only_that() {
    let changed = Changed::new();
    let record = Rekeyed { deletes: true, ..changed.record.clone() };
    changed.state.set_rekeyed(&changed.new.keys, &record).unwrap();
    fs::remove_file(changed.kept.join("hushfs.vault")).unwrap();
    changed.assert_finishes(&[], &["The old vault is deleted"]);
    assert_eq!(changed.filled.kept(), Vec::<PathBuf>::new());
    // What it then says is another one.
    Said::by(&mut changed.filled.command_between(SECOND, FIRST, &["--delete-old"]))
        .expect(0, &["all is sealed anew"]);
}

#[test]
fn a_wrong_new_password_finishes_nothing() {
    let changed = Changed::new();
    fs::rename(changed.filled.0.vault(), changed.filled.beside()).unwrap();
    let wrong = "gannet plover thimble dock";
    Said::by(&mut changed.filled.command_between(FIRST, wrong, &[])).expect(10, &[]);
    assert!(!changed.filled.0.vault().exists());
    changed.assert_finishes(&["--delete-old"], &["The old vault is deleted"]);
}

#[test]
fn a_vault_that_is_complete_takes_in_what_has_come_since_before_the_two_change_places() {
    let filled = Filled::new();
    // The state folder of the new vault cannot be made: everything up to that is done.
    let put_back = filled.damage();
    filled.rekey(&[]).expect(11, &[]);
    put_back();
    let obstacle = filled.0.place("obstacle");
    fs::write(&obstacle, "").unwrap();
    let blocked = ["--new-state-dir", obstacle.to_str().unwrap()];
    assert_eq!(filled.rekey(&blocked).code, 1);
    assert!(filled.beside().join("hushfs.vault").exists());
    filled.assert_holds_all(&filled.0.vault(), FIRST);
    let device = filled.device("another state");
    device.file("late", b"late");
    device.unmount();
    filled.rekey(&[]).expect(0, &[]);
    filled.assert_holds_all(&filled.0.vault(), SECOND);
    let unlock = format!("--password-command=echo {SECOND}");
    filled.0.said(&["ls", &unlock]).expect(0, &["late"]);
    let vault = VaultFolder::new(std::sync::Arc::new(hushfs::store::HostDisk), filled.0.vault());
    assert!(vault.listing().unwrap().log_names(LogKind::Increment).len() > 12);
}
