//! The 64-digit key as a person reads, writes and types it.
//!
//! Shown as 16 groups of 4 lower-case hex digits; read back with any spaces, line breaks, dashes
//! and case.

use std::fmt;

use zeroize::Zeroizing;

use crate::crypto::SecretKey;

/// Groups of a key as it is shown.
pub const KEY_GROUPS: usize = 16;
/// No key's text is longer: what is longer is not worth reading to its end.
pub const KEY_TEXT_BYTES_MAX: u64 = 4096;

const GROUP_DIGITS: usize = 4;
const GROUPS_IN_LINE: usize = 4;
const DIGITS: usize = KEY_GROUPS * GROUP_DIGITS;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// 256 random bits that open a vault by themselves. `Debug` never prints them.
pub struct RecoveryKey(SecretKey);

/// Why a text is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyTextError {
    /// Digits are missing.
    #[error("{digits} digits; a key has 64")]
    TooFew {
        /// Digits there are.
        digits: usize,
    },
    /// There are digits left over.
    #[error("{digits} digits; a key has 64")]
    TooMany {
        /// Digits there are.
        digits: usize,
    },
    /// A letter that no key has.
    #[error(
        "“{letter}” in group {group} (digit {position}): a key has only the digits 0 to 9 and the letters a to f"
    )]
    StrayLetter {
        /// The letter.
        letter: char,
        /// Which digit it stands for, counted from 1.
        position: usize,
        /// The group of four that it stands in, counted from 1.
        group: usize,
    },
}

impl RecoveryKey {
    /// 256 random bits.
    pub fn random() -> Self {
        Self(SecretKey::random())
    }

    /// The key's bits.
    pub fn secret(&self) -> &SecretKey {
        &self.0
    }

    /// Reads a key as a person typed it.
    ///
    /// # Errors
    /// [`KeyTextError`], for the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, KeyTextError> {
        let mut digits = 0;
        let mut stray = None;
        let key = SecretKey::with(|bytes| {
            for letter in text.chars().filter(|letter| !is_spacing(*letter)) {
                let Some(value) = letter.to_digit(16) else {
                    stray = Some(KeyTextError::StrayLetter {
                        letter,
                        position: digits + 1,
                        group: digits / GROUP_DIGITS + 1,
                    });
                    return;
                };
                if let Some(byte) = bytes.get_mut(digits / 2) {
                    *byte = *byte << 4 | value.to_le_bytes()[0];
                }
                digits += 1;
            }
        });
        match stray {
            Some(stray) => Err(stray),
            None if digits < DIGITS => Err(KeyTextError::TooFew { digits }),
            None if digits > DIGITS => Err(KeyTextError::TooMany { digits }),
            None => Ok(Self(key)),
        }
    }

    /// The four digits of one group, counted from 0 to [`KEY_GROUPS`] - 1; empty past those.
    pub fn group(&self, index: usize) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(GROUP_DIGITS));
        for byte in self.0.bytes().iter().skip(index * 2).take(2) {
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        }
        text
    }

    /// All groups in one line.
    pub fn one_line(&self) -> Zeroizing<String> {
        self.grouped(KEY_GROUPS)
    }

    /// All groups in four lines of four, with no line break at the end.
    pub fn four_lines(&self) -> Zeroizing<String> {
        self.grouped(GROUPS_IN_LINE)
    }

    fn grouped(&self, groups_in_line: usize) -> Zeroizing<String> {
        // Large enough from the start: a text that grew would leave a copy behind.
        let mut text = Zeroizing::new(String::with_capacity(DIGITS + KEY_GROUPS));
        for index in 0..KEY_GROUPS {
            match index {
                0 => {}
                _ if index % groups_in_line == 0 => text.push('\n'),
                _ => text.push(' '),
            }
            text.push_str(&self.group(index));
        }
        text
    }
}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryKey(…)")
    }
}

/// What stands between digits: white space, dashes of any length, and what editors put in front
/// of a text or into it without being seen.
fn is_spacing(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(
            letter,
            '-' | '_' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{AD}' | '\u{200B}' | '\u{FEFF}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(bytes: [u8; 32]) -> RecoveryKey {
        RecoveryKey(SecretKey::with(|out| *out = bytes))
    }

    #[test]
    fn a_key_is_shown_as_16_groups_of_4_digits() {
        let mut bytes = [0; 32];
        for (byte, value) in bytes.iter_mut().zip(0xE0..=0xFF) {
            *byte = value;
        }
        assert_eq!(
            *key(bytes).four_lines(),
            "e0e1 e2e3 e4e5 e6e7\ne8e9 eaeb eced eeef\nf0f1 f2f3 f4f5 f6f7\nf8f9 fafb fcfd feff"
        );
        assert_eq!(
            *key(bytes).one_line(),
            "e0e1 e2e3 e4e5 e6e7 e8e9 eaeb eced eeef f0f1 f2f3 f4f5 f6f7 f8f9 fafb fcfd feff"
        );
        assert_eq!(*key(bytes).group(15), "feff");
        assert_eq!(*key(bytes).group(16), "");
        assert_eq!(format!("{:?}", key(bytes)), "RecoveryKey(…)");
    }

    #[test]
    fn an_error_says_how_many_digits_there_are_or_which_letter_is_stray() {
        let text = key([0xAB; 32]).one_line();
        let parse = |text: &str| RecoveryKey::parse(text).map(|_| ()).unwrap_err();
        assert_eq!(parse(""), KeyTextError::TooFew { digits: 0 });
        assert_eq!(parse(&text[1..]), KeyTextError::TooFew { digits: 63 });
        assert_eq!(parse(&text[1..]).to_string(), "63 digits; a key has 64".to_owned());
        assert_eq!(parse(&format!("{} 1", *text)), KeyTextError::TooMany { digits: 65 });
        assert_eq!(
            parse(&text.replacen("abab abab ab", "abab abab Ob", 1)),
            KeyTextError::StrayLetter { letter: 'O', position: 9, group: 3 }
        );
        assert!(parse("ab$").to_string().starts_with("“$” in group 1"));
    }

    proptest! {
        #[test]
        fn a_key_reads_back_in_any_spacing_and_case(
            bytes in any::<[u8; 32]>(),
            between in prop::collection::vec("[ \t\r\n_–—‑\u{A0}\u{FEFF}-]{0,3}", 65),
            upper in any::<u64>(),
        ) {
            let digits = key(bytes).one_line().replace(' ', "");
            let mut text = between[64].clone();
            for (i, digit) in digits.chars().enumerate() {
                text.push_str(&between[i]);
                text.push(if upper >> i & 1 == 1 { digit.to_ascii_uppercase() } else { digit });
            }
            prop_assert_eq!(*RecoveryKey::parse(&text).unwrap().secret().bytes(), bytes);
            let shown = key(bytes).four_lines();
            prop_assert_eq!(*RecoveryKey::parse(&shown).unwrap().secret().bytes(), bytes);
        }

        #[test]
        fn any_text_is_a_key_or_an_error(text in ".{0,200}") {
            let _ = RecoveryKey::parse(&text);
        }
    }
}
