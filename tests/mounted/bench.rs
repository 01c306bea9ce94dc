//! A vault in a folder of its own, which a test mounts, kills and unmounts as often as it likes.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use hushfs::fs::Status;
use hushfs::fuse::mount_at;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{Pid, PidfdFlags, Signal, geteuid, pidfd_open, pidfd_send_signal};

use super::watchdog::{Daemons, Watchdog, tell};

/// The program under test.
pub const HUSHFS: &str = env!("CARGO_BIN_EXE_hushfs");
/// Opens a bench's vault, as its key does.
pub const PASSWORD: &str = "marmot brazier lectern oxbow";
/// What was unmounted or killed has so long to end before it counts as stuck.
const END_WITHIN: Duration = Duration::from_secs(60);

/// A folder with a vault, a state folder, a key and a mount point; what is mounted there is
/// unmounted when this is dropped.
pub struct Bench {
    folder: tempfile::TempDir,
    daemons: Daemons,
    _watchdog: Watchdog,
}

/// Tries an unmount again while it is refused for being in use: other tests' threads start programs
/// meanwhile, and for a moment such a process has a copy of every open file.
pub fn retried<T>(unmount: impl Fn() -> T, is_busy: impl Fn(&T) -> bool) -> T {
    for _ in 0..50 {
        let result = unmount();
        if !is_busy(&result) {
            return result;
        }
        thread::sleep(Duration::from_millis(50));
    }
    unmount()
}

/// Tells why a test is left out.
pub fn skip(why: &str) {
    let test = thread::current().name().unwrap_or("a test").to_owned();
    tell(&format!("skipped: {test}: {why}"));
}

/// Whether this is root; tells that the test is left out where it is not.
pub fn is_root() -> bool {
    let is_root = geteuid().is_root();
    if !is_root {
        skip("what only root can do");
    }
    is_root
}

impl Bench {
    /// A new vault, not mounted yet; `None` where nothing can be mounted.
    ///
    /// # Panics
    /// Where nothing can be mounted, if `HUSHFS_REQUIRE_FUSE=1` says that it must be possible.
    pub fn new() -> Option<Self> {
        let bench = Self::empty()?;
        fs::write(bench.password_file(), format!("{PASSWORD}\n")).unwrap();
        let made = bench.run("init", &["--yes".as_ref(), "--key-file".as_ref()], |command| {
            command.arg(bench.key_file()).arg(bench.vault());
        });
        assert!(made.status.success(), "{made:?}");
        Some(bench)
    }

    /// A new vault, mounted.
    pub fn mounted() -> Option<Self> {
        let bench = Self::new()?;
        bench.mount();
        Some(bench)
    }

    /// Like [`Bench::new`], but there is no vault yet.
    pub fn empty() -> Option<Self> {
        if !Path::new("/dev/fuse").exists() {
            let must = std::env::var_os("HUSHFS_REQUIRE_FUSE").is_some_and(|value| value == "1");
            assert!(!must, "there is no /dev/fuse, and HUSHFS_REQUIRE_FUSE=1");
            skip("there is no /dev/fuse");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let daemons = Daemons::default();
        let watchdog = Watchdog::over(daemons.clone());
        let bench = Self { folder, daemons, _watchdog: watchdog };
        fs::create_dir(bench.mount_point()).unwrap();
        Some(bench)
    }

    /// The folder of everything, free of symbolic links.
    pub fn folder(&self) -> PathBuf {
        fs::canonicalize(self.folder.path()).unwrap()
    }

    /// The vault's folder.
    pub fn vault(&self) -> PathBuf {
        self.folder().join("vault")
    }

    /// The state folder that mounts use unless told otherwise.
    pub fn state(&self) -> PathBuf {
        self.folder().join("state")
    }

    /// Where the vault is mounted unless told otherwise.
    pub fn mount_point(&self) -> PathBuf {
        self.folder().join("mnt")
    }

    /// A path in the mount.
    pub fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.mount_point().join(path)
    }

    /// The 64-digit key, which opens the vault.
    pub fn key_file(&self) -> PathBuf {
        self.folder().join("key")
    }

    /// A file with [`PASSWORD`] in it.
    pub fn password_file(&self) -> PathBuf {
        self.folder().join("password")
    }

    /// Runs a command of the program to its end.
    pub fn run(
        &self,
        command: &str,
        arguments: &[&OsStr],
        complete: impl FnOnce(&mut Command),
    ) -> Output {
        let mut program = self.command(command);
        program.args(arguments);
        complete(&mut program);
        program.output().unwrap()
    }

    /// A command of the program, with nothing to read and this bench's places for what it keeps.
    pub fn command(&self, command: &str) -> Command {
        let mut program = Command::new(HUSHFS);
        program
            .arg(command)
            .env("HUSHFS_STRETCH", "floor")
            .env("XDG_STATE_HOME", self.folder().join("state-home"))
            .stdin(Stdio::null());
        program
    }

