//! `hushfs disable`: everything in a vault goes back into an ordinary folder, and is compared with the
//! vault; then the vault may be deleted.

mod deletion;
mod prove;
mod run;

pub(super) use deletion::Deletion;
pub use run::run;
