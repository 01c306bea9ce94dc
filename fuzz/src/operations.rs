//! Operations made of a fuzzer's bytes: mostly on the same few inodes, names and packs, so that
//! they meet.

use hushfs::format::{
    ChunkSize, InlineChunk, Ino, NodeKind, Operation, PackId, Run, Time, Times, encode_operation,
};

use crate::input::Input;

const NAMES: [&[u8]; 6] = [b"a", b"b", b"c", b"d", b"e", b"f"];

/// What operations are about.
#[derive(Clone, Copy, Debug)]
pub struct Pool<'a> {
    /// Inodes, the root first.
    pub inos: &'a [Ino],
    /// Names besides one-letter ones.
    pub names: &'a [Vec<u8>],
    pub packs: &'a [PackId],
    pub chunk_size: ChunkSize,
    /// Whether inline content is among them.
    pub with_inline: bool,
}

/// A root, seven inodes, three packs.
pub static INOS: [Ino; 8] = [Ino(1), Ino(2), Ino(3), Ino(4), Ino(5), Ino(6), Ino(7), Ino(8)];
pub static PACKS: [PackId; 3] = [
    hushfs::crypto::ObjectId([1; 16]),
    hushfs::crypto::ObjectId([2; 16]),
    hushfs::crypto::ObjectId([3; 16]),
];

impl<'a> Pool<'a> {
    fn ino(&self, input: &mut Input<'_>) -> Ino {
        match input.u8() {
            0xFF => Ino(input.u64()),
            nth => self.inos[usize::from(nth) % self.inos.len()],
        }
    }

    fn name(&self, input: &mut Input<'a>) -> &'a [u8] {
        match input.u8() {
            0xFF => input.bytes(),
            nth => {
                let nth = usize::from(nth) % (NAMES.len() + self.names.len());
                NAMES.get(nth).copied().unwrap_or_else(|| &self.names[nth - NAMES.len()])
            }
        }
    }

    fn chunk_index(&self, input: &mut Input<'_>) -> u64 {
        input.u64()
    }

    /// A size: mostly one that ends in the last of `end_chunk` chunks, or a few further on.
    fn size(&self, input: &mut Input<'_>, end_chunk: u64) -> u64 {
        let chunk_bytes = u64::from(self.chunk_size.field());
        match input.u8() {
            0xFF => input.u64().wrapping_mul(chunk_bytes).wrapping_add(input.u64()),
            0xFE => end_chunk.saturating_mul(chunk_bytes).saturating_sub(input.u64()),
            byte => {
                let chunks = end_chunk.saturating_add(u64::from(byte % 4));
                let cut_bytes = u64::from(byte / 4) * 64;
                chunks.saturating_mul(chunk_bytes).saturating_sub(cut_bytes)
            }
        }
    }

    fn run(&self, input: &mut Input<'_>) -> Run {
        let chunk_bytes = self.chunk_size.field();
        let bytes = |input: &mut Input<'_>, full: u32| match input.u8() {
            0xFF => input.u32(),
            0xFE => 0,
            0xFD => full / 2,
            small @ 1..=4 => small.into(),
            _ => full,
        };
        let first_chunk = self.chunk_index(input);
        let count = input.u32();
        let pack = self.packs[input.choice(self.packs.len())];
        let pack_offset = match input.u8() {
            0xFF => input.u32(),
            nth => 32 + u32::from(nth) * (chunk_bytes + 16),
        };
        let tail_bytes = bytes(input, chunk_bytes);
        let visible_bytes = bytes(input, tail_bytes);
        Run { first_chunk, count, pack, pack_offset, tail_bytes, visible_bytes }
    }

