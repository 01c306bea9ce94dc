//! Lists of mount options.
#![no_main]

use hushfs::cli::args::UnlockArgs;
use hushfs::cli::mount_options::{MountOption, MountOptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut options = Vec::new();
    for option in text.split(',') {
        match MountOption::parse(option) {
            Ok(option) => options.push(option),
            Err(error) => drop(error.to_string()),
        }
    }
    match MountOptions::gather(&options, &UnlockArgs::default()) {
        Ok(gathered) => drop(format!("{gathered:?}")),
        Err(error) => drop(error.to_string()),
    }
});
