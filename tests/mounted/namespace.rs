//! Scripts that see a system of their own: what they mount and start is gone when they end.

use std::path::Path;
use std::process::{Command, Output};

use super::bench::{HUSHFS, is_root, skip};

/// The copies of other tests' mounts go, which would keep those alive. The program under test gets
/// its usual name in a folder that every search path has: `mount(8)` hands no other on.
const PROLOGUE: &str = r#"
set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH HUSHFS_STRETCH=floor
umount --all --lazy --types fuse.hushfs
mount -t tmpfs -o mode=755 none /usr/local/sbin
cp "$1" /usr/local/sbin/hushfs
shift
"#;

/// Runs a shell script as root in namespaces of its own, with these arguments.
///
/// # Panics
/// If one of its commands fails; the message shows which.
pub fn assert_runs(script: &str, arguments: &[&Path]) {
    let output = run(&format!("set -x\n{script}"), arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}", output.status);
}

fn run(script: &str, arguments: &[&Path]) -> Output {
    Command::new("unshare")
        .args(["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"])
        .args(["--mount-proc", "/bin/sh", "-c"])
        .arg(format!("{PROLOGUE}{script}"))
        .args(["sh", HUSHFS])
        .args(arguments)
        .output()
        .unwrap()
}

/// Whether scripts can run; tells that the test is left out where they cannot.
pub fn is_possible() -> bool {
    if !is_root() {
        return false;
    }
    let tried = run("", &[]);
    if !tried.status.success() {
        skip(&format!("no namespaces here: {}", String::from_utf8_lossy(&tried.stderr)));
    }
    tried.status.success()
}
