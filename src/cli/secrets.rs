//! Passwords and keys from files, commands and people.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use zeroize::Zeroizing;

use super::names::Shown as _;
use crate::crypto::{EmptyPassword, Password};
use crate::format::{KEY_TEXT_BYTES_MAX, KeyTextError, RecoveryKey};

/// The longest password, in bytes; with its line end, what is read at most.
const PASSWORD_BYTES_MAX: usize = 64 * 1024;

/// Why there is no password or key.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The system refused to read it.
    #[error("cannot read the {what} from {place}: {source}")]
    Unreadable {
        /// Password or key.
        what: &'static str,
        /// A file or command.
        place: String,
        /// Why.
        source: io::Error,
    },
    /// The first line is empty.
    #[error("the first line of {place} is empty, and an empty password opens nothing")]
    Empty {
        /// A file or command.
        place: String,
    },
    /// That is no password.
    #[error("the first line of {place} is longer than 65536 bytes")]
    TooLong {
        /// A file or command.
        place: String,
    },
    /// The password command failed; its password, if it printed one, was not used.
    #[error("the password command failed ({status})")]
    CommandFailed {
        /// How it ended.
        status: ExitStatus,
    },
    /// The key file holds no key.
    #[error("{} holds no 64-digit key: {source}", path.shown())]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyTextError,
    },
}

/// The password in the first line of a file, without its line end.
///
/// # Errors
/// [`SecretsError`].
pub fn password_from_file(path: &Path) -> Result<Password, SecretsError> {
    let place = path.shown();
    let unreadable =
        |source| SecretsError::Unreadable { what: "password", place: place.clone(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    warn_if_others_can_read(&file, path);
    let bytes = read_at_most(&mut file, PASSWORD_BYTES_MAX + 2).map_err(unreadable)?;
    first_line(&bytes, &place)
}

/// The password in the first line that a shell command prints, without its line end. The command
/// has our standard input and standard error.
///
/// # Errors
/// [`SecretsError`].
pub fn password_from_command(command: &str) -> Result<Password, SecretsError> {
    let place = "the password command’s output".to_owned();
    let unreadable =
        |source| SecretsError::Unreadable { what: "password", place: place.clone(), source };
    let mut child = Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(unreadable)?;
    let mut bytes = Ok(Zeroizing::new(Vec::new()));
    if let Some(mut stdout) = child.stdout.take() {
        bytes = read_at_most(&mut stdout, PASSWORD_BYTES_MAX + 2);
        // A command that prints more must not fail because nobody reads it.
        let mut rest = Zeroizing::new([0; 4096]);
        while stdout.read(&mut *rest).is_ok_and(|read| read > 0) {}
    }
    let status = child.wait().map_err(unreadable)?;
    if !status.success() {
        return Err(SecretsError::CommandFailed { status });
    }
    first_line(&bytes.map_err(unreadable)?, &place)
}

/// The 64-digit key in a file.
///
/// # Errors
/// [`SecretsError::Unreadable`] or [`SecretsError::NotAKey`].
pub fn key_from_file(path: &Path) -> Result<RecoveryKey, SecretsError> {
    let unreadable = |source| SecretsError::Unreadable { what: "key", place: path.shown(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    warn_if_others_can_read(&file, path);
    let bytes_max = usize::try_from(KEY_TEXT_BYTES_MAX).unwrap_or(usize::MAX);
    let bytes = read_at_most(&mut file, bytes_max).map_err(unreadable)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        unreadable(io::Error::new(io::ErrorKind::InvalidData, "it is not a text file"))
    })?;
    RecoveryKey::parse(text)
        .map_err(|source| SecretsError::NotAKey { path: path.to_owned(), source })
}

fn first_line(bytes: &[u8], place: &str) -> Result<Password, SecretsError> {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or(bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() > PASSWORD_BYTES_MAX {
        return Err(SecretsError::TooLong { place: place.to_owned() });
    }
    Password::new(Zeroizing::new(line.to_vec()))
        .map_err(|EmptyPassword| SecretsError::Empty { place: place.to_owned() })
}

/// Up to `bytes_max` bytes, in memory that never moved and so left no copy behind.
pub(in crate::cli) fn read_at_most(
    from: &mut impl Read,
    bytes_max: usize,
) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; bytes_max]);
    let mut filled = 0;
    while filled < bytes_max {
        match from.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

fn warn_if_others_can_read(file: &File, path: &Path) {
    let Ok(metadata) = file.metadata() else {
        return;
    };
    if metadata.is_file() && metadata.mode() & 0o044 != 0 {
        let path = path.shown();
        log::warn!("other users can read {path}; “chmod 600 {path}” keeps them out");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(bytes: &[u8]) -> Result<Vec<u8>, SecretsError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        password_from_file(file.path()).map(|password| password.bytes().to_vec())
    }

    #[test]
    fn a_password_file_is_its_first_line_without_the_line_end() {
        for text in [&b"pass word"[..], b"pass word\n", b"pass word\r\nmore\n"] {
            assert_eq!(password(text).unwrap(), b"pass word");
        }
        assert_eq!(password(b" \xFF\0 \n").unwrap(), b" \xFF\0 ");
        for text in [&b""[..], b"\n", b"\r\n", b"\nsecond"] {
            assert!(matches!(password(text), Err(SecretsError::Empty { .. })));
        }
        let longest = vec![b'x'; PASSWORD_BYTES_MAX];
        assert_eq!(password(&longest).unwrap(), longest);
        let longer = vec![b'x'; PASSWORD_BYTES_MAX + 10];
        assert!(matches!(password(&longer), Err(SecretsError::TooLong { .. })));
        assert!(matches!(
            password_from_file(Path::new("/nonexistent/file")),
            Err(SecretsError::Unreadable { .. })
        ));
    }

    #[test]
    fn a_password_command_prints_the_password_and_must_not_fail() {
        let password = password_from_command("echo 'pass word'; echo second").unwrap();
        assert_eq!(password.bytes(), b"pass word");
        let password = password_from_command("echo x; yes | head -c 1000000").unwrap();
        assert_eq!(password.bytes(), b"x");
        assert!(matches!(
            password_from_command("echo x; exit 3"),
            Err(SecretsError::CommandFailed { status }) if status.code() == Some(3)
        ));
        assert!(matches!(password_from_command("true"), Err(SecretsError::Empty { .. })));
    }

    #[test]
    fn a_key_file_holds_one_key_in_any_spacing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        let key = RecoveryKey::random();
        std::fs::write(&path, format!("{}\n\n", *key.four_lines())).unwrap();
        assert_eq!(key_from_file(&path).unwrap().secret().bytes(), key.secret().bytes());
        std::fs::write(&path, &key.one_line()[1..]).unwrap();
        assert!(matches!(
            key_from_file(&path),
            Err(SecretsError::NotAKey { source: KeyTextError::TooFew { digits: 63 }, .. })
        ));
        std::fs::write(&path, b"\xFF\xFE").unwrap();
        assert!(matches!(key_from_file(&path), Err(SecretsError::Unreadable { .. })));
    }
}
