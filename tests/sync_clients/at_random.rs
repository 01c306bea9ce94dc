//! A device that works at random in its own mount, and keeps its books.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use hushfs::fs::Status;
use hushfs::fuse::STATUS_ATTRIBUTE;
use rustix::fs::getxattr;

use super::dice::Dice;
use super::ledger::Ledger;
use super::turns::bytes;

/// Names are few, so that devices meet.
const NAMES: [&str; 8] = ["a", "b", "c.txt", "d.jpg", "e", "f", "g.db", "h"];
/// More than so many make removing likelier.
const ENTRIES_MAX: usize = 60;

/// One device at work.
pub struct Worker<'a> {
    pub name: &'static str,
    pub mount_point: PathBuf,
    pub dice: Dice,
    pub ledger: &'a Ledger,
    /// Rows in this device's own database.
    pub rows: u64,
}

/// What there is in a mount.
struct Found {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

/// The last log object taken in of each other device; `None` while that is being changed.
type Seen = Option<BTreeMap<String, u64>>;

impl Worker<'_> {
    /// Does one thing; what another device's changes have made impossible is left.
    pub fn step(&mut self) {
        let found = self.find();
        let is_crowded = found.files.len() + found.folders.len() > ENTRIES_MAX;
        let done = match self.dice.below(if is_crowded { 24 } else { 18 }) {
            0..=3 => self.create(&found),
            4 | 5 => self.overwrite(&found),
            6 | 7 => self.append(&found),
            8 | 9 => self.patch(&found),
            10 => self.save(&found),
            11 | 12 => self.rename(&found),
            13 => self.make_folder(&found),
            14 => self.set_attributes(&found),
            15 => self.grow_database(),
            _ => self.remove(&found),
        };
        match done {
            Ok(()) => {}
            // What has not arrived, in a file that others have just written.
            Err(error) if error.raw_os_error() == Some(libc::EIO) => {
                self.ledger.count("not arrived");
            }
            Err(_) => self.ledger.count("refused"),
        }
    }

