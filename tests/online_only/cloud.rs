//! A sync client's folder: what lies in another folder, with packs that are online only until they
//! are read. It answers from threads of its own and never waits in them, so that no test can be
//! what it waits for.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, Session,
    TimeOrNow, WriteFlags,
};

const ROOT: u64 = 1;
/// The kernel asks each time: packs come without a change that it would see.
const TTL: Duration = Duration::ZERO;

/// What becomes of a read of a pack that is online only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reads {
    /// It is answered at once.
    #[default]
    Come,
    /// It is answered as `EDEADLK`.
    Fail,
    /// It is kept until all packs come or fail.
    Wait,
}

/// A pack of the folder, by its file name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pack {
    pub is_online_only: bool,
    /// How often it was opened, and read from its start, while it was online only.
    pub opens: u32,
    pub fetches: u32,
}

/// A read that is kept.
struct Kept {
    path: PathBuf,
    offset: u64,
    size: u32,
    reply: ReplyData,
}

#[derive(Default)]
struct State {
    paths: HashMap<u64, PathBuf>,
    packs: BTreeMap<String, Pack>,
    reads: Reads,
    /// Packs for which it is another answer.
    reads_of: HashMap<String, Reads>,
    kept: Vec<Kept>,
}

/// The folder, while it is mounted.
pub struct Cloud(Arc<Shared>);

struct Shared {
    backing: PathBuf,
    state: Mutex<State>,
}

impl Cloud {
    /// Mounts at `place` what is in `backing`, with every pack of it online only.
    pub fn mount(backing: &Path, place: &Path) -> Self {
        let shared = Arc::new(Shared { backing: backing.to_owned(), state: Mutex::default() });
        for name in packs_below(backing) {
            let pack = Pack { is_online_only: true, ..Pack::default() };
            shared.state().packs.insert(name, pack);
        }
        shared.state().paths.insert(ROOT, PathBuf::new());
        let mut config = Config::default();
        config.n_threads = Some(2);
        fs::create_dir(place).unwrap();
        let session = Session::new(Served(shared.clone()), place, &config).unwrap();
        thread::spawn(move || session.run());
        Self(shared)
    }

    /// What reads of packs get from now on; those that were kept too.
    pub fn set(&self, reads: Reads) {
        let kept = {
            let mut state = self.0.state();
            state.reads = reads;
            state.reads_of.clear();
            std::mem::take(&mut state.kept)
        };
        for kept in kept {
            self.0.read(kept);
        }
    }

    /// What reads of one pack get from now on.
    pub fn set_of(&self, pack: &str, reads: Reads) {
        self.0.state().reads_of.insert(pack.to_owned(), reads);
    }

    /// Each pack, by name.
    pub fn packs(&self) -> BTreeMap<String, Pack> {
        self.0.state().packs.clone()
    }

    pub fn pack(&self, name: &str) -> Pack {
        self.packs()[name]
    }

    /// Takes every pack off this machine again.
    pub fn evict_all(&self) {
        for pack in self.0.state().packs.values_mut() {
            *pack = Pack { is_online_only: true, ..Pack::default() };
        }
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.set(Reads::Fail);
    }
}

