//! The durability contract on a disk that forgets what was not synced: kills and power losses at
//! any call, and disks that fail.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

mod common;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::image::{Call, Dice, Image};
use hushfs::crypto::{MasterKey, VaultId};
use hushfs::format::{ChunkSize, Descriptor, Ino, Time};
use hushfs::fs::{
    AllocateMode, AttributeChange, FileKind, FileSystem, FsError, MountMode, NewNode, OpenError,
    OpenRequest, RenameMode, VerifyRequest, XattrMode, verify,
};
use hushfs::store::{StateFolder, StateLock, VaultFolder};
use proptest::prelude::*;

const NEW: NewNode = NewNode { mode: 0o644, uid: 0, gid: 0 };

/// A vault on a disk image, opened as often as a test likes.
struct Bench {
    master: MasterKey,
    descriptor: Descriptor,
    locks: tempfile::TempDir,
    opened: std::cell::Cell<u32>,
}

impl Bench {
    fn new() -> Self {
        let descriptor = Descriptor {
            vault: VaultId::random(),
            chunk_size: ChunkSize::DEFAULT,
            created: Time::now(),
        };
        let locks = tempfile::tempdir().unwrap();
        Self { master: MasterKey::random(), descriptor, locks, opened: 0.into() }
    }

    fn vault(&self, image: &Image) -> VaultFolder {
        let vault = VaultFolder::new(Arc::new(image.clone()), "/image/vault");
        let _ = hushfs::store::Disk::create_folder(image, "/image".as_ref());
        let _ = hushfs::store::Disk::create_folder(image, vault.root());
        let _ = vault.make_folder("keys");
        vault
    }

    fn try_open(&self, image: &Image, device: &str) -> Result<Arc<FileSystem>, OpenError> {
        self.open_on(image, device, "machine")
    }

    fn open_on(
        &self,
        image: &Image,
        device: &str,
        machine: &str,
    ) -> Result<Arc<FileSystem>, OpenError> {
        let vault = self.vault(image);
        let root = format!("/image/{device}");
        let state = StateFolder::make(Arc::new(image.clone()), root).unwrap();
        // The image knows no locks: each opening has a lock of its own.
        self.opened.set(self.opened.get() + 1);
        let lock = self.locks.path().join(self.opened.get().to_string());
        std::fs::create_dir(&lock).unwrap();
        FileSystem::open_vault(OpenRequest {
            vault,
            state: Some(state),
            lock: Some(StateLock::take(&lock).unwrap()),
            keys: self.master.class_keys(&self.descriptor.vault),
            descriptor: self.descriptor.clone(),
            mode: MountMode::ReadWrite,
            device_name: device.into(),
            machine: machine.into(),
            owner: (1000, 1000),
        })
    }

    fn open(&self, image: &Image) -> Arc<FileSystem> {
        self.try_open(image, "state").unwrap()
    }

    fn assert_healthy(&self, image: &Image) {
        let vault = self.vault(image);
        let keys = self.master.class_keys(&self.descriptor.vault);
        let request = VerifyRequest {
            vault: &vault,
            listing: &vault.listing().unwrap(),
            keys: &keys,
            descriptor: &self.descriptor,
            state: None,
        };
        let report = verify(&request, &mut |_| {}).unwrap();
        assert!(report.damaged.is_empty() && report.strangers.is_empty(), "{report:?}");
    }
}

fn content(seed: u8, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| (i / 7).wrapping_mul(31).wrapping_add(seed.into()) as u8).collect()
}

fn read(fs: &FileSystem, ino: Ino) -> Vec<u8> {
    let mut out = vec![0xEE; fs.attributes(ino).unwrap().size as usize];
    assert_eq!(fs.read(ino, 0, &mut out).unwrap(), out.len());
    out
}

/// Names in the root with what they stand for.
type Names = BTreeMap<String, (Ino, u32)>;

