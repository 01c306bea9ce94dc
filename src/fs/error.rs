//! What the file system can answer instead of doing what was asked.

use crate::format::{AccessListError, NameError, PackId, pack_path};
use crate::tree::ApplyError;

/// Why an operation was not done. Unless a variant says otherwise, nothing has changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FsError {
    /// No such inode or name.
    #[error("no such file or folder")]
    NotFound,
    /// The name is taken.
    #[error("a file of that name exists")]
    Exists,
    /// A folder is needed.
    #[error("not a folder")]
    NotFolder,
    /// Something other than a folder is needed.
    #[error("is a folder")]
    IsFolder,
    /// The folder has entries.
    #[error("the folder is not empty")]
    NotEmpty,
    /// The name cannot be one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The arguments make no sense together.
    #[error("invalid: {0}")]
    Invalid(&'static str),
    /// Not allowed on this kind of inode, whoever asks.
    #[error("not permitted: {0}")]
    NotPermitted(&'static str),
    /// Nothing that an inode of this kind can grant.
    #[error("not allowed: {0}")]
    NotAllowed(&'static str),
    /// Beyond the largest file.
    #[error("larger than a file can be")]
    TooLarge,
    /// One more link than can be counted.
    #[error("too many links")]
    TooManyLinks,
    /// No such extended attribute.
    #[error("no such attribute")]
    NoAttribute,
    /// The attribute's value or all names together are too long.
    #[error("the attribute is too long")]
    AttributeTooLong,
    /// No data or hole at or after that offset.
    #[error("nothing there")]
    NothingThere,
    /// The root of a mount stays where it is.
    #[error("the root of the mount cannot be moved or removed")]
    Busy,
    /// This request is not one that this file system has.
    #[error("not supported")]
    NotSupported,
    /// The disk of the vault or of the state folder is full; nothing acknowledged is at risk.
    #[error("no space left for the vault: free some room and go on")]
    NoSpace,
    /// Mounted read-only, or turned so after a failure.
    #[error("read-only: {0}")]
    ReadOnly(String),
    /// Content that should be in the vault is damaged or missing; other ranges still read.
    #[error("damaged: {path}: {what}")]
    Damaged {
        /// The file, from the root of the mount.
        path: String,
        /// What is wrong with which object.
        what: String,
    },
    /// What is needed is in a pack that is not on this machine; it reads once the pack is fetched.
    #[error("online only: {} could not be fetched", pack_path(*.0))]
    OnlineOnly(PackId),
    /// Content that no device has lost, but that has not arrived in this vault folder yet.
    #[error("not arrived yet: {path}: {what}")]
    NotArrived {
        /// The file, from the root of the mount.
        path: String,
        /// Which object is awaited.
        what: String,
    },
    /// Content of an earlier state that has been collected since; other ranges still read.
    #[error("collected: {path}: {what} is no longer in the vault")]
    Collected {
        /// The file, from the root of the mount.
        path: String,
        /// The pack that it was in.
        what: String,
    },
    /// The disk failed; what had been acknowledged before is not touched by it.
    #[error("{0}")]
    Disk(String),
}

impl From<ApplyError> for FsError {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::NoInode(_) | ApplyError::NoName => Self::NotFound,
            ApplyError::InodeTaken(_) | ApplyError::NameTaken => Self::Exists,
            ApplyError::Name(error) => Self::Name(error),
            ApplyError::NotFolder => Self::NotFolder,
            ApplyError::IsFolder => Self::IsFolder,
            ApplyError::WrongKind => Self::Invalid("another kind of file is needed"),
            ApplyError::NotEmpty => Self::NotEmpty,
            ApplyError::Cycle => Self::Invalid("a folder cannot be moved into itself"),
            ApplyError::TooManyNames => Self::TooManyLinks,
            ApplyError::Root => Self::Busy,
            ApplyError::NoXattr => Self::NoAttribute,
            ApplyError::BadField(what) => Self::Invalid(what),
        }
    }
}

impl From<AccessListError> for FsError {
    fn from(error: AccessListError) -> Self {
        Self::Invalid(error.0)
    }
}
