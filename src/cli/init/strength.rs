//! Whether a password is worth its name.

use zxcvbn::{Score, zxcvbn};

use crate::crypto::Password;

/// What is judged: zxcvbn takes far more than linear time, and longer passwords are strong.
const JUDGED_LETTERS: usize = 100;

/// Why a password is weak, in whole sentences; `None` if it is not.
pub fn weakness(password: &Password) -> Option<String> {
    let text = String::from_utf8_lossy(password.bytes());
    let judged: zeroize::Zeroizing<String> =
        zeroize::Zeroizing::new(text.chars().take(JUDGED_LETTERS).collect());
    let judgement = zxcvbn(&judged, &["hushfs", "vault", "backup"]);
    if judgement.score() >= Score::Three {
        return None;
    }
    let mut sentences = vec!["This password is weak.".to_owned()];
    if let Some(feedback) = judgement.feedback() {
        sentences.extend(feedback.warning().map(|warning| warning.to_string()));
        sentences.extend(feedback.suggestions().iter().map(ToString::to_string));
    }
    Some(sentences.join(" "))
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn of(text: &str) -> Option<String> {
        weakness(&Password::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap())
    }

    #[test]
    fn a_common_password_is_weak_and_the_reason_is_said() {
        let reason = of("password1").unwrap();
        assert!(reason.contains("common password"), "{reason}");
        assert!(of("hushfs").is_some());
    }

    #[test]
    fn four_uncommon_words_are_strong() {
        assert_eq!(of("marmot brazier lectern oxbow"), None);
        assert_eq!(of(&"marmot brazier lectern oxbow ".repeat(1000)), None);
    }
}
