//! The crash log of one device: what was acknowledged and is not yet in the vault.
//!
//! A journal is a few files in the state folder, used over and over: pre-zeroed, so that an
//! fsync changes no file size. Each use of a file is a generation with an id, and so a key, of
//! its own; what an earlier use left behind does not open. Records of all generations are
//! numbered without a gap.
//!
//! Knows records and their bytes; knows nothing of what they mean, nor of packs.

#![forbid(unsafe_code)]

mod layout;
mod replay;
mod writer;

pub use replay::{Replay, ReplayedGeneration, read_journal};
pub use writer::{Journal, JournalError};
