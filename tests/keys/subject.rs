//! A vault in a folder of its own, and one device or two that unlock it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use hushfs::fs::SlotEntry;

use crate::program::{Said, hushfs};

pub const FIRST: &str = "marmot brazier lectern oxbow";
pub const SECOND: &str = "walnut ferry cobalt hinge";

/// A vault that [`FIRST`] opens, and a key.
pub struct Subject {
    folder: tempfile::TempDir,
}

impl Subject {
    pub fn new() -> Self {
        let subject = Self { folder: tempfile::tempdir().unwrap() };
        let mut init = hushfs(&["init", "--yes", "--password-command"]);
        init.arg(format!("echo {FIRST}")).arg("--key-file").arg(subject.key());
        Said::by(init.arg(subject.vault())).expect(0, &[]);
        subject
    }

    pub fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn vault(&self) -> PathBuf {
        self.place("vault")
    }

    pub fn key(&self) -> PathBuf {
        self.place("key")
    }

    /// A command on this vault, as the device that this is for the state folder.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = hushfs(words);
        command.env("XDG_STATE_HOME", self.place("state-home"));
        command
    }

    /// What a command says whose words end before the vault.
    pub fn said(&self, words: &[&str]) -> Said {
        Said::by(self.command(words).arg(self.vault()))
    }

    /// The same, unlocked with a password.
    pub fn said_with(&self, password: &str, words: &[&str]) -> Said {
        let by = ["--password-command".to_owned(), format!("echo {password}")];
        Said::by(self.command(words).args(by).arg(self.vault()))
    }

    /// The same, unlocked with the key.
    pub fn said_with_key(&self, words: &[&str]) -> Said {
        Said::by(self.command(words).arg("--key-file").arg(self.key()).arg(self.vault()))
    }

    /// The slots as whoever has the key sees them.
    pub fn slots(&self) -> Vec<SlotEntry> {
        slots(&self.said_with_key(&["key", "list", "--json"]))
    }

    /// Whether a password opens the vault.
    pub fn opens(&self, password: &str) -> bool {
        let said = self.said_with(password, &["key", "test"]);
        assert!(said.code == 0 || said.code == 10, "{said:?}");
        said.code == 0
    }

    /// Whether the key does.
    pub fn opens_with_key(&self) -> bool {
        self.said_with_key(&["key", "test"]).code == 0
    }

    /// The id of the slot that [`FIRST`] or whatever password comes in its place opens.
    pub fn password_slot(&self) -> String {
        self.slots().into_iter().find(SlotEntry::is_password).unwrap().id
    }

    pub fn slot_files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.vault().join("keys"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

pub fn slots(said: &Said) -> Vec<SlotEntry> {
    assert_eq!(said.code, 0, "{said:?}");
    serde_json::from_str(&said.stdout).unwrap()
}

/// A new password as a command line gives it.
pub fn new(password: &str) -> String {
    format!("--new-password-command=echo {password}")
}
