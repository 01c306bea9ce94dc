//! launchd's part for this user's login at the screen, by way of `launchctl`.
//!
//! What is in its folder is started at each login; to be started at once it has to be loaded (`bootstrap`).
//! What is loaded is run as the file said then. To unload it (`bootout`) ends it, which unmounts; so nothing
//! that is mounted is unloaded.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::cli::error::Error;
use crate::cli::names::Shown as _;
use crate::desktop::{Service, ServicePlaces, places_of_agent};

use super::manager::{Manager, ServiceState, folder_of, name_of, said_by, usage};

const FOLDER: &str = "Library/LaunchAgents";
const LOGS: &str = "Library/Logs/hushfs";
const PREFIX: &str = "hushfs.";
const SUFFIX: &str = ".plist";
/// How long to wait until what was unloaded is gone; nothing of it runs by then.
const GONE_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The manager, where there is one.
pub(super) struct Launchd {
    /// `launchctl`.
    program: PathBuf,
    /// `gui/` and the user's number.
    domain: String,
}

impl Manager for Launchd {
    const NAME: &'static str = "launchd";
    const MOUNTED_NOW: &'static str = "It is being mounted now.\n";
    /// An agent cannot say after which exit codes it is not started again.
    const MOUNT_FLAGS: &'static [&'static str] = &["--under-launchd"];

    fn folder() -> Result<PathBuf, Error> {
        Ok(home()?.join(FOLDER))
    }

    fn file_name(service: &Service) -> String {
        format!("{}{SUFFIX}", service.agent_label())
    }

    fn may_be_ours(file_name: &str) -> bool {
        file_name.starts_with(PREFIX) && file_name.ends_with(SUFFIX)
    }

    fn text(service: &Service) -> Result<String, Error> {
        let logs = home()?.join(LOGS);
        // What it says names the vault and the mount point.
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&logs);
        made.map_err(|source| Error::Io { doing: format!("making {}", logs.shown()), source })?;
        service.agent(&logs.join(log_name(&Self::file_name(service)))).map_err(usage)
    }

    fn places(text: &str) -> Option<ServicePlaces> {
        places_of_agent(text)
    }

    fn reach() -> Option<Self> {
        let domain = format!("gui/{}", rustix::process::getuid().as_raw());
        let launchd = Self { program: "launchctl".into(), domain };
        launchd.launchctl(&["print", &launchd.domain]).is_ok().then_some(launchd)
    }

    fn add(&self, file: &Path, now: bool) -> Result<(), String> {
        let target = self.target(&name_of(file));
        // It may have been disabled by hand once, which outlives its file.
        self.launchctl(&["enable", &target])?;
        if now {
            self.unload(&target)?;
            self.launchctl(&["bootstrap", &self.domain, &file.to_string_lossy()])?;
        }
        Ok(())
    }

    fn remove(&self, file: &Path, is_mounted: bool) -> Result<(), String> {
        match is_mounted {
            true => Ok(()),
            false => self.unload(&self.target(&name_of(file))),
        }
    }

    fn notice_removal(&self) -> Result<(), String> {
        Ok(())
    }

    fn state(&self, file_name: &str) -> ServiceState {
        let said = self.launchctl(&["print", &self.target(file_name)]);
        // What is printed is for eyes, and so is this.
        let active = said.as_deref().ok().and_then(|said| {
            said.lines().find_map(|line| line.trim().strip_prefix("state = ")).map(str::to_owned)
        });
        let enabled = if said.is_ok() { "loaded" } else { "not loaded" };
        let not_told = if said.is_ok() { "unknown" } else { "not running" };
        ServiceState {
            enabled: enabled.to_owned(),
            active: active.unwrap_or_else(|| not_told.to_owned()),
        }
    }

    fn command_for_later(_file_name: &str) -> Option<String> {
        None
    }

    fn where_it_says_why(file: &Path) -> String {
        format!("~/{LOGS}/{}", log_name(&name_of(file)))
    }
}

impl Launchd {
    fn target(&self, file_name: &str) -> String {
        let label = file_name.strip_suffix(SUFFIX).unwrap_or(file_name);
        format!("{}/{label}", self.domain)
    }

    fn is_loaded(&self, target: &str) -> bool {
        self.launchctl(&["print", target]).is_ok()
    }

