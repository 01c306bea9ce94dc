//! Folding a vault's log objects, which is most of what a mount does.
#![allow(missing_docs, reason = "criterion's macros make public items")]

#[path = "../tests/file_system_model/bench.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "made for tests, which need more of it")]
mod bench;
mod setup;
#[path = "../tests/bench/verified.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "made for tests, which verify")]
mod verified;

use bench::Bench;
use criterion::{Criterion, criterion_group, criterion_main};
use hushfs::format::Ino;
use hushfs::fs::{NewNode, fold};
use setup::{CHUNK, name};

const FILES: u64 = 20_000;

fn folding(criterion: &mut Criterion) {
    let bench = Bench::new(CHUNK.field());
    let files = bench.open("state");
    let new = NewNode { mode: 0o644, umask: 0, uid: 0, gid: 0 };
    for nth in 0..FILES {
        let made = files.create(Ino::ROOT, name(nth).as_bytes(), new).expect("the name is free");
        files.release(made.ino);
        if nth % 1000 == 0 {
            files.publish().expect("the vault takes it");
        }
    }
    files.shut_down().expect("the vault takes it");
    let vault = bench.vault();
    let listing = vault.listing().expect("the vault is there");
    let keys = bench.master.class_keys(&bench.descriptor.vault);
    criterion.bench_function("fold 20,000 files", |bench| {
        bench.iter(|| {
            let folded = fold(&vault, &listing, &keys, CHUNK);
            assert_eq!(folded.tree.inode_count(), FILES);
        });
    });
}

criterion_group!(benches, folding);
criterion_main!(benches);
