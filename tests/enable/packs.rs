//! The packs of a vault.

use std::fs;
use std::path::{Path, PathBuf};

/// Every pack, and how long it is.
pub fn packs(vault: &Path) -> Vec<(PathBuf, u64)> {
    let below = |folder: PathBuf| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = below(vault.join("data")).flat_map(below);
    files.map(|path| (path.clone(), fs::metadata(&path).unwrap().len())).collect()
}
