//! Fetching packs that are placeholders: by reading them whole, on threads that nothing else waits
//! for.

mod pool;
mod queue;
mod report;
mod threads;

pub(super) use pool::Fetches;
pub use pool::Then;
pub use report::{FailedPack, FetchStatus, FetchedPack, FileFetch};
