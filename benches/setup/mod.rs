//! What several benches need: names, operations, a tree.
#![allow(dead_code, reason = "each bench uses a part")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to measure")]

use hushfs::format::{ChunkSize, Ino, NodeKind, Operation, PackId, Run, Time, Times};
use hushfs::tree::Tree;

pub const CHUNK: ChunkSize = ChunkSize::DEFAULT;

/// The operation that makes the `nth` file in the root.
pub fn create(nth: u64, name: &str) -> Operation<'_> {
    Operation::Create {
        parent: Ino::ROOT,
        name: name.as_bytes(),
        ino: Ino(nth + 1000),
        kind: NodeKind::File,
        mode: 0o644,
        uid: 0,
        gid: 0,
        times: Times::Same(Time::default()),
    }
}

/// The operation that writes one chunk of the `nth` file.
pub fn write(nth: u64, chunk_index: u64, pack: PackId) -> Operation<'static> {
    let run = Run {
        first_chunk: chunk_index,
        count: 1,
        pack,
        pack_offset: 32 + (chunk_index % 4000) as u32 * 4112,
        tail_bytes: 4096,
        visible_bytes: 4096,
    };
    let (size, time) = (1 << 30, Time::default());
    Operation::Write { ino: Ino(nth + 1000), runs: vec![run], size, mtime: time, ctime: time }
}

pub fn name(nth: u64) -> String {
    format!("IMG-20240517-{nth:07}.jpg")
}

/// A tree of so many files in the root.
pub fn tree_of(files: u64) -> Tree {
    let mut tree = Tree::new(CHUNK);
    for nth in 0..files {
        tree.apply(&create(nth, &name(nth))).unwrap();
    }
    tree
}
