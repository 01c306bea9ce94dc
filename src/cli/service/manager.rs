//! systemd's manager of this user, by way of `systemctl`.

use std::process::{Command, Stdio};

/// The manager, where there is one.
pub(super) struct Manager(());

impl Manager {
    /// `None` where nobody answers: no systemd, or no login of this user, as under `sudo`.
    pub(super) fn reach() -> Option<Self> {
        let answers = systemctl(&["show-environment"]).is_ok();
        answers.then_some(Self(()))
    }

    /// Has it do something; `Err` is what it says.
    pub(super) fn call(&self, words: &[&str]) -> Result<String, String> {
        systemctl(words)
    }

    /// What it says of a unit, as in `enabled` or `active`, whatever its exit code.
    pub(super) fn ask(&self, question: &str, unit: &str) -> String {
        let said = match systemctl(&[question, unit]) {
            Ok(said) | Err(said) => said,
        };
        said.lines().next().unwrap_or("unknown").to_owned()
    }
}

/// Standard output; `Err` if it fails: what it says then.
fn systemctl(words: &[&str]) -> Result<String, String> {
    let mut command = Command::new("systemctl");
    let output = command.arg("--user").args(words).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("systemctl: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match (output.status.success(), text(&output.stdout)) {
        (true, said) => Ok(said),
        (false, said) if said.is_empty() => Err(text(&output.stderr)),
        (false, said) => Err(said),
    }
}
