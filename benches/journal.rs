//! Records of the journal, with and without a sync after each.
#![allow(missing_docs, reason = "criterion's macros make public items")]

mod setup;

use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use hushfs::crypto::{MasterKey, VaultId};
use hushfs::journal::{Journal, Replay};
use hushfs::store::HostDisk;

fn journal(criterion: &mut Criterion) {
    let keys = Arc::new(MasterKey::random().class_keys(&VaultId::random()));
    for (bytes, synced) in [(200, false), (5000, false), (5000, true)] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let disk = Arc::new(HostDisk);
        let replay = Replay::default();
        let mut journal = Journal::start(disk, folder.path(), keys.clone(), &replay, 0)
            .expect("an empty folder takes a journal");
        let record = vec![7; bytes];
        let then = if synced { ", synced" } else { "" };
        criterion.bench_function(&format!("append a record of {bytes} bytes{then}"), |bench| {
            bench.iter(|| {
                let seq = journal.append(&record).expect("the disk takes it");
                if synced {
                    let files = journal.files_to_sync();
                    files.iter().for_each(|file| file.sync().expect("the disk syncs"));
                    journal.note_durable(seq + 1);
                }
                if journal.is_full() {
                    let done = journal.rotate().expect("the disk takes it");
                    journal.release(done);
                }
            });
        });
    }
}

criterion_group!(benches, journal);
criterion_main!(benches);
