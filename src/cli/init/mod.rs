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
