//! Several processes' worth of calls on the same names and ranges of a mount: what they answer is
//! what some order of all of them gives in a plain model (see `tests/linearizable`).
//!
//! What a mount promises of this: for names, every system call that names one entry, or two in
//! rename. For content, each request that the kernel makes, and so every read and write of up to
//! 1 MiB through handles that bypass the page cache. Through the page cache the kernel copies
//! into and out of pages with no lock, as on every file system of Linux: there a read beside a
//! write may see any part of it. A listing that takes more than one request is not as of one moment.

use std::collections::BTreeMap;
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};

use hushfs::fs::{AllocateMode, RenameMode};
use rustix::fs::{
    AtFlags, CWD, FallocateFlags, FileType, Mode, OFlags, RawDir, RenameFlags, fallocate, fstat,
    linkat, mkdirat, openat, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

use super::bench::Bench;
use crate::checker::{History, Recorded};
use crate::dice::Dice;
use crate::plain_model::{Call, Fault, Model, Name, Number, Outcome, UNIT_BYTES};

const THREADS: usize = 3;
const CALLS_EACH: usize = 6;
/// The name of a folder that a thread has for itself, and those of two folders in it.
const OWN: [Name; THREADS] = ['1', '2', '3'];
const SPARE: [Name; 2] = ['x', 'y'];

/// As many histories as `HISTORIES` says; by default so many that they take about a second.
fn histories() -> u64 {
    let asked = std::env::var("HISTORIES").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(200)
}

/// What calls name: folders by open handles, which last whatever becomes of their names.
#[derive(Default)]
struct Open {
    folders: BTreeMap<Number, OwnedFd>,
    files: BTreeMap<Number, File>,
}

struct Caller<'a> {
    thread: usize,
    clock: &'a AtomicU64,
    calls: Vec<Recorded<Call, Outcome>>,
}

impl Caller<'_> {
    /// Makes and records a call; its fault, where the kernel may give another than we would, is
    /// any.
    fn call(&mut self, call: Call, answer: impl FnOnce() -> Result<Outcome, Errno>) -> Outcome {
        let started = self.clock.fetch_add(1, Ordering::SeqCst);
        let answer = answer();
        let ended = self.clock.fetch_add(1, Ordering::SeqCst);
        let is_plain = matches!(call, Call::Lookup { .. } | Call::Create { .. });
        let outcome = match answer {
            Ok(outcome) => outcome,
            Err(Errno::NOENT) if is_plain => Outcome::Refused(Fault::NotFound),
            Err(Errno::EXIST) if is_plain => Outcome::Refused(Fault::Exists),
            Err(
                Errno::NOENT
                | Errno::EXIST
                | Errno::INVAL
                | Errno::ISDIR
                | Errno::NOTDIR
                | Errno::NOTEMPTY,
            ) if !is_plain => Outcome::RefusedSomehow,
            Err(errno) => panic!("{call:?}: {errno}"),
        };
        // A listing beside an unlink may leave the kernel with a count of names that is one too
        // low, and then it refuses a link without asking us.
        let says_nothing = matches!(call, Call::Link { .. }) && outcome.is_refused();
        if !says_nothing {
            let (thread, outcome) = (self.thread, outcome.clone());
            self.calls.push(Recorded { thread, call, outcome, started, ended });
        }
        outcome
    }

    fn make_folder(&mut self, open: &mut Open, folder: Number, name: Name) -> Number {
        let path = name.to_string();
        let made = self.call(Call::MakeFolder { folder, name }, || {
            mkdirat(&open.folders[&folder], &path, Mode::from(0o755))?;
            find(open, folder, name)
        });
        let Outcome::Inode { number, .. } = made else { panic!("{made:?}") };
        let handle = openat(&open.folders[&folder], &path, OFlags::DIRECTORY, Mode::empty());
        open.folders.insert(number, handle.unwrap());
        self.call(Call::Open { number }, || Ok(Outcome::Done));
        number
    }

    fn create(&mut self, open: &Open, folder: Number, name: Name) -> Option<(Number, File)> {
        let mut file = None;
        let made = self.call(Call::Create { folder, name }, || {
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
            let mode = Mode::from(0o644);
            let handle = openat(&open.folders[&folder], name.to_string(), flags, mode)?;
            let number = fstat(&handle)?.st_ino;
            file = Some(File::from(handle));
            Ok(Outcome::Inode { number, is_folder: false })
        });
        match made {
            Outcome::Inode { number, .. } => file.map(|file| (number, file)),
            _ => None,
        }
    }

    /// A call on names, as the program would make it.
    fn call_on_names(&mut self, open: &Open, call: Call) {
        let at = |folder: Number| &open.folders[&folder];
        self.call(call.clone(), || match call {
            Call::Lookup { folder, name } => find(open, folder, name),
            Call::Link { number, folder, name } => {
                // By the handle: the old name is not looked up.
                let old = format!("/proc/self/fd/{}", open.files[&number].as_raw_fd());
                let follow = AtFlags::SYMLINK_FOLLOW;
                linkat(CWD, old, at(folder), name.to_string(), follow).map(done)
            }
            Call::Unlink { folder, name } => {
                unlinkat(at(folder), name.to_string(), AtFlags::empty()).map(done)
            }
            Call::RemoveFolder { folder, name } => {
                unlinkat(at(folder), name.to_string(), AtFlags::REMOVEDIR).map(done)
            }
            Call::Rename { from, to, mode } => {
                let flags = match mode {
                    RenameMode::Replace => RenameFlags::empty(),
                    RenameMode::NoReplace => RenameFlags::NOREPLACE,
                    RenameMode::Exchange => RenameFlags::EXCHANGE,
                };
                let (old, new) = (from.1.to_string(), to.1.to_string());
                renameat_with(at(from.0), old, at(to.0), new, flags).map(done)
            }
            Call::List { folder } => list(open, folder),
            call => panic!("no call on names: {call:?}"),
        });
    }
}

