//! What `mount` asks now and then, at a terminal.

use std::sync::Arc;

use hushfs::cli::args::UnlockArgs;
use hushfs::cli::unlock::unlock;
use hushfs::format::{RecoveryKey, Time};
use hushfs::store::{HostDisk, Reminder, StateFolder, VaultFolder};

use crate::bench::Bench;
use crate::program::Said;
use crate::subject::{FIRST, new};
use crate::terminal::AtTerminal;

const DAY_SECS: i64 = 24 * 60 * 60;

/// A bench's record of when to ask next, with what unlocks it.
struct Record<'a> {
    bench: &'a Bench,
    keys: hushfs::crypto::ClassKeys,
}

impl<'a> Record<'a> {
    fn of(bench: &'a Bench) -> Self {
        let vault = bench.vault();
        let how = UnlockArgs { key_file: Some(bench.key_file()), ..UnlockArgs::default() };
        let folder = VaultFolder::new(Arc::new(HostDisk), &vault);
        Self { bench, keys: unlock(&vault, &folder, &how).unwrap().keys }
    }

    fn state(&self) -> StateFolder {
        StateFolder::make(Arc::new(HostDisk), self.bench.state()).unwrap()
    }

    fn due(&self, went_well: u32) {
        self.state().set_reminder(&self.keys, Reminder { due_secs: 0, went_well }).unwrap();
    }

    /// How often it went well, and in how many days the next question comes.
    fn next(&self) -> (u32, i64) {
        let Reminder { due_secs, went_well } = self.state().reminder(&self.keys).unwrap().unwrap();
        let days = (due_secs - Time::now().secs + DAY_SECS / 2) / DAY_SECS;
        (went_well, days)
    }
}

/// Mounts at a terminal; `talk` answers. It is mounted in the end, whatever was answered.
fn mount(bench: &Bench, words: &[&str], talk: impl FnOnce(&mut AtTerminal)) -> String {
    let mut command = bench.mount_command();
    command.args(words);
    let mut at = AtTerminal::running(command);
    talk(&mut at);
    assert_eq!(at.exit_code(), 0, "{}", at.shown);
    bench.note_daemon(&bench.mount_point());
    assert!(at.is_restored());
    bench.unmount();
    at.shown
}

#[test]
fn a_mount_at_a_terminal_asks_for_a_group_of_the_key_and_rarer_if_that_is_right() {
    let Some(bench) = Bench::new() else { return };
    let record = Record::of(&bench);
    mount(&bench, &[], |_| {});
    assert_eq!(record.next(), (0, 2), "nothing is asked the first time");
    mount(&bench, &[], |_| {});
    assert_eq!(record.next(), (0, 2), "nor before it is due");
    let text = std::fs::read_to_string(bench.key_file()).unwrap();
    let key = RecoveryKey::parse(&text).unwrap();
    record.due(0);
    mount(&bench, &[], |at| {
        let group = at.group_asked();
        at.answer("", "zzzz");
        at.wait_for("That is not this group");
        assert_eq!(at.group_asked(), group);
        at.answer("", &key.group(group).to_uppercase());
        at.wait_for("That is right");
    });
    assert_eq!(record.next(), (1, 7));
}

#[test]
fn a_wrong_answer_says_what_to_do_and_mounts_all_the_same() {
    let Some(bench) = Bench::new() else { return };
    let record = Record::of(&bench);
    record.due(3);
    mount(&bench, &[], |at| {
        for _ in 0..3 {
            at.answer(" of 16: ", "zzzz");
        }
        at.wait_for("hushfs key sheet");
    });
    assert_eq!(record.next(), (0, 2));
    record.due(3);
    mount(&bench, &[], |at| at.answer(" of 16: ", ""));
    assert_eq!(record.next(), (3, 2), "who skips it is asked again soon");
}

#[test]
fn where_there_is_a_password_it_is_asked_for_and_shown_nowhere() {
    let Some(bench) = Bench::new() else { return };
    let key = format!("--key-file={}", bench.key_file().display());
    let mut add = bench.command("key");
    add.args(["add", "--password", "--yes", &key, &new(FIRST)]).arg(bench.vault());
    Said::by(&mut add).expect(0, &[]);
    let record = Record::of(&bench);
    record.due(2);
    let shown = mount(&bench, &[], |at| {
        at.answer("Password: ", "wrong");
        at.wait_for("That does not open it");
        at.answer("Password: ", FIRST);
        at.wait_for("That is right");
    });
    assert!(!shown.contains(FIRST));
    assert_eq!(record.next(), (3, 28));
    record.due(2);
    mount(&bench, &[], |at| {
        for _ in 0..3 {
            at.answer("Password: ", "wrong");
        }
        at.wait_for("hushfs passwd --forgotten");
    });
    assert_eq!(record.next(), (0, 2));
}

#[test]
fn nothing_is_asked_without_a_terminal_or_where_that_is_not_wanted() {
    let Some(bench) = Bench::new() else { return };
    let record = Record::of(&bench);
    record.due(0);
    bench.mount();
    bench.unmount();
    mount(&bench, &["--no-reminder"], |_| {});
    let past = record.state().reminder(&record.keys).unwrap().unwrap();
    assert_eq!(past, Reminder { due_secs: 0, went_well: 0 });
    // What fstab says comes as options.
    let mut by_options = bench.command("mount");
    by_options.arg("--state-dir").arg(bench.state()).arg(bench.vault()).arg(bench.mount_point());
    by_options.arg("-o").arg(format!("key_file={}", bench.key_file().display()));
    let mut at = AtTerminal::running(by_options);
    assert_eq!(at.exit_code(), 0);
    bench.note_daemon(&bench.mount_point());
    bench.unmount();
    let past = record.state().reminder(&record.keys).unwrap().unwrap();
    assert_eq!(past, Reminder { due_secs: 0, went_well: 0 });
}
