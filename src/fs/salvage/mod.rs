//! Files from packs alone, by what the packs' footers tell: for a vault that has lost its log.
//!
//! Decision: the footers are applied, in the order in which their packs were closed, to a tree of
//! files without folders. So which chunk of a file is the newest is decided by the same code as in
//! a fold. Names are only noted down: they are of use where they can be made.

mod content;
mod survey;

pub use content::Lost;
pub(super) use survey::run_of;
pub use survey::{Salvage, SalvagedFile};
