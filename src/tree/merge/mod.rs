//! Merging: what becomes of operations whose authors had not seen each other's.
//!
//! Log objects are applied in one order for all devices, which never puts anything before what its
//! author had seen (by clock, then by device). So the state is a function of the set of log objects
//! (I3). An operation that was made on just this state is applied as it is; of one whose author had
//! not seen all of it, the intention is carried out:
//!  - nothing that was written is lost: two versions of a file both stay, as do two files that were
//!    given one name; the later one has the name, the other stands beside it (`conflict_name`);
//!  - a change outlives a concurrent removal, of the same file or of the folder that it is in;
//!  - of two moves of one file or folder the later one holds; one that would put a folder into itself
//!    does not happen;
//!  - modes, owners, times and extended attributes are the last writer's, each by itself.
//!
//! Inodes have the same numbers everywhere, so an operation is followed to its inode wherever that is
//! by now. What a merge makes anew gets a number that follows from what it was made of.

mod author;
mod conflict_name;
mod content;
mod merging;
mod names;
mod place;
mod versions;

pub use author::Author;
pub use conflict_name::ConflictName;
pub use merging::Merge;
