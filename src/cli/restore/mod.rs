//! `hushfs restore`: copies files out of a vault, with no mount and no FUSE.
//!
//! Decision: a file is written under a hidden name beside its place and takes its own name only
//! once content and attributes are complete. So what stands under a vault's name in the
//! destination is whole, and a restore that was cut off goes on by leaving that alone.

mod attributes;
mod content;
mod report;
mod run;
pub(super) mod target;
mod walk;

pub(super) use report::headed;
pub(super) use run::components;
pub(super) use run::refuse_within_vault;
pub use run::run;
pub(super) use walk::DAMAGED_SUFFIX;
