//! What is mounted where, in the kernel's table (`getfsstat(2)`).
#![allow(unsafe_code, reason = "no library in use has a safe getfsstat")]

use std::fs::Metadata;
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::unix::fs::MetadataExt;
use std::ptr;

use rustix::fs::{Dev, major, minor};

use super::MountInfo;
use super::table::{Entry, OURS, mounts_of};

/// The file system type of our mounts.
pub const FUSE_TYPE: &str = OURS;

/// So many mounts may come between counting and listing them.
const SPARE: usize = 16;

/// Every mount of the machine.
///
/// # Errors
/// If the kernel does not tell.
pub fn mounts() -> io::Result<Vec<MountInfo>> {
    let table = table()?;
    Ok(mounts_of(table.iter().map(|stat| {
        // SAFETY: `fsid_t` is two 32-bit numbers, of which the library shows none.
        let fsid: [Dev; 2] = unsafe { std::mem::transmute_copy(&stat.f_fsid) };
        Entry {
            fs_type: text(&stat.f_fstypename),
            source: text(&stat.f_mntfromname),
            mount_point: text(&stat.f_mntonname),
            device: (major(fsid[0]), minor(fsid[0])),
            owner_uid: stat.f_owner,
        }
    })))
}

/// The device number of the file system that this tells of something in, major and minor.
pub fn device_of(metadata: &Metadata) -> (u32, u32) {
    // It was 32 bits before the library made it 64.
    let device = metadata.dev() as Dev;
    (major(device), minor(device))
}

/// The table, without asking any file system: one that hangs would keep us.
fn table() -> io::Result<Vec<libc::statfs>> {
    // SAFETY: without a place to list them in, mounts are counted.
    let count = unsafe { libc::getfsstat(ptr::null_mut(), 0, libc::MNT_NOWAIT) };
    let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
    let mut table: Vec<MaybeUninit<libc::statfs>> = Vec::new();
    table.resize_with(count + SPARE, MaybeUninit::uninit);
    let bytes = i32::try_from(table.len() * size_of::<libc::statfs>())
        .map_err(|_| io::Error::other("more mounts than can be listed"))?;
    // SAFETY: the place is `bytes` long, and to be written to.
    let listed = unsafe { libc::getfsstat(table.as_mut_ptr().cast(), bytes, libc::MNT_NOWAIT) };
    let listed = usize::try_from(listed).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: so many entries were written, from the first on.
    Ok(table.into_iter().take(listed).map(|entry| unsafe { entry.assume_init() }).collect())
}

/// A field's text, up to its NUL.
fn text(field: &[libc::c_char]) -> &[u8] {
    // SAFETY: `c_char` is a byte, whichever sign it has.
    let bytes = unsafe { std::slice::from_raw_parts(field.as_ptr().cast::<u8>(), field.len()) };
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}
