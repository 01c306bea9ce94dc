//! `hushfs ls`, `cat`, `find` and `du`: looking into a vault, or a mount of one, without mounting it.
//!
//! Decision: where the vault is mounted the mount answers, so that nobody types a password twice and what
//! is not published yet is there as well. Symbolic links are shown and never followed, in a mount too:
//! they mean something where the files are, which may not be here.

pub(super) mod args;
mod cat;
mod du;
mod entry;
mod find;
mod glob;
mod lines;
mod ls;
mod place;
mod view;

pub(super) use cat::run as cat;
pub(super) use du::run as du;
pub(super) use find::run as find;
pub(super) use ls::run as ls;
