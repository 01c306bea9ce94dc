//! Sealing and opening chunks, as packs do.
#![allow(missing_docs, reason = "criterion's macros make public items")]

mod setup;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hushfs::crypto::{MasterKey, TAG_BYTES, VaultId};
use hushfs::format::{PackHeader, PackId, PackSealer};

fn sealing(criterion: &mut Criterion) {
    let keys = MasterKey::random().class_keys(&VaultId::random());
    let sealer = PackSealer::new(&keys, PackHeader::of(PackId::random()));
    for bytes in [4096, 65_536] {
        let mut group = criterion.benchmark_group(format!("chunk of {bytes} bytes"));
        group.throughput(Throughput::Bytes(bytes as u64));
        let plain = vec![7; bytes];
        let mut sealed = vec![0; bytes + TAG_BYTES];
        group.bench_function("seal", |bench| {
            bench.iter(|| sealer.seal_chunk(32, &plain, &mut sealed));
        });
        sealer.seal_chunk(32, &plain, &mut sealed);
        let mut opened = vec![0; bytes];
        group.bench_function("open", |bench| {
            bench.iter(|| sealer.open_chunk(32, &sealed, &mut opened).expect("it was just sealed"));
        });
    }
}

criterion_group!(benches, sealing);
criterion_main!(benches);
