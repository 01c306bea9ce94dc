//! Flags of the commands for people at a desktop.

use std::path::PathBuf;

use clap::Args;

use super::args::UnlockArgs;

/// Of `hushfs remember`, for its long help.
pub const REMEMBER_EXAMPLES: &str = "\
Examples:
  hushfs remember ~/Dropbox/chats
      asks for the password or 64-digit key once, unless the vault is mounted here
  hushfs mount ~/Dropbox/chats ~/Chats
      asks nothing from then on

Kept is a new 64-digit key, in the keyring of your desktop (GNOME Keyring, KWallet, KeePassXC), never the
password. It has a slot of its own, “keyring of” and this machine's name in “hushfs key list”. Whoever can
unlock that keyring, as with your login's password, can open the vault then; so can a program that runs as
you. Commands that would ask for a password take that key, unless a flag names another way or --no-keyring
is given, and say so. If the keyring is locked or not there, they ask. A forgotten password can be reset on
this device: see “hushfs help passwd”.";

/// `hushfs remember`.
#[derive(Debug, Args)]
pub struct RememberArgs {
    /// How to unlock the vault, if it is not mounted.
    #[command(flatten)]
    pub unlock: UnlockArgs,
    /// The vault's folder or where it is mounted
    #[arg(value_name = "VAULT|MOUNTPOINT")]
    pub vault: PathBuf,
}

/// Of `hushfs forget`, for its long help.
pub const FORGET_EXAMPLES: &str = "\
Example:
  hushfs forget ~/Dropbox/chats
      removes the key from the keyring, and its slot from the vault

If the keyring cannot be reached, the slot goes all the same, and what the keyring has opens nothing then.
Of a device that is lost, remove the slot elsewhere: “hushfs key remove 'keyring of NAME' VAULT”.";

/// `hushfs forget`.
#[derive(Debug, Args)]
pub struct ForgetArgs {
    /// How to unlock the vault, if it is not mounted.
    #[command(flatten)]
    pub unlock: UnlockArgs,
    /// The vault's folder or where it is mounted
    #[arg(value_name = "VAULT|MOUNTPOINT")]
    pub vault: PathBuf,
}
