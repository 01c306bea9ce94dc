//! A disk in memory that forgets what was not synced when the power goes, and fails on demand.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use hushfs::store::{Disk, DiskFile, DiskRoom, DraftFile, FolderItem};

use crate::dice::Dice;
use crate::kept::{Change, Entry, Kept};

/// A call to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    Open,
    Read,
    Len,
    List,
    Room,
    Create,
    Draft,
    /// A draft gets its name.
    Appear,
    Rename,
    /// It was renamed, and the caller does not know yet.
    Renamed,
    Remove,
    CreateFolder,
    Write,
    SetLen,
    Sync,
    SyncFolder,
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// With this error number, and nothing is done.
    Errno(i32),
    /// With this one, after half of what was to be written was.
    ShortWrite(i32),
}

impl Fault {
    pub const EIO: Self = Self::Errno(5);
    pub const ENOSPC: Self = Self::Errno(28);
    pub const EDQUOT: Self = Self::Errno(122);

    fn error(self) -> io::Error {
        let (Self::Errno(errno) | Self::ShortWrite(errno)) = self;
        io::Error::from_raw_os_error(errno)
    }
}

/// Decides whether a call fails, and how.
type Faults = Box<dyn FnMut(Call, &Path) -> Option<Fault> + Send>;
/// Told of every call before it is done, with the disk as it is then.
type Watch = Box<dyn FnMut(Call, &Kept) + Send>;

struct Running {
    kept: Kept,
    faults: Option<Faults>,
    watch: Option<Watch>,
    /// The state folder is on another disk than the vault.
    has_two_disks: bool,
}

impl Running {
    /// One more call: `Err` is how it fails.
    fn begin(&mut self, call: Call, path: &Path) -> Result<(), Fault> {
        if let Some(watch) = &mut self.watch {
            watch(call, &self.kept);
        }
        match self.faults.as_mut().and_then(|faults| faults(call, path)) {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }

    fn call(&mut self, call: Call, path: &Path) -> io::Result<()> {
        self.begin(call, path).map_err(Fault::error)
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
        Self::of(Kept::new())
    }

    pub fn of(kept: Kept) -> Self {
        let running = Running { kept, faults: None, watch: None, has_two_disks: false };
        Self(Arc::new(Mutex::new(running)))
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap()
    }

    /// From now on the vault is on another disk than everything else.
    pub fn split(&self) {
        self.running().has_two_disks = true;
    }

    /// What is there if the process is killed now.
    pub fn after_kill(&self) -> Self {
        Self::of(self.kept())
    }

    /// What may be there if the power goes now.
    pub fn after_power_loss(&self, dice: &mut Dice) -> Self {
        let mut kept = self.kept();
        kept.lose_power(dice);
        Self::of(kept)
    }

    /// Everything as it is now.
    pub fn kept(&self) -> Kept {
        self.running().kept.clone()
    }

    /// From now on calls fail as `faults` says.
    pub fn set_faults(&self, faults: impl FnMut(Call, &Path) -> Option<Fault> + Send + 'static) {
        self.running().faults = Some(Box::new(faults));
    }

    /// No call fails any more.
    pub fn clear_faults(&self) {
        self.running().faults = None;
    }

    /// From now on `watch` is told of every call.
    pub fn watch(&self, watch: impl FnMut(Call, &Kept) + Send + 'static) {
        self.running().watch = Some(Box::new(watch));
    }

    fn file(&self, path: &Path, file: usize) -> ImageFile {
        ImageFile { image: self.clone(), path: path.into(), file }
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
        let mut running = self.image.running();
        running.call(Call::Read, &self.path)?;
        Ok(running.kept.files[self.file].bytes.read(out, offset as usize))
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut running = self.image.running();
        let begun = running.begin(Call::Write, &self.path);
        let written = match begun {
            Ok(()) => bytes,
            Err(Fault::ShortWrite(_)) => &bytes[..bytes.len() / 2],
            Err(fault) => return Err(fault.error()),
        };
        running.kept.content(self.file).change(Change::Write(offset as usize, written.into()));
        begun.map_err(Fault::error)
    }

    fn len(&self) -> io::Result<u64> {
        let mut running = self.image.running();
        running.call(Call::Len, &self.path)?;
        Ok(running.kept.files[self.file].bytes.len() as u64)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let mut running = self.image.running();
        running.call(Call::SetLen, &self.path)?;
        running.kept.content(self.file).change(Change::SetLen(bytes as usize));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut running = self.image.running();
        let begun = running.call(Call::Sync, &self.path);
        let content = running.kept.content(self.file);
        match &begun {
            Ok(()) => content.sync(),
            Err(_) => content.fail_to_sync(),
        }
        begun
    }
}

#[derive(Debug)]
struct Draft(ImageFile);

impl DraftFile for Draft {
    fn file(&self) -> &dyn DiskFile {
        &self.0
    }

    fn appear(self: Box<Self>, path: &Path) -> io::Result<()> {
        let mut running = self.0.image.running();
        running.call(Call::Appear, path)?;
        running.free(path)?;
        running.kept.add_name(path, Entry::File(self.0.file));
        running.call(Call::Renamed, path)
    }
}

impl Disk for Image {
    fn open(&self, path: &Path, _write: bool) -> io::Result<Arc<dyn DiskFile>> {
        let mut running = self.running();
        running.call(Call::Open, path)?;
        let file = running.file(path)?;
        Ok(Arc::new(self.file(path, file)))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut running = self.running();
        running.call(Call::Create, path)?;
        running.free(path)?;
        let file = running.kept.add_file();
        running.kept.add_name(path, Entry::File(file));
        Ok(Arc::new(self.file(path, file)))
    }

    fn draft(&self, path: &Path) -> io::Result<Box<dyn DraftFile>> {
        let mut running = self.running();
        running.call(Call::Draft, path)?;
        match path.parent().map(|parent| running.kept.names.get(parent)) {
            Some(Some(Entry::Folder)) => {}
            _ => return Err(io::ErrorKind::NotFound.into()),
        }
        let file = running.kept.add_file();
        Ok(Box::new(Draft(self.file(path, file))))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut running = self.running();
        running.call(Call::Rename, to)?;
        let file = running.file(from)?;
        running.kept.rename(from, to, Entry::File(file));
        running.call(Call::Renamed, to)
    }

    fn rename_free(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut running = self.running();
        running.call(Call::Rename, to)?;
        let file = running.file(from)?;
        running.free(to)?;
        let is_in_vault = |path: &Path| path.starts_with("/image/vault");
        if running.has_two_disks && is_in_vault(from) != is_in_vault(to) {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        running.kept.rename(from, to, Entry::File(file));
        running.call(Call::Renamed, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut running = self.running();
        running.call(Call::Remove, path)?;
        running.file(path)?;
        running.kept.remove_name(path);
        Ok(())
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let mut running = self.running();
        running.call(Call::CreateFolder, path)?;
        running.free(path)?;
        running.kept.add_name(path, Entry::Folder);
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<FolderItem>> {
        let mut running = self.running();
        running.call(Call::List, folder)?;
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
        running.call(Call::SyncFolder, folder)?;
        running.kept.sync_names(folder);
        Ok(())
    }

    fn room(&self, path: &Path) -> io::Result<DiskRoom> {
        self.running().call(Call::Room, path)?;
        let bytes = 1 << 40;
        Ok(DiskRoom { total_bytes: bytes, free_bytes: bytes, available_bytes: bytes })
    }
}
