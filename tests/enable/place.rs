//! A folder that is to be encrypted, and where its vault will be.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::{Said, hushfs};

pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// With an empty folder, and no vault.
    pub fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(place.chats()).unwrap();
        place
    }

    /// A path beside the folder, free of links.
    pub fn at(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.folder.path()).unwrap().join(name)
    }

    /// The folder with the plaintext.
    pub fn chats(&self) -> PathBuf {
        self.at("Chats")
    }

    pub fn vault(&self) -> PathBuf {
        self.at("cloud/vault")
    }

    pub fn key(&self) -> PathBuf {
        self.at("key")
    }

    /// A vault without files.
    pub fn make_vault(&self) {
        fs::create_dir_all(self.at("cloud")).unwrap();
        let mut command = hushfs(&["init", "--yes", "--key-file"]);
        Said::by(command.arg(self.key()).arg(self.vault())).expect(0, &[]);
    }

    /// A command of the program that unlocks with the key, on this place's device.
    pub fn command(&self, name: &str) -> Command {
        fs::create_dir_all(self.at("cloud")).unwrap();
        let mut command = hushfs(&[name]);
        command.arg("--key-file").arg(self.key()).arg("--state-dir").arg(self.at("state"));
        command.env("XDG_STATE_HOME", self.at("state-home"));
        command
    }

    /// `enable --yes` of the folder, not run yet.
    pub fn enable_command(&self, more: &[&OsStr]) -> Command {
        let mut command = self.command("enable");
        command.arg("--yes").arg(self.chats()).arg("--vault").arg(self.vault()).args(more);
        command
    }

    /// Enables the folder and mounts nothing.
    pub fn enable(&self, more: &[&str]) -> Said {
        let mut more: Vec<&OsStr> = more.iter().map(OsStr::new).collect();
        more.push("--no-mount".as_ref());
        Said::by(&mut self.enable_command(&more))
    }

    /// Brings it back into a folder.
    pub fn disable(&self, folder: &Path, more: &[&str]) -> Said {
        let mut command = self.command("disable");
        Said::by(command.args(more).arg(self.vault()).arg(folder))
    }

    /// What the vault alone gives, as another device would have it.
    pub fn restored(&self, name: &str) -> PathBuf {
        let destination = self.at(name);
        let mut command = hushfs(&["restore", "--key-file"]);
        command.arg(self.key()).arg("--state-dir").arg(self.at("no state"));
        let said = Said::by(command.arg(self.vault()).arg(&destination));
        said.expect(0, &[]);
        destination
    }
}
