//! By `lsof`, which comes with macOS.

#[cfg(target_os = "macos")]
use std::ffi::OsStr;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
#[cfg(target_os = "macos")]
use std::process::{Command, Stdio};

use super::Holder;

#[cfg(target_os = "macos")]
const PROGRAM: &str = "/usr/sbin/lsof";
/// Numbers stay numbers and no warnings come; of each process its id, its name and what it has open, every
/// field up to a NUL. Given a mount point, everything on that file system is listed (lsof(8)).
const ARGUMENTS: [&str; 5] = ["-n", "-P", "-w", "-F", "pcn0"];

/// The processes that hold something below `mount_point`; of other users' processes only root sees what they
/// hold.
#[cfg(target_os = "macos")]
pub(in crate::cli) fn holders(mount_point: &Path, _device: (u32, u32)) -> Vec<Holder> {
    let mut lsof = Command::new(PROGRAM);
    lsof.args(arguments().map(OsStr::new)).arg(mount_point);
    let listed = lsof.stdin(Stdio::null()).stderr(Stdio::null()).output();
    listed.map(|output| parse(&output.stdout, mount_point)).unwrap_or_default()
}

/// What it is called with, before the mount point.
fn arguments() -> impl Iterator<Item = &'static str> {
    ARGUMENTS.into_iter().chain(["--"])
}

/// The processes in its output: of each a line with its id and name, then a line for each thing that it
/// holds. The first below the mount point is shown.
fn parse(output: &[u8], mount_point: &Path) -> Vec<Holder> {
    let mut holders: Vec<Holder> = Vec::new();
    let (mut pid, mut name, mut is_shown) = (0, String::new(), false);
    // A line ends with a NUL and the line's end, as a name with a line's end in it does not.
    for field in output.split(|byte| *byte == 0) {
        let field = field.strip_prefix(b"\n").unwrap_or(field);
        let Some((kind, value)) = field.split_first() else { continue };
        match kind {
            b'p' => {
                pid = std::str::from_utf8(value).ok().and_then(|pid| pid.parse().ok()).unwrap_or(0);
                (name, is_shown) = (String::new(), false);
            }
            b'c' => name = String::from_utf8_lossy(value).into_owned(),
            b'n' if !is_shown && pid != 0 => {
                let path = PathBuf::from(OsString::from_vec(value.to_vec()));
                if path.starts_with(mount_point) {
                    holders.push(Holder { pid, name: name.clone(), path });
                    is_shown = true;
                }
            }
            _ => {}
        }
    }
    holders.sort_by_key(|holder| holder.pid);
    holders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_process_the_first_thing_below_the_mount_point_is_named() {
        let output = b"p912\0cFinder\0\nfcwd\0n/\0\nf12\0n/Users/ann/Chats/a b.txt\0\n\
            f13\0n/Users/ann/Chats/other\0\np77\0cvim\0\nf3\0n/Users/ann/Chats\0\n\
            p78\0cless\0\nf3\0n/Users/ann/Chats2/x\0\n";
        let holder =
            |pid, name: &str, path: &str| Holder { pid, name: name.to_owned(), path: path.into() };
        assert_eq!(
            parse(output, Path::new("/Users/ann/Chats")),
            [
                holder(77, "vim", "/Users/ann/Chats"),
                holder(912, "Finder", "/Users/ann/Chats/a b.txt"),
            ]
        );
    }

    #[test]
    fn whatever_a_name_has_in_it_stays_in_it() {
        let output = b"p5\0cx\0\nf1\0n/m/two\nlines\0\np6\0c\0\nf1\0n/m/\xff\0\n";
        let found = parse(output, Path::new("/m"));
        assert_eq!(found[0].path, Path::new("/m/two\nlines"));
        assert_eq!((found[1].pid, found[1].name.as_str()), (6, ""));
        assert_eq!(parse(b"garbage\0\0\npx\0n/m/a\0", Path::new("/m")), []);
        assert_eq!(parse(b"", Path::new("/m")), []);
    }

    #[test]
    fn the_program_of_this_machine_understands_what_it_is_asked() {
        let Ok(tried) = std::process::Command::new("lsof").arg("-v").output() else {
            return eprintln!("skipped: there is no lsof");
        };
        assert!(tried.status.success());
        let folder = tempfile::tempdir().unwrap();
        let path = std::fs::canonicalize(folder.path()).unwrap().join("a b");
        let open = std::fs::File::create(&path).unwrap();
        let mut lsof = std::process::Command::new("lsof");
        let output = lsof.args(arguments()).arg(&path).output().unwrap();
        let found = parse(&output.stdout, path.parent().unwrap());
        assert!(found.iter().any(|holder| holder.pid == std::process::id()), "{output:?}");
        drop(open);
    }
}
