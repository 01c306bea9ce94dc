//! `hushfs rekey`: a new vault, with a new master key, of all that an old one holds, in its place.
//!
//! How far it has come is told by what stands where, and by one record in the new vault's state folder,
//! which is sealed: that the new vault takes the old one's place. Only with that can it be told which of
//! two whole vaults is to go.

mod abandon;
mod begin;
mod finish;
mod places;
mod run;
mod words;

pub use run::run;
