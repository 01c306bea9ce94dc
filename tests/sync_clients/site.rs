//! One machine of several: its copy of the vault folder, its state folder, its mount point.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use hushfs::fs::Status;
use hushfs::fuse::PUBLISH_ATTRIBUTE;
use rustix::fs::{XattrFlags, setxattr};
use serde_json::Value;

use super::bench::{Bench, retried, said};
use super::service::wait_for;
use super::snapshot::{self, Snapshot, assert_same};
use super::turns::{begin, change};

/// A machine with a sync client of its own.
pub struct Site<'a> {
    bench: &'a Bench,
    name: &'static str,
    vault: PathBuf,
}

/// What a vault folder holds: the lengths of its files by path below it.
pub type Listing = BTreeMap<PathBuf, u64>;

impl<'a> Site<'a> {
    /// The machine where the vault was made.
    pub fn first(bench: &'a Bench) -> Self {
        Self { bench, name: "first", vault: bench.vault() }
    }

    /// Another one, whose vault folder is empty until a client fills it.
    pub fn empty(bench: &'a Bench, name: &'static str) -> Self {
        let vault = bench.folder().join(format!("vault of {name}"));
        // With the mode that the program gives vault folders: some clients compare it.
        fs::DirBuilder::new().mode(0o700).create(&vault).unwrap();
        Self { bench, name, vault }
    }

    /// The machine as another device that has the same copy of the vault.
    pub fn same_vault(&self, name: &'static str) -> Self {
        Self { name, vault: self.vault.clone(), ..*self }
    }

