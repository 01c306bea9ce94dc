//! The state of the file system: inodes, names, extents; what each operation does to them.
//!
//! A tree is a pure function of the operations applied to it (I3). No I/O, no crypto.

#![forbid(unsafe_code)]

mod apply;
mod attributes;
mod checkpoint;
mod conflict_copies;
mod extents;
mod folder;
mod inode;
mod merge;
mod packs;
mod relocate;
mod rename;
mod state;
mod turn_into;

pub use apply::ApplyError;
pub use attributes::{Attributes, FileKind};
pub use conflict_copies::ConflictCopy;
pub use extents::{Extent, Extents, PackSlot};
pub use merge::{Author, ConflictName, Merge};
pub use packs::PackUse;
pub use state::Tree;
pub use turn_into::Differences;