    /// Runs `mount` with the vault, the key and the mount point, and these arguments.
    pub fn try_mount<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Output {
        let output = self.mount_command().args(arguments).output().unwrap();
        if output.status.success() {
            self.note_daemon(&self.mount_point());
        }
        output
    }

    /// What [`Bench::try_mount`] runs.
    pub fn mount_command(&self) -> Command {
        self.mount_command_at(&self.mount_point())
    }

    /// The same, for another mount point.
    pub fn mount_command_at(&self, mount_point: &Path) -> Command {
        let mut command = self.command("mount");
        command.arg("--key-file").arg(self.key_file()).arg("--state-dir").arg(self.state());
        command.arg(self.vault()).arg(mount_point);
        command
    }

    /// Mounts the vault.
    pub fn mount(&self) {
        let output = self.try_mount::<OsString>(&[]);
        assert!(output.status.success(), "{output:?}");
    }

    /// Mounts the vault as another device would, which knows only what is in the vault.
    pub fn mount_elsewhere(&self) {
        if self.state().exists() {
            fs::rename(self.state(), self.folder().join("another-devices-state")).unwrap();
        }
        self.mount();
    }

    /// Remembers the daemon of a mount that the test has made by itself.
    pub fn note_daemon(&self, mount_point: &Path) {
        let pid = self.status_of(mount_point).pid;
        self.daemons.lock().unwrap().push(open_process(pid));
    }

    /// What the mount tells of itself.
    pub fn status(&self) -> Status {
        self.status_of(&self.mount_point())
    }

    /// What a mount tells of itself.
    pub fn status_of(&self, mount_point: &Path) -> Status {
        let told = self.run("status", &["--json".as_ref(), mount_point.as_os_str()], |_| {});
        assert!(told.status.success(), "{told:?}");
        serde_json::from_slice(&told.stdout).unwrap()
    }

    /// Runs `unmount`.
    pub fn try_unmount(&self) -> Output {
        retried(
            || self.run("unmount", &[self.mount_point().as_os_str()], |_| {}),
            |output| output.status.code() == Some(13),
        )
    }

    /// Unmounts the vault.
    pub fn unmount(&self) {
        let output = self.try_unmount();
        assert!(output.status.success(), "{output:?}");
    }

    /// Unmounts and mounts again.
    pub fn remount(&self) {
        self.unmount();
        self.mount();
    }

    /// Sends the last daemon a signal.
    pub fn signal(&self, signal: Signal) {
        pidfd_send_signal(self.daemons.lock().unwrap().last().unwrap(), signal).unwrap();
    }

    /// Waits until no daemon of this bench runs any more.
    pub fn wait_for_end(&self) {
        let daemons = self.daemons.lock().unwrap();
        assert!(
            daemons.iter().all(|daemon| has_ended(daemon, END_WITHIN)),
            "a daemon does not end"
        );
    }

    /// Kills the daemon as a crash does. Its mount stays, dead.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
        self.wait_for_end();
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // Whatever is mounted below the folder goes, the innermost first; the daemons then end.
        for _ in 0..100 {
            let Some(mount_point) = innermost_mount(&self.folder()) else { break };
            if !geteuid().is_root() || unmount(&mount_point, UnmountFlags::DETACH).is_err() {
                let _ = Command::new("fusermount3").arg("-uz").arg(&mount_point).status();
            }
        }
        for daemon in &*self.daemons.lock().unwrap() {
            if !has_ended(daemon, END_WITHIN) {
                tell("a daemon does not end although its mount is gone: killing it");
                let _ = pidfd_send_signal(daemon, Signal::KILL);
                has_ended(daemon, END_WITHIN);
            }
        }
    }
}

fn innermost_mount(folder: &Path) -> Option<PathBuf> {
    let mounts = hushfs::fuse::mounts().ok()?;
    let below = mounts.into_iter().map(|mount| mount.mount_point);
    below.filter(|place| place.starts_with(folder)).max_by_key(|place| place.components().count())
}

/// A process, as something that means no other even when it is gone.
pub fn open_process(pid: u32) -> OwnedFd {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    pidfd_open(pid, PidfdFlags::empty()).unwrap()
}

/// Whether a process ends within this time.
pub fn has_ended(process: impl AsFd, within: Duration) -> bool {
    let mut asked = [PollFd::from_borrowed_fd(process.as_fd(), PollFlags::IN)];
    let within = Timespec::try_from(within).unwrap();
    poll(&mut asked, Some(&within)).unwrap() > 0
}

/// Whether a vault is mounted there, dead or alive.
pub fn is_mounted(mount_point: &Path) -> bool {
    mount_at(mount_point).unwrap().is_some_and(|mount| mount.is_hushfs())
}

/// Exit code, and all that was said.
pub fn said(output: &Output) -> (i32, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}
