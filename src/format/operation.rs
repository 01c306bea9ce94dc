//! Operations: what happened to the tree. One encoding serves journal, log object and checkpoint.
//!
//! Refused: operations that ask the reader to decide something. Each carries its results (ids,
//! times, sizes), so that applying it on any device gives the same state (I3).

use serde::{Deserialize, Serialize};

use super::attributes::{NodeKind, Time, Times};
use super::error::FormatError;
use super::ids::{Ino, PackId};
use super::offsets::RunShape;

/// Neighbouring chunks of one file that stand back to back in one pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The first chunk, counted in the file.
    pub first_chunk: u64,
    /// Chunks, at least 1.
    pub count: u32,
    /// The pack they are in.
    pub pack: PackId,
    /// Where in the pack the first one starts.
    pub pack_offset: u32,
    /// Content bytes of the last chunk, as sealed.
    pub tail_bytes: u32,
    /// How many of those still count; a truncation cuts here without sealing anew. The rest of
    /// the chunk reads as zeroes.
    pub visible_bytes: u32,
}

impl Run {
    /// Chunk count and tail, as sealed.
    pub fn shape(&self) -> RunShape {
        RunShape { count: self.count, tail_bytes: self.tail_bytes }
    }
}

/// A chunk whose content stands in the journal itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InlineChunk<'a> {
    /// Which chunk of the file.
    pub chunk_index: u64,
    /// Its content; shorter than a chunk where zeroes or the file's end follow.
    #[serde(borrow, with = "serde_bytes")]
    pub bytes: &'a [u8],
}

/// One change of the tree.
///
/// The order of the variants is part of the format: new ones go to the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation<'a> {
    /// A new inode under its first name. The folder's times become `times`' status time.
    Create {
        /// The folder.
        parent: Ino,
        /// Its name there.
        #[serde(borrow, with = "serde_bytes")]
        name: &'a [u8],
        /// The new inode.
        ino: Ino,
        /// What it is.
        #[serde(borrow)]
        kind: NodeKind<'a>,
        /// Permission bits with setuid, setgid and sticky: 12 bits.
        mode: u32,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
        /// The inode's times.
        times: Times,
    },
    /// One more name for an inode that is no folder.
    Link {
        /// The inode.
        ino: Ino,
        /// The folder.
        parent: Ino,
        /// The new name there.
        #[serde(borrow, with = "serde_bytes")]
        name: &'a [u8],
        /// Status time of the inode; both times of the folder.
        time: Time,
    },
    /// A name goes; with its last name, the inode. A folder must be empty.
    Unlink {
        /// The folder.
        parent: Ino,
        /// The name there.
        #[serde(borrow, with = "serde_bytes")]
        name: &'a [u8],
        /// Status time of the inode; both times of the folder.
        time: Time,
    },
    /// A name moves; what stood under the new one goes, or takes the old one's place.
    Rename {
        /// The folder it leaves.
        from_parent: Ino,
        /// Its name there.
        #[serde(borrow, with = "serde_bytes")]
        from_name: &'a [u8],
        /// The folder it comes to.
        to_parent: Ino,
        /// Its name there.
        #[serde(borrow, with = "serde_bytes")]
        to_name: &'a [u8],
        /// The two trade places.
        exchange: bool,
        /// Status time of what moved; both times of the folders.
        time: Time,
    },
    /// Attributes change; what is `None` stays.
    SetAttr {
        /// The inode.
        ino: Ino,
        /// Permission bits, 12 of them.
        mode: Option<u32>,
        /// Owner.
        uid: Option<u32>,
        /// Group.
        gid: Option<u32>,
        /// Access time.
        atime: Option<Time>,
        /// Content time.
        mtime: Option<Time>,
        /// Status time.
        ctime: Time,
    },
    /// An extended attribute is set.
    SetXattr {
        /// The inode.
        ino: Ino,
        /// Its name with namespace, 1 to 255 bytes.
        #[serde(borrow, with = "serde_bytes")]
        name: &'a [u8],
        /// Its value, up to 64 KiB.
        #[serde(borrow, with = "serde_bytes")]
        value: &'a [u8],
        /// Status time.
        ctime: Time,
    },
    /// An extended attribute goes.
    RemoveXattr {
        /// The inode.
        ino: Ino,
        /// Its name.
        #[serde(borrow, with = "serde_bytes")]
        name: &'a [u8],
        /// Status time.
        ctime: Time,
    },
    /// Chunks have new content; chunks that no run names keep theirs.
    Write {
        /// The file.
        ino: Ino,
        /// Where the new content is, in the order of the file.
        runs: Vec<Run>,
        /// The file's size afterwards.
        size: u64,
        /// Content time.
        mtime: Time,
        /// Status time.
        ctime: Time,
    },
    /// The size changes; what is cut off is gone, what is added reads as zeroes.
    Truncate {
        /// The file.
        ino: Ino,
        /// The new size.
        size: u64,
        /// Content and status time.
        time: Time,
    },
    /// Whole chunks become a hole.
    Punch {
        /// The file.
        ino: Ino,
        /// The first chunk.
        first_chunk: u64,
        /// How many.
        count: u64,
        /// Content and status time.
        time: Time,
    },
    /// Chunks have new content, which stands right here. In the journal only: before it is
    /// published, it goes to a pack and becomes a `Write`.
    WriteInline {
        /// The file.
        ino: Ino,
        /// The chunks.
        #[serde(borrow)]
        chunks: Vec<InlineChunk<'a>>,
        /// The file's size afterwards.
        size: u64,
        /// Content time.
        mtime: Time,
        /// Status time.
        ctime: Time,
    },
    /// Chunks have the same content in another place: those of the run's chunks that stand back to
    /// back in `from_pack` from `from_offset` on. Chunks that stand elsewhere by now stay there.
    /// Nothing that anybody can see of the file changes.
    Relocate {
        /// The file.
        ino: Ino,
        /// The pack that they leave.
        from_pack: PackId,
        /// Where in it the run's first chunk started.
        from_offset: u32,
        /// Where they are now.
        run: Run,
    },
    /// No file needs a pack any more. In checkpoints only, which tell of no file that did: until
    /// the pack is removed, everybody is to know since when it can be.
    PackUnused {
        /// The pack.
        pack: PackId,
        /// When the log object was made with which the last file let go of it.
        since: Time,
    },
    /// As `Unlink`, and tells which inode the name stands for: on another device the name may stand
    /// for another one by the time this gets there.
    Remove {
        /// The folder.
        parent: Ino,
        /// The name there.
        #[serde(borrow, with = "serde_bytes")]
        name: &'a [u8],
        /// The inode that has it.
        ino: Ino,
        /// Status time of the inode; both times of the folder.
        time: Time,
    },
    /// As `Rename`, and tells which inodes the names stand for.
    Move {
        /// The folder it leaves.
        from_parent: Ino,
        /// Its name there.
        #[serde(borrow, with = "serde_bytes")]
        from_name: &'a [u8],
        /// The inode that has that name.
        ino: Ino,
        /// The folder it comes to.
        to_parent: Ino,
        /// Its name there.
        #[serde(borrow, with = "serde_bytes")]
        to_name: &'a [u8],
        /// The inode that has that name, if there is one.
        replaced: Option<Ino>,
        /// The two trade places.
        exchange: bool,
        /// Status time of what moved; both times of the folders.
        time: Time,
    },
}

