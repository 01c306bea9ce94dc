//! Operations as log objects, checkpoints and journals hold them: decoded, and what decodes applied.
#![no_main]

use hushfs::format::{ChunkSize, Operations, encode_operation};
use hushfs::tree::Tree;
use hushfs_fuzz::trees;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let operations: Vec<_> = Operations::new(data).map_while(Result::ok).collect();
    for operation in &operations {
        let mut bytes = Vec::new();
        encode_operation(operation, &mut bytes);
        assert_eq!(Operations::new(&bytes).next().unwrap().as_ref(), Ok(operation));
    }
    let mut tree = Tree::new(ChunkSize::DEFAULT);
    let unnamed = trees::apply_all(&mut tree, operations.into_iter(), || false);
    trees::check(&tree, &unnamed);
});
