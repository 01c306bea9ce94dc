//! What people answer when a vault is made: ways, new passwords and how strong they are, groups.
#![no_main]

use hushfs::cli::fuzzing::init_dialogue;
use hushfs_fuzz::script::Script;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut script = Script::new(data);
    if let Err(error) = init_dialogue(&mut script) {
        let _ = error.to_string();
    }
});
