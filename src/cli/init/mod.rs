//! `hushfs init`: a new vault in an empty folder.

mod dialogue;
mod error;
mod key_file;
mod make;
mod place;
mod run;
mod strength;
mod words;

pub use error::InitError;
pub use run::run;

/// Everything that `init` asks, one after the other.
#[cfg(fuzzing)]
pub(super) fn ask_everything(ask: &mut dyn super::ask::Ask) -> Result<(), super::Error> {
    let ways = dialogue::choose_ways(ask)?;
    dialogue::affirm_saved(ask, &ways)
}
