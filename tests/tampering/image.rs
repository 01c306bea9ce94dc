//! The files of a folder as bytes, and what is done to them.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::files::files_below;

pub use crate::files::Files as Image;

/// In memory where there is such a place: nothing here is to outlive a power cut.
pub fn temporary_folder() -> tempfile::TempDir {
    let in_memory = tempfile::tempdir_in("/dev/shm");
    in_memory.or_else(|_| tempfile::tempdir()).unwrap()
}

/// Reads a folder. Who holds the lock of a state folder is no part of it.
pub fn image_of(folder: &Path) -> Image {
    let mut image = files_below(folder);
    image.retain(|path, _| path != "lock" && !path.ends_with("state/lock"));
    image
}

/// Writes an image into a folder that is empty or holds the same names.
pub fn write_image(image: &Image, folder: &Path) {
    for (name, bytes) in image {
        write(&folder.join(name), bytes);
    }
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// One thing done to a file.
#[derive(Clone, Debug)]
pub enum Edit {
    Flip { path: String, bit: usize },
    Write { path: String, bytes: Vec<u8> },
    Remove { path: String },
}

impl Edit {
    pub fn path(&self) -> &str {
        let (Self::Flip { path, .. } | Self::Write { path, .. } | Self::Remove { path }) = self;
        path
    }

    pub fn apply(&self, folder: &Path) {
        let place = folder.join(self.path());
        match self {
            Self::Flip { bit, .. } => flip(&place, *bit),
            Self::Write { bytes, .. } => write(&place, bytes),
            Self::Remove { .. } => fs::remove_file(place).unwrap(),
        }
    }

    /// Takes it back.
    pub fn undo(&self, folder: &Path, pristine: &Image) {
        let place = folder.join(self.path());
        match (self, pristine.get(self.path())) {
            (Self::Flip { bit, .. }, _) => flip(&place, *bit),
            (_, Some(bytes)) => write(&place, bytes),
            (Self::Write { .. }, None) => fs::remove_file(place).unwrap(),
            (Self::Remove { .. }, None) => {}
        }
    }
}

fn flip(path: &Path, bit: usize) {
    let file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, (bit / 8) as u64).unwrap();
    file.write_all_at(&[byte[0] ^ (1 << (bit % 8))], (bit / 8) as u64).unwrap();
}
