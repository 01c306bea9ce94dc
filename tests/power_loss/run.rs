//! Steps on the file system, and beside it on what it should be.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hushfs::format::{Ino, NodeKind};
use hushfs::fs::{
    AllocateMode, AttributeChange, CopyRange, FileSystem, FsError, RenameMode, XattrMode,
};

use crate::bench::{Bench, NEW, Named, Names, PLAIN, content, hash_of, named, names, read};
use crate::dice::Dice;
use crate::image::{Call, Fault, Image};
use crate::kept::Kept;
use crate::lists;
use crate::promise::{Crash, History, Versions};
use crate::steps::{Pick, Place, Step};

/// The file system on its image, beside what it has promised.
pub struct Run {
    pub bench: Bench,
    pub image: Image,
    pub fs: Arc<FileSystem>,
    pub history: History,
    pub vault_works: bool,
    pub has_two_disks: bool,
    /// The disk as it was at calls that were to be looked at.
    captures: Arc<Mutex<Vec<Kept>>>,
}

impl Run {
    pub fn new() -> Self {
        Self::on(Bench::new(), Image::new(), false)
    }

    /// On an image that may be of two disks.
    pub fn on(bench: Bench, image: Image, has_two_disks: bool) -> Self {
        let captures = Arc::default();
        watch(&image, &captures, u64::MAX, Dice::new(0));
        let fs = bench.open(&image);
        let history = History::new();
        Self { bench, image, fs, history, vault_works: true, has_two_disks, captures }
    }

    /// Keeps the disk as it is before each sync from now on, and before one in `nth` of the
    /// other calls that change it.
    pub fn capture(&self, nth: u64, dice: &mut Dice) {
        self.captured();
        watch(&self.image, &self.captures, nth, Dice::new(dice.next()));
    }

    pub fn captured(&self) -> Vec<Kept> {
        std::mem::take(&mut self.captures.lock().unwrap())
    }

    fn pick(&self, pick: Pick) -> Option<(String, Named)> {
        let names = self.history.names.now();
        let at = (!names.is_empty()).then(|| pick as usize % names.len())?;
        names.iter().nth(at).map(|(path, named)| (path.clone(), named.clone()))
    }

    fn pick_file(&self, pick: Pick) -> Option<Ino> {
        let names = self.history.names.now();
        let files: Vec<Ino> =
            names.values().filter(|named| !named.is_folder).map(|named| named.ino).collect();
        (!files.is_empty()).then(|| files[pick as usize % files.len()])
    }

    /// The folder, the name there, and both as a path.
    fn place(&self, at: Place) -> (Ino, String, String) {
        let folders = self.history.names.now().iter().filter(|(_, named)| named.is_folder);
        let mut folders: Vec<(&str, Ino)> =
            folders.map(|(path, named)| (path.as_str(), named.ino)).collect();
        folders.push(("", Ino::ROOT));
        let (folder, ino) = folders[at.folder as usize % folders.len()];
        let name = format!("{PLAIN}-{}", at.name);
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        (ino, name, path)
    }

