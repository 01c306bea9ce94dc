//! What a vault folder holds.

use std::fs;
use std::path::{Path, PathBuf};

use super::bench::Bench;

/// Bytes and number of a vault's packs, log objects and checkpoints.
#[derive(Debug)]
pub struct Objects {
    pub bytes: u64,
    pub packs: usize,
    pub logs: usize,
}

impl Objects {
    pub fn of(vault: &Path) -> Self {
        let files = files_below(vault);
        let of = |extension: &[&str]| {
            let is_one = |path: &&PathBuf| {
                path.extension().is_some_and(|of_it| extension.iter().any(|e| of_it == *e))
            };
            files.iter().filter(is_one).cloned().collect::<Vec<_>>()
        };
        let (packs, logs) = (of(&["pack"]), of(&["log", "ckpt"]));
        let bytes = packs.iter().chain(&logs).map(|path| fs::metadata(path).unwrap().len()).sum();
        Self { bytes, packs: packs.len(), logs: logs.len() }
    }

    pub fn count(&self) -> usize {
        self.packs + self.logs
    }
}

/// Every file below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// The program finds the vault whole, and a device that has never seen it reads these files.
pub fn assert_holds(bench: &Bench, files: &[(&str, &[u8])]) {
    bench.verify().expect(0, &[]);
    let state = format!("state of a new device {}", rand::random::<u64>());
    let device = bench.device_at(&state);
    for (path, content) in files {
        let mut read = vec![0; content.len() + 1];
        let bytes = device.files.read(device.ino(path), 0, &mut read).unwrap();
        assert!(read[..bytes] == **content, "{path}");
    }
}
