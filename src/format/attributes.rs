//! What an inode carries besides its content, as operations write it down.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Nanoseconds in a second.
const SECOND_NANOS: u32 = 1_000_000_000;

/// A point in time: seconds since 1970 (negative before it) and nanoseconds forward from there.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Time {
    /// Whole seconds since 1970-01-01T00:00:00Z, rounded down.
    pub secs: i64,
    /// Nanoseconds past `secs`, below one second.
    pub nanos: u32,
}

impl Time {
    /// The system's clock; in a simulated history, one that counts calls.
    pub fn now() -> Self {
        #[cfg(simulation)]
        if let Some(ticks) = crate::crypto::simulated::tick() {
            return Self { secs: 1_700_000_000, nanos: ticks % SECOND_NANOS };
        }
        Self::from(SystemTime::now())
    }

    /// The same point with its nanoseconds forced below one second: for values from disk.
    pub(crate) fn normal(self) -> Self {
        Self { secs: self.secs, nanos: self.nanos.min(SECOND_NANOS - 1) }
    }
}

impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self {
                secs: i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
                nanos: after.subsec_nanos(),
            },
            Err(before) => {
                let before = before.duration();
                let secs = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
                match before.subsec_nanos() {
                    0 => Self { secs: -secs, nanos: 0 },
                    nanos => Self { secs: -secs - 1, nanos: SECOND_NANOS - nanos },
                }
            }
        }
    }
}

/// An inode's three times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Times {
    /// All three are this: a file just made.
    Same(Time),
    /// They differ.
    Each {
        /// Last access.
        atime: Time,
        /// Last change of content.
        mtime: Time,
        /// Last change of anything.
        ctime: Time,
    },
}

impl Times {
    /// Access, content and status time.
    pub fn each(self) -> (Time, Time, Time) {
        match self {
            Self::Same(time) => (time.normal(), time.normal(), time.normal()),
            Self::Each { atime, mtime, ctime } => (atime.normal(), mtime.normal(), ctime.normal()),
        }
    }

    /// The shortest way to write these three down.
    pub fn of(atime: Time, mtime: Time, ctime: Time) -> Self {
        if atime == mtime && mtime == ctime {
            Self::Same(atime)
        } else {
            Self::Each { atime, mtime, ctime }
        }
    }
}

/// What kind of thing an inode is, with what only that kind has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeKind<'a> {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link and its target, 1 to 4,095 bytes without NUL.
    Symlink(#[serde(borrow, with = "serde_bytes")] &'a [u8]),
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character device and its number.
    CharDevice(u32),
    /// A block device and its number.
    BlockDevice(u32),
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_before_1970_keep_their_nanoseconds() {
        let quarter_before = UNIX_EPOCH - Duration::from_millis(250);
        assert_eq!(Time::from(quarter_before), Time { secs: -1, nanos: 750_000_000 });
        assert_eq!(Time::from(UNIX_EPOCH - Duration::from_secs(3)), Time { secs: -3, nanos: 0 });
    }
}