    fn split<'a>(&self, path: &'a str) -> (Ino, &'a [u8]) {
        match path.rsplit_once('/') {
            Some((folder, name)) => (self.history.names.now()[folder].ino, name.as_bytes()),
            None => (Ino::ROOT, path.as_bytes()),
        }
    }

    /// The names are different from now on.
    fn rename_to(&mut self, change: impl FnOnce(&mut Names)) {
        let mut names = self.history.names.now().clone();
        change(&mut names);
        self.history.names.all.push(names);
    }

    fn change_named(&mut self, ino: Ino, change: impl Fn(&mut Named)) {
        self.rename_to(|names| {
            names.values_mut().filter(|named| named.ino == ino).for_each(change);
        });
    }

    /// Mode and attributes of an inode are from now on what they are found to be.
    fn note_attributes(&mut self, ino: Ino) {
        let found = named(&self.fs, ino);
        self.change_named(ino, |named| *named = found.clone());
    }

    /// The content of a file is what `change` makes of it, or, where that failed, at every byte
    /// either this or what it was.
    fn write_to(
        &mut self,
        ino: Ino,
        result: Result<(), FsError>,
        change: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), FsError> {
        let fs = self.fs.clone();
        let versions = self.history.contents.get_mut(&ino).unwrap();
        let old = versions.now().clone();
        let mut new = Vec::clone(&old);
        change(&mut new);
        if result.is_err() {
            let found = read(&fs, ino);
            assert!(found.len() == old.len() || found.len() == new.len());
            let is_either = |(at, byte): (usize, &u8)| {
                old.get(at).unwrap_or(&0) == byte || new.get(at).unwrap_or(&0) == byte
            };
            assert!(found.iter().enumerate().all(is_either), "what failed wrote something else");
            new = found;
        }
        versions.all.push(Arc::new(new));
        result
    }

    /// # Errors
    /// What the file system answers; it is then as it was, but for content that a failed write
    /// may have written in part.
    pub fn apply(&mut self, step: &Step, dice: &mut Dice) -> Result<(), FsError> {
        let fs = self.fs.clone();
        match *step {
            Step::Create { at } => {
                let (folder, name, path) = self.place(at);
                if self.history.names.now().contains_key(&path) {
                    return Ok(());
                }
                let ino = fs.create(folder, name.as_bytes(), NEW)?.ino;
                self.history.contents.insert(ino, Versions::new(Arc::default()));
                self.rename_to(|names| _ = names.insert(path, named(&fs, ino)));
            }
            Step::MakeFolder { at } => {
                let (folder, name, path) = self.place(at);
                let is_deep = path.matches('/').count() > 2;
                if is_deep || self.history.names.now().contains_key(&path) {
                    return Ok(());
                }
                let made = fs.make(folder, name.as_bytes(), NodeKind::Folder, NEW)?;
                self.rename_to(|names| _ = names.insert(path, named(&fs, made.ino)));
            }
            Step::Unlink { path } => {
                let Some((path, named)) = self.pick(path) else { return Ok(()) };
                let (folder, name) = self.split(&path);
                if !named.is_folder {
                    fs.unlink(folder, name)?;
                } else if has_entries(self.history.names.now(), &path) {
                    let refused = fs.remove_folder(folder, name);
                    assert!(matches!(refused, Err(FsError::NotEmpty)), "{refused:?}");
                    return Ok(());
                } else {
                    fs.remove_folder(folder, name)?;
                }
                self.rename_to(|names| _ = names.remove(&path));
                self.use_unnamed(named.ino)?;
            }
            Step::Link { path, at } => {
                let Some((_, named)) = self.pick(path) else { return Ok(()) };
                let (folder, name, path) = self.place(at);
                if named.is_folder || self.history.names.now().contains_key(&path) {
                    return Ok(());
                }
                fs.link(named.ino, folder, name.as_bytes())?;
                self.rename_to(|names| _ = names.insert(path, named));
            }
            Step::Rename { path, at } => return self.rename(path, at),
            Step::Exchange { path, with } => {
                let (Some((a, _)), Some((b, _))) = (self.pick(path), self.pick(with)) else {
                    return Ok(());
                };
                if is_within(&a, &b) || is_within(&b, &a) {
                    return Ok(());
                }
                let ((a_folder, a_name), (b_folder, b_name)) = (self.split(&a), self.split(&b));
                fs.rename(a_folder, a_name, b_folder, b_name, RenameMode::Exchange)?;
                self.rename_to(|names| {
                    let of_a = take_below(names, &a);
                    let of_b = take_below(names, &b);
                    put_below(names, &b, of_a);
                    put_below(names, &a, of_b);
                });
            }
            Step::SetMode { path, mode } => {
                let Some((_, named)) = self.pick(path) else { return Ok(()) };
                let change = AttributeChange { mode: Some(mode), ..Default::default() };
                fs.set_attributes(named.ino, &change)?;
                self.note_attributes(named.ino);
            }
            Step::SetList { path, may, minimal, hands_down } => {
                let Some((_, named)) = self.pick(path) else { return Ok(()) };
                let name = lists::name(hands_down && named.is_folder);
                fs.set_xattr(named.ino, name, &lists::value(may, minimal), XattrMode::Set)?;
                self.note_attributes(named.ino);
            }
            Step::SetXattr { path, seed } => {
                let Some((_, named)) = self.pick(path) else { return Ok(()) };
                let name = format!("user.{PLAIN}.{}", seed % 3).into_bytes();
                self.set_xattr(named.ino, name, content(seed, 600))?;
            }
            Step::SetXattrs { path, seed } => {
                let Some((_, named)) = self.pick(path) else { return Ok(()) };
                for nth in 0..5 {
                    let name = format!("user.{PLAIN}.{nth}").into_bytes();
                    self.set_xattr(named.ino, name, content(seed, 60_000 + nth))?;
                }
            }
            Step::Write { file, offset, bytes, seed } => {
                let Some(ino) = self.pick_file(file) else { return Ok(()) };
                let data = content(seed, bytes);
                let result = fs.write(ino, offset as u64, &data, false);
                return self.write_to(ino, result, |bytes| {
                    bytes.resize(bytes.len().max(offset + data.len()), 0);
                    bytes[offset..offset + data.len()].copy_from_slice(&data);
                });
            }
            Step::Resize { file, size } => {
                let Some(ino) = self.pick_file(file) else { return Ok(()) };
                let change = AttributeChange { size: Some(size as u64), ..Default::default() };
                let result = fs.set_attributes(ino, &change).map(|_| ());
                return self.write_to(ino, result, |bytes| bytes.resize(size, 0));
            }
            Step::Punch { file, offset, bytes } => {
                let Some(ino) = self.pick_file(file) else { return Ok(()) };
                let mode = AllocateMode::PunchHole;
                let result = fs.allocate(ino, mode, offset as u64, bytes as u64);
                return self.write_to(ino, result, |content| {
                    let end = (offset + bytes).min(content.len());
                    content[offset.min(end)..end].fill(0);
                });
            }
            Step::Copy { from, from_offset, to, to_offset, bytes } => {
                return self.copy((from, from_offset), (to, to_offset), bytes);
            }
            Step::Release { file } => {
                let Some(ino) = self.pick_file(file) else { return Ok(()) };
                fs.release(ino);
            }
            Step::Close { file } => {
                let Some(ino) = self.pick_file(file) else { return Ok(()) };
                fs.close(ino)?;
                self.history.promise(ino, Crash::Kill);
            }
            Step::Fsync { file } => {
                let Some(ino) = self.pick_file(file) else { return Ok(()) };
                fs.fsync(ino)?;
                self.history.promise(ino, Crash::PowerLoss);
            }
            Step::Publish => {
                fs.publish()?;
                self.history.promise_all(Crash::PowerLoss);
            }
            Step::Collect => {
                fs.collect(Duration::ZERO)?;
                self.history.promise_all(Crash::PowerLoss);
            }
            Step::Vault { works } => self.let_vault_work(works),
            Step::Remount => {
                let ended = fs.shut_down();
                if ended.is_ok() {
                    self.history.promise_all(Crash::PowerLoss);
                }
                // What was not published comes back from the state folder.
                self.mount(self.image.after_kill(), Crash::Kill);
                return ended;
            }
            Step::Crash { power_loss: true } => {
                self.mount(self.image.after_power_loss(dice), Crash::PowerLoss);
            }
            Step::Crash { power_loss: false } => self.mount(self.image.after_kill(), Crash::Kill),
        }
        Ok(())
    }

    fn copy(
        &mut self,
        (from, from_offset): (Pick, usize),
        (to, to_offset): (Pick, usize),
        bytes: usize,
    ) -> Result<(), FsError> {
        let (Some(from), Some(to)) = (self.pick_file(from), self.pick_file(to)) else {
            return Ok(());
        };
        let original = self.history.contents[&from].now().clone();
        let wanted = original.get(from_offset..).unwrap_or_default();
        let wanted = &wanted[..wanted.len().min(bytes)];
        if from == to && from_offset.abs_diff(to_offset) < wanted.len() {
            return Ok(());
        }
        let range = CopyRange {
            from,
            from_offset: from_offset as u64,
            to,
            to_offset: to_offset as u64,
            bytes: bytes as u64,
        };
        let result = copy_all(&self.fs, range, wanted.len() as u64);
        self.write_to(to, result, |content| {
            if !wanted.is_empty() {
                content.resize(content.len().max(to_offset + wanted.len()), 0);
                content[to_offset..to_offset + wanted.len()].copy_from_slice(wanted);
            }
        })
    }

    fn rename(&mut self, path: Pick, at: Place) -> Result<(), FsError> {
        let Some((from, named)) = self.pick(path) else { return Ok(()) };
        let (to_folder, to_name, to) = self.place(at);
        if is_within(&to, &from) {
            return Ok(());
        }
        let replaced = self.history.names.now().get(&to).cloned();
        if let Some(replaced) = &replaced {
            let is_full = has_entries(self.history.names.now(), &to);
            if replaced.is_folder != named.is_folder || is_full || replaced.ino == named.ino {
                return Ok(());
            }
        }
        let (from_folder, from_name) = self.split(&from);
        let mode = RenameMode::Replace;
        self.fs.rename(from_folder, from_name, to_folder, to_name.as_bytes(), mode)?;
        self.rename_to(|names| {
            names.remove(&to);
            let moved = take_below(names, &from);
            put_below(names, &to, moved);
        });
        match replaced {
            Some(replaced) => self.use_unnamed(replaced.ino),
            None => Ok(()),
        }
    }

    fn set_xattr(&mut self, ino: Ino, name: Vec<u8>, value: Vec<u8>) -> Result<(), FsError> {
        self.fs.set_xattr(ino, &name, &value, XattrMode::Set)?;
        let hash = hash_of(&value);
        self.change_named(ino, |named| _ = named.xattrs.insert(name.clone(), hash));
        Ok(())
    }

    fn let_vault_work(&mut self, works: bool) {
        self.vault_works = works;
        if works {
            self.image.clear_faults();
        } else {
            self.image.set_faults(|call, path| {
                let is_reading = matches!(call, Call::Open | Call::Read | Call::Len | Call::List);
                (!is_reading && path.starts_with("/image/vault")).then_some(Fault::ENOSPC)
            });
        }
    }

    /// Opens what a crash, or a clean end, left.
    pub fn mount(&mut self, image: Image, crash: Crash) {
        self.image = image;
        self.vault_works = true;
        if self.has_two_disks {
            self.image.split();
        }
        watch(&self.image, &self.captures, u64::MAX, Dice::new(0));
        self.fs = self.bench.open(&self.image);
        self.history.check(&self.fs, crash);
        for named in self.history.names.now().values().filter(|named| !named.is_folder) {
            self.fs.open(named.ino).unwrap();
        }
    }

    /// A file that is still open can be used without a name, and leaves no trace.
    fn use_unnamed(&mut self, ino: Ino) -> Result<(), FsError> {
        if self.fs.attributes(ino).is_ok_and(|attributes| attributes.nlink == 0) {
            self.fs.write(ino, 5000, &content(9, 70_000), false)?;
            self.fs.write(ino, 10, &content(9, 10), false)?;
            let change =
                AttributeChange { size: Some(60_000), mode: Some(0o600), ..Default::default() };
            self.fs.set_attributes(ino, &change)?;
            self.fs.fsync(ino)?;
            self.history.names.promise(Crash::PowerLoss);
            assert_eq!(self.fs.read(ino, 0, &mut vec![0; 60_001])?, 60_000);
        }
        Ok(())
    }

    /// Everything reads as it should be now.
    pub fn assert_as_it_should_be(&self) {
        let found = names(&self.fs);
        assert_eq!(&found, self.history.names.now());
        for (path, named) in found.iter().filter(|(_, named)| !named.is_folder) {
            let content = self.history.contents[&named.ino].now();
            assert!(read(&self.fs, named.ino) == **content, "{path}");
        }
    }
}

