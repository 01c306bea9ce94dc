//! Runs the project's own scripts, which make sample data and act out what happens to it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A script of the project.
pub fn script(name: &str) -> Command {
    Command::new(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name))
}

/// Makes a sample chat backup in a folder.
pub fn make_backup(folder: &Path, gigabytes: &str) {
    run(script("make-chat-backup").arg(folder).args(["--gigabytes", gigabytes]));
}

/// Acts out one night on such a backup.
pub fn act_out_night(folder: &Path) {
    run(script("make-chat-backup").arg(folder).arg("--day"));
}

/// Runs a program to its end, which must be a good one; gives what it printed.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{command:?}: {text}");
    text
}
