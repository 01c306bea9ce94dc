//! From a vault's slots, and a password or key, to the vault's keys.

mod asking;
mod candidates;
mod error;
mod slots;
#[cfg(test)]
mod tests;
mod vault;

pub(super) use asking::open_as;
pub(super) use candidates::Candidates;
pub use error::{Tried, UnlockError};
pub(super) use slots::{Slots, is_missing};
#[cfg(fuzzing)]
pub use vault::unlock_asking;
pub use vault::{Unlocked, unlock};
pub(super) use vault::{
    opens, opens_with_key, opens_with_password, unlock_saying_how, unlock_with_all,
};
