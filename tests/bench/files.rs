//! What is in a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Files by their path below a folder.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Everything below a folder that is no folder, with what can be read of it; nothing where there is
/// no such folder. No link is followed.
pub fn files_below(folder: &Path) -> Files {
    let mut found = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.symlink_metadata().unwrap().is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap_or_default());
            }
        }
    }
    found
}
