//! Operations that decode, on inodes and names that meet: the tree stays consistent, and so does
//! its checkpoint.
#![no_main]

use hushfs::format::ChunkSize;
use hushfs::tree::Tree;
use hushfs_fuzz::input::Input;
use hushfs_fuzz::operations::{INOS, PACKS, Pool};
use hushfs_fuzz::trees;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let chunk_size = ChunkSize::from_bits(12 + input.u8() % 9).unwrap();
    let keeps = input.coin();
    let pool = Pool { inos: &INOS, names: &[], packs: &PACKS, chunk_size, with_inline: false };
    let mut tree = Tree::new(chunk_size);
    let mut rest = input;
    let operations = std::iter::from_fn(|| (!rest.is_empty()).then(|| pool.operation(&mut rest)));
    let mut count = 0;
    let unnamed = trees::apply_all(&mut tree, operations, || {
        count += 1;
        keeps && count % 2 == 0
    });
    trees::check(&tree, &unnamed);
    for ino in &unnamed {
        tree.forget(*ino);
    }
    trees::check(&tree, &Default::default());
});
