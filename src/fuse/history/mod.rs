//! `.hushfs/history/TIME/…`: earlier states within a mount, read-only and hidden from listings.

mod answers;
mod folder;
mod numbers;
mod trees;

pub(super) use folder::HistoryFolder;