    /// A word for this machine alone.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where all machines are.
    pub fn bench(&self) -> &'a Bench {
        self.bench
    }

    /// Its copy of the vault.
    pub fn vault(&self) -> &Path {
        &self.vault
    }

    /// Where it mounts the vault.
    pub fn mount_point(&self) -> PathBuf {
        self.bench.folder().join(format!("files of {}", self.name))
    }

    fn state(&self) -> PathBuf {
        self.bench.folder().join(format!("state of {}", self.name))
    }

    /// Runs a command of the program on this machine's vault.
    pub fn run(&self, command: &str, options: &[&str]) -> Output {
        self.on_vault(command, options).output().unwrap()
    }

    fn on_vault(&self, command: &str, options: &[&str]) -> std::process::Command {
        let mut program = self.bench.command(command);
        program.arg("--key-file").arg(self.bench.key_file()).arg("--state-dir").arg(self.state());
        program.args(options).arg(&self.vault);
        program
    }

    /// Runs `mount`.
    pub fn try_mount(&self, options: &[&str]) -> Output {
        fs::create_dir_all(self.mount_point()).unwrap();
        let mut mount = self.on_vault("mount", options);
        let output = mount.arg(self.mount_point()).output().unwrap();
        if output.status.success() {
            self.bench.note_daemon(&self.mount_point());
        }
        output
    }

    /// Mounts, and finds nothing amiss.
    pub fn mount(&self) {
        let (code, text) = said(&self.try_mount(&[]));
        // That the other was here a moment ago is no trouble.
        let is_trouble = |line: &&str| !line.contains("it may have the vault mounted, too");
        let trouble: Vec<&str> = text.lines().filter(is_trouble).collect();
        assert_eq!((code, trouble), (0, Vec::new()), "{}", self.name);
        let status = self.bench.status_of(&self.mount_point());
        assert_eq!((&status.read_only, &status.damage[..]), (&None, &[][..]), "{}", self.name);
    }

    /// Unmounts.
    pub fn unmount(&self) {
        let output = retried(
            || self.bench.run("unmount", &[self.mount_point().as_os_str()], |_| {}),
            |output| output.status.code() == Some(13),
        );
        assert!(output.status.success(), "{}: {output:?}", self.name);
    }

    /// Waits until the mount, which stays, shows all that another machine's mount has published.
    pub fn wait_for_news_of(&self, other: &Site) {
        wait_for(|| {
            let [here, there] = [self, other].map(|site| {
                let status = site.bench.status_of(&site.mount_point());
                let is_well = status.read_only.is_none() && status.damage.is_empty();
                assert!(is_well, "{}: {status:?}", site.name);
                status
            });
            let published = |status: &Status| {
                let devices = status.devices.iter();
                devices
                    .map(|device| (device.id.clone(), device.last_seq))
                    .collect::<BTreeMap<_, _>>()
            };
            let is_here = published(&here) == published(&there)
                && here.not_arrived.is_empty()
                && there.unpublished_operations == 0;
            is_here.then_some(()).ok_or(format!("{here:?} to know of {there:?}"))
        });
    }

    /// Brings what is in the mount into the vault.
    pub fn publish(&self) {
        setxattr(self.mount_point(), PUBLISH_ATTRIBUTE, b"1", XattrFlags::empty()).unwrap();
    }

    /// Mounts the new vault, makes files of every kind, and unmounts; gives the files.
    pub fn first_turn(&self) -> Snapshot {
        self.mount();
        begin(&self.mount_point());
        let now = snapshot::of(&self.mount_point());
        self.unmount();
        now
    }

    /// Mounts, finds the files that were last left, does its turn, and unmounts; gives the files as
    /// they are then.
    pub fn turn(&self, turn: u8, last: &Snapshot) -> Snapshot {
        self.mount();
        assert_same(&snapshot::of(&self.mount_point()), last);
        change(&self.mount_point(), turn);
        let now = snapshot::of(&self.mount_point());
        self.unmount();
        now
    }

    /// What `verify` finds, and its exit code.
    pub fn verify(&self) -> (i32, Value) {
        let output = self.run("verify", &["--json"]);
        let (code, text) = said(&output);
        assert!(!text.contains("panicked"), "{text}");
        (code, serde_json::from_slice(&output.stdout).unwrap_or_default())
    }

    /// Fails unless the vault folder is whole, with nothing in it but objects and this litter.
    #[track_caller]
    pub fn assert_whole(&self, litter: &[&str]) {
        let (code, told) = self.verify();
        assert_eq!(code, 0, "{}: {told}", self.name);
        assert_eq!(told["litter"], serde_json::json!(litter), "{}", self.name);
        assert_eq!(told["strangers"], serde_json::json!([]), "{}", self.name);
        assert_eq!(told["notes"], serde_json::json!([]), "{}", self.name);
    }

    /// Lets go of everything that is not needed now.
    pub fn collect(&self) {
        let before = self.listing();
        let (code, text) = said(&self.run("collect", &["--history", "0"]));
        assert_eq!(code, 0, "{text}");
        let after = self.listing();
        assert!(before.keys().any(|path| !after.contains_key(path)), "nothing was let go: {text}");
    }

    /// What its vault folder holds now, but for what Syncthing keeps there for itself.
    pub fn listing(&self) -> Listing {
        let mut listing = listing(&self.vault);
        listing.retain(|path, _| !path.to_string_lossy().starts_with(".st"));
        listing
    }
}

/// The files below a folder, with their lengths; what goes away meanwhile is left out.
pub fn listing(folder: &Path) -> Listing {
    let mut listing = Listing::new();
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        if metadata.is_dir() {
            let entries = fs::read_dir(&path).into_iter().flatten();
            left.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
        } else {
            listing.insert(path.strip_prefix(folder).unwrap().to_owned(), metadata.len());
        }
    }
    listing
}

/// Fails unless both machines have the same files, each with a vault folder of its own that is
/// whole and holds nothing but objects and this litter.
#[track_caller]
pub fn assert_alike(sites: [&Site; 2], last: &Snapshot, litter: &[&str]) {
    for site in sites {
        site.mount();
    }
    let [one, other] = sites.map(|site| snapshot::of(&site.mount_point()));
    assert_same(&one, last);
    assert_same(&other, last);
    for site in sites {
        site.unmount();
        site.assert_whole(litter);
    }
    assert_same_objects(sites);
}

/// Fails unless both vault folders hold the same, to the byte.
#[track_caller]
pub fn assert_same_objects(sites: [&Site; 2]) {
    let [one, other] = sites.map(Site::listing);
    assert_eq!(one, other);
    for path in one.keys() {
        let [one, other] = sites.map(|site| fs::read(site.vault().join(path)).unwrap());
        assert!(one == other, "{} is not the same on both", path.display());
    }
}
