//! The ten bytes that every format starts with: magic, kind and version.

use super::error::FormatError;

/// The format version of vaults: what a descriptor says.
pub const FORMAT_VERSION: u16 = 1;

/// Bytes of magic and version.
pub(crate) const FRAME_BYTES: usize = 10;

const MAGIC: &[u8; 7] = b"hushfs\0";

/// What an object says it is, in its eighth byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Magic {
    /// `hushfs.vault`.
    Descriptor = b'V',
    /// A slot, `keys/….key`.
    Slot = b'K',
    /// A log object, `log/….log`.
    Log = b'L',
    /// A checkpoint, `log/….ckpt`.
    Checkpoint = b'C',
    /// A pack, `data/…/….pack`.
    Pack = b'P',
    /// A journal file in the state folder.
    Journal = b'J',
    /// A sealed record in the state folder: device, trusted frontier.
    Trust = b'T',
}

impl Magic {
    /// The newest version of this kind that this program reads, and the one it writes.
    pub const fn version(self) -> u16 {
        match self {
            Self::Slot => 2,
            _ => FORMAT_VERSION,
        }
    }
}

/// Appends magic, kind and version.
pub fn write_magic(kind: Magic, out: &mut Vec<u8>) {
    out.extend_from_slice(MAGIC);
    out.push(kind as u8);
    out.extend_from_slice(&kind.version().to_le_bytes());
}

/// Checks magic, kind and version, and gives the version.
///
/// # Errors
/// [`FormatError::CutShort`], [`FormatError::NotThisKind`] or [`FormatError::Newer`].
pub fn check_magic(kind: Magic, bytes: &[u8]) -> Result<u16, FormatError> {
    need(bytes, FRAME_BYTES)?;
    if &bytes[..7] != MAGIC || bytes[7] != kind as u8 {
        return Err(FormatError::NotThisKind);
    }
    match u16::from_le_bytes([bytes[8], bytes[9]]) {
        0 => Err(FormatError::NotThisKind),
        found if found > kind.version() => Err(FormatError::Newer { found, known: kind.version() }),
        version => Ok(version),
    }
}

/// Checks that there are `need_bytes` bytes.
pub(crate) fn need(bytes: &[u8], need_bytes: usize) -> Result<(), FormatError> {
    if bytes.len() < need_bytes {
        return Err(FormatError::CutShort {
            have_bytes: bytes.len() as u64,
            need_bytes: need_bytes as u64,
        });
    }
    Ok(())
}

/// The `N` bytes at `at`; the caller has checked with [`need`] that they are there.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}
