//! Linux.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// systemd's and D-Bus's place for the machine's name.
const MACHINE_ID_FILES: [&str; 2] = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

/// Names this machine; empty where the system has no name for it.
pub fn machine() -> String {
    let mut names = MACHINE_ID_FILES.iter().filter_map(|path| fs::read_to_string(path).ok());
    names.next().unwrap_or_default().trim().to_owned()
}

/// Brings the names in a folder to the disk.
///
/// # Errors
/// The system's; whether they are there is not known then.
pub fn sync_folder(folder: impl AsFd) -> rustix::io::Result<()> {
    rustix::fs::fsync(folder)
}

/// Brings everything of the file system that this is in to the disk.
///
/// # Errors
/// The system's; what has got there is not known then.
pub fn sync_volume(within: impl AsFd) -> io::Result<()> {
    Ok(rustix::fs::syncfs(within)?)
}

/// What becomes readable when the process with this id ends; `None` if it is not to be seen from here.
pub(super) fn watch_end(pid: Pid) -> Option<OwnedFd> {
    pidfd_open(pid, PidfdFlags::empty()).ok()
}

/// Whether a process has done all it will do, but the system keeps it: a thread of it waits for a
/// read that nobody answers.
pub fn has_ended_but_for_threads(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, in parentheses, may have any characters in it.
    stat.rsplit_once(')').is_some_and(|(_, fields)| fields.trim_start().starts_with('Z'))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_process_that_nobody_has_asked_about_since_its_end_has_ended() {
        let mut child = std::process::Command::new("cat");
        let mut child = child.stdin(std::process::Stdio::piped()).spawn().unwrap();
        let pid = child.id();
        assert!(!has_ended_but_for_threads(pid));
        drop(child.stdin.take());
        while !has_ended_but_for_threads(pid) {
            std::thread::sleep(Duration::from_millis(10));
        }
        child.wait().unwrap();
        assert!(!has_ended_but_for_threads(pid));
    }
}
