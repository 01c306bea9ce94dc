//! `hushfs init`: a new vault in an empty folder.

mod begun;
mod dialogue;
mod error;
mod key_file;
mod make;
mod place;
mod run;
mod strength;
mod words;

pub(super) use dialogue::{affirm_saved, affirms, choose_ways, new_key, new_password};
pub use error::InitError;
pub(super) use key_file::{write_new_key, write_with_key};
pub(super) use make::{seal_slots, stretch_parameters};
pub(super) use place::{Place, parent_of, sync_folder};
pub use run::run;
pub(super) use run::{Ways, make_new};
pub(super) use strength::weakness;
pub(super) use words::{README, quoted, warning};

/// Everything that `init` asks, one after the other.
#[cfg(fuzzing)]
pub(super) fn ask_everything(ask: &mut dyn super::ask::Ask) -> Result<(), super::Error> {
    let ways = dialogue::choose_ways(ask)?;
    dialogue::affirm_saved(ask, &ways)
}
