//! A disk that is as small as a test wants it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small disk in a folder; unmounted when dropped.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where this machine lets us mount nothing.
    pub fn at(folder: &Path, megabytes: u64) -> Option<Self> {
        let image = folder.with_extension("image");
        File::create(&image).unwrap().set_len(megabytes << 20).unwrap();
        fs::create_dir(folder).unwrap();
        let made = Command::new("mkfs.ext4").arg("-q").arg(&image).output();
        made.ok().filter(|output| output.status.success())?;
        let mounted = Command::new("mount").args(["-o", "loop"]).arg(&image).arg(folder).output();
        mounted.ok().filter(|output| output.status.success())?;
        Some(Self(folder.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
