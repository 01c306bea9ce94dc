//! What a mount tells of itself, as the `status` command reads and shows it.
#![no_main]

use hushfs::cli::fuzzing::described;
use hushfs::fs::Status;
use hushfs_fuzz::input::Input;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let now = input.u64().cast_signed();
    let Ok(status) = serde_json::from_slice::<Status>(input.rest()) else { return };
    let _ = described(&status, now);
    let again = serde_json::to_vec(&status).unwrap();
    assert_eq!(serde_json::from_slice::<Status>(&again).unwrap(), status);
});
