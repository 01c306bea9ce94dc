//! Flags of the command that gives a vault a new master key.

use std::path::PathBuf;

use clap::Args;

use super::NewPasswordArgs;
use super::UnlockArgs;

/// What the help of `rekey` ends with.
pub const REKEY_EXAMPLES: &str = "\
Examples:
  hushfs rekey ~/Dropbox/chats
      asks for the old password, then how the new vault is to be unlocked, and goes through it
  hushfs rekey --yes --password-file old --new-password-file new --delete-old ~/Dropbox/chats
      asks nothing
  hushfs rekey --abandon ~/Dropbox/chats
      gives up what was begun; the vault stays as it is

“hushfs passwd” changes what unlocks a vault, but whoever knew the old password may have kept what it
unlocked. This seals everything anew, in a new vault in the folder “NAME (rekeying)” beside the old one, with
the same files, history and devices; the ids of earlier states change. Once it is complete, and was read and
compared, the two change places. The old one is then “NAME (before rekey DATE)”, until you delete it. It
needs the room for both.

However it is cut off, the same command goes on, and asks for the new password or key: neither is kept
anywhere. The vault must not be mounted here meanwhile. On other devices, unmount it before and let their sync
clients finish; afterwards mount it there anew, with the new password or key.

Only the new ways open the new vault: make other passwords and keys anew, with “hushfs key add” and
“hushfs key sheet”. Whoever has copied the old vault and knows the old password can still read what was in it.";

/// `hushfs rekey`.
#[derive(Debug, Args)]
pub struct RekeyArgs {
    /// How to unlock the vault as it is.
    #[command(flatten)]
    pub unlock: UnlockArgs,
    /// Where this device's journal is, if not below ~/.local/state
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Where the new password comes from.
    #[command(flatten)]
    pub new_password: NewPasswordArgs,
    /// Write a new 64-digit key to this file, which must not exist yet; when going on, take it from there
    #[arg(long, value_name = "FILE")]
    pub new_key_file: Option<PathBuf>,
    /// Where this device's journal for the new vault is to be, if not below ~/.local/state
    #[arg(long, value_name = "DIR")]
    pub new_state_dir: Option<PathBuf>,
    /// Do not ask whether the new password or key is saved, nor whether to delete the old vault
    #[arg(long)]
    pub yes: bool,
    /// Delete the old vault once the new one is in its place
    #[arg(long, conflicts_with = "keep_old")]
    pub delete_old: bool,
    /// Keep the old vault beside the new one
    #[arg(long)]
    pub keep_old: bool,
    /// Give up what was begun: delete the new vault that is not complete
    #[arg(
        long,
        conflicts_with_all = ["new_password_file", "new_password_command", "new_key_file", "delete_old"]
    )]
    pub abandon: bool,
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
    /// The vault's folder
    pub vault: PathBuf,
}

impl RekeyArgs {
    /// The new ways as ways to unlock what was made with them: with the key, if there are both.
    pub fn new_unlock(&self) -> UnlockArgs {
        let has_key = self.new_key_file.is_some();
        let NewPasswordArgs { new_password_file, new_password_command } = self.new_password.clone();
        UnlockArgs {
            password_file: new_password_file.filter(|_| !has_key),
            password_command: new_password_command.filter(|_| !has_key),
            key_file: self.new_key_file.clone(),
            no_keyring: true,
            #[cfg(feature = "keyvault")]
            keyvault: false,
        }
    }
}
