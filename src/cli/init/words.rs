//! What `init` says, and what it leaves in the vault's README.txt.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::run::Ways;
use crate::cli::names::{Shown as _, steers};

/// For whoever finds the folder; holds no secrets.
pub const README: &str = "\
This folder is a hushfs vault: an encrypted backup. Everything in it is
encrypted; without its password or its 64-digit key nobody can read it,
neither the service that stores it nor the makers of hushfs.

To open it, install hushfs and run

    hushfs mount THIS-FOLDER MOUNTPOINT

with an empty folder as MOUNTPOINT, which then shows the files. Without
mounting, this copies them all out:

    hushfs restore THIS-FOLDER DESTINATION

Please do not rename, edit, move or delete anything in this folder: each
file is a part of the whole and is known by its name. Copying the whole
folder, or having a sync program upload and download it, is what it is
made for.

    hushfs.vault   what kind of vault this is
    keys/          the locked master key, once for each way to unlock
    log/           names, folders and changes, encrypted
    data/          the files' content, encrypted
";

/// That a loss is final, for these ways to unlock.
pub fn warning(ways: &Ways) -> String {
    let (lost, saved) = match (ways.password.is_some(), ways.key.is_some()) {
        (true, true) => ("both the password and the key are", "them"),
        (true, false) => ("the password is", "it"),
        (false, _) => ("the key is", "it"),
    };
    format!(
        "If {lost} lost, the backup is lost: nobody can restore it, neither the cloud service nor \
         the makers of hushfs. Keep {saved} where you find {saved} without this device."
    )
}

/// The same before it is known which ways there will be.
pub fn first_words(vault: &Path) -> String {
    format!(
        "This makes a new vault in {}.\n\n\
         What you put into it is encrypted before it is uploaded. Nobody can restore a backup\n\
         whose password and key are both lost: neither the cloud service nor the makers of\n\
         hushfs. There is no way to reset them.\n",
        vault.shown()
    )
}

/// The question about ways to unlock.
pub const WHICH_WAY: &str = "\
How do you want to unlock it?
  1  with a password
  2  with a 64-digit key, made now, to write down or print
  3  with either of the two: the key is there if you forget the password";

/// What to do next.
pub fn last_words(vault: &Path, ways: &Ways) -> String {
    let vault = quoted(vault);
    let (opens, lost) = match (ways.password.is_some(), ways.key.is_some()) {
        (true, true) => (
            "The password opens it, and so does the 64-digit key.",
            "Whoever loses both password and key has lost the backup.",
        ),
        (true, false) => {
            ("The password opens it.", "Whoever loses the password has lost the backup.")
        }
        (false, _) => ("The 64-digit key opens it.", "Whoever loses the key has lost the backup."),
    };
    let key_flag = match &ways.key_file {
        Some(file) if ways.password.is_none() => format!("--key-file {} ", quoted(file)),
        _ => String::new(),
    };
    format!(
        "The vault is in {vault}. {opens}\n\n\
         Next, show its files in an empty folder, and copy your backups there:\n\n    \
         mkdir MOUNTPOINT\n    \
         hushfs mount {key_flag}{vault} MOUNTPOINT\n\n\
         “hushfs unmount MOUNTPOINT” locks it again. {lost}"
    )
}

/// `path` as a shell takes it.
pub fn quoted(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes();
    let text = match path.to_str() {
        Some(text) if !text.chars().any(steers) => text.to_owned(),
        _ => {
            let escaped = |byte: &u8| match byte {
                b'\'' | b'\\' => format!(r"\x{byte:02x}"),
                b' '..=b'~' => char::from(*byte).to_string(),
                byte => format!(r"\x{byte:02x}"),
            };
            return format!("$'{}'", bytes.iter().map(escaped).collect::<String>());
        }
    };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+,:@%".contains(letter);
    match text.chars().all(plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_to_copy_is_quoted_for_the_shell() {
        assert_eq!(quoted(Path::new("/srv/a-b_c.d")), "/srv/a-b_c.d");
        assert_eq!(quoted(Path::new("it's\n\x1b")), r"$'it\x27s\x0a\x1b'");
        assert_eq!(
            quoted(Path::new("My \u{2764} Jo's")),
            r"'My \u{2764} Jo'\''s'".replace(r"\u{2764}", "\u{2764}")
        );
    }
}
