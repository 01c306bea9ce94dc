//! A folder of very many entries, without a mount: `scripts/strain entries` makes more in one.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

#[allow(dead_code, reason = "shared with tests that need more of it")]
mod bench;

use hushfs::format::{Ino, NodeKind};
use hushfs::fs::{FileSystem, FsError};

use bench::Bench;

const ENTRIES: usize = 100_000;
/// As many as one request of the kernel takes, or so.
const AT_ONCE: usize = 500;

fn name(number: usize) -> Vec<u8> {
    format!("message-{number:07}.eml").into_bytes()
}

/// The next entries after a cookie, and the cookie after them.
fn next(files: &FileSystem, folder: Ino, cookie: &mut u64) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    files
        .list(folder, *cookie, &mut |entry| {
            if names.len() == AT_ONCE {
                return false;
            }
            *cookie = entry.cookie;
            names.push(entry.name.to_vec());
            true
        })
        .unwrap();
    names.retain(|name| name != b"." && name != b"..");
    names
}

fn list(files: &FileSystem, folder: Ino) -> Vec<Vec<u8>> {
    let mut cookie = 0;
    let parts = std::iter::from_fn(|| {
        let part = next(files, folder, &mut cookie);
        (!part.is_empty()).then_some(part)
    });
    parts.flatten().collect()
}

#[test]
fn a_folder_of_100_000_entries_is_filled_listed_searched_and_emptied() {
    let bench = Bench::new();
    let device = bench.device();
    let folder = device.make("many", NodeKind::Folder);
    for number in 0..ENTRIES {
        let new = hushfs::fs::NewNode { mode: 0o644, umask: 0, uid: 0, gid: 0 };
        device.files.make(folder, &name(number), NodeKind::File, new).unwrap();
    }
    let all: Vec<_> = (0..ENTRIES).map(name).collect();
    // In the order in which they came, none twice.
    assert!(list(&device.files, folder) == all);
    device.unmount();

    let device = bench.device();
    let mut listed = list(&device.files, folder);
    listed.sort();
    assert!(listed == all);
    for name in &all {
        device.files.lookup(folder, name).unwrap();
    }
    let none = device.files.lookup(folder, &name(ENTRIES));
    assert!(matches!(none, Err(FsError::NotFound)));

    // Removing while listing, as `rm -r` does, misses none.
    let mut cookie = 0;
    loop {
        let part = next(&device.files, folder, &mut cookie);
        if part.is_empty() {
            break;
        }
        part.iter().for_each(|name| device.files.unlink(folder, name).unwrap());
    }
    device.files.remove_folder(Ino::ROOT, b"many").unwrap();
    device.unmount();
    bench.verify().expect(0, &["0 files"]);
}
