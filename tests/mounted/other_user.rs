//! Somebody else on the machine, whom a mount lets in.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::bench::{Bench, is_root};

/// User and group; nobody whose files matter.
pub const OTHER: u32 = 1234;

/// A mount that other users may enter, as far as modes allow; `None` without root, who alone can
/// become another.
pub fn mounted_for_all() -> Option<Bench> {
    if !is_root() {
        return None;
    }
    let bench = Bench::new()?;
    let mounted = bench.try_mount(&["--allow-other"]);
    assert!(mounted.status.success(), "{mounted:?}");
    fs::set_permissions(bench.folder(), Permissions::from_mode(0o711)).unwrap();
    fs::set_permissions(bench.mount_point(), Permissions::from_mode(0o777)).unwrap();
    Some(bench)
}

/// Runs a shell script as that user in a folder of the mount, and gives what it printed.
///
/// # Panics
/// If one of its commands fails.
pub fn run_as_other(folder: &Path, script: &str) -> String {
    let id = OTHER.to_string();
    let output = Command::new("setpriv")
        .args(["--reuid", &id, "--regid", &id, "--clear-groups", "/bin/sh", "-euc", script])
        .current_dir(folder)
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    assert!(output.status.success(), "{script}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
