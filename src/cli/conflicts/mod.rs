//! `hushfs conflicts`: lists conflict copies with what they stand beside, and settles one.

mod folder;
mod list;
mod run;
mod settle;

pub(super) use run::run;
