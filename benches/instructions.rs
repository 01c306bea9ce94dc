//! Work to be counted in instructions by `scripts/instructions`: a count does not hang on how busy
//! the machine is. Named on the command line; without a name, does nothing.

#[path = "../tests/file_system_model/bench.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "made for tests, which need more of it")]
mod bench;
mod setup;
#[path = "../tests/bench/verified.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "made for tests, which verify")]
mod verified;

use std::hint::black_box;
use std::sync::Arc;

use bench::Bench;
use hushfs::crypto::{MasterKey, TAG_BYTES, VaultId};
use hushfs::format::{Ino, PackHeader, PackId, PackSealer};
use hushfs::fs::{FileSystem, NewNode, fold};
use hushfs::journal::{Journal, Replay};
use hushfs::store::HostDisk;
use setup::{CHUNK, create, name, tree_of, write};

const NEW: NewNode = NewNode { mode: 0o644, umask: 0, uid: 0, gid: 0 };

/// Only what this calls is counted.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    work();
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("seal") => seal(),
        Some("tree") => tree(),
        Some("journal") => journal(),
        Some("small-files") => small_files(),
        Some("bulk") => bulk(),
        Some("fold") => folding(),
        _ => {}
    }
}

fn seal() {
    let keys = MasterKey::random().class_keys(&VaultId::random());
    let sealer = PackSealer::new(&keys, PackHeader::of(PackId::random()));
    let (plain, mut sealed) = (vec![7; 4096], vec![0; 4096 + TAG_BYTES]);
    let mut opened = vec![0; 4096];
    measured(&mut || {
        for _ in 0..100 {
            sealer.seal_chunk(32, &plain, &mut sealed);
            sealer.open_chunk(32, &sealed, &mut opened).expect("it was just sealed");
        }
    });
}

fn tree() {
    let mut tree = tree_of(1000);
    let pack = PackId::random();
    measured(&mut || {
        for nth in 1000..3000 {
            let name = name(nth);
            tree.apply(&create(nth, &name)).expect("the name is free");
            tree.apply(&write(nth, nth, pack)).expect("the file is there");
            black_box(tree.lookup(Ino::ROOT, name.as_bytes())).expect("it was just made");
        }
    });
}

fn journal() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let keys = Arc::new(MasterKey::random().class_keys(&VaultId::random()));
    let replay = Replay::default();
    let mut journal = Journal::start(Arc::new(HostDisk), folder.path(), keys, &replay, 0)
        .expect("an empty folder takes a journal");
    let record = vec![7; 300];
    measured(&mut || {
        for _ in 0..1000 {
            journal.append(&record).expect("the disk takes it");
        }
    });
}

/// Makes files of 8 KiB as a program does, reads and removes them.
fn small_files() {
    with_files(&mut |files| {
        let content = vec![7; 8192];
        let mut out = vec![0; 16_384];
        for nth in 0..500 {
            let made = files.create(Ino::ROOT, name(nth).as_bytes(), NEW).expect("it is free");
            files.write(made.ino, 0, &content, false).expect("there is room");
            files.close(made.ino).expect("there is room");
            files.release(made.ino);
        }
        for nth in 0..500 {
            let found = files.lookup(Ino::ROOT, name(nth).as_bytes()).expect("it was made");
            files.open(found.ino).expect("it is there");
            files.read(found.ino, 0, &mut out).expect("it is whole");
            files.release(found.ino);
            files.unlink(Ino::ROOT, name(nth).as_bytes()).expect("it is there");
        }
    });
}

/// Writes 16 MiB in requests of a mebibyte, and reads them.
fn bulk() {
    with_files(&mut |files| {
        let mut content = vec![7; 1 << 20];
        let made = files.create(Ino::ROOT, b"big", NEW).expect("it is free");
        for nth in 0..16 {
            files.write(made.ino, nth << 20, &content, false).expect("there is room");
        }
        for nth in 0..16 {
            files.read(made.ino, nth << 20, &mut content).expect("it is whole");
        }
    });
}

fn with_files(work: &mut dyn FnMut(&FileSystem)) {
    let bench = Bench::new(CHUNK.field());
    let files = bench.open("state");
    measured(&mut || work(&files));
    files.shut_down().expect("the vault takes it");
}

fn folding() {
    let bench = Bench::new(CHUNK.field());
    let files = bench.open("state");
    for nth in 0..2000 {
        let made = files.create(Ino::ROOT, name(nth).as_bytes(), NEW).expect("the name is free");
        files.release(made.ino);
    }
    files.shut_down().expect("the vault takes it");
    let vault = bench.vault();
    let listing = vault.listing().expect("the vault is there");
    let keys = bench.master.class_keys(&bench.descriptor.vault);
    measured(&mut || {
        black_box(fold(&vault, &listing, &keys, CHUNK));
    });
}
