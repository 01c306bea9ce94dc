//! Sync clients as processes: whether they are there, and that none outlives its test.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::bench::{Bench, skip};

/// A machine that is so slow is taken for one that hangs.
const GIVE_UP_AFTER: Duration = Duration::from_secs(240);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A bench for tests that need a client; `None` where it is not installed, or nothing can be
/// mounted.
///
/// # Panics
/// Where either is so, if `HUSHFS_REQUIRE_FUSE=1` says that nothing may be skipped.
pub fn bench_with(client: &str) -> Option<Bench> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&folders).any(|folder| folder.join(client).is_file()) {
        let must = std::env::var_os("HUSHFS_REQUIRE_FUSE").is_some_and(|value| value == "1");
        assert!(!must, "{client} is not installed, and HUSHFS_REQUIRE_FUSE=1");
        skip(&format!("{client} is not installed"));
        return None;
    }
    let bench = Bench::new()?;
    fs::create_dir(home(&bench)).unwrap();
    Some(bench)
}

/// A client about to run, which finds and leaves nothing of a user's.
pub fn client(bench: &Bench, program: &str) -> Command {
    let mut command = Command::new(program);
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if ["RCLONE_", "UNISON", "ST", "XDG_"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(variable);
        }
    }
    command.env("HOME", home(bench)).env("NO_PROXY", "*").stdin(Stdio::null());
    command
}

fn home(bench: &Bench) -> PathBuf {
    bench.folder().join("home")
}

/// Runs a program in the background, and kills it with all of its process group as soon as the
/// standard input ends: whoever has started this is gone then.
const WARDEN: &str = r#""$@" & read -r _; kill -KILL 0"#;

/// A process with all that it starts, which ends with its test, also when the whole run is killed.
pub struct Service {
    /// Leads the process group, and has the other end of its standard input. `None` once it was
    /// killed; it is not waited for before, so its number stays its own.
    warden: Option<Child>,
    log: PathBuf,
}

impl Service {
    /// Starts it in a process group of its own, which nothing of it may leave.
    pub fn start(command: &Command, log: &Path) -> Self {
        let file = File::create(log).unwrap();
        let mut warden = Command::new("sh");
        warden.args(["-c", WARDEN, "sh"]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => warden.env(name, value),
                None => warden.env_remove(name),
            };
        }
        warden.stdin(Stdio::piped()).stdout(file.try_clone().unwrap()).stderr(file);
        Self { warden: Some(warden.process_group(0).spawn().unwrap()), log: log.to_owned() }
    }

    /// What it said between these two texts, once it has.
    pub fn told(&self, before: &str, after: &str) -> String {
        wait_for(|| {
            let said = fs::read_to_string(&self.log).unwrap();
            let told = said.split_once(before).and_then(|(_, rest)| rest.split_once(after));
            told.map(|(told, _)| told.to_owned()).ok_or(format!("“{before}” in {said}"))
        })
    }

    /// Kills all of it at once.
    pub fn kill(&mut self) {
        if let Some(mut warden) = self.warden.take() {
            let _ = kill_process_group(Pid::from_child(&warden), Signal::KILL);
            let _ = warden.wait();
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What `look` gives, once it does; until then it gives what is waited for.
pub fn wait_for<T>(mut look: impl FnMut() -> Result<T, String>) -> T {
    let since = Instant::now();
    loop {
        let awaited = match look() {
            Ok(found) => return found,
            Err(awaited) => awaited,
        };
        assert!(since.elapsed() < GIVE_UP_AFTER, "waited in vain for {awaited}");
        thread::sleep(LOOK_EVERY);
    }
}
