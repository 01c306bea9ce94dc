//! What the FUSE of one system's kernel asks and means in another way than the other's.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(target_os = "macos", test))]
mod macos;

#[cfg(target_os = "linux")]
pub(super) use linux::{
    CAPABILITIES, FILE_TYPES, TAKES_CONTENT, THREADS, allocate_mode, keeps_xattr, rename_mode,
    xattr_mode,
};
#[cfg(target_os = "macos")]
pub(super) use macos::{
    CAPABILITIES, FILE_TYPES, TAKES_CONTENT, THREADS, allocate_mode, keeps_xattr, rename_mode,
    xattr_mode,
};

/// The bits of a mode that tell a file's type (`S_IFMT` and the rest).
#[derive(Debug)]
pub(super) struct FileTypes {
    /// All of them.
    pub(super) mask: u32,
    /// A file.
    pub(super) file: u32,
    /// A named pipe.
    pub(super) fifo: u32,
    /// A socket.
    pub(super) socket: u32,
    /// A character device.
    pub(super) char_device: u32,
    /// A block device.
    pub(super) block_device: u32,
}
