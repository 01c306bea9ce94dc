//! 64-digit keys as people type them.
#![no_main]

use hushfs::format::{KeyTextError, RecoveryKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    match RecoveryKey::parse(&text) {
        Ok(key) => {
            for shown in [key.one_line(), key.four_lines()] {
                let again = RecoveryKey::parse(&shown).unwrap();
                assert_eq!(again.secret().bytes(), key.secret().bytes());
            }
            let upper = RecoveryKey::parse(&text.to_ascii_uppercase()).unwrap();
            assert_eq!(upper.secret().bytes(), key.secret().bytes());
        }
        Err(error) => {
            if let KeyTextError::StrayLetter { letter, position, group } = error {
                assert!(text.contains(letter) && group == (position - 1) / 4 + 1);
            }
            let _ = error.to_string();
        }
    }
});
