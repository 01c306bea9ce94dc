//! What a command has made so far, taken back if the command does not finish.

use super::names::Shown as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Removes what was noted, newest first, unless [`Undo::keep`] was called.
#[derive(Debug, Default)]
pub struct Undo {
    made: Vec<Made>,
}

#[derive(Debug)]
enum Made {
    File(PathBuf),
    Folder(PathBuf),
}

impl Undo {
    /// Notes a file that is about to be made or was just made, and that was not there before.
    pub fn file(&mut self, path: &Path) {
        self.made.push(Made::File(path.to_owned()));
    }

    /// Notes a folder, as [`Undo::file`] does; it goes only if it is empty by then.
    pub fn folder(&mut self, path: &Path) {
        self.made.push(Made::Folder(path.to_owned()));
    }

    /// Everything stays.
    pub fn keep(mut self) {
        self.made.clear();
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        for made in self.made.iter().rev() {
            let (path, removed) = match made {
                Made::File(path) => (path, fs::remove_file(path)),
                Made::Folder(path) => (path, fs::remove_dir(path)),
            };
            match removed {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    log::warn!("{} was left behind: {error}", path.shown());
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_goes_unless_it_is_kept() {
        let parent = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let mut undo = Undo::default();
            let folder = parent.path().join(name);
            fs::create_dir(&folder).unwrap();
            undo.folder(&folder);
            fs::write(folder.join("file"), b"x").unwrap();
            undo.file(&folder.join("file"));
            undo.file(&folder.join("never made"));
            undo
        };
        drop(make("dropped"));
        make("kept").keep();
        assert!(!parent.path().join("dropped").exists());
        assert!(parent.path().join("kept/file").exists());
    }
}