fn done((): ()) -> Outcome {
    Outcome::Done
}

fn find(open: &Open, folder: Number, name: Name) -> Result<Outcome, Errno> {
    let found = statat(&open.folders[&folder], name.to_string(), AtFlags::SYMLINK_NOFOLLOW)?;
    let is_folder = FileType::from_raw_mode(found.st_mode) == FileType::Directory;
    Ok(Outcome::Inode { number: found.st_ino, is_folder })
}

/// What one request tells of a folder's entries.
fn list(open: &Open, folder: Number) -> Result<Outcome, Errno> {
    let flags = OFlags::DIRECTORY;
    let handle = match openat(&open.folders[&folder], ".", flags, Mode::empty()) {
        // The kernel lists no folder that was removed, and there is nothing in it.
        Err(Errno::NOENT) => return Ok(Outcome::Entries(BTreeMap::new())),
        handle => handle?,
    };
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut listing = RawDir::new(&handle, &mut buffer);
    let mut entries = BTreeMap::new();
    while let Some(entry) = listing.next() {
        match entry {
            Err(Errno::NOENT) => break,
            entry => {
                let entry = entry?;
                let name = char::from(entry.file_name().to_bytes()[0]);
                if name != '.' {
                    assert!(entries.insert(name, entry.ino()).is_none(), "listed twice");
                }
            }
        }
        if listing.is_buffer_empty() {
            break;
        }
    }
    Ok(Outcome::Entries(entries))
}

fn pick<T: Copy>(dice: &mut Dice, from: &[T]) -> T {
    from[dice.below(from.len() as u64) as usize]
}

fn random_call(dice: &mut Dice, folders: &[Number], own: Number, file: Number) -> Call {
    let folder = pick(dice, folders);
    let name = pick(dice, &['a', 'b', 'd']);
    let modes = [RenameMode::Replace, RenameMode::NoReplace, RenameMode::Exchange];
    let mode = pick(dice, &modes);
    match dice.below(12) {
        0 | 1 => Call::Lookup { folder, name },
        2 | 3 => Call::Create { folder, name },
        4 => Call::Link { number: file, folder, name },
        5 => Call::Unlink { folder, name },
        6 => Call::RemoveFolder { folder, name },
        // A folder that is new to the others.
        7 => Call::Rename { from: (own, pick(dice, &SPARE)), to: (folder, name), mode },
        8 | 9 => {
            let to = (pick(dice, folders), pick(dice, &['a', 'b', 'd']));
            Call::Rename { from: (folder, name), to, mode }
        }
        _ => Call::List { folder },
    }
}

