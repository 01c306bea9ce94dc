//! What people type at the prompt, on a vault with any descriptor and slots.
#![no_main]

use hushfs::cli::fuzzing::unlock_asking;
use hushfs_fuzz::input::Input;
use hushfs_fuzz::sample;
use hushfs_fuzz::script::Script;
use libfuzzer_sys::fuzz_target;

/// The sample's slots: the one of its key is used, the one of its password takes a second.
const SLOTS: &str = "keys/";

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let key_slot = sample::key_slot_path();
    let (disk, vault) = sample::vault(|path| !path.starts_with(SLOTS) || path == key_slot);
    if input.u8() % 4 == 3 {
        disk.put_file("/vault/hushfs.vault", input.bytes());
    }
    for _ in 0..input.u8() % 4 {
        let name = String::from_utf8_lossy(input.bytes()).replace(['/', '\0'], "_");
        disk.put_file(format!("/vault/keys/{name}.key"), input.bytes());
    }
    let mut script = Script::new(input.rest());
    match unlock_asking(&vault, &mut script) {
        Ok(unlocked) => assert_eq!(unlocked.descriptor, *sample::descriptor()),
        Err(error) => drop(error.to_string()),
    }
});