    fn inline_chunk(&self, input: &mut Input<'a>) -> InlineChunk<'a> {
        const CONTENT: &[u8] = &[0x5A; 300];
        let chunk_index = self.chunk_index(input);
        let bytes = match input.u8() {
            0xFF => input.bytes(),
            few => &CONTENT[..few.into()],
        };
        InlineChunk { chunk_index, bytes }
    }

    /// The next operation.
    pub fn operation(&self, input: &mut Input<'a>) -> Operation<'a> {
        let kinds = if self.with_inline { 16 } else { 15 };
        match input.choice(kinds) {
            0 | 1 => Operation::Create {
                parent: self.ino(input),
                name: self.name(input),
                ino: self.ino(input),
                kind: kind(input),
                mode: input.u32(),
                uid: input.u32(),
                gid: input.u32(),
                times: times(input),
            },
            2 => Operation::Link {
                ino: self.ino(input),
                parent: self.ino(input),
                name: self.name(input),
                time: time(input),
            },
            3 => Operation::Unlink {
                parent: self.ino(input),
                name: self.name(input),
                time: time(input),
            },
            4 => Operation::Rename {
                from_parent: self.ino(input),
                from_name: self.name(input),
                to_parent: self.ino(input),
                to_name: self.name(input),
                exchange: input.coin(),
                time: time(input),
            },
            5 => Operation::SetAttr {
                ino: self.ino(input),
                mode: input.coin().then(|| input.u32()),
                uid: input.coin().then(|| input.u32()),
                gid: input.coin().then(|| input.u32()),
                atime: input.coin().then(|| time(input)),
                mtime: input.coin().then(|| time(input)),
                ctime: time(input),
            },
            6 => Operation::SetXattr {
                ino: self.ino(input),
                name: self.name(input),
                value: input.bytes(),
                ctime: time(input),
            },
            7 => Operation::RemoveXattr {
                ino: self.ino(input),
                name: self.name(input),
                ctime: time(input),
            },
            8 => {
                let ino = self.ino(input);
                let runs: Vec<Run> = (0..input.u8() % 5).map(|_| self.run(input)).collect();
                let ends = runs.iter().map(|run| run.first_chunk.saturating_add(run.count.into()));
                let size = self.size(input, ends.max().unwrap_or(0));
                Operation::Write { ino, runs, size, mtime: time(input), ctime: time(input) }
            }
            9 => {
                let (ino, end_chunk) = (self.ino(input), input.u8().into());
                Operation::Truncate { ino, size: self.size(input, end_chunk), time: time(input) }
            }
            10 => Operation::Punch {
                ino: self.ino(input),
                first_chunk: self.chunk_index(input),
                count: input.u64(),
                time: time(input),
            },
            11 => Operation::Relocate {
                ino: self.ino(input),
                from_pack: self.run(input).pack,
                from_offset: input.u32(),
                run: self.run(input),
            },
            12 => Operation::PackUnused { pack: self.run(input).pack, since: time(input) },
            13 => Operation::Remove {
                parent: self.ino(input),
                name: self.name(input),
                ino: self.ino(input),
                time: time(input),
            },
            14 => Operation::Move {
                from_parent: self.ino(input),
                from_name: self.name(input),
                ino: self.ino(input),
                to_parent: self.ino(input),
                to_name: self.name(input),
                replaced: input.coin().then(|| self.ino(input)),
                exchange: input.coin(),
                time: time(input),
            },
            _ => {
                let ino = self.ino(input);
                let chunks: Vec<InlineChunk<'a>> =
                    (0..input.u8() % 5).map(|_| self.inline_chunk(input)).collect();
                let ends = chunks.iter().map(|chunk| chunk.chunk_index.saturating_add(1));
                let size = self.size(input, ends.max().unwrap_or(0));
                Operation::WriteInline { ino, chunks, size, mtime: time(input), ctime: time(input) }
            }
        }
    }

    /// So many operations, encoded. Inline content mostly stands behind a `Write` of its size, as
    /// a flush leaves it.
    pub fn encoded(&self, input: &mut Input<'a>, count: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for _ in 0..count {
            let operation = self.operation(input);
            if let Operation::WriteInline { ino, size, mtime, ctime, .. } = operation
                && input.u8() != 0xFF
            {
                let write = Operation::Write { ino, runs: Vec::new(), size, mtime, ctime };
                encode_operation(&write, &mut out);
            }
            encode_operation(&operation, &mut out);
        }
        out
    }
}

fn kind<'a>(input: &mut Input<'a>) -> NodeKind<'a> {
    match input.choice(10) {
        0..=2 => NodeKind::File,
        3..=5 => NodeKind::Folder,
        6 => NodeKind::Symlink(input.bytes()),
        7 => NodeKind::Fifo,
        8 => NodeKind::Socket,
        _ if input.coin() => NodeKind::CharDevice(input.u32()),
        _ => NodeKind::BlockDevice(input.u32()),
    }
}

fn time(input: &mut Input<'_>) -> Time {
    match input.u8() {
        0xFF => Time { secs: input.u64().cast_signed(), nanos: input.u32() },
        small => Time { secs: small.into(), nanos: 0 },
    }
}

fn times(input: &mut Input<'_>) -> Times {
    if input.coin() {
        Times::Each { atime: time(input), mtime: time(input), ctime: time(input) }
    } else {
        Times::Same(time(input))
    }
}
