//! What a key sheet says, in whatever form.

use crate::cli::init::quoted;
use crate::format::RecoveryKey;

/// A longer name of a vault is not written into commands.
const NAME_LETTERS_MAX: usize = 40;

/// What is on a sheet.
pub(super) struct Sheet<'a> {
    /// The name of the vault's folder.
    pub(super) vault_name: String,
    pub(super) vault_id: String,
    /// The first digits of the id of the slot that the key opens, if that is known.
    pub(super) slot: Option<String>,
    pub(super) date: String,
    pub(super) key: &'a RecoveryKey,
}

/// One step of how to restore.
pub(super) struct Step {
    /// What to do.
    pub(super) what: String,
    /// What to type for it.
    pub(super) command: Option<String>,
}

impl Sheet<'_> {
    /// The heads of the sheet, each with what it says.
    pub(super) fn heads(&self) -> Vec<(&'static str, String)> {
        let mut heads = vec![
            ("Vault", self.vault_name.clone()),
            ("Vault id", self.vault_id.clone()),
            ("Date", self.date.clone()),
        ];
        heads.extend(self.slot.iter().map(|slot| ("Slot", slot.clone())));
        heads
    }

    /// How to restore.
    pub(super) fn steps(&self) -> Vec<Step> {
        // Not every printer has all letters, and a line has an end.
        let fits = self.vault_name.is_ascii() && self.vault_name.len() <= NAME_LETTERS_MAX;
        let (vault, stands_for) = match fits {
            true => (quoted(std::path::Path::new(&self.vault_name)), ""),
            false => ("VAULT".to_owned(), " VAULT stands for it below."),
        };
        let step = |what: &str, command: Option<String>| Step { what: what.to_owned(), command };
        vec![
            step(
                &format!(
                    "Get the vault's folder: let the sync client download all of it, or copy it from \
                     wherever you have it. It holds hushfs.vault and the folders keys, log and \
                     data.{stands_for}"
                ),
                None,
            ),
            step("Install hushfs on a machine with Linux.", None),
            step(
                "Copy all files out of the vault. When it asks, type the 64 digits of this page, or what \
                 the QR code says. Spaces and capitals do not matter.",
                Some(format!("hushfs restore {vault} restored")),
            ),
            step(
                "Or go on using the vault, in an empty folder:",
                Some(format!("hushfs mount {vault} MOUNTPOINT")),
            ),
            step(
                "If there is no password that you know, set a new one:",
                Some(format!("hushfs passwd {vault}")),
            ),
        ]
    }

    /// What to mind.
    pub(super) fn warning(&self) -> String {
        let remove = match &self.slot {
            Some(slot) => format!(" (slot {slot})"),
            None => String::new(),
        };
        format!(
            "Whoever has this page and a copy of the vault can read all that is in it. Keep it apart \
             from the device, where you keep papers of worth. If it is lost or somebody else has seen \
             it, make another one with \u{201c}hushfs key sheet\u{201d}, and take this key{remove} away \
             with \u{201c}hushfs key remove\u{201d}."
        )
    }
}

/// A text as lines of at most so many letters, broken between words.
pub(super) fn wrapped(text: &str, letters_max: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is a first line from the start");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > letters_max {
            lines.push(word.to_owned());
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("longer-than-that x", 7), ["longer-than-that", "x"]);
        assert_eq!(wrapped("", 7), [""]);
    }

    #[test]
    fn commands_take_a_vault_whose_name_has_spaces() {
        let key = RecoveryKey::random();
        let sheet = Sheet {
            vault_name: "My chats".to_owned(),
            vault_id: String::new(),
            slot: None,
            date: String::new(),
            key: &key,
        };
        let commands: Vec<String> =
            sheet.steps().into_iter().filter_map(|step| step.command).collect();
        assert_eq!(commands[0], "hushfs restore 'My chats' restored");
        let other = Sheet { vault_name: "caf\u{e9}".to_owned(), ..sheet };
        assert!(other.steps()[0].what.ends_with("VAULT stands for it below."));
        assert_eq!(other.steps()[2].command.as_deref(), Some("hushfs restore VAULT restored"));
    }
}
