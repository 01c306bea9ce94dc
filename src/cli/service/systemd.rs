//! systemd's manager of this user, by way of `systemctl`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli::error::Error;
use crate::desktop::{Service, ServicePlaces, places_of_unit};
use crate::store::{HostDisk, StoreError, put_loose_file};

use super::manager::{Manager, ServiceState, folder_of, name_of, said_by, usage};

const FOLDER: &str = "systemd/user";

/// The manager, where there is one.
pub(super) struct Systemd(());

impl Manager for Systemd {
    const NAME: &'static str = "systemd";
    const MOUNTED_NOW: &'static str = "It is mounted now.\n";
    /// A unit says itself after which exit codes it is not started again.
    const MOUNT_FLAGS: &'static [&'static str] = &[];

    fn folder() -> Result<PathBuf, Error> {
        let config =
            folder_of("XDG_CONFIG_HOME").or_else(|| Some(folder_of("HOME")?.join(".config")));
        config.map(|config| config.join(FOLDER)).ok_or_else(|| {
            Error::Usage("there is neither HOME nor XDG_CONFIG_HOME to keep services below".into())
        })
    }

    fn file_name(service: &Service) -> String {
        service.unit_name()
    }

    fn may_be_ours(file_name: &str) -> bool {
        file_name.starts_with("hushfs-") && file_name.ends_with(".service")
    }

    fn text(service: &Service) -> Result<String, Error> {
        service.unit().map_err(usage)
    }

    fn places(text: &str) -> Option<ServicePlaces> {
        places_of_unit(text)
    }

    fn reach() -> Option<Self> {
        systemctl(&["show-environment"]).is_ok().then_some(Self(()))
    }

    fn add(&self, file: &Path, now: bool) -> Result<(), String> {
        let name = name_of(file);
        systemctl(&["daemon-reload"])?;
        let enable: &[&str] = if now { &["enable", "--now", &name] } else { &["enable", &name] };
        systemctl(enable).map(drop)
    }

    fn remove(&self, file: &Path, _is_mounted: bool) -> Result<(), String> {
        let name = name_of(file);
        // By its link it would be started still.
        systemctl(&["disable", &name])?;
        if matches!(answer("is-active", &name).as_str(), "inactive" | "failed") {
            return Ok(());
        }
        // What runs by no unit is killed at logout, and not stopped: so there is one until then.
        let runtime = folder_of("XDG_RUNTIME_DIR").ok_or("there is no XDG_RUNTIME_DIR")?;
        let kept = fs::read(file)
            .map_err(|error| StoreError::io("cannot read", file, error))
            .and_then(|unit| put_loose_file(&HostDisk, &runtime.join(FOLDER).join(&name), &unit));
        kept.map_err(|error| format!("{name} will not end well at logout: {error}"))
    }

    fn notice_removal(&self) -> Result<(), String> {
        systemctl(&["daemon-reload"]).map(drop)
    }

    fn state(&self, file_name: &str) -> ServiceState {
        ServiceState {
            enabled: answer("is-enabled", file_name),
            active: answer("is-active", file_name),
        }
    }

    fn command_for_later(file_name: &str) -> Option<String> {
        Some(format!("systemctl --user enable --now {file_name}"))
    }

    fn where_it_says_why(file: &Path) -> String {
        format!("“journalctl --user -u {}”", name_of(file))
    }
}

/// What it says of a unit, as in `enabled` or `active`, whatever its exit code.
fn answer(question: &str, unit: &str) -> String {
    let (Ok(said) | Err(said)) = systemctl(&[question, unit]);
    said.lines().next().unwrap_or("unknown").to_owned()
}

fn systemctl(words: &[&str]) -> Result<String, String> {
    said_by(Command::new("systemctl").arg("--user").args(words))
}
