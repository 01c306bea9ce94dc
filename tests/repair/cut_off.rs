//! Repairs that are cut off between any two of their steps.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hushfs::cli::args::UnlockArgs;
use hushfs::cli::unlock::{Unlocked, unlock};
use hushfs::fs::{RepairRequest, plan_repair};
use hushfs::store::{
    Disk, DiskFile, DiskRoom, DraftFile, FolderItem, HostDisk, StateFolder, VaultFolder,
};

use crate::files::files_below;
use crate::patient::{FILES, Patient, original};

/// A disk on which nothing changes any more after so many changes.
#[derive(Clone, Debug)]
struct Dying {
    left: Arc<AtomicU64>,
}

impl Dying {
    fn change(&self) -> io::Result<()> {
        let lived =
            self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        lived.map(|_| ()).map_err(|_| io::Error::other("killed"))
    }
}

/// A draft on such a disk; what is in it goes with it.
#[derive(Debug)]
struct DyingDraft {
    draft: Box<dyn DraftFile>,
    disk: Dying,
}

impl DraftFile for DyingDraft {
    fn file(&self) -> &dyn DiskFile {
        self.draft.file()
    }
    fn appear(self: Box<Self>, path: &Path) -> io::Result<()> {
        self.disk.change()?;
        self.draft.appear(path)
    }
}

impl Disk for Dying {
    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn DiskFile>> {
        HostDisk.open(path, write)
    }
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.change()?;
        HostDisk.create(path)
    }
    fn draft(&self, path: &Path) -> io::Result<Box<dyn DraftFile>> {
        Ok(Box::new(DyingDraft { draft: HostDisk.draft(path)?, disk: self.clone() }))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change()?;
        HostDisk.rename(from, to)
    }
    fn rename_free(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change()?;
        HostDisk.rename_free(from, to)
    }
    fn remove(&self, _: &Path) -> io::Result<()> {
        panic!("a repair removes nothing")
    }
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.change()?;
        HostDisk.create_folder(path)
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<FolderItem>> {
        HostDisk.list(folder)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        HostDisk.sync_folder(folder)
    }
    fn room(&self, path: &Path) -> io::Result<DiskRoom> {
        HostDisk.room(path)
    }
}

/// Repairs until the disk has seen so many changes; tells whether that was enough.
fn repair(patient: &Patient, changes: u64) -> bool {
    let disk = Arc::new(Dying { left: Arc::new(changes.into()) });
    let host = VaultFolder::new(Arc::new(HostDisk), patient.bench.vault());
    let how = UnlockArgs { key_file: Some(patient.bench.key()), ..UnlockArgs::default() };
    let Unlocked { descriptor, keys } = unlock(&patient.bench.vault(), &host, &how).unwrap();
    let state = StateFolder::existing(disk.clone(), patient.bench.state());
    let vault = VaultFolder::new(disk, patient.bench.vault());
    let request = RepairRequest {
        vault: &vault,
        state: Some(&state),
        keys: &Arc::new(keys),
        descriptor: &descriptor,
        device_name: "bench".into(),
        machine: "machine".into(),
    };
    plan_repair(&request, &mut |_| {}).unwrap().carry_out(&request).is_ok()
}

/// Every kind of damage that a repair does something about, at once.
fn damage(patient: &Patient) {
    let copied = patient.packs[2].replace(".pack", " (1).pack");
    std::fs::rename(patient.path(&patient.packs[2]), patient.path(&copied)).unwrap();
    patient.write(&patient.packs[2], b"nothing of a pack");
    let end = patient.read(&patient.packs[0]).len() - 3;
    patient.flip(&patient.packs[0], end);
    patient.flip(&patient.logs[1], 100);
}

#[test]
fn wherever_a_repair_is_cut_off_the_next_one_gets_to_the_same_end() {
    let patient = Patient::new();
    damage(&patient);
    let before = files_below(&patient.bench.vault());
    let state = files_below(&patient.bench.state());
    for changes in 0.. {
        for (folder, files) in [(patient.bench.vault(), &before), (patient.bench.state(), &state)] {
            std::fs::remove_dir_all(&folder).unwrap();
            for (path, bytes) in files {
                let path = folder.join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes).unwrap();
            }
        }
        let is_enough = repair(&patient, changes);
        let said = patient.run(&["--write"]);
        let again = patient.run(&["--write"]);
        assert!(again.stdout.contains("there is nothing to repair"), "{changes}: {again:?}");
        let after = files_below(&patient.bench.vault());
        for (path, bytes) in &before {
            assert!(after.values().any(|b| b == bytes), "{changes}: what was {path} is nowhere");
        }
        let files = patient.restored();
        assert!(files[FILES[0]] == original(0), "{changes}: {said:?}");
        assert!(files[FILES[2]] == original(2), "{changes}: {said:?}");
        let second: Vec<_> = files.iter().filter(|(p, _)| p.ends_with("-second.txt")).collect();
        assert!(second.len() == 1 && *second[0].1 == original(1), "{changes}: {files:?}");
        patient.bench.verify().expect(0, &[]);
        if is_enough {
            patient.expect_healthy();
            assert!(changes > 12, "too few steps to be what is meant: {changes}");
            break;
        }
    }
}
