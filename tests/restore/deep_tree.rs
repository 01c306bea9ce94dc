//! A tree that no path reaches the bottom of.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;

use hushfs::format::{Ino, NodeKind};
use hushfs::fs::NewNode;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, statat};

use crate::bench::Bench;

const LEVELS: usize = 200;
const NEW: NewNode = NewNode { mode: 0o700, umask: 0, uid: 0, gid: 0 };

fn level_name(level: usize) -> String {
    format!("{level:03} {}", "long ".repeat(30))
}

/// The folder at the bottom, one step at a time.
fn bottom(root: &Path) -> OwnedFd {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let root = openat(CWD, root, flags, Mode::empty()).unwrap();
    (0..LEVELS).fold(root, |folder, level| {
        openat(&folder, level_name(level), flags, Mode::empty()).unwrap()
    })
}

#[test]
fn a_tree_of_200_levels_with_long_names_comes_back_with_its_links() {
    let bench = Bench::new();
    let device = bench.device();
    let deepest = (0..LEVELS).fold(Ino::ROOT, |folder, level| {
        let made = device.files.make(folder, level_name(level).as_bytes(), NodeKind::Folder, NEW);
        made.unwrap().ino
    });
    let file = device.files.make(deepest, b"file", NodeKind::File, NEW).unwrap().ino;
    device.files.write(file, 0, b"at the bottom", false).unwrap();
    device.files.link(file, deepest, b"link").unwrap();
    device.files.link(file, Ino::ROOT, b"link at the top").unwrap();
    device.files.make(deepest, b"pipe", NodeKind::Fifo, NEW).unwrap();
    device.files.make(deepest, b"symlink", NodeKind::Symlink(b"file"), NEW).unwrap();
    device.unmount();

    let destination = bench.place("restored");
    let said = bench.restore(&destination, &[]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said:?}");
    assert!(!said.stdout.contains("copy"), "{said:?}");
    let folder = bottom(&destination);
    let mut text = String::new();
    let file = openat(&folder, "file", OFlags::RDONLY, Mode::empty()).unwrap();
    File::from(file).read_to_string(&mut text).unwrap();
    assert_eq!(text, "at the bottom");
    let number = |name| statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW).unwrap().st_ino;
    assert_eq!(number("file"), number("link"));
    let top = statat(CWD, destination.join("link at the top"), AtFlags::empty()).unwrap();
    assert_eq!(number("file"), top.st_ino);
    assert_ne!(number("pipe"), number("symlink"));

    let said = bench.restore(&destination, &[]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said:?}");
    said.expect(0, &["5 files were there already"]);
}
