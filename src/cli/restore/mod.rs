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

pub(super) use report::{Report, headed};
pub use run::run;
pub(super) use run::{components, raise_file_limit, refuse_within_vault, restore_all};
pub(super) use target::as_text;
pub(super) use walk::DAMAGED_SUFFIX;
