//! A folder once more.

use std::fs;
use std::path::Path;

/// Copies a folder with all folders and files in it, into one that is made if it is missing.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, place) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        match path.is_dir() {
            true => copy_folder(&path, &place),
            false => drop(fs::copy(path, place).unwrap()),
        }
    }
}
