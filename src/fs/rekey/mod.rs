//! A vault sealed anew under another master key, object by object: the same packs, the same history.
//!
//! What decides how far it has come is what stands in the new vault, and nothing else: whatever is
//! there is checked and kept, whatever is not is made. So it can be cut off anywhere.
//!
//! Each log object names others by their hashes, and sealed anew it has another hash. So they are
//! sealed in an order in which everything that one names comes before it (`logs`).

mod compare;
mod error;
mod logs;
mod packs;
mod run;

pub use error::RekeyError;
pub use run::{Rekey, RekeyProgress, RekeyReport, RekeyStep, Side, lacking};