/// Appends the encoding of `operation`.
pub fn encode_operation(operation: &Operation<'_>, out: &mut Vec<u8>) {
    let taken = std::mem::take(out);
    *out = postcard::to_extend(operation, taken)
        .expect("an operation has no type that postcard cannot encode, and a Vec takes any length");
}

/// Reads operations one after the other until the bytes are used up.
#[derive(Clone, Debug)]
pub struct Operations<'a> {
    rest: &'a [u8],
}

impl<'a> Operations<'a> {
    /// Over `bytes`, which hold whole operations and nothing else.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Operations<'a> {
    type Item = Result<Operation<'a>, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match postcard::take_from_bytes(self.rest) {
            Ok((operation, rest)) => {
                self.rest = rest;
                Some(Ok(operation))
            }
            Err(error) => {
                self.rest = &[];
                Some(Err(error.into()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_read_back_in_order() {
        let time = Time { secs: -5, nanos: 7 };
        let operations = [
            Operation::Create {
                parent: Ino::ROOT,
                name: b"IMG\xFF.jpg",
                ino: Ino(77),
                kind: NodeKind::Symlink(b"target"),
                mode: 0o644,
                uid: 1000,
                gid: 1000,
                times: Times::Same(time),
            },
            Operation::WriteInline {
                ino: Ino(77),
                chunks: vec![InlineChunk { chunk_index: 3, bytes: b"abc" }],
                size: 3,
                mtime: time,
                ctime: time,
            },
            Operation::Truncate { ino: Ino(77), size: u64::MAX, time },
        ];
        let mut bytes = Vec::new();
        operations.iter().for_each(|operation| encode_operation(operation, &mut bytes));
        let read: Result<Vec<_>, _> = Operations::new(&bytes).collect();
        assert_eq!(read.unwrap(), operations);
    }

    #[test]
    fn a_length_beyond_the_bytes_is_an_error_and_ends_the_reading() {
        // Variant 5 (SetXattr), an inode, then a name of 2^32 bytes.
        let bytes = [&[5u8][..], &[0; 8], &[0xFF, 0xFF, 0xFF, 0xFF, 0x0F]].concat();
        let mut operations = Operations::new(&bytes);
        assert!(matches!(operations.next(), Some(Err(FormatError::Malformed(_)))));
        assert!(operations.next().is_none());
    }
}
