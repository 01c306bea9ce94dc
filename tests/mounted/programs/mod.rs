//! Programs that people run in a mount, and that know every corner of a file system.

mod archives;
mod building;
mod copies;
mod databases;
mod strain;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, XattrFlags, lsetxattr, utimensat};

use super::bench::skip;

/// Whether a program is installed; tells that the test is left out where it is not.
fn is_there(program: &str) -> bool {
    let there = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !there {
        skip(&format!("{program} is not installed"));
    }
    there
}

/// Runs a program in a folder, and gives what it printed.
fn run(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("LC_ALL", "C.UTF-8")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(status.success(), "{program} {arguments:?}: {status}\n{stdout}\n{stderr}");
    stdout
}

/// A tree with some of everything a backup can hold.
fn furnish(folder: &Path) {
    fs::create_dir_all(folder.join("a/b/empty")).unwrap();
    for (name, bytes) in [("none", 0), ("one", 1), ("page", 4096), ("large", 3_000_001)] {
        let content: Vec<u8> = (0..bytes).map(|at: u32| (at / 3 % 253) as u8).collect();
        fs::write(folder.join("a").join(name), content).unwrap();
    }
    for number in 0..200 {
        fs::write(folder.join(format!("a/b/{number} \u{e9}.txt")), number.to_string()).unwrap();
    }
    fs::hard_link(folder.join("a/page"), folder.join("a/b/hard")).unwrap();
    symlink("../none", folder.join("a/b/link")).unwrap();
    symlink("dangling", folder.join("dangling")).unwrap();
    fs::set_permissions(folder.join("a/one"), fs::Permissions::from_mode(0o4750)).unwrap();
    fs::set_permissions(folder.join("a/b/empty"), fs::Permissions::from_mode(0o1777)).unwrap();
    lsetxattr(folder.join("a/one"), "user.note", b"\0\xFF", XattrFlags::empty()).unwrap();
    let sparse = fs::File::create(folder.join("sparse")).unwrap();
    sparse.set_len(50_000_000).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"end", 49_999_000).unwrap();
    // Old ones: of links and folders rsync takes two within a second for the same.
    for path in ["a/page", "a/b/link", "dangling", "a/b/empty", "a/b", "a", ""] {
        let time = Timespec { tv_sec: 1_000_000_000, tv_nsec: 123_456_789 };
        let times = Timestamps { last_access: time, last_modification: time };
        utimensat(CWD, folder.join(path), &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
}