/// Copies, call by call, all of a range of which the original has `bytes` bytes.
fn copy_all(fs: &FileSystem, mut range: CopyRange, bytes: u64) -> Result<(), FsError> {
    range.bytes = bytes;
    while range.bytes > 0 {
        let copied = fs.copy_range(range)?;
        assert_ne!(copied, 0);
        range.from_offset += copied;
        range.to_offset += copied;
        range.bytes -= copied;
    }
    Ok(())
}

/// Keeps the disk as it is before each sync, and before one in `nth` of the other calls that
/// change it.
fn watch(image: &Image, captures: &Arc<Mutex<Vec<Kept>>>, nth: u64, mut dice: Dice) {
    let captures = captures.clone();
    image.watch(move |call, kept| {
        let is_wanted = match call {
            Call::Sync | Call::SyncFolder => true,
            Call::Open | Call::Read | Call::Len | Call::List | Call::Room => false,
            _ => dice.below(nth) == 0,
        };
        if is_wanted {
            captures.lock().unwrap().push(kept.clone());
        }
    });
}

/// Whether `path` is `folder` or in it.
fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn has_entries(names: &Names, folder: &str) -> bool {
    names.keys().any(|path| path != folder && is_within(path, folder))
}

/// Takes a path, and all below it, out; gives what comes behind it in each.
fn take_below(names: &mut Names, top: &str) -> Vec<(String, Named)> {
    let taken = names.extract_if(.., |path, _| is_within(path, top));
    taken.map(|(path, named)| (path[top.len()..].to_owned(), named)).collect()
}

fn put_below(names: &mut Names, top: &str, below: Vec<(String, Named)>) {
    names.extend(below.into_iter().map(|(rest, named)| (format!("{top}{rest}"), named)));
}