    /// Ends what is loaded, and waits until it is gone: to load it again would be refused before.
    fn unload(&self, target: &str) -> Result<(), String> {
        if !self.is_loaded(target) {
            return Ok(());
        }
        let said = self.launchctl(&["bootout", target]);
        let until = Instant::now() + GONE_WITHIN;
        while self.is_loaded(target) {
            if Instant::now() >= until {
                return said.and(Err(format!("{target} does not end")));
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    fn launchctl(&self, words: &[&str]) -> Result<String, String> {
        said_by(Command::new(&self.program).args(words))
    }
}

fn home() -> Result<PathBuf, Error> {
    folder_of("HOME")
        .ok_or_else(|| Error::Usage("there is no HOME to keep services below".to_owned()))
}

fn log_name(file_name: &str) -> String {
    let name = file_name.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(SUFFIX));
    format!("{}.log", name.unwrap_or(file_name))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const FILE: &str = "/Users/ann/Library/LaunchAgents/hushfs.c0ffee.plist";

    /// A `launchctl` that writes down what it is told; a file stands for what is loaded.
    struct Told {
        folder: tempfile::TempDir,
        launchd: Launchd,
    }

    impl Told {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let program = folder.path().join("launchctl");
            let script = "#!/bin/sh\ncd \"${0%/*}\"\necho \"$@\" >>told\ncase $1 in\n\
                          print) [ -e loaded ] && printf 'x = {\\n\\tstate = running\\n}\\n' ;;\n\
                          bootstrap) ! [ -e loaded ] && touch loaded || { echo 'in the way' >&2; exit 5; } ;;\n\
                          bootout) rm loaded ;;\nesac\n";
            fs::write(&program, script).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
            let launchd = Launchd { program, domain: "gui/501".to_owned() };
            Self { folder, launchd }
        }

        fn told(&self) -> String {
            let told = self.folder.path().join("told");
            let text = fs::read_to_string(&told).unwrap_or_default();
            let _ = fs::remove_file(told);
            text.lines().filter(|line| !line.starts_with("print")).collect::<Vec<_>>().join("; ")
        }

        fn is_loaded(&self) -> bool {
            self.folder.path().join("loaded").exists()
        }
    }

    #[test]
    fn an_agent_is_loaded_and_one_that_was_before_goes_first() {
        let told = Told::new();
        let (file, begin) = (Path::new(FILE), "enable gui/501/hushfs.c0ffee");
        told.launchd.add(file, false).unwrap();
        assert_eq!((told.told().as_str(), told.is_loaded()), (begin, false));
        let load = format!("bootstrap gui/501 {FILE}");
        told.launchd.add(file, true).unwrap();
        assert_eq!((told.told(), told.is_loaded()), (format!("{begin}; {load}"), true));
        told.launchd.add(file, true).unwrap();
        let again = format!("{begin}; bootout gui/501/hushfs.c0ffee; {load}");
        assert_eq!((told.told(), told.is_loaded()), (again, true));
    }

    #[test]
    fn what_is_mounted_is_never_unloaded() {
        let told = Told::new();
        told.launchd.add(Path::new(FILE), true).unwrap();
        told.launchd.remove(Path::new(FILE), true).unwrap();
        assert!(told.is_loaded());
        told.launchd.remove(Path::new(FILE), false).unwrap();
        assert!(!told.is_loaded());
        told.told();
        told.launchd.remove(Path::new(FILE), false).unwrap();
        assert_eq!(told.told(), "", "there is nothing to unload");
    }

    #[test]
    fn a_state_is_told_in_words() {
        let told = Told::new();
        let state = || {
            let ServiceState { enabled, active } = told.launchd.state("hushfs.c0ffee.plist");
            format!("{enabled}, {active}")
        };
        assert_eq!(state(), "not loaded, not running");
        told.launchd.add(Path::new(FILE), true).unwrap();
        assert_eq!(state(), "loaded, running");
    }

    #[test]
    fn what_launchd_refuses_is_passed_on() {
        let told = Told::new();
        let refused =
            Launchd { program: told.folder.path().join("missing"), domain: "gui/501".into() };
        assert!(refused.add(Path::new(FILE), true).is_err());
        assert_eq!(Launchd::where_it_says_why(Path::new(FILE)), "~/Library/Logs/hushfs/c0ffee.log");
    }
}
