//! `hushfs.vault`: any bytes, and any fields and body under a good seal.
#![no_main]

use hushfs::format::{ChunkSize, UnverifiedDescriptor};
use hushfs_fuzz::input::Input;
use hushfs_fuzz::{sample, seal};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let bytes = match input.coin() {
        true => seal::descriptor(&input.array(), &input.array()),
        false => input.rest().to_vec(),
    };
    let Ok(claimed) = UnverifiedDescriptor::parse(&bytes) else { return };
    let _ = claimed.claimed_vault().to_string();
    let Ok(descriptor) = claimed.verify(sample::keys()) else { return };
    assert!(descriptor.created.nanos < 1_000_000_000);
    let chunk_size = descriptor.chunk_size;
    assert_eq!(ChunkSize::from_bits(chunk_size.bits()), Ok(chunk_size));
    let again = descriptor.seal(sample::keys());
    let again = UnverifiedDescriptor::parse(&again).unwrap().verify(sample::keys());
    assert_eq!(again, Ok(descriptor));
});