/// Names of the packs in a vault's folder.
pub fn packs_below(vault: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for folder in fs::read_dir(vault.join("data")).into_iter().flatten() {
        for entry in fs::read_dir(folder.unwrap().path()).unwrap() {
            names.push(entry.unwrap().file_name().into_string().unwrap());
        }
    }
    names.sort();
    names
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn place(&self, path: &Path) -> PathBuf {
        self.backing.join(path)
    }

    fn path(&self, ino: INodeNo) -> Result<PathBuf, Errno> {
        self.state().paths.get(&ino.0).cloned().ok_or(Errno::ENOENT)
    }

    fn child(&self, parent: INodeNo, name: &OsStr) -> Result<PathBuf, Errno> {
        Ok(self.path(parent)?.join(name))
    }

    /// Attributes of a path, which its inode number then stands for.
    fn attributes(&self, path: &Path) -> Result<FileAttr, Errno> {
        let metadata = fs::symlink_metadata(self.place(path)).map_err(errno)?;
        let ino = if path.as_os_str().is_empty() { ROOT } else { metadata.ino() + ROOT };
        let mut state = self.state();
        state.paths.insert(ino, path.to_owned());
        let is_online_only =
            state.packs.get(&name_of(path)).is_some_and(|pack| pack.is_online_only);
        Ok(file_attr(ino, &metadata, if is_online_only { 0 } else { metadata.blocks() }))
    }

    /// Answers a read, or keeps it.
    fn read(&self, read: Kept) {
        let name = name_of(&read.path);
        let mut state = self.state();
        let reads = state.reads_of.get(&name).copied().unwrap_or(state.reads);
        let is_online_only = state.packs.get(&name).is_some_and(|pack| pack.is_online_only);
        let answer = match reads {
            _ if !is_online_only => self.content(&read),
            Reads::Wait => {
                state.kept.push(read);
                return;
            }
            Reads::Fail => Err(Errno::EDEADLK),
            Reads::Come => self.content(&read),
        };
        if let (Ok((_, true)), Some(pack)) = (&answer, state.packs.get_mut(&name)) {
            pack.is_online_only = false;
        }
        drop(state);
        match answer {
            Ok((content, _)) => read.reply.data(&content),
            Err(errno) => read.reply.error(errno),
        }
    }

    /// What is read, and whether the file ends with it.
    fn content(&self, read: &Kept) -> Result<(Vec<u8>, bool), Errno> {
        let file = File::open(self.place(&read.path)).map_err(errno)?;
        let mut content = vec![0; read.size as usize];
        let mut filled = 0;
        loop {
            let at = read.offset + filled as u64;
            match file.read_at(&mut content[filled..], at).map_err(errno)? {
                0 => break,
                more => filled += more,
            }
        }
        content.truncate(filled);
        let length = file.metadata().map_err(errno)?.len();
        Ok((content, read.offset + filled as u64 >= length))
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_str().unwrap().to_owned()
}

fn errno(error: io::Error) -> Errno {
    Errno::from_i32(error.raw_os_error().unwrap())
}

fn file_type(metadata: &Metadata) -> FileType {
    FileType::from_std(metadata.file_type()).unwrap()
}

fn file_attr(ino: u64, metadata: &Metadata, blocks: u64) -> FileAttr {
    let time = metadata.modified().unwrap();
    FileAttr {
        ino: INodeNo(ino),
        size: metadata.len(),
        blocks,
        atime: time,
        mtime: time,
        ctime: time,
        crtime: time,
        kind: file_type(metadata),
        perm: (metadata.mode() & 0o7777) as u16,
        nlink: metadata.nlink() as u32,
        uid: metadata.uid(),
        gid: metadata.gid(),
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

/// What the kernel asks.
struct Served(Arc<Shared>);

fn entry(reply: ReplyEntry, found: Result<FileAttr, Errno>) {
    match found {
        Ok(attributes) => reply.entry(&TTL, &attributes, Generation(0)),
        Err(errno) => reply.error(errno),
    }
}

fn empty(reply: ReplyEmpty, done: Result<(), Errno>) {
    match done {
        Ok(()) => reply.ok(),
        Err(errno) => reply.error(errno),
    }
}

impl Filesystem for Served {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.0.child(parent, name).and_then(|path| self.0.attributes(&path));
        entry(reply, found);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.0.path(ino).and_then(|path| self.0.attributes(&path)) {
            Ok(attributes) => reply.attr(&TTL, &attributes),
            Err(errno) => reply.error(errno),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let set = self.0.path(ino).and_then(|path| {
            let place = self.0.place(&path);
            if let Some(mode) = mode {
                fs::set_permissions(&place, fs::Permissions::from_mode(mode)).map_err(errno)?;
            }
            if let Some(size) = size {
                let file = OpenOptions::new().write(true).open(&place).map_err(errno)?;
                file.set_len(size).map_err(errno)?;
            }
            self.0.attributes(&path)
        });
        match set {
            Ok(attributes) => reply.attr(&TTL, &attributes),
            Err(errno) => reply.error(errno),
        }
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, _: u32, _: u32, reply: ReplyEntry) {
        let made = self.0.child(parent, name).and_then(|path| {
            fs::create_dir(self.0.place(&path)).map_err(errno)?;
            self.0.attributes(&path)
        });
        entry(reply, made);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let path = self.0.child(parent, name);
        empty(reply, path.and_then(|path| fs::remove_file(self.0.place(&path)).map_err(errno)));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let renamed = self.0.child(parent, name).and_then(|from| {
            let to = self.0.child(new_parent, new_name)?;
            let flags = rustix::fs::RenameFlags::from_bits_retain(flags.bits());
            let (cwd, old, new) = (rustix::fs::CWD, self.0.place(&from), self.0.place(&to));
            rustix::fs::renameat_with(cwd, &old, cwd, &new, flags)
                .map_err(|error| Errno::from_i32(error.raw_os_error()))?;
            self.0.attributes(&to).map(drop)
        });
        empty(reply, renamed);
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        if let Ok(path) = self.0.path(ino)
            && let Some(pack) = self.0.state().packs.get_mut(&name_of(&path))
        {
            pack.opens += u32::from(pack.is_online_only);
        }
        // Every read comes here, and as it was asked for.
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let made = self.0.child(parent, name).and_then(|path| {
            let mut options = OpenOptions::new();
            options.write(true).create(true).mode(mode).open(self.0.place(&path)).map_err(errno)?;
            self.0.attributes(&path)
        });
        match made {
            Ok(attributes) => {
                let how = FopenFlags::FOPEN_DIRECT_IO;
                reply.created(&TTL, &attributes, Generation(0), FileHandle(0), how);
            }
            Err(errno) => reply.error(errno),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.0.path(ino) {
            Ok(path) => {
                if let Some(pack) = self.0.state().packs.get_mut(&name_of(&path)) {
                    pack.fetches += u32::from(pack.is_online_only && offset == 0);
                }
                self.0.read(Kept { path, offset, size, reply });
            }
            Err(errno) => reply.error(errno),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let written = self.0.path(ino).and_then(|path| {
            let file = OpenOptions::new().write(true).open(self.0.place(&path)).map_err(errno)?;
            file.write_all_at(data, offset).map_err(errno)
        });
        match written {
            Ok(()) => reply.written(data.len() as u32),
            Err(errno) => reply.error(errno),
        }
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.ok();
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let listed = self.0.path(ino).and_then(|path| {
            let entries: io::Result<Vec<_>> =
                fs::read_dir(self.0.place(&path)).map_err(errno)?.collect();
            let mut entries = entries.map_err(errno)?;
            entries.sort_by_key(fs::DirEntry::file_name);
            for (at, entry) in entries.iter().enumerate().skip(offset as usize) {
                let metadata = entry.metadata().map_err(errno)?;
                let ino = INodeNo(metadata.ino() + ROOT);
                let name = entry.file_name();
                if reply.add(ino, at as u64 + 1, file_type(&metadata), name) {
                    break;
                }
            }
            Ok(())
        });
        match listed {
            Ok(()) => reply.ok(),
            Err(errno) => reply.error(errno),
        }
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        match rustix::fs::statvfs(&self.0.backing) {
            Ok(room) => reply.statfs(
                room.f_blocks,
                room.f_bfree,
                room.f_bavail,
                room.f_files,
                room.f_ffree,
                room.f_bsize as u32,
                255,
                room.f_frsize as u32,
            ),
            Err(error) => reply.error(Errno::from_i32(error.raw_os_error())),
        }
    }
}
