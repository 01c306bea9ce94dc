//! The one table from the file system's errors to error numbers.

use fuser::Errno;

use crate::format::NameError;
use crate::fs::FsError;

/// The error number a program gets to see.
pub fn errno_of(error: &FsError) -> Errno {
    match error {
        FsError::NotFound => Errno::ENOENT,
        FsError::Exists => Errno::EEXIST,
        FsError::NotFolder => Errno::ENOTDIR,
        FsError::IsFolder => Errno::EISDIR,
        FsError::NotEmpty => Errno::ENOTEMPTY,
        FsError::Name(NameError::TooLong) => Errno::ENAMETOOLONG,
        FsError::Name(NameError::Invalid) | FsError::Invalid(_) => Errno::EINVAL,
        FsError::NotPermitted(_) => Errno::EPERM,
        FsError::NotAllowed(_) => Errno::EACCES,
        FsError::TooLarge => Errno::EFBIG,
        FsError::TooManyLinks => Errno::EMLINK,
        FsError::NoAttribute => Errno::NO_XATTR,
        FsError::AttributeTooLong => Errno::E2BIG,
        FsError::NothingThere => Errno::ENXIO,
        FsError::Busy => Errno::EBUSY,
        FsError::NotSupported => Errno::ENOTSUP,
        FsError::NoSpace => Errno::ENOSPC,
        FsError::ReadOnly(_) => Errno::EROFS,
        FsError::Damaged { .. }
        | FsError::NotArrived { .. }
        | FsError::Collected { .. }
        | FsError::OnlineOnly(_)
        | FsError::Disk(_) => Errno::EIO,
    }
}

impl From<FsError> for Errno {
    fn from(error: FsError) -> Self {
        errno_of(&error)
    }
}
