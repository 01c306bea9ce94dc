//! Files that appear, move and change durably, and whole or not at all (I1): the order of writes,
//! renames and syncs, over the calls of any [`Disk`].

use std::io;
use std::path::{Path, PathBuf};

use super::disk::Disk;

/// How much is copied at once from one disk to another.
const COPY_BYTES: usize = 1 << 20;

/// A file appears whole and durable under a name that was free, or not at all.
///
/// # Errors
/// What the system says; the file is then not there, or (an error after its name appeared) there
/// whole, with a name that may not be durable.
pub(super) fn put(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = disk.draft(path)?;
    draft.file().write_all_at(bytes, 0)?;
    draft.file().sync()?;
    draft.appear(path)?;
    disk.sync_folder(parent(path))
}

/// A synced file moves, whole and durably, to a name that was free, from whatever disk it is on.
///
/// # Errors
/// What the system says; the file is then in its old place, in its new one, or in both.
pub(super) fn adopt(disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<()> {
    match disk.rename_free(from, to) {
        Ok(()) => {
            disk.sync_folder(parent(to))?;
            disk.sync_folder(parent(from))
        }
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let source = disk.open(from, false)?;
            let draft = disk.draft(to)?;
            let mut buffer = vec![0; COPY_BYTES];
            let mut offset = 0;
            loop {
                let bytes = source.read_at(&mut buffer, offset)?;
                if bytes == 0 {
                    break;
                }
                draft.file().write_all_at(&buffer[..bytes], offset)?;
                offset += bytes as u64;
            }
            draft.file().sync()?;
            draft.appear(to)?;
            disk.sync_folder(parent(to))?;
            disk.remove(from)
        }
        Err(error) => Err(error),
    }
}

/// Replaces a file of the state folder, durably and at once, or makes it.
///
/// # Errors
/// What the system says; the old content or the new one is then there whole, and maybe [`next_of`].
pub(super) fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let next = &next_of(path);
    let file = match disk.open(next, true) {
        // A crash left it.
        Ok(file) => {
            file.set_len(0)?;
            file
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => disk.create(next)?,
        Err(error) => return Err(error),
    };
    file.write_all_at(bytes, 0)?;
    file.sync()?;
    disk.rename(next, path)?;
    disk.sync_folder(parent(path))
}

/// Where the new content of a file is written.
pub(super) fn next_of(path: &Path) -> PathBuf {
    let mut next = path.as_os_str().to_owned();
    next.push(".next");
    next.into()
}

/// Makes a folder, durably; whether it was there before or not.
///
/// # Errors
/// What the system says; the folder may be there all the same.
pub(super) fn make_folder(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    match disk.create_folder(path) {
        // Whoever made it may have crashed before its name was durable.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        result => result?,
    }
    disk.sync_folder(parent(path))
}

/// The folder that `path` is in.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::super::host::HostDisk;
    use super::*;

    #[test]
    fn what_is_put_appears_whole_and_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("object");
        put(&HostDisk, &path, b"first").unwrap();
        let error = put(&HostDisk, &path, b"second").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(HostDisk.list(dir.path()).unwrap().len(), 1);
    }

    #[test]
    fn adopting_never_replaces_and_crosses_file_systems() {
        let dir = tempfile::tempdir().unwrap();
        // Elsewhere there is no second file system that is always there.
        let elsewhere =
            if cfg!(target_os = "linux") { "/dev/shm".into() } else { std::env::temp_dir() };
        let other = tempfile::tempdir_in(elsewhere).unwrap();
        for source_dir in [dir.path(), other.path()] {
            let (from, to) = (source_dir.join("staged"), dir.path().join("final"));
            std::fs::write(&from, vec![7; COPY_BYTES + 5]).unwrap();
            adopt(&HostDisk, &from, &to).unwrap();
            assert!(!from.exists());
            assert_eq!(std::fs::read(&to).unwrap(), vec![7; COPY_BYTES + 5]);
            std::fs::write(&from, b"again").unwrap();
            let error = adopt(&HostDisk, &from, &to).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            std::fs::remove_file(&to).unwrap();
            std::fs::remove_file(&from).unwrap();
        }
    }

    #[test]
    fn what_a_crash_left_of_a_replacement_is_no_hindrance() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("record");
        std::fs::write(dir.path().join("record.next"), vec![7; 1000]).unwrap();
        for bytes in [b"one".as_slice(), b"two, longer", b""] {
            replace(&HostDisk, &path, bytes).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
        }
    }
}
