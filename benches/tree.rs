//! Operations on a tree of a hundred thousand files.
#![allow(missing_docs, reason = "criterion's macros make public items")]

mod setup;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use hushfs::format::{Ino, Operation, PackId, Time};
use setup::{create, name, tree_of, write};

const FILES: u64 = 100_000;

fn tree(criterion: &mut Criterion) {
    let mut tree = tree_of(FILES);
    let mut nth = 0;
    criterion.bench_function("look up one of 100,000 names", |bench| {
        bench.iter(|| {
            nth = (nth + 7919) % FILES;
            black_box(tree.lookup(Ino::ROOT, name(nth).as_bytes()))
        });
    });
    let mut nth = FILES;
    criterion.bench_function("create a file and remove it", |bench| {
        bench.iter(|| {
            nth += 1;
            let name = name(nth);
            tree.apply(&create(nth, &name)).expect("the name is free");
            let name = name.as_bytes();
            let unlink = Operation::Unlink { parent: Ino::ROOT, name, time: Time::default() };
            if let Ok(Some(gone)) = tree.apply(&unlink) {
                tree.forget(gone);
            }
        });
    });
    let (pack, mut chunk) = (PackId::random(), 1);
    criterion.bench_function("overwrite a chunk of a file in pieces", |bench| {
        bench.iter(|| {
            chunk = chunk * 6_364_136_223_846_793_005_u64 % 65_521 + 1;
            tree.apply(&write(5, chunk, pack))
        });
    });
    criterion.bench_function("encode a checkpoint of 100,000 files", |bench| {
        bench.iter_batched(
            Vec::new,
            |mut out| {
                tree.encode_checkpoint(&mut out);
                out
            },
            BatchSize::LargeInput,
        );
    });
}

criterion_group!(benches, tree);
criterion_main!(benches);
