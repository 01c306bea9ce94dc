//! Folding a vault's log objects, which is most of what a mount does.
#![allow(missing_docs, reason = "criterion's macros make public items")]

mod setup;

use criterion::{Criterion, criterion_group, criterion_main};
use hushfs::format::Ino;
use hushfs::fs::{NewNode, fold};
use setup::{CHUNK, Vault, name};

const FILES: u64 = 20_000;

fn folding(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let vault = Vault::new(folder.path());
    let files = vault.open(&folder.path().join("state"));
    let new = NewNode { mode: 0o644, umask: 0, uid: 0, gid: 0 };
    for nth in 0..FILES {
        let made = files.create(Ino::ROOT, name(nth).as_bytes(), new).expect("the name is free");
        files.release(made.ino);
        if nth % 1000 == 0 {
            files.publish().expect("the vault takes it");
        }
    }
    files.shut_down().expect("the vault takes it");
    let listing = vault.folder.listing().expect("the vault is there");
    let keys = vault.keys();
    criterion.bench_function("fold 20,000 files", |bench| {
        bench.iter(|| {
            let folded = fold(&vault.folder, &listing, &keys, CHUNK);
            assert_eq!(folded.tree.inode_count(), FILES);
        });
    });
}

criterion_group!(benches, folding);
criterion_main!(benches);