fn names(fs: &FileSystem) -> Names {
    let mut names = Names::new();
    fs.list(Ino::ROOT, 0, &mut |entry| {
        if entry.attributes.kind == FileKind::File {
            let name = String::from_utf8(entry.name.to_vec()).unwrap();
            names.insert(name, (entry.attributes.ino, entry.attributes.mode));
        }
        true
    })
    .unwrap();
    names
}

/// Every version there was of something, and which are too old to come back.
#[derive(Clone, Debug)]
struct Versions<T> {
    all: Vec<T>,
    /// The first that can come back after a kill, and after a power loss.
    after_kill: usize,
    after_power_loss: usize,
}

impl<T: PartialEq + std::fmt::Debug> Versions<T> {
    fn new(first: T) -> Self {
        Self { all: vec![first], after_kill: 0, after_power_loss: 0 }
    }

    fn now(&self) -> &T {
        self.all.last().unwrap()
    }

    fn promise(&mut self, to: Crash) {
        self.after_kill = self.all.len() - 1;
        if to == Crash::PowerLoss {
            self.after_power_loss = self.all.len() - 1;
        }
    }

    /// Checks that `found` may come back, and forgets what came after it.
    fn come_back(&mut self, found: &T, crash: Crash, what: &str) {
        let first = if crash == Crash::Kill { self.after_kill } else { self.after_power_loss };
        let at = self.all[first..].iter().rposition(|version| version == found);
        let Some(at) = at else {
            let older = self.all[..first].iter().rposition(|version| version == found);
            panic!("{what}: {crash:?} gave version {older:?} of {first}..{}", self.all.len());
        };
        self.all.truncate(first + at + 1);
        if crash == Crash::PowerLoss {
            (self.after_kill, self.after_power_loss) = (first + at, first + at);
        }
        self.after_kill = self.after_kill.max(first + at);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Crash {
    Kill,
    PowerLoss,
}

/// What there was.
#[derive(Clone, Debug)]
struct History {
    names: Versions<Names>,
    contents: BTreeMap<Ino, Versions<Vec<u8>>>,
}

impl History {
    fn check(&mut self, fs: &FileSystem, crash: Crash) {
        let found = names(fs);
        self.names.come_back(&found, crash, "names");
        for (name, (ino, _)) in found {
            let found = read(fs, ino);
            self.contents.get_mut(&ino).unwrap().come_back(&found, crash, &name);
        }
    }
}

/// What a step picks by: taken modulo what there is.
type Pick = u8;

#[derive(Clone, Debug)]
enum Step {
    Create {
        name: u8,
    },
    Unlink {
        file: Pick,
    },
    Link {
        file: Pick,
        name: u8,
    },
    Rename {
        file: Pick,
        name: u8,
    },
    SetMode {
        file: Pick,
        mode: u16,
    },
    Write {
        file: Pick,
        offset: u32,
        bytes: u32,
        seed: u8,
    },
    Resize {
        file: Pick,
        size: u32,
    },
    Punch {
        file: Pick,
        offset: u32,
        bytes: u32,
    },
    Release {
        file: Pick,
    },
    Close {
        file: Pick,
    },
    Fsync {
        file: Pick,
    },
    Publish,
    /// So many operations that a checkpoint is due.
    SetXattrs {
        file: Pick,
        seed: u8,
    },
    /// The vault takes nothing from now on, or takes everything again.
    Vault {
        works: bool,
    },
    Crash {
        power_loss: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let pick = any::<Pick>;
    prop_oneof![
        4 => (0..5u8).prop_map(|name| Step::Create { name }),
        1 => pick().prop_map(|file| Step::Unlink { file }),
        1 => (pick(), 0..5u8).prop_map(|(file, name)| Step::Link { file, name }),
        2 => (pick(), 0..5u8).prop_map(|(file, name)| Step::Rename { file, name }),
        1 => (pick(), 0..0o777u16).prop_map(|(file, mode)| Step::SetMode { file, mode }),
        6 => (pick(), 0..60_000u32, 1..9000u32, any::<u8>())
            .prop_map(|(file, offset, bytes, seed)| Step::Write { file, offset, bytes, seed }),
        2 => (pick(), 0..20u32, 65_536..180_000u32, any::<u8>()).prop_map(
            |(file, chunk, bytes, seed)| Step::Write { file, offset: chunk * 4096, bytes, seed }
        ),
        3 => (pick(), 0..200_000u32).prop_map(|(file, size)| Step::Resize { file, size }),
        2 => (pick(), 0..60_000u32, 1..90_000u32)
            .prop_map(|(file, offset, bytes)| Step::Punch { file, offset, bytes }),
        1 => pick().prop_map(|file| Step::Release { file }),
        2 => pick().prop_map(|file| Step::Close { file }),
        4 => pick().prop_map(|file| Step::Fsync { file }),
        2 => Just(Step::Publish),
        1 => (pick(), any::<u8>()).prop_map(|(file, seed)| Step::SetXattrs { file, seed }),
        1 => any::<bool>().prop_map(|works| Step::Vault { works }),
        2 => any::<bool>().prop_map(|power_loss| Step::Crash { power_loss }),
    ]
}

/// The file system on its image, beside what it has promised.
struct Run {
    bench: Bench,
    image: Image,
    fs: Arc<FileSystem>,
    history: History,
    vault_works: bool,
}

impl Run {
    fn new() -> Self {
        let (bench, image) = (Bench::new(), Image::new());
        let fs = bench.open(&image);
        let history = History { names: Versions::new(Names::new()), contents: BTreeMap::new() };
        Self { bench, image, fs, history, vault_works: true }
    }

    fn pick(&self, pick: &Pick) -> Option<(String, Ino)> {
        let names = self.history.names.now();
        let at = (!names.is_empty()).then(|| usize::from(*pick) % names.len())?;
        names.iter().nth(at).map(|(name, (ino, _))| (name.clone(), *ino))
    }

    fn rename_to(&mut self, change: impl FnOnce(&mut Names)) {
        let mut names = self.history.names.now().clone();
        change(&mut names);
        self.history.names.all.push(names);
    }

    fn write_to(&mut self, ino: Ino, change: impl FnOnce(&mut Vec<u8>)) {
        let versions = self.history.contents.get_mut(&ino).unwrap();
        let mut bytes = versions.now().clone();
        change(&mut bytes);
        versions.all.push(bytes);
    }

    fn promise(&mut self, ino: Ino, to: Crash) {
        self.history.names.promise(to);
        self.history.contents.get_mut(&ino).unwrap().promise(to);
    }

    fn apply(&mut self, step: &Step, dice: &mut Dice) {
        let fs = self.fs.clone();
        let entry = |name: &u8| format!("entry-{name}");
        match step {
            Step::Create { name } => {
                let name = entry(name);
                if self.history.names.now().contains_key(&name) {
                    return;
                }
                let made = fs.create(Ino::ROOT, name.as_bytes(), NEW).unwrap();
                self.history.contents.insert(made.ino, Versions::new(Vec::new()));
                self.rename_to(|names| _ = names.insert(name, (made.ino, 0o644)));
            }
            Step::Unlink { file } => {
                let Some((name, ino)) = self.pick(file) else { return };
                fs.unlink(Ino::ROOT, name.as_bytes()).unwrap();
                self.rename_to(|names| _ = names.remove(&name));
                self.use_unnamed(ino);
            }
            Step::Link { file, name } => {
                let Some((_, ino)) = self.pick(file) else { return };
                let name = entry(name);
                if self.history.names.now().contains_key(&name) {
                    return;
                }
                fs.link(ino, Ino::ROOT, name.as_bytes()).unwrap();
                let mode = fs.attributes(ino).unwrap().mode;
                self.rename_to(|names| _ = names.insert(name, (ino, mode)));
            }
            Step::Rename { file, name } => {
                let Some((from, ino)) = self.pick(file) else { return };
                let to = entry(name);
                let replaced = self.history.names.now().get(&to).map(|(ino, _)| *ino);
                if replaced == Some(ino) {
                    return;
                }
                let (from_name, to_name) = (from.as_bytes(), to.as_bytes());
                fs.rename(Ino::ROOT, from_name, Ino::ROOT, to_name, RenameMode::Replace).unwrap();
                self.rename_to(|names| {
                    let moved = names.remove(&from).unwrap();
                    names.insert(to, moved);
                });
                if let Some(replaced) = replaced {
                    self.use_unnamed(replaced);
                }
            }
            Step::SetMode { file, mode } => {
                let Some((_, ino)) = self.pick(file) else { return };
                let mode = u32::from(*mode);
                let change = AttributeChange { mode: Some(mode), ..Default::default() };
                fs.set_attributes(ino, &change).unwrap();
                self.rename_to(|names| {
                    names.values_mut().filter(|(of, _)| *of == ino).for_each(|(_, m)| *m = mode);
                });
            }
            Step::Write { file, offset, bytes, seed } => {
                let Some((_, ino)) = self.pick(file) else { return };
                let (offset, data) = (*offset as usize, content(*seed, *bytes as usize));
                fs.write(ino, offset as u64, &data, false).unwrap();
                self.write_to(ino, |bytes| {
                    bytes.resize(bytes.len().max(offset + data.len()), 0);
                    bytes[offset..offset + data.len()].copy_from_slice(&data);
                });
            }
            Step::Resize { file, size } => {
                let Some((_, ino)) = self.pick(file) else { return };
                let size = *size as usize;
                let change = AttributeChange { size: Some(size as u64), ..Default::default() };
                fs.set_attributes(ino, &change).unwrap();
                self.write_to(ino, |bytes| bytes.resize(size, 0));
            }
            Step::Punch { file, offset, bytes } => {
                let Some((_, ino)) = self.pick(file) else { return };
                let (offset, count) = (*offset as usize, *bytes as usize);
                fs.allocate(ino, AllocateMode::PunchHole, offset as u64, count as u64).unwrap();
                self.write_to(ino, |bytes| {
                    let end = (offset + count).min(bytes.len());
                    bytes[offset.min(end)..end].fill(0);
                });
            }
            Step::Release { file } => {
                let Some((_, ino)) = self.pick(file) else { return };
                fs.release(ino);
            }
            Step::Close { file } => {
                let Some((_, ino)) = self.pick(file) else { return };
                fs.close(ino).unwrap();
                self.promise(ino, Crash::Kill);
            }
            Step::Fsync { file } => {
                let Some((_, ino)) = self.pick(file) else { return };
                fs.fsync(ino).unwrap();
                self.promise(ino, Crash::PowerLoss);
            }
            Step::Publish => {
                let published = fs.publish();
                assert!(published.is_ok() || !self.vault_works, "{published:?}");
                if published.is_ok() {
                    let inos: Vec<Ino> = self.history.names.now().values().map(|n| n.0).collect();
                    inos.into_iter().for_each(|ino| self.promise(ino, Crash::PowerLoss));
                    self.history.names.promise(Crash::PowerLoss);
                }
            }
            Step::SetXattrs { file, seed } => {
                let Some((_, ino)) = self.pick(file) else { return };
                for nth in 0..5 {
                    let value = content(*seed, 60_000 + nth);
                    let name = format!("user.{nth}");
                    fs.set_xattr(ino, name.as_bytes(), &value, XattrMode::Set).unwrap();
                }
            }
            Step::Vault { works } => {
                self.vault_works = *works;
                let works = *works;
                if works {
                    self.image.clear_faults();
                } else {
                    self.image.set_faults(|_, path| {
                        path.starts_with("/image/vault").then_some(ErrorKind::StorageFull)
                    });
                }
            }
            Step::Crash { power_loss } => {
                let (image, crash) = self.crashed(&self.image, *power_loss, dice);
                self.image = image;
                self.vault_works = true;
                self.fs = self.bench.open(&self.image);
                self.history.check(&self.fs, crash);
                for (ino, _) in self.history.names.now().values() {
                    self.fs.open(*ino).unwrap();
                }
            }
        }
    }

    /// A file that is still open can be used without a name, and leaves no trace.
    fn use_unnamed(&mut self, ino: Ino) {
        if self.fs.attributes(ino).is_ok_and(|attributes| attributes.nlink == 0) {
            self.fs.write(ino, 5000, &content(9, 70_000), false).unwrap();
            self.fs.write(ino, 10, &content(9, 10), false).unwrap();
            let change =
                AttributeChange { size: Some(60_000), mode: Some(0o600), ..Default::default() };
            self.fs.set_attributes(ino, &change).unwrap();
            self.fs.fsync(ino).unwrap();
            self.history.names.promise(Crash::PowerLoss);
            assert_eq!(read(&self.fs, ino).len(), 60_000);
        }
    }

    fn crashed(&self, image: &Image, power_loss: bool, dice: &mut Dice) -> (Image, Crash) {
        if power_loss {
            (image.after_power_loss(dice), Crash::PowerLoss)
        } else {
            (image.after_kill(), Crash::Kill)
        }
    }

    /// What comes back of an image, and that it is in the vault after a clean end.
    fn check(&self, history: &History, image: &Image, power_loss: bool, dice: &mut Dice) {
        let mut history = history.clone();
        let (image, crash) = self.crashed(image, power_loss, dice);
        let fs = self.bench.open(&image);
        history.check(&fs, crash);
        fs.shut_down().unwrap();
        self.bench.assert_healthy(&image);
        let elsewhere = self.bench.try_open(&image, "other device").unwrap();
        assert_eq!(names(&elsewhere), names(&fs));
        for ino in names(&fs).values().map(|(ino, _)| *ino).chain([Ino::ROOT]) {
            assert_eq!(elsewhere.attributes(ino).unwrap(), fs.attributes(ino).unwrap());
            let xattrs = fs.xattr_names(ino).unwrap();
            assert_eq!(elsewhere.xattr_names(ino).unwrap(), xattrs);
            for name in xattrs.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
                assert!(elsewhere.xattr(ino, name).unwrap() == fs.xattr(ino, name).unwrap());
            }
            if ino != Ino::ROOT {
                assert!(read(&elsewhere, ino) == read(&fs, ino));
            }
        }
    }
}

fn run(steps: &[(Step, u64)]) {
    let mut run = Run::new();
    for (step, seed) in steps {
        let mut dice = Dice::new(*seed);
        let before = run.history.clone();
        let image = run.image.clone();
        image.copy_before_call(1 + dice.below(12));
        run.apply(step, &mut dice);
        let power_loss = dice.below(2) == 0;
        match image.copied() {
            // In the middle of the step: what it promises is not promised yet.
            Some(copy) if !matches!(step, Step::Crash { .. }) => {
                let mut history = run.history.clone();
                history.names.after_kill = before.names.after_kill;
                history.names.after_power_loss = before.names.after_power_loss;
                for (ino, versions) in &mut history.contents {
                    let old = before.contents.get(ino);
                    versions.after_kill = old.map_or(0, |old| old.after_kill);
                    versions.after_power_loss = old.map_or(0, |old| old.after_power_loss);
                }
                run.check(&history, &copy, power_loss, &mut dice);
            }
            _ if dice.below(4) == 0 => {
                run.check(&run.history, &run.image, power_loss, &mut dice);
            }
            _ => {}
        }
    }
}

/// As many cases as `PROPTEST_CASES` says; by default so many that they take a few seconds.
fn config() -> ProptestConfig {
    let from_environment = ProptestConfig::default();
    let is_set = std::env::var_os("PROPTEST_CASES").is_some();
    let cases = if is_set { from_environment.cases } else { 40 };
    ProptestConfig { cases, ..from_environment }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_was_promised_survives_kills_and_power_losses_at_any_call(
        steps in prop::collection::vec((step(), any::<u64>()), 1..50)
    ) {
        run(&steps);
    }
}

#[test]
fn a_first_mount_that_was_killed_at_once_still_gives_the_root_to_its_owner() {
    let (bench, image) = (Bench::new(), Image::new());
    drop(bench.open(&image));
    let fs = bench.open(&image);
    assert_eq!(fs.attributes(Ino::ROOT).unwrap().uid, 1000);
}

#[test]
fn a_full_disk_under_the_journal_heals() {
    let (bench, image) = (Bench::new(), Image::new());
    let fs = bench.open(&image);
    let made = fs.create(Ino::ROOT, b"file", NEW).unwrap();
    fs.write(made.ino, 0, &content(1, 5000), false).unwrap();
    image.set_faults(|call, path| {
        let is_journal = path.to_string_lossy().contains("journal-1");
        (is_journal && call == Call::Write).then_some(ErrorKind::StorageFull)
    });
    assert!(matches!(fs.publish(), Err(FsError::NoSpace)));
    image.clear_faults();
    fs.publish().unwrap();
    assert!(read(&fs, made.ino) == content(1, 5000));
}

#[test]
fn a_pack_that_had_moved_before_an_error_came_is_not_moved_again() {
    let (bench, image) = (Bench::new(), Image::new());
    let fs = bench.open(&image);
    let made = fs.create(Ino::ROOT, b"file", NEW).unwrap();
    fs.write(made.ino, 0, &content(1, 5000), false).unwrap();
    let mut is_first = true;
    image.set_faults(move |call, _| {
        let fails = call == Call::Moved && std::mem::take(&mut is_first);
        fails.then_some(ErrorKind::Other)
    });
    assert!(fs.publish().is_err());
    fs.publish().unwrap();
    bench.assert_healthy(&image);
}

#[test]
fn nothing_is_published_after_a_sync_has_failed() {
    let (bench, image) = (Bench::new(), Image::new());
    let fs = bench.open(&image);
    let made = fs.create(Ino::ROOT, b"file", NEW).unwrap();
    fs.write(made.ino, 0, &content(1, 5000), false).unwrap();
    let mut is_first = true;
    image.set_faults(move |call, path| {
        let is_pack = path.extension().is_some_and(|extension| extension == "pack");
        let fails = is_pack && call == Call::Sync && std::mem::take(&mut is_first);
        fails.then_some(ErrorKind::Other)
    });
    assert!(fs.publish().is_err());
    // A second sync may lie about what the first one lost.
    assert!(fs.shut_down().is_err());
    let listing = bench.vault(&image).listing().unwrap();
    assert!(listing.packs.is_empty() && listing.logs.is_empty());
}

#[test]
fn regression_generations_that_became_one_log_object_are_all_let_go_of_or_none() {
    for seed in 0..40 {
        let mut run = Run::new();
        let mut dice = Dice::new(seed);
        // A crash with a log object on its way leaves two generations; a third joins them.
        for step in [
            Step::Create { name: 0 },
            Step::Vault { works: false },
            Step::Publish,
            Step::Create { name: 1 },
            Step::Close { file: 0 },
            Step::Crash { power_loss: false },
            Step::Create { name: 2 },
            Step::Publish,
            Step::Create { name: 3 },
            Step::Fsync { file: 0 },
            Step::Crash { power_loss: true },
        ] {
            run.apply(&step, &mut dice);
        }
        assert_eq!(run.history.names.now().len(), 4);
    }
}

#[test]
fn a_bulk_write_that_fails_halfway_reads_the_same_after_a_crash() {
    let (bench, image) = (Bench::new(), Image::new());
    let fs = bench.open(&image);
    let made = fs.create(Ino::ROOT, b"file", NEW).unwrap();
    // Fills a pack but for less than the next write.
    fs.write(made.ino, 0, &content(1, 16_600_000), false).unwrap();
    let at = 4096 * 10_000;
    fs.write(made.ino, at, &content(2, 4096), false).unwrap();
    fs.fsync(made.ino).unwrap();
    image.set_faults(|call, path| {
        let is_staged = path.starts_with("/image/state/staged");
        (is_staged && call == Call::Create).then_some(ErrorKind::StorageFull)
    });
    let written = fs.write(made.ino, at, &content(3, 1 << 20), false);
    assert!(matches!(written, Err(FsError::NoSpace)), "{written:?}");
    image.clear_faults();
    fs.fsync(made.ino).unwrap();
    let before = read(&fs, made.ino);
    let fs = bench.open(&image.after_kill());
    assert!(read(&fs, made.ino) == before);
}

/// Two files that are written and read while a third thread publishes and a fourth crashes.
#[test]
fn publications_beside_writes_and_reads_break_no_promise() {
    let (bench, image) = (Bench::new(), Image::new());
    let fs = bench.open(&image);
    let until = Instant::now() + Duration::from_secs(2);
    let files: Vec<(Ino, Mutex<Versions<Vec<u8>>>)> = (0..2)
        .map(|nth| {
            let made = fs.create(Ino::ROOT, format!("file-{nth}").as_bytes(), NEW).unwrap();
            fs.fsync(made.ino).unwrap();
            (made.ino, Mutex::new(Versions::new(Vec::new())))
        })
        .collect();
    std::thread::scope(|scope| {
        for (nth, (ino, versions)) in files.iter().enumerate() {
            let fs = &fs;
            scope.spawn(move || {
                let mut dice = Dice::new(nth as u64);
                let mut now: Vec<u8> = Vec::new();
                while Instant::now() < until {
                    let offset = dice.below(40_000) as usize;
                    let bytes = [dice.below(9000), dice.below(200_000)][dice.below(2) as usize];
                    let data = content(dice.below(256) as u8, 1 + bytes as usize);
                    now.resize(now.len().max(offset + data.len()), 0);
                    now[offset..offset + data.len()].copy_from_slice(&data);
                    // Known to the one who crashes before it is done: it may come back or not.
                    versions.lock().unwrap().all.push(now.clone());
                    fs.write(*ino, offset as u64, &data, false).unwrap();
                    assert!(read(fs, *ino) == now);
                    match dice.below(6) {
                        0 => {
                            fs.fsync(*ino).unwrap();
                            versions.lock().unwrap().promise(Crash::PowerLoss);
                        }
                        1 => {
                            fs.close(*ino).unwrap();
                            versions.lock().unwrap().promise(Crash::Kill);
                        }
                        _ => {}
                    }
                }
            });
        }
        scope.spawn(|| {
            while Instant::now() < until {
                fs.publish().unwrap();
            }
        });
        let mut dice = Dice::new(77);
        while Instant::now() < until {
            let promised: Vec<_> = files.iter().map(|(_, v)| v.lock().unwrap().clone()).collect();
            let crash = if dice.below(2) == 0 { Crash::Kill } else { Crash::PowerLoss };
            let image = match crash {
                Crash::Kill => image.after_kill(),
                Crash::PowerLoss => image.after_power_loss(&mut dice),
            };
            let versions: Vec<_> = files.iter().map(|(_, v)| v.lock().unwrap().clone()).collect();
            let fs = bench.open(&image);
            for (nth, (ino, _)) in files.iter().enumerate() {
                let mut versions = versions[nth].clone();
                versions.after_kill = promised[nth].after_kill;
                versions.after_power_loss = promised[nth].after_power_loss;
                versions.come_back(&read(&fs, *ino), crash, "content");
            }
            fs.shut_down().unwrap();
            bench.assert_healthy(&image);
        }
    });
    fs.shut_down().unwrap();
    bench.assert_healthy(&image);
}
