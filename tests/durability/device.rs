//! A device as the others see it: a state folder of its own, and a copy of the vault.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use hushfs::format::{DeviceId, LogKind, parse_log_name};
use hushfs::fs::Status;
use hushfs::fuse::PUBLISH_ATTRIBUTE;
use rustix::fs::{XattrFlags, setxattr};

use super::bench::{Bench, said};
use super::sample::run;

/// Mounts a vault of a bench, at the bench's mount point.
pub struct Device<'a> {
    bench: &'a Bench,
    vault: PathBuf,
    /// Where it keeps its state.
    pub state: PathBuf,
}

impl<'a> Device<'a> {
    /// A device with its state folder in this place of the bench, or at this absolute path.
    pub fn new(bench: &'a Bench, state: impl AsRef<Path>) -> Self {
        let folder = bench.folder();
        Self { bench, vault: bench.vault(), state: folder.join(state) }
    }

    /// The same with another copy of the vault.
    pub fn with_vault(self, vault: &Path) -> Self {
        Self { vault: vault.to_owned(), ..self }
    }

    /// Runs `mount`.
    pub fn try_mount(&self) -> Output {
        let mut command = self.bench.command("mount");
        command.arg("--key-file").arg(self.bench.key_file()).arg("--state-dir").arg(&self.state);
        let output = command.arg(&self.vault).arg(self.bench.mount_point()).output().unwrap();
        if output.status.success() {
            self.bench.note_daemon(&self.bench.mount_point());
        }
        output
    }

    /// Mounts, and finds nothing amiss.
    pub fn mount(&self) -> Status {
        let (code, text) = said(&self.try_mount());
        // That the other was here a moment ago is no trouble.
        let is_trouble = |line: &&str| !line.contains("it may have the vault mounted, too");
        let trouble: Vec<&str> = text.lines().filter(is_trouble).collect();
        assert_eq!((code, trouble), (0, Vec::new()));
        let status = self.bench.status();
        assert_eq!((&status.read_only, &status.damage[..]), (&None, &[][..]));
        status
    }

    /// Its id, while it is mounted and has published.
    pub fn id(&self) -> String {
        let devices = self.bench.status().devices;
        devices.into_iter().find(|device| device.this_device).unwrap().id
    }

    /// Unmounts.
    pub fn unmount(&self) {
        self.bench.unmount();
    }

    /// Mounts, does something in the mount, unmounts.
    pub fn turn<T>(&self, act: impl FnOnce(&Path) -> T) -> T {
        self.mount();
        let result = act(&self.bench.mount_point());
        self.unmount();
        result
    }

    /// Verifies; gives what was told.
    pub fn verify(&self) -> String {
        let mut verify = self.bench.command("verify");
        verify.arg("--key-file").arg(self.bench.key_file()).arg("--state-dir").arg(&self.state);
        run(verify.arg(&self.vault))
    }
}

/// Publishes what is in a mount.
pub fn publish(mount_point: &Path) {
    setxattr(mount_point, PUBLISH_ATTRIBUTE, b"1", XattrFlags::empty()).unwrap();
}

/// Devices that have log objects in a vault, with how many.
pub fn writers(vault: &Path) -> Vec<(DeviceId, u64)> {
    let mut writers = BTreeMap::new();
    for entry in fs::read_dir(vault.join("log")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let (kind, device, _) = parse_log_name(&name).unwrap();
        if kind == LogKind::Increment {
            *writers.entry(device).or_insert(0) += 1;
        }
    }
    writers.into_iter().collect()
}