#[test]
fn names_that_many_change_at_once_are_seen_in_one_order() {
    let Some(bench) = Bench::mounted() else { return };
    for seed in 0..histories() {
        let root_path = bench.at(format!("history-{seed}"));
        std::fs::create_dir(&root_path).unwrap();
        let handle = openat(CWD, &root_path, OFlags::DIRECTORY, Mode::empty()).unwrap();
        let root = fstat(&handle).unwrap().st_ino;
        let mut open = Open::default();
        open.folders.insert(root, handle);
        let clock = AtomicU64::new(0);
        let mut first = Caller { thread: 0, clock: &clock, calls: Vec::new() };
        let folder = first.make_folder(&mut open, root, 'd');
        let owns = OWN.map(|name| first.make_folder(&mut open, root, name));
        for own in owns {
            for name in SPARE {
                first.make_folder(&mut open, own, name);
            }
        }
        let (number, file) = first.create(&open, root, 'a').unwrap();
        open.files.insert(number, file);
        let (open, folders, barrier) = (&open, [root, folder], &Barrier::new(THREADS));
        let clock = &clock;
        let calls: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = owns
                .into_iter()
                .zip(1..)
                .map(|(own, thread)| {
                    scope.spawn(move || {
                        let mut caller = Caller { thread, clock, calls: Vec::new() };
                        let mut dice = Dice::new(seed << 8 | thread as u64);
                        let mut kept_open = Vec::new();
                        barrier.wait();
                        for _ in 0..CALLS_EACH {
                            match random_call(&mut dice, &folders, own, number) {
                                Call::Create { folder, name } => {
                                    kept_open.push(caller.create(open, folder, name));
                                }
                                call => caller.call_on_names(open, call),
                            }
                        }
                        (caller.calls, kept_open)
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let mut last = Caller { thread: 0, clock, calls: Vec::new() };
        for folder in open.folders.keys() {
            last.call_on_names(open, Call::List { folder: *folder });
        }
        let mut all = first.calls;
        all.extend(calls.into_iter().flat_map(|(calls, _)| calls));
        all.extend(last.calls);
        let history = History(all);
        let is_linearizable = history.is_linearizable(&Model::of_folder(root));
        assert!(is_linearizable, "seed {seed}, in folder {root}:\n{history}");
    }
}

/// Units of the largest write, which goes straight into a pack.
const BULK_UNITS: usize = 68;

#[test]
fn reads_beside_writes_past_the_page_cache_see_each_of_them_whole_or_not() {
    let Some(bench) = Bench::mounted() else { return };
    let root = std::fs::metadata(bench.mount_point()).unwrap().ino();
    for seed in 0..histories() {
        let name = 'f';
        let path = bench.at("f");
        // A handle that only writes decides for all others.
        let mut first_handle = File::options();
        let _direct = first_handle.write(true).create_new(true).open(&path).unwrap();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        let number = fstat(&file).unwrap().st_ino;
        let clock = AtomicU64::new(0);
        let mut first = Caller { thread: 0, clock: &clock, calls: Vec::new() };
        first.call(Call::Create { folder: root, name }, || {
            Ok(Outcome::Inode { number, is_folder: false })
        });
        let (file, clock, barrier) = (&file, &clock, &Barrier::new(THREADS));
        let calls: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (1..=THREADS)
                .map(|thread| {
                    scope.spawn(move || {
                        let mut caller = Caller { thread, clock, calls: Vec::new() };
                        let mut dice = Dice::new(seed << 8 | thread as u64);
                        barrier.wait();
                        for nth in 0..CALLS_EACH {
                            let call = random_content_call(&mut dice, number, thread, nth);
                            caller.call(call.clone(), || on_content(file, &call));
                        }
                        caller.calls
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let history = History(first.calls.into_iter().chain(calls.into_iter().flatten()).collect());
        let is_linearizable = history.is_linearizable(&Model::of_folder(root));
        assert!(is_linearizable, "seed {seed}:\n{history}");
        std::fs::remove_file(path).unwrap();
    }
}

fn random_content_call(dice: &mut Dice, number: Number, thread: usize, nth: usize) -> Call {
    // No two writes the same letter.
    let letter = (thread << 4 | nth) as u8;
    match dice.below(8) {
        0..=2 => Call::Read { number, unit: 0, units: 2 * BULK_UNITS },
        3 => Call::Write { number, unit: 4 * dice.below(4) as usize, units: BULK_UNITS, letter },
        4 => {
            let (unit, units) = (dice.below(8) as usize, 1 + dice.below(8) as usize);
            Call::Allocate { number, mode: AllocateMode::PunchHole, unit, units }
        }
        _ => {
            let (unit, units) = (dice.below(12) as usize, 1 + dice.below(12) as usize);
            Call::Write { number, unit, units, letter }
        }
    }
}

fn on_content(file: &File, call: &Call) -> Result<Outcome, Errno> {
    let bytes = |units: usize| (units * UNIT_BYTES) as u64;
    let errno = |error: std::io::Error| Errno::from_io_error(&error).unwrap();
    match *call {
        Call::Read { unit, units, .. } => {
            let mut out = vec![0xEE; units * UNIT_BYTES];
            let count = file.read_at(&mut out, bytes(unit)).map_err(errno)?;
            Ok(Outcome::Content(crate::plain_model::letters(&out[..count])))
        }
        Call::Write { unit, units, letter, .. } => {
            let data = vec![letter; units * UNIT_BYTES];
            assert_eq!(file.write_at(&data, bytes(unit)).map_err(errno)?, data.len());
            Ok(Outcome::Done)
        }
        Call::Allocate { unit, units, .. } => {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            fallocate(file, flags, bytes(unit), bytes(units)).map(done)
        }
        _ => panic!("no call on content: {call:?}"),
    }
}