    fn find(&self) -> Found {
        let mut found = Found { files: Vec::new(), folders: vec![self.mount_point.clone()] };
        let mut next = 0;
        while let Some(folder) = found.folders.get(next).cloned() {
            next += 1;
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for path in entries.flatten().map(|entry| entry.path()) {
                let is_database =
                    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("db-"));
                match fs::symlink_metadata(&path) {
                    Ok(metadata) if metadata.is_dir() => found.folders.push(path),
                    Ok(metadata) if metadata.is_file() && !is_database => found.files.push(path),
                    _ => {}
                }
            }
        }
        found.files.sort();
        found.folders.sort();
        found
    }

    fn pick(&mut self, paths: &[PathBuf]) -> io::Result<PathBuf> {
        let nth = self.dice.below(paths.len().max(1) as u64) as usize;
        paths.get(nth).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn new_path(&mut self, found: &Found) -> io::Result<PathBuf> {
        let folder = self.pick(&found.folders)?;
        let depth = folder.components().count() - self.mount_point.components().count();
        let folder = if depth > 3 { self.mount_point.clone() } else { folder };
        Ok(folder.join(NAMES[self.dice.below(NAMES.len() as u64) as usize]))
    }

    fn new_content(&mut self) -> Vec<u8> {
        let length = match self.dice.below(40) {
            0 => 1 << 20,
            _ => 1 + self.dice.below(20_000),
        };
        bytes(self.dice.next(), length)
    }

    fn seen(&self) -> Seen {
        for _ in 0..20 {
            let mut json = vec![0; 65_536];
            let length = getxattr(&self.mount_point, STATUS_ATTRIBUTE, &mut json[..]).ok()?;
            let status: Status = serde_json::from_slice(&json[..length]).ok()?;
            let others = status.devices.into_iter().filter(|device| !device.this_device);
            let seen: BTreeMap<_, _> = others.map(|device| (device.id, device.last_seq)).collect();
            if !seen.is_empty() {
                return Some(seen);
            }
            thread::sleep(Duration::from_millis(20));
        }
        None
    }

    /// Changes a file whose content is known; `change` gives what the file has afterwards.
    fn change(
        &mut self,
        what: &'static str,
        path: &Path,
        change: impl FnOnce(&mut File, &[u8]) -> io::Result<Vec<u8>>,
    ) -> io::Result<()> {
        let before = self.seen();
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        let ino = file.metadata()?.ino();
        let mut old = Vec::new();
        file.read_to_end(&mut old)?;
        let changed = change(&mut file, &old);
        drop(file);
        self.ledger.note_given_up(&old);
        let Ok(new) = changed else {
            // Perhaps a part of it was done.
            self.ledger.note_unsure(ino);
            return changed.map(drop);
        };
        let now = fs::read(path).unwrap_or_default();
        self.ledger.note_possible(&new);
        if before.is_some() && self.seen() == before {
            self.ledger.note_written(ino, &new, format!("{} {what} {}", self.name, path.display()));
        } else {
            self.ledger.note_possible(&now);
            self.ledger.note_unsure(ino);
        }
        self.ledger.count(what);
        Ok(())
    }

    fn create(&mut self, found: &Found) -> io::Result<()> {
        let (path, content) = (self.new_path(found)?, self.new_content());
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        let before = self.seen();
        file.write_all(&content)?;
        let ino = file.metadata()?.ino();
        drop(file);
        self.ledger.note_possible(&content);
        if before.is_some() && self.seen() == before {
            self.ledger.note_written(ino, &content, format!("{} creates {path:?}", self.name));
        }
        self.ledger.count("create");
        Ok(())
    }

    fn overwrite(&mut self, found: &Found) -> io::Result<()> {
        let (path, content) = (self.pick(&found.files)?, self.new_content());
        self.change("overwrite", &path, |file, _| {
            file.set_len(0)?;
            file.write_all_at(&content, 0)?;
            Ok(content)
        })
    }

    fn append(&mut self, found: &Found) -> io::Result<()> {
        let path = self.pick(&found.files)?;
        let length = 1 + self.dice.below(5000);
        let more = bytes(self.dice.next(), length);
        self.change("append", &path, |file, old| {
            file.write_all_at(&more, old.len() as u64)?;
            Ok([old, &more].concat())
        })
    }

    fn patch(&mut self, found: &Found) -> io::Result<()> {
        let path = self.pick(&found.files)?;
        let (offset, length) = (self.dice.next(), 1 + self.dice.below(3000));
        let patch = bytes(self.dice.next(), length);
        self.change("patch", &path, |file, old| {
            let at = (offset % (old.len() as u64 + 1)) as usize;
            file.write_all_at(&patch, at as u64)?;
            let mut new = old.to_vec();
            new.resize(new.len().max(at + patch.len()), 0);
            new[at..at + patch.len()].copy_from_slice(&patch);
            Ok(new)
        })
    }

    /// Saves as editors do: a new file is renamed over the old one.
    fn save(&mut self, found: &Found) -> io::Result<()> {
        let (path, content) = (self.pick(&found.files)?, self.new_content());
        let new = path.with_file_name(format!("saving-{}", self.name));
        // One that could not be renamed stays until somebody removes it.
        let mut file = OpenOptions::new().write(true).create_new(true).open(&new)?;
        let ino = file.metadata()?.ino();
        file.write_all(&content)?;
        drop(file);
        self.ledger.note_written(ino, &content, format!("{} saves {path:?}", self.name));
        self.replace("save", &new, &path)
    }

    fn rename(&mut self, found: &Found) -> io::Result<()> {
        let from = match self.dice.below(4) {
            0 => self.pick(&found.folders)?,
            _ => self.pick(&found.files)?,
        };
        let to = self.new_path(found)?;
        if from == self.mount_point || from == to {
            return Ok(());
        }
        self.replace("rename", &from, &to)
    }

    /// Renames; what has the new name is given up.
    fn replace(&mut self, what: &'static str, from: &Path, to: &Path) -> io::Result<()> {
        let before = self.seen();
        let moved = fs::symlink_metadata(from)?.ino();
        let replaced = match fs::symlink_metadata(to) {
            Ok(metadata) if metadata.is_file() && metadata.ino() != moved => {
                Some((metadata.ino(), fs::read(to)?))
            }
            Ok(_) => None,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        fs::rename(from, to)?;
        if let Some((ino, old)) = &replaced {
            self.ledger.note_given_up(old);
            if before.is_none() || self.seen() != before {
                self.ledger.note_unsure(*ino);
            }
        }
        self.ledger.count(what);
        Ok(())
    }

    fn make_folder(&mut self, found: &Found) -> io::Result<()> {
        fs::create_dir(self.new_path(found)?)?;
        self.ledger.count("mkdir");
        Ok(())
    }

    fn set_attributes(&mut self, found: &Found) -> io::Result<()> {
        let path = self.pick(&found.files)?;
        let mode = 0o600 | self.dice.below(0o100) as u32;
        fs::set_permissions(path, Permissions::from_mode(mode))?;
        self.ledger.count("chmod");
        Ok(())
    }

    fn remove(&mut self, found: &Found) -> io::Result<()> {
        if self.dice.below(4) == 0 {
            fs::remove_dir(self.pick(&found.folders)?)?;
            self.ledger.count("rmdir");
            return Ok(());
        }
        let path = self.pick(&found.files)?;
        let before = self.seen();
        let (ino, old) = (fs::symlink_metadata(&path)?.ino(), fs::read(&path)?);
        fs::remove_file(&path)?;
        self.ledger.note_given_up(&old);
        if before.is_none() || self.seen() != before {
            self.ledger.note_unsure(ino);
        }
        self.ledger.count("unlink");
        Ok(())
    }

    /// Nobody else touches a device's database.
    fn grow_database(&mut self) -> io::Result<()> {
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS rows (nth INTEGER, text TEXT);
             INSERT INTO rows VALUES ({}, '{}');",
            self.rows,
            "x".repeat(1 + self.dice.below(3000) as usize)
        );
        let database = self.mount_point.join(format!("db-{}", self.name));
        let output = Command::new("sqlite3").arg(database).arg(sql).output()?;
        assert!(output.status.success(), "{}: {output:?}", self.name);
        self.rows += 1;
        self.ledger.count("sqlite");
        Ok(())
    }
}
