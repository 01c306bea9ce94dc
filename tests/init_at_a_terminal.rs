//! The dialogue of `init` at a real pseudo-terminal.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use hushfs::cli::args::UnlockArgs;
use hushfs::cli::unlock::unlock;
use hushfs::store::VaultFolder;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

const STRONG: &str = "marmot brazier lectern oxbow";
const SECOND_SCREEN: &str = "\x1b[?1049h";
const FIRST_SCREEN: &str = "\x1b[?1049l";
const CTRL_C: &str = "\x03";

/// A program at a terminal, and the person in front of it.
struct AtTerminal {
    child: Child,
    keyboard: File,
    /// The program's end, held open to look at its mode.
    line: File,
    screen: Receiver<Vec<u8>>,
    /// All that was shown.
    shown: String,
    /// How much of it the person has read.
    read: usize,
}

impl AtTerminal {
    fn start(arguments: &[&OsStr]) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let line = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NOCTTY)
            .open(OsStr::from_bytes(name.to_bytes()))
            .unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_hushfs"))
            .args(arguments)
            .env("HUSHFS_STRETCH", "floor")
            .env("TERM", "xterm")
            .stdin(line.try_clone().unwrap())
            .stdout(line.try_clone().unwrap())
            .stderr(line.try_clone().unwrap())
            .spawn()
            .unwrap();
        let keyboard = File::from(keyboard);
        let mut output = keyboard.try_clone().unwrap();
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child, keyboard, line, screen, shown: String::new(), read: 0 }
    }

    /// Reads on until `text` is shown; what stood before it.
    fn wait_for(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.shown[self.read..].find(text) {
                let before = self.shown[self.read..self.read + at].to_owned();
                self.read += at + text.len();
                return before;
            }
            let Ok(more) = self.screen.recv_timeout(Duration::from_secs(20)) else {
                panic!("“{text}” was not shown, but: {:?}", self.shown);
            };
            self.shown.push_str(&String::from_utf8_lossy(&more));
        }
    }

    fn answer(&mut self, question: &str, answer: &str) {
        self.wait_for(question);
        self.keyboard.write_all(format!("{answer}\n").as_bytes()).unwrap();
    }

    /// Reads the key's page, and takes Enter for done; the groups that were on it.
    fn read_key(&mut self) -> Vec<String> {
        self.wait_for(SECOND_SCREEN);
        let page = self.wait_for("Press Enter to go on: ");
        self.keyboard.write_all(b"\n").unwrap();
        self.wait_for(FIRST_SCREEN);
        page.lines()
            .filter_map(|line| line.trim().strip_prefix("groups "))
            .flat_map(|line| line.split_whitespace().skip(3).map(str::to_owned))
            .collect()
    }

    /// Which group is asked for, counted from 0.
    fn group_asked(&mut self) -> usize {
        self.wait_for("Group ");
        let number: usize = self.wait_for(" of 16: ").parse().unwrap();
        number - 1
    }

    fn exit_code(&mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap()
    }

    /// What is typed is shown, and Ctrl-C interrupts, as before the program ran.
    fn is_restored(&self) -> bool {
        let modes = tcgetattr(&self.line).unwrap().local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    }
}

fn opens(vault: &Path, how: UnlockArgs) -> bool {
    unlock(vault, &VaultFolder::new(std::sync::Arc::new(hushfs::store::HostDisk), vault), &how)
        .is_ok()
}

#[test]
fn the_whole_dialogue_with_every_mistake_ends_in_a_vault_that_both_ways_open() {
    let folder = tempfile::tempdir().unwrap();
    let vault = folder.path().join("vault");
    let mut at = AtTerminal::start(&["init".as_ref(), vault.as_os_str()]);
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
        let mut at = AtTerminal::start(&["init".as_ref(), vault.as_os_str()]);
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
    let mut at = AtTerminal::start(&arguments);
    at.answer("Type yes in full", "no");
    at.wait_for("no vault was made");
    assert_eq!(at.exit_code(), 1);
    assert!(!key.exists() && !vault.exists());

    let mut at = AtTerminal::start(&arguments);
    at.wait_for("Type yes in full");
    assert!(key.exists(), "it can be looked at before the answer");
    at.answer("", "yes");
    at.wait_for("--key-file");
    assert_eq!(at.exit_code(), 0);
    assert!(opens(&vault, UnlockArgs { key_file: Some(key), ..UnlockArgs::default() }));
}
