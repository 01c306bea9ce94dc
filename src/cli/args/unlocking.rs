//! Flags that say how to unlock a vault.

use std::path::PathBuf;

use clap::Args;

/// How to unlock a vault; without any of these, with the key in the keyring if this device remembers it, and
/// else by asking.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[group(skip)]
pub struct UnlockArgs {
    /// Take the password from the first line of a file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["password_command", "key_file"])]
    pub password_file: Option<PathBuf>,
    /// Take the password from the first line that a shell command prints
    #[arg(long, value_name = "COMMAND", conflicts_with = "key_file")]
    pub password_command: Option<String>,
    /// Take the 64-digit key from a file
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Ask, although this device remembers how to unlock the vault (“hushfs remember”)
    #[arg(long)]
    pub no_keyring: bool,
    /// The password is the one of a key vault: ask that server, which counts a guess
    #[cfg(feature = "keyvault")]
    #[arg(long, conflicts_with = "key_file")]
    pub keyvault: bool,
}

impl UnlockArgs {
    /// No way was named: the keyring or somebody has to be asked.
    pub fn is_silent(&self) -> bool {
        let Self { password_file, password_command, key_file, .. } = self;
        let is_named = password_file.is_some() || password_command.is_some() || key_file.is_some();
        !is_named && !self.wants_key_vault()
    }

    /// The password is the one of a key vault.
    pub(in crate::cli) fn wants_key_vault(&self) -> bool {
        #[cfg(feature = "keyvault")]
        return self.keyvault;
        #[cfg(not(feature = "keyvault"))]
        false
    }
}
