//! A disk in memory that forgets what was not synced when the power goes, and fails on demand.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use hushfs::store::{Disk, DiskFile, DiskRoom, FolderItem};

/// What a disk writes at once or not at all.
const BLOCK_BYTES: usize = 512;

/// A call to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Create,
    Put,
    Adopt,
    /// The file is in both places, as on the way from one file system to another.
    Adopted,
    /// It has moved, and the caller does not know yet.
    Moved,
    Replace,
    Remove,
    Write,
    SetLen,
    Sync,
}

/// Decides whether a call fails, and how.
type Faults = Box<dyn FnMut(Call, &Path) -> Option<io::ErrorKind> + Send>;

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(at, data) => {
                bytes.resize(bytes.len().max(at + data.len()), 0);
                bytes[*at..at + data.len()].copy_from_slice(data);
            }
            Self::SetLen(len) => bytes.resize(*len, 0),
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

impl Content {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.bytes);
        self.unsynced.push(change);
    }

    fn sync(&mut self) {
        for change in self.unsynced.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// Any of the blocks that were written since the last sync may have reached the disk.
    fn lose_power(&mut self, dice: &mut Dice) {
        for change in std::mem::take(&mut self.unsynced) {
            match change {
                Change::SetLen(_) if dice.coin() => change.apply(&mut self.durable),
                Change::SetLen(_) => {}
                Change::Write(at, data) => {
                    let mut start = 0;
                    while start < data.len() {
                        let to_block = BLOCK_BYTES - (at + start) % BLOCK_BYTES;
                        let end = data.len().min(start + to_block);
                        if dice.coin() {
                            let piece = data[start..end].to_vec();
                            Change::Write(at + start, piece).apply(&mut self.durable);
                        }
                        start = end;
                    }
                }
            }
        }
        self.bytes.clone_from(&self.durable);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Folder,
    File(usize),
}

#[derive(Clone, Debug, Default)]
struct Kept {
    files: Vec<Content>,
    names: BTreeMap<PathBuf, Entry>,
    durable_names: BTreeMap<PathBuf, Entry>,
}

impl Kept {
    fn sync_names(&mut self, folder: &Path) {
        let is_in = |path: &PathBuf| path.parent() == Some(folder);
        self.durable_names.retain(|path, _| !is_in(path));
        let now = self.names.iter().filter(|(path, _)| is_in(path));
        self.durable_names.extend(now.map(|(path, entry)| (path.clone(), *entry)));
    }

    fn lose_power(&mut self, dice: &mut Dice) {
        self.files.iter_mut().for_each(|file| file.lose_power(dice));
        let mut names = BTreeMap::new();
        for path in self.names.keys().chain(self.durable_names.keys()) {
            let (now, before) = (self.names.get(path), self.durable_names.get(path));
            let entry = if now == before || dice.coin() { now } else { before };
            if let Some(entry) = entry {
                names.insert(path.clone(), *entry);
            }
        }
        self.durable_names.clone_from(&names);
        self.names = names;
    }
}

/// Numbers that are the same for the same seed.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

struct Running {
    kept: Kept,
    calls: u64,
    /// The number of the call before which a copy is taken, and that copy.
    copy_at: u64,
    copy: Option<Kept>,
    faults: Option<Faults>,
}

impl Running {
    fn call(&mut self, call: Call, path: &Path) -> io::Result<()> {
        self.calls += 1;
        if self.calls == self.copy_at {
            self.copy = Some(self.kept.clone());
        }
        match self.faults.as_mut().and_then(|faults| faults(call, path)) {
            Some(kind) => Err(kind.into()),
            None => Ok(()),
        }
    }

    fn free(&self, path: &Path) -> io::Result<()> {
        if self.kept.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        match path.parent().map(|parent| self.kept.names.get(parent)) {
            Some(Some(Entry::Folder)) => Ok(()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        match self.kept.names.get(path) {
            Some(Entry::File(file)) => Ok(*file),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn add_file(&mut self, path: &Path, bytes: &[u8]) -> usize {
        let content = Content { bytes: bytes.into(), durable: bytes.into(), unsynced: Vec::new() };
        self.kept.files.push(content);
        let file = self.kept.files.len() - 1;
        self.kept.names.insert(path.into(), Entry::File(file));
        file
    }

    fn set_durable_name(&mut self, path: &Path, entry: Option<Entry>) {
        match entry {
            Some(entry) => {
                self.kept.names.insert(path.into(), entry);
                self.kept.durable_names.insert(path.into(), entry);
            }
            None => {
                self.kept.names.remove(path);
                self.kept.durable_names.remove(path);
            }
        }
    }
}

/// The disk.
#[derive(Clone)]
pub struct Image(Arc<Mutex<Running>>);

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Image")
    }
}

impl Image {
    /// An empty one.
    pub fn new() -> Self {
        let mut kept = Kept::default();
        kept.names.insert("/".into(), Entry::Folder);
        kept.durable_names.clone_from(&kept.names);
        Self::of(kept)
    }

    fn of(kept: Kept) -> Self {
        Self(Arc::new(Mutex::new(Running { kept, calls: 0, copy_at: 0, copy: None, faults: None })))
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap()
    }

    /// What is there if the process is killed now.
    pub fn after_kill(&self) -> Self {
        Self::of(self.running().kept.clone())
    }

    /// What may be there if the power goes now.
    pub fn after_power_loss(&self, dice: &mut Dice) -> Self {
        let mut kept = self.running().kept.clone();
        kept.lose_power(dice);
        Self::of(kept)
    }

    /// Takes a copy right before the `nth` call from here on (the next is 1).
    pub fn copy_before_call(&self, nth: u64) {
        let mut running = self.running();
        running.copy_at = running.calls + nth;
        running.copy = None;
    }

    /// That copy, if it came to it: what is there if the process was killed then.
    pub fn copied(&self) -> Option<Self> {
        let mut running = self.running();
        running.copy_at = 0;
        running.copy.take().map(Self::of)
    }

    /// From now on calls fail as `faults` says.
    pub fn set_faults(
        &self,
        faults: impl FnMut(Call, &Path) -> Option<io::ErrorKind> + Send + 'static,
    ) {
        self.running().faults = Some(Box::new(faults));
    }

    /// No call fails any more.
    pub fn clear_faults(&self) {
        self.running().faults = None;
    }
}

#[derive(Debug)]
struct ImageFile {
    image: Image,
    path: PathBuf,
    file: usize,
}

impl DiskFile for ImageFile {
    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        let running = self.image.running();
        let bytes = &running.kept.files[self.file].bytes;
        let rest = bytes.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut running = self.image.running();
        running.call(Call::Write, &self.path)?;
        running.kept.files[self.file].change(Change::Write(offset as usize, bytes.into()));
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.image.running().kept.files[self.file].bytes.len() as u64)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let mut running = self.image.running();
        running.call(Call::SetLen, &self.path)?;
        running.kept.files[self.file].change(Change::SetLen(bytes as usize));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut running = self.image.running();
        running.call(Call::Sync, &self.path)?;
        running.kept.files[self.file].sync();
        Ok(())
    }
}

impl Disk for Image {
    fn open(&self, path: &Path, _write: bool) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.running().file(path)?;
        Ok(Arc::new(ImageFile { image: self.clone(), path: path.into(), file }))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut running = self.running();
        running.call(Call::Create, path)?;
        running.free(path)?;
        let file = running.add_file(path, &[]);
        Ok(Arc::new(ImageFile { image: self.clone(), path: path.into(), file }))
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut running = self.running();
        running.call(Call::Put, path)?;
        running.free(path)?;
        let file = running.add_file(path, bytes);
        running.set_durable_name(path, Some(Entry::File(file)));
        Ok(())
    }

    fn adopt(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut running = self.running();
        running.call(Call::Adopt, to)?;
        let file = running.file(from)?;
        running.free(to)?;
        running.set_durable_name(to, Some(Entry::File(file)));
        running.call(Call::Adopted, to)?;
        running.set_durable_name(from, None);
        running.call(Call::Moved, to)
    }

    fn rename_free(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut running = self.running();
        running.call(Call::Adopt, to)?;
        let file = running.file(from)?;
        running.free(to)?;
        running.kept.names.remove(from);
        running.kept.names.insert(to.into(), Entry::File(file));
        Ok(())
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut running = self.running();
        running.call(Call::Replace, path)?;
        let file = running.add_file(path, bytes);
        running.set_durable_name(path, Some(Entry::File(file)));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut running = self.running();
        running.call(Call::Remove, path)?;
        running.file(path)?;
        running.kept.names.remove(path);
        Ok(())
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let mut running = self.running();
        running.free(path)?;
        running.set_durable_name(path, Some(Entry::Folder));
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<FolderItem>> {
        let running = self.running();
        let kept = &running.kept;
        if kept.names.get(folder) != Some(&Entry::Folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inside = kept.names.iter().filter(|(path, _)| path.parent() == Some(folder));
        let items = inside.map(|(path, entry)| FolderItem {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            is_folder: *entry == Entry::Folder,
            bytes: match entry {
                Entry::Folder => 0,
                Entry::File(file) => kept.files[*file].bytes.len() as u64,
            },
        });
        Ok(items.collect())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut running = self.running();
        running.call(Call::Sync, folder)?;
        running.kept.sync_names(folder);
        Ok(())
    }

    fn room(&self, _path: &Path) -> io::Result<DiskRoom> {
        let bytes = 1 << 40;
        Ok(DiskRoom { total_bytes: bytes, free_bytes: bytes, available_bytes: bytes })
    }
}
