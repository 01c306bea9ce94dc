//! One file or folder, as a line or as JSON.

use serde::Serialize;

use crate::cli::names::Names;
use crate::fs::{Attributes, FileKind, day_and_time, folder_name};

/// A file, folder or whatever, as it was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// From the root of the vault, without a slash at either end.
    pub(super) path: Vec<u8>,
    pub(super) attributes: Attributes,
    /// Of a symbolic link.
    pub(super) target: Option<Vec<u8>>,
}

/// What `--json` prints of it.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    path: String,
    /// The very bytes, in hex, where `path` cannot have them.
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    kind: &'static str,
    mode: String,
    uid: u32,
    gid: u32,
    links: u32,
    size: u64,
    held_bytes: u64,
    modified: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
}

impl Entry {
    pub(super) fn is_folder(&self) -> bool {
        self.attributes.kind == FileKind::Folder
    }

    /// The last name of the path.
    pub(super) fn name(&self) -> &[u8] {
        self.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
    }

    /// The path of something in it.
    pub(super) fn path_of(&self, name: &[u8]) -> Vec<u8> {
        if self.path.is_empty() { name.to_vec() } else { [&self.path, name].join(&b'/') }
    }

    /// For programs.
    pub(super) fn told(&self) -> Told {
        let Attributes { kind, mode, uid, gid, nlink, size, mtime, .. } = self.attributes;
        let (path, path_hex) = text_and_hex(&self.path);
        Told {
            path,
            path_hex,
            kind: match kind {
                FileKind::File => "file",
                FileKind::Folder => "folder",
                FileKind::Symlink => "link",
                FileKind::Fifo => "pipe",
                FileKind::Socket => "socket",
                FileKind::CharDevice => "char device",
                FileKind::BlockDevice => "block device",
            },
            mode: format!("{mode:04o}"),
            uid,
            gid,
            links: nlink,
            size,
            held_bytes: self.attributes.held_bytes(),
            modified: folder_name(mtime, true),
            target: self.target.as_deref().map(|of| String::from_utf8_lossy(of).into_owned()),
        }
    }

    /// A line, without its end: `-rw-r--r--       12345  2026-11-24 18:30:05  NAME`, as `name`.
    pub(super) fn long(&self, name: &[u8], names: Names) -> Vec<u8> {
        let Attributes { kind, mode, size, mtime, .. } = self.attributes;
        let (day, time) = day_and_time(mtime);
        let mut line =
            format!("{}  {size:>12}  {day} {time:8}  ", mode_text(kind, mode)).into_bytes();
        line.extend_from_slice(&names.written(name));
        if let Some(target) = &self.target {
            line.extend_from_slice(b" -> ");
            line.extend_from_slice(&names.written(target));
        }
        line
    }
}

/// A path for JSON, and in hex where that cannot have it.
pub(super) fn text_and_hex(path: &[u8]) -> (String, Option<String>) {
    let hex = || path.iter().map(|byte| format!("{byte:02x}")).collect();
    match std::str::from_utf8(path) {
        Ok(text) => (text.to_owned(), None),
        Err(_) => (String::from_utf8_lossy(path).into_owned(), Some(hex())),
    }
}

/// Kind and mode as ls(1) writes them.
fn mode_text(kind: FileKind, mode: u32) -> String {
    let kind = match kind {
        FileKind::File => '-',
        FileKind::Folder => 'd',
        FileKind::Symlink => 'l',
        FileKind::Fifo => 'p',
        FileKind::Socket => 's',
        FileKind::CharDevice => 'c',
        FileKind::BlockDevice => 'b',
    };
    let bit = |at: u32, is: char| if mode >> at & 1 == 1 { is } else { '-' };
    let execute = |at: u32, special: u32, both: char, alone: char| match (
        mode >> special & 1 == 1,
        mode >> at & 1 == 1,
    ) {
        (false, _) => bit(at, 'x'),
        (true, true) => both,
        (true, false) => alone,
    };
    let text = [
        kind,
        bit(8, 'r'),
        bit(7, 'w'),
        execute(6, 11, 's', 'S'),
        bit(5, 'r'),
        bit(4, 'w'),
        execute(3, 10, 's', 'S'),
        bit(2, 'r'),
        bit(1, 'w'),
        execute(0, 9, 't', 'T'),
    ];
    text.iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_written_as_ls_does() {
        for (kind, mode, expected) in [
            (FileKind::File, 0o644, "-rw-r--r--"),
            (FileKind::Folder, 0o1777, "drwxrwxrwt"),
            (FileKind::File, 0o6750, "-rwsr-s---"),
            (FileKind::File, 0o7000, "---S--S--T"),
            (FileKind::Symlink, 0o777, "lrwxrwxrwx"),
        ] {
            assert_eq!(mode_text(kind, mode), expected);
        }
    }

    #[test]
    fn a_path_that_is_no_text_is_told_in_hex_as_well() {
        assert_eq!(text_and_hex(b"a/b"), ("a/b".to_owned(), None));
        assert_eq!(text_and_hex(b"\xff"), ("\u{fffd}".to_owned(), Some("ff".to_owned())));
    }
}
