//! Collection: what no state within the history period needs leaves the vault, packs that are mostly
//! dead or small are written anew, and checkpoints take the place of log objects (I7).

mod base;
mod choose;
mod cost;
mod due;
mod kept;
mod others;
mod remove;
mod report;
mod rewrite;
mod run;
mod thin;

pub(super) use cost::Covering;
pub(super) use due::Collections;
pub(super) use remove::time_before;
pub use report::Collected;
