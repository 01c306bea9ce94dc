//! What a device gives files besides content.

use hushfs::format::{Ino, Time};
use hushfs::fs::{AttributeChange, XattrMode};

use super::device::Device;

impl Device {
    pub fn link(&self, ino: Ino, path: impl AsRef<[u8]>) {
        let (folder, name) = self.split(path.as_ref());
        self.files.link(ino, folder, name).unwrap();
    }

    pub fn set_mode(&self, ino: Ino, mode: u32) {
        self.change(ino, AttributeChange { mode: Some(mode), ..AttributeChange::default() });
    }

    pub fn set_owner(&self, ino: Ino, uid: u32, gid: u32) {
        let change =
            AttributeChange { uid: Some(uid), gid: Some(gid), ..AttributeChange::default() };
        self.change(ino, change);
    }

    pub fn set_times(&self, ino: Ino, atime: (i64, u32), mtime: (i64, u32)) {
        let time = |(secs, nanos)| Some(Time { secs, nanos });
        let change = AttributeChange {
            atime: time(atime),
            mtime: time(mtime),
            ..AttributeChange::default()
        };
        self.change(ino, change);
    }

    pub fn set_xattr(&self, ino: Ino, name: &str, value: &[u8]) {
        self.files.set_xattr(ino, name.as_bytes(), value, XattrMode::Set).unwrap();
    }

    fn change(&self, ino: Ino, change: AttributeChange) {
        self.files.set_attributes(ino, &change).unwrap();
    }
}
