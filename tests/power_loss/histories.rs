//! Random histories, with a crash after or in the middle of any call to disk.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;

use hushfs::format::Ino;
use hushfs::fs::{AllocateMode, AttributeChange, FileSystem, RenameMode, XattrMode};
use proptest::prelude::*;

use crate::bench::{Bench, NEW, Names, content, names, read};
use crate::image::{Dice, Image};
use crate::promise::{Crash, History, Versions};

/// What a step picks by: taken modulo what there is.
pub type Pick = u8;

#[derive(Clone, Debug)]
pub enum Step {
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
pub struct Run {
    pub bench: Bench,
    pub image: Image,
    pub fs: Arc<FileSystem>,
    pub history: History,
    pub vault_works: bool,
}

impl Run {
    pub fn new() -> Self {
        let (bench, image) = (Bench::new(), Image::new());
        let fs = bench.open(&image);
        let history = History { names: Versions::new(Names::new()), contents: BTreeMap::new() };
        Self { bench, image, fs, history, vault_works: true }
    }

    pub fn pick(&self, pick: &Pick) -> Option<(String, Ino)> {
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

    pub fn apply(&mut self, step: &Step, dice: &mut Dice) {
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

    pub fn crashed(&self, image: &Image, power_loss: bool, dice: &mut Dice) -> (Image, Crash) {
        if power_loss {
            (image.after_power_loss(dice), Crash::PowerLoss)
        } else {
            (image.after_kill(), Crash::Kill)
        }
    }

    /// What comes back of an image, and that it is in the vault after a clean end.
    pub fn check(&self, history: &History, image: &Image, power_loss: bool, dice: &mut Dice) {
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
