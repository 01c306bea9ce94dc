//! hushfs: end-to-end encrypted chat backups on any cloud-sync folder.
//!
//! The layers, each of which knows only those below it:
//! `cli` ─► `fuse` ─► `fs` ─► { `tree`, `store`, `journal` } ─► `format` ─► `crypto`;
//! `keyvault` stands beside `fs`, and knows `format` and `crypto` alone.

pub mod cli;
pub mod crypto;
pub mod desktop;
pub mod format;
pub mod fs;
pub mod fuse;
pub mod journal;
#[cfg(feature = "keyvault")]
pub mod keyvault;
pub mod store;
pub mod system;
pub mod tree;
