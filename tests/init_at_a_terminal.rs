//! The dialogue of `init` at a real pseudo-terminal.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

#[path = "bench/terminal.rs"]
mod terminal;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use hushfs::cli::args::UnlockArgs;
use hushfs::cli::unlock::unlock;
use hushfs::store::VaultFolder;

use self::terminal::{AtTerminal, FIRST_SCREEN, SECOND_SCREEN};

const STRONG: &str = "marmot brazier lectern oxbow";
const CTRL_C: &str = "\x03";

/// The program with these arguments.
fn start(arguments: &[&OsStr]) -> AtTerminal {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hushfs"));
    command.args(arguments).env("HUSHFS_STRETCH", "floor");
    AtTerminal::running(command)
}

fn opens(vault: &Path, how: UnlockArgs) -> bool {
    unlock(vault, &VaultFolder::new(std::sync::Arc::new(hushfs::store::HostDisk), vault), &how)
        .is_ok()
}

#[test]
fn the_whole_dialogue_with_every_mistake_ends_in_a_vault_that_both_ways_open() {
    let folder = tempfile::tempdir().unwrap();
    let vault = folder.path().join("vault");
    let mut at = start(&["init".as_ref(), vault.as_os_str()]);
    at.wait_for("Nobody can restore a backup");
    at.answer("1, 2 or 3: ", "both");
    at.answer("1, 2 or 3: ", "3");
    at.answer("New password: ", "password1");
    at.wait_for("common password");
    at.answer("Choose another one?", "yes");
    at.answer("New password: ", STRONG);
    at.answer("The same password again: ", "marmot brazier lectern oxbox");
    at.wait_for("not the same");
    at.answer("New password: ", STRONG);
    at.answer("The same password again: ", STRONG);

    let groups = at.read_key();
    assert_eq!(groups.len(), 16);
    at.group_asked();
    at.answer("", "wxyz");
    at.wait_for("That is not group");
    assert_eq!(at.read_key(), groups, "the same key again");
    for _ in 0..3 {
        let group = at.group_asked();
        at.answer("", &groups[group]);
    }
    at.wait_for("both the password and the key are lost");
    at.answer("Type yes in full", "y");
    assert!(!vault.exists(), "nothing is made before the answer");
    at.answer("Type yes in full", "yes");
    at.wait_for("hushfs mount");
    at.wait_for("has lost the backup");
    assert_eq!(at.exit_code(), 0);
    assert!(at.is_restored());
    assert!(!at.shown.contains(STRONG), "a password was shown");

    let key_file = folder.path().join("typed-off");
    fs::write(&key_file, groups.join("-").to_uppercase()).unwrap();
    assert!(opens(&vault, UnlockArgs { key_file: Some(key_file), ..UnlockArgs::default() }));
    assert!(opens(
        &vault,
        UnlockArgs { password_command: Some(format!("echo {STRONG}")), ..UnlockArgs::default() }
    ));
}

#[test]
fn ctrl_c_at_any_question_leaves_no_vault_and_a_terminal_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let vault = folder.path().join("vault");
    for question in ["1, 2 or 3: ", "New password: ", "Press Enter to go on: "] {
        let mut at = start(&["init".as_ref(), vault.as_os_str()]);
        match question {
            "New password: " => at.answer("1, 2 or 3: ", "1"),
            "Press Enter to go on: " => at.answer("1, 2 or 3: ", "2"),
            _ => {}
        }
        at.wait_for(question);
        at.keyboard.write_all(CTRL_C.as_bytes()).unwrap();
        at.wait_for("interrupted");
        assert_eq!(at.exit_code(), 1);
        assert!(at.is_restored());
        assert_eq!(at.shown.matches(SECOND_SCREEN).count(), at.shown.matches(FIRST_SCREEN).count());
        assert!(!vault.exists());
    }
}

#[test]
fn a_key_file_is_taken_back_from_whoever_does_not_affirm() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, key) = (folder.path().join("vault"), folder.path().join("key"));
    let arguments =
        [OsStr::new("init"), OsStr::new("--key-file"), key.as_os_str(), vault.as_os_str()];
    let mut at = start(&arguments);
    at.answer("Type yes in full", "no");
    at.wait_for("no vault was made");
    assert_eq!(at.exit_code(), 1);
    assert!(!key.exists() && !vault.exists());

    let mut at = start(&arguments);
    at.wait_for("Type yes in full");
    assert!(key.exists(), "it can be looked at before the answer");
    at.answer("", "yes");
    at.wait_for("--key-file");
    assert_eq!(at.exit_code(), 0);
    assert!(opens(&vault, UnlockArgs { key_file: Some(key), ..UnlockArgs::default() }));
}
