//! What the keychain answers, from the process that has asked it: a status of Apple's and a sentence.

use super::KeyringError;

/// Parts the status from the sentence.
const SEPARATOR: char = ' ';

// As in SecBase.h and MacErrors.h.
pub(super) const NO_SUCH_ITEM: i32 = -25300;
const NOT_WITHOUT_SOMEBODY: i32 = -25308;
const NO_DEFAULT_KEYCHAIN: i32 = -25307;
const NO_KEYCHAIN: i32 = -25291;
const DECLINED: i32 = -128;
const NOT_ALLOWED: i32 = -25293;

/// A failure as it is handed on.
pub(super) fn written(status: i32, sentence: &str) -> String {
    format!("{status}{SEPARATOR}{sentence}")
}

/// What was handed on, or whatever else was said.
pub(super) fn error_of(said: &str) -> KeyringError {
    let said = said.trim();
    let (status, sentence) = said.split_once(SEPARATOR).unwrap_or((said, ""));
    match status.parse() {
        Ok(NO_SUCH_ITEM) => KeyringError::NoEntry,
        Ok(NOT_WITHOUT_SOMEBODY) => KeyringError::Locked,
        Ok(NO_DEFAULT_KEYCHAIN) => KeyringError::NoDefault,
        Ok(NO_KEYCHAIN) => KeyringError::NoKeyring,
        Ok(DECLINED | NOT_ALLOWED) => {
            KeyringError::Refused("nobody allowed it in the window that macOS asked in".to_owned())
        }
        Ok(status) => KeyringError::Refused(format!("{sentence} ({status})")),
        Err(_) => KeyringError::Refused(said.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_of_apples_is_told_in_our_words() {
        let error = |status| error_of(&written(status, "Something about it."));
        assert!(matches!(error(NO_SUCH_ITEM), KeyringError::NoEntry));
        assert!(matches!(error(NOT_WITHOUT_SOMEBODY), KeyringError::Locked));
        assert!(matches!(error(NO_DEFAULT_KEYCHAIN), KeyringError::NoDefault));
        assert!(matches!(error(NO_KEYCHAIN), KeyringError::NoKeyring));
        assert!(error(DECLINED).to_string().contains("nobody allowed it"));
        assert_eq!(error(-67).to_string(), "the keyring: Something about it. (-67)");
    }

    #[test]
    fn whatever_else_is_said_is_passed_on() {
        assert_eq!(error_of("dyld: no\n").to_string(), "the keyring: dyld: no");
        assert_eq!(error_of("").to_string(), "the keyring: ");
    }
}
