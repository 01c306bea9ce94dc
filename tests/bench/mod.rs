//! A vault that the real program makes and opens, filled through the library: no mount is needed.

pub mod device;
pub mod program;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use self::device::Device;
use self::program::{Said, hushfs};

/// A vault with a 64-digit key, and room for state folders beside it.
pub struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        let (key, vault) = (bench.key(), bench.vault());
        let arguments = ["init".as_ref(), "--yes".as_ref(), "--key-file".as_ref(), key.as_os_str()];
        Said::by(hushfs(&arguments).arg(vault)).expect(0, &[]);
        bench
    }

    /// Something in the bench's folder.
    pub fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn vault(&self) -> PathBuf {
        self.place("vault")
    }

    pub fn key(&self) -> PathBuf {
        self.place("key")
    }

    /// The state folder of the device that the program runs as.
    pub fn state(&self) -> PathBuf {
        self.place("state")
    }

    /// The device that the program runs as, with the vault open for writing.
    pub fn device(&self) -> Device {
        self.device_at("state")
    }

    /// The device of any state folder.
    pub fn device_at(&self, state: &str) -> Device {
        Device::open(&self.vault(), &self.key(), &self.place(state))
    }

    /// A command that unlocks with the right key, on the program's device.
    pub fn command(&self, name: &str, arguments: &[&OsStr]) -> std::process::Command {
        let mut command = hushfs(&self.unlocking(name));
        command.args(arguments);
        command
    }

    pub fn verify(&self) -> Said {
        Said::by(&mut self.command("verify", &[self.vault().as_os_str()]))
    }

    /// Restores into `destination`, with any further arguments.
    pub fn restore(&self, destination: &Path, more: &[&OsStr]) -> Said {
        let vault = self.vault();
        let mut command = self.command("restore", &[vault.as_os_str(), destination.as_os_str()]);
        Said::by(command.args(more))
    }

    fn unlocking(&self, name: &str) -> [OsString; 5] {
        let (key, state) = (self.key().into_os_string(), self.state().into_os_string());
        [name.into(), "--key-file".into(), key, "--state-dir".into(), state]
    }
}
