//! A vault on one machine that the real program gives a new master key.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hushfs::store::default_state_folder;

use crate::bench::device::{Device, content};
use crate::names::names;
use crate::program::Said;
use crate::subject::{FIRST, SECOND, Subject};

/// Files in the vault.
pub const FILES: u32 = 12;

/// A vault that is filled, by another device and by the one that the program runs as.
pub struct Filled(pub Subject);

impl Filled {
    pub fn new() -> Self {
        let filled = Self(Subject::new());
        let device = filled.device("another state");
        for nth in 0..FILES {
            device.file(format!("{nth}"), &content(nth, 150_000));
            device.publish();
        }
        device.unmount();
        filled
    }

    /// A device with a state folder of its own.
    pub fn device(&self, state: &str) -> Device {
        Device::open(&self.0.vault(), &self.0.key(), &self.0.place(state))
    }

    pub fn beside(&self) -> PathBuf {
        self.0.place("vault (rekeying)")
    }

    /// The folders of old vaults that are kept.
    pub fn kept(&self) -> Vec<PathBuf> {
        let is_kept = |name: &String| name.starts_with("vault (before rekey ");
        names(&self.0.place(""))
            .iter()
            .filter(|name| is_kept(name))
            .map(|it| self.0.place(it))
            .collect()
    }

    /// The command from [`FIRST`] to [`SECOND`], asking nothing.
    pub fn command(&self, words: &[&str]) -> Command {
        self.command_between(FIRST, SECOND, words)
    }

    pub fn command_between(&self, old: &str, new: &str, words: &[&str]) -> Command {
        let mut command = self.0.command(&["rekey", "--yes"]);
        command.arg(format!("--password-command=echo {old}"));
        command.arg(format!("--new-password-command=echo {new}"));
        command.args(words).arg(self.0.vault());
        command
    }

    pub fn rekey(&self, words: &[&str]) -> Said {
        Said::by(&mut self.command(words))
    }

    /// A vault that a password opens is whole, and holds what was put there.
    pub fn assert_holds_all(&self, vault: &Path, password: &str) {
        let unlock = format!("--password-command=echo {password}");
        Said::by(self.0.command(&["verify", &unlock]).arg(vault)).expect(0, &["all is whole"]);
        for nth in [0, FILES - 1] {
            let mut cat = self.0.command(&["cat", &unlock]);
            let output = cat.arg(vault).arg(nth.to_string()).output().unwrap();
            assert!(output.stdout == content(nth, 150_000), "{nth}: {output:?}");
        }
    }

    /// Makes the first run end when all packs but one are made: that one is damaged. Gives what takes
    /// the damage back.
    pub fn damage(&self) -> impl FnOnce() {
        let packs = crate::files::files_below(&self.0.vault().join("data"));
        let (path, whole) = packs.into_iter().next_back().unwrap();
        let place = self.0.vault().join("data").join(path);
        let mut bytes = whole.clone();
        bytes[1000] ^= 1;
        fs::write(&place, bytes).unwrap();
        move || fs::write(place, whole).unwrap()
    }

    /// The state folder that the program has for a vault.
    pub fn state_of(&self, vault: &hushfs::crypto::VaultId) -> PathBuf {
        let usual = default_state_folder(vault).unwrap();
        self.0.place("state-home").join("hushfs").join(usual.file_name().unwrap())
    }
}
