//! `hushfs salvage`: files from packs alone, where the log is lost.
//!
//! Files are written as a restore writes them: under a hidden name until they are complete, and
//! never over anything.

mod report;
mod run;
mod write;

pub use run::run;
