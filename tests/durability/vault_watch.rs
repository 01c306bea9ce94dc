//! Watches a vault folder as a sync client does, and takes down all that happens in it.

use std::collections::BTreeMap;
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use hushfs::format::{parse_log_name, parse_pack_name};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use sha2::{Digest, Sha256};

/// All that changes anything, or may make a sync client look again.
const CHANGES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF);

/// How an object appears.
const APPEARANCES: ReadFlags = ReadFlags::CREATE.union(ReadFlags::MOVED_TO);

/// A vault that is watched.
pub struct VaultWatch {
    thread: JoinHandle<Seen>,
    done: std::sync::mpsc::Sender<()>,
}

/// What was seen.
#[derive(Default)]
pub struct Seen {
    /// Objects with their hashes, taken when they appeared.
    pub objects: BTreeMap<PathBuf, Vec<u8>>,
    /// What should not have happened.
    pub faults: Vec<String>,
}

struct Watcher {
    inotify: OwnedFd,
    folders: BTreeMap<i32, PathBuf>,
    seen: Seen,
}

impl VaultWatch {
    /// Watches from now on.
    pub fn start(vault: &Path) -> Self {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).unwrap();
        let mut watcher = Watcher { inotify, folders: BTreeMap::new(), seen: Seen::default() };
        watcher.watch(vault);
        let (done, is_done) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            // What happened before the end is still to be read after it.
            while is_done.try_recv().is_err() {
                watcher.read();
            }
            watcher.read();
            watcher.seen
        });
        Self { thread, done }
    }

    /// Stops watching.
    pub fn stop(self) -> Seen {
        self.done.send(()).unwrap();
        self.thread.join().unwrap()
    }
}

impl Watcher {
    /// Watches a folder, and takes in what is there already.
    fn watch(&mut self, folder: &Path) {
        let number = inotify::add_watch(&self.inotify, folder, CHANGES).unwrap();
        if self.folders.insert(number, folder.to_owned()).is_some() {
            return;
        }
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { self.watch(&path) } else { self.note_object(&path) }
        }
    }

    /// An object is whole as soon as its name is there.
    fn note_object(&mut self, path: &Path) {
        let Ok(bytes) = fs::read(path) else { return self.fault("came and went", path) };
        self.seen.objects.entry(path.to_owned()).or_insert_with(|| Sha256::digest(bytes).to_vec());
    }

    fn fault(&mut self, what: &str, path: &Path) {
        self.seen.faults.push(format!("{what}: {}", path.display()));
    }

    /// Reads the events there are, or waits a little for some.
    fn read(&mut self) {
        let mut asked = [PollFd::new(&self.inotify, PollFlags::IN)];
        let a_little = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        poll(&mut asked, Some(&a_little)).unwrap();
        let mut buffer = [MaybeUninit::uninit(); 64 << 10];
        let mut events = Vec::new();
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        while let Ok(event) = reader.next() {
            let name = event.file_name().map(|name| name.to_string_lossy().into_owned());
            events.push((event.wd(), event.events(), name.unwrap_or_default()));
        }
        for (number, what, name) in events {
            assert!(!what.contains(ReadFlags::QUEUE_OVERFLOW), "events were lost");
            let path = self.folders[&number].join(name);
            self.note_event(what, &path);
        }
    }

    fn note_event(&mut self, what: ReadFlags, path: &Path) {
        if what.contains(ReadFlags::ISDIR) {
            if what.intersects(APPEARANCES) {
                return self.watch(path);
            }
        } else if what.intersects(APPEARANCES) {
            if !is_object_name(path) {
                return self.fault("appears under a name that is no object's", path);
            }
            return self.note_object(path);
        } else if what == ReadFlags::ATTRIB || what == ReadFlags::CLOSE_WRITE {
            // The count of names of an object that had none; and who wrote a pack before it moved
            // here lets go of it. Neither changes a byte.
            return;
        } else if is_nameless(path) {
            return;
        }
        self.fault(&format!("{what:?}"), path);
    }
}

/// Whether this is what the kernel calls a file that has no name yet. No listing shows it.
fn is_nameless(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let number = name.and_then(|name| name.strip_prefix('#'));
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit())) && !path.exists()
}

fn is_object_name(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    parse_log_name(name).is_some() || parse_pack_name(name).is_some()
}
