//! What a status of Apple's keychain means.

use super::KeyringError;

// As in SecBase.h and MacErrors.h.
const NO_SUCH_ITEM: i32 = -25300;
const NOT_WITHOUT_SOMEBODY: i32 = -25308;
const NO_DEFAULT_KEYCHAIN: i32 = -25307;
const NO_KEYCHAIN: i32 = -25291;
const DECLINED: i32 = -128;
const NOT_ALLOWED: i32 = -25293;

/// The failure that a status stands for; `sentence` is what Apple says of it.
pub(super) fn error_of(status: i32, sentence: Option<String>) -> KeyringError {
    match status {
        NO_SUCH_ITEM => KeyringError::NoEntry,
        NOT_WITHOUT_SOMEBODY => KeyringError::Locked,
        NO_DEFAULT_KEYCHAIN => KeyringError::NoDefault,
        NO_KEYCHAIN => KeyringError::NoKeyring,
        DECLINED | NOT_ALLOWED => {
            KeyringError::Refused("nobody allowed it in the window that macOS asked in".to_owned())
        }
        status => {
            let sentence = sentence.unwrap_or_else(|| "It failed.".to_owned());
            KeyringError::Refused(format!("{sentence} ({status})"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_of_apples_is_told_in_our_words() {
        let error = |status| error_of(status, Some("Something about it.".to_owned()));
        assert!(matches!(error(NO_SUCH_ITEM), KeyringError::NoEntry));
        assert!(matches!(error(NOT_WITHOUT_SOMEBODY), KeyringError::Locked));
        assert!(matches!(error(NO_DEFAULT_KEYCHAIN), KeyringError::NoDefault));
        assert!(matches!(error(NO_KEYCHAIN), KeyringError::NoKeyring));
        for status in [DECLINED, NOT_ALLOWED] {
            assert!(error(status).to_string().contains("nobody allowed it"));
        }
        assert_eq!(error(-67).to_string(), "the keyring: Something about it. (-67)");
        assert_eq!(error_of(-67, None).to_string(), "the keyring: It failed. (-67)");
    }
}
