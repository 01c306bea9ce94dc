//! Files with a password or a 64-digit key.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use hushfs::cli::secrets::{key_from_file, password_from_file};
use libfuzzer_sys::fuzz_target;

static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("secret-{}", std::process::id())));

fuzz_target!(|data: &[u8]| {
    std::fs::write(&*FILE, data).unwrap();
    if let Err(error) = password_from_file(&FILE) {
        let _ = error.to_string();
    }
    match key_from_file(&FILE) {
        Ok(key) => drop(key.one_line()),
        Err(error) => drop(error.to_string()),
    }
});
