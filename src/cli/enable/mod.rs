//! `hushfs enable`: a folder of plaintext goes into a vault, which is mounted in its place.
//!
//! Decision: nothing is written down about how far it has come. What is in the vault and what is in
//! the folder say that by themselves, so the same command goes on after any crash: what the vault
//! has is not copied again, and only what a fresh look at the published vault gives back, byte for
//! byte, is deleted.

pub(super) mod compare;
pub(super) mod confirm;
mod copy;
mod counterpart;
mod marks;
mod old_copies;
mod originals;
pub(super) mod places;
pub(super) mod plain;
pub(super) mod prove;
mod remove;
mod run;
mod stage;
mod told;
pub(super) mod words;

pub use run::run;
