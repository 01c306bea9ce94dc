//! A vault with files in packs of their own, in a folder that keeps them online only.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::thread;
use std::time::Duration;

use hushfs::fs::Status;

use super::bench::Bench;
use super::cloud::{Cloud, Pack, Reads, packs_below};

/// A vault in a folder that a sync client keeps online only.
pub struct Place {
    // First, so that nothing hangs in it when the bench unmounts everything.
    pub cloud: Cloud,
    pub bench: Bench,
    packs: Vec<String>,
}

/// What a file has in it.
pub fn content(nth: usize, bytes: usize) -> Vec<u8> {
    let word = |at: usize| ((at ^ nth.wrapping_mul(0x9E37_79B9)).wrapping_mul(0xBF58_476D)) >> 7;
    (0..bytes).map(|at| word(at) as u8).collect()
}

/// Until it is so, however long that takes.
pub fn wait_until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        thread::sleep(Duration::from_millis(20));
    }
}

impl Place {
    /// A vault with the files `0`, `1` … of these lengths, each in a pack of its own, not mounted.
    pub fn with_files(lengths: &[usize]) -> Option<Self> {
        let bench = Bench::new()?;
        let mut packs: Vec<String> = Vec::new();
        for (nth, bytes) in lengths.iter().enumerate() {
            bench.mount();
            fs::write(bench.at(nth.to_string()), content(nth, *bytes)).unwrap();
            bench.unmount();
            let new = packs_below(&bench.vault()).into_iter().filter(|name| !packs.contains(name));
            let new: Vec<String> = new.collect();
            assert_eq!(new.len(), 1, "{new:?}");
            packs.extend(new);
        }
        let cloud = Cloud::mount(&bench.vault(), &bench.folder().join("cloud"));
        Some(Self { cloud, bench, packs })
    }

    /// The same, mounted.
    pub fn mounted_with_files(lengths: &[usize]) -> Option<Self> {
        let place = Self::with_files(lengths)?;
        place.mount(&[]);
        Some(place)
    }

    /// The vault's folder as the sync client shows it.
    pub fn vault(&self) -> PathBuf {
        self.bench.folder().join("cloud")
    }

    /// Mounts the vault with further arguments.
    pub fn mount(&self, arguments: &[&str]) {
        let mut command = self.bench.command("mount");
        command.args(arguments).arg("--key-file").arg(self.bench.key_file());
        command.arg("--state-dir").arg(self.bench.state());
        let mounted = command.arg(self.vault()).arg(self.bench.mount_point()).output().unwrap();
        assert!(mounted.status.success(), "{mounted:?}");
        self.bench.note_daemon(&self.bench.mount_point());
    }

    /// Runs a command of the program on the vault that is not mounted.
    pub fn run_on_vault(&self, command: &str, more: &[&Path]) -> Output {
        self.bench.run(command, &["--key-file".as_ref()], |command| {
            command.arg(self.bench.key_file()).arg("--state-dir").arg(self.bench.state());
            command.arg(self.vault()).args(more);
        })
    }

    /// Runs `fetch`.
    pub fn fetch(&self, arguments: &[&Path]) -> Output {
        self.bench.run("fetch", &[], |command| {
            command.args(arguments);
        })
    }

    pub fn file(&self, nth: usize) -> PathBuf {
        self.bench.at(nth.to_string())
    }

    /// The name of a file's pack.
    pub fn pack_name(&self, nth: usize) -> &str {
        &self.packs[nth]
    }

    /// A file's pack.
    pub fn pack(&self, nth: usize) -> Pack {
        self.cloud.pack(&self.packs[nth])
    }

    pub fn set_of(&self, nth: usize, reads: Reads) {
        self.cloud.set_of(&self.packs[nth], reads);
    }

    pub fn status(&self) -> Status {
        self.bench.status()
    }

    /// Whether every pack is online only still, and none was touched.
    pub fn is_untouched(&self) -> bool {
        let online = Pack { is_online_only: true, ..Pack::default() };
        self.cloud.packs().values().all(|pack| *pack == online)
    }
}

/// Checks a file's content without printing it.
#[track_caller]
pub fn assert_content(path: &Path, expected: &[u8]) {
    let read = fs::read(path).unwrap();
    assert!(read == expected, "{}: {} bytes, others than expected", path.display(), read.len());
}

/// Checks that reading gives `EIO`.
#[track_caller]
pub fn assert_unreadable(path: &Path) {
    let error = fs::read(path).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(5), "{error}");
}
