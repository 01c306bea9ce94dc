//! The kernel keeps count, of mappings and of other users' programs too, and tells it by granting a
//! lease (`fcntl(2)`, `F_SETLEASE`) or not.
#![allow(unsafe_code, reason = "leases are not to be had safely from any library in use")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use super::Leased;

/// Tells of a broken lease; does nothing by default, where the usual one would end the process.
const HARMLESS_SIGNAL: libc::c_int = libc::SIGURG;
/// `F_SETSIG` of the kernel's `asm-generic/fcntl.h`, which the library does not name.
const F_SETSIG: libc::c_int = 10;

/// As long as this is held, whoever opens the file for writing breaks it, and waits.
#[derive(Debug)]
pub struct ReadLease<'a> {
    file: &'a File,
}

/// Asks for a lease on a file that is open for reading only.
///
/// # Errors
/// Any but those that [`Leased`] tells of.
pub fn lease(file: &File) -> io::Result<Leased<'_>> {
    let descriptor = file.as_raw_fd();
    // SAFETY: both calls take an open descriptor and numbers; no memory is involved.
    let set = unsafe {
        libc::fcntl(descriptor, F_SETSIG, HARMLESS_SIGNAL);
        libc::fcntl(descriptor, libc::F_SETLEASE, libc::F_RDLCK)
    };
    if set == 0 {
        return Ok(Leased::Alone(ReadLease { file }));
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EAGAIN) => Ok(Leased::Written),
        Some(libc::EACCES | libc::EINVAL | libc::EPERM | libc::EOPNOTSUPP | libc::ENOLCK) => {
            Ok(Leased::Unknown)
        }
        _ => Err(error),
    }
}

impl ReadLease<'_> {
    /// Nobody has tried to open the file for writing since.
    pub fn is_whole(&self) -> bool {
        // SAFETY: takes an open descriptor; no memory is involved.
        unsafe { libc::fcntl(self.file.as_raw_fd(), libc::F_GETLEASE) == libc::F_RDLCK }
    }
}

impl Drop for ReadLease<'_> {
    fn drop(&mut self) {
        // SAFETY: takes an open descriptor and numbers. Nothing can be done if it is refused; the
        // lease ends with the descriptor then.
        unsafe {
            libc::fcntl(self.file.as_raw_fd(), libc::F_SETLEASE, libc::F_UNLCK);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use rustix::fs::OFlags;

    use super::*;

    #[test]
    fn a_writer_that_is_there_or_comes_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let writer = File::create(&path).unwrap();
        let file = File::open(&path).unwrap();
        assert!(!matches!(lease(&file).unwrap(), Leased::Alone(_)));
        drop(writer);
        let Leased::Alone(held) = lease(&file).unwrap() else { return };
        assert!(held.is_whole());
        let flags = OFlags::NONBLOCK.bits() as i32;
        let mut append = OpenOptions::new();
        std::os::unix::fs::OpenOptionsExt::custom_flags(append.append(true), flags);
        assert!(append.open(&path).is_err());
        assert!(!held.is_whole());
        drop(held);
        append.open(&path).unwrap();
    }
}
