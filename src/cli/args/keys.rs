//! Flags of the commands about ways to unlock.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use super::{TellArgs, UnlockArgs};

/// Of `hushfs key`, for its long help.
pub const KEY_EXAMPLES: &str = "\
Examples:
  hushfs key list ~/Dropbox/chats
  hushfs key add --key --name 'paper in the safe' ~/Dropbox/chats
  hushfs key sheet ~/Dropbox/chats chats-key.pdf
      a page to print, with a new key and how to restore
  hushfs key test --key-file /media/stick/chats.key ~/Dropbox/chats
  hushfs key remove 'paper in the safe' ~/Dropbox/chats

“hushfs help key add” and so on say more.";

/// `hushfs key`.
#[derive(Debug, Args)]
pub struct KeyArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: KeyCommand,
}

/// What is done with ways to unlock.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// List the slots of a vault: one for each way to unlock it
    #[command(after_long_help = "\
Examples:
  hushfs key list ~/Dropbox/chats
      asks for the password or 64-digit key, unless the vault is mounted here
  hushfs key list --json ~/Dropbox/chats

For each slot: its id, whether it opens with a password or a 64-digit key, its name, when it was made,
and on which device. Slots of an older hushfs tell the last three only to who opens them.")]
    List(TellArgs),
    /// Add a password or a 64-digit key that opens the vault as well
    #[command(after_long_help = "\
Examples:
  hushfs key add --key --name 'paper in the safe' ~/Dropbox/chats
      makes a new 64-digit key, and shows it to be written down
  hushfs key add --key --new-key-file /media/stick/chats.key ~/Dropbox/chats
  hushfs key add --password --name ann ~/Dropbox/chats

Any way that opens the vault will do to add another one. If the vault is mounted on this device,
nothing is asked for: the mount adds it.")]
    Add(KeyAddArgs),
    /// Remove a slot, so that its password or key opens the vault no more
    #[command(after_long_help = "\
Examples:
  hushfs key remove 4f2a91c0 ~/Dropbox/chats
      the slot whose id starts with these digits (“hushfs key list”)
  hushfs key remove 'paper in the safe' ~/Dropbox/chats

The last slot stays, and so does one if no other is known to open the vault: unlock with the one that
stays, to show that it does. Whoever has an old copy of the vault's folder and the old password can
still open that copy; and who has opened the vault once may have kept its master key.")]
    Remove(KeyRemoveArgs),
    /// Write a page to print: a 64-digit key, its QR code, and how to restore with it
    #[command(after_long_help = "\
Examples:
  hushfs key sheet ~/Dropbox/chats chats-key.pdf
      with a new key, which opens the vault from then on
  hushfs key sheet --key-file /media/stick/chats.key ~/Dropbox/chats chats-key.txt
      with this key, and no new one

A slot does not tell its key: a sheet has the one that is given with --key-file, or a new one, whose
slot is called after the sheet unless --name says otherwise. Whoever reads the file can open the vault:
print it, then delete it.")]
    Sheet(KeySheetArgs),
    /// Say which slots a password or key opens
    #[command(after_long_help = "\
Examples:
  hushfs key test ~/Dropbox/chats
      asks for a password or 64-digit key, and changes nothing
  hushfs key test --key-file /media/stick/chats.key ~/Dropbox/chats

Exits with 10 if it opens none.")]
    Test(TellArgs),
}

/// A new password or key, where it is not asked for.
#[derive(Clone, Debug, Default, Args)]
pub struct NewPasswordArgs {
    /// Take the new password from the first line of a file
    #[arg(long, value_name = "FILE", conflicts_with = "new_password_command")]
    pub new_password_file: Option<PathBuf>,
    /// Take the new password from the first line that a shell command prints
    #[arg(long, value_name = "COMMAND")]
    pub new_password_command: Option<String>,
}

/// `hushfs key add`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("way").required(true))]
pub struct KeyAddArgs {
    /// How to unlock the vault, if it is not mounted.
    #[command(flatten)]
    pub unlock: UnlockArgs,
    /// Add a password
    #[arg(long, group = "way")]
    pub password: bool,
    /// Add a new 64-digit key
    #[arg(long, group = "way")]
    pub key: bool,
    /// Where the new password comes from.
    #[command(flatten)]
    pub new_password: NewPasswordArgs,
    /// Write the new key to this file, which must not exist yet, instead of showing it
    #[arg(long, value_name = "FILE", conflicts_with = "password")]
    pub new_key_file: Option<PathBuf>,
    /// What to call it, to know it again: at most 64 bytes
    #[arg(long, value_name = "NAME", default_value = "", value_parser = parse_slot_name)]
    pub name: String,
    /// Do not ask whether it is saved
    #[arg(long)]
    pub yes: bool,
    /// The vault's folder or where it is mounted
    #[arg(value_name = "VAULT|MOUNTPOINT")]
    pub vault: PathBuf,
}

/// `hushfs key remove`.
#[derive(Debug, Args)]
pub struct KeyRemoveArgs {
    /// How to unlock the vault, if it is not mounted.
    #[command(flatten)]
    pub unlock: UnlockArgs,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// The slot: the first digits of its id, or its name
    #[arg(value_name = "SLOT")]
    pub slot: String,
    /// The vault's folder or where it is mounted
    #[arg(value_name = "VAULT|MOUNTPOINT")]
    pub vault: PathBuf,
}

/// `hushfs key sheet`.
#[derive(Debug, Args)]
pub struct KeySheetArgs {
    /// How to unlock the vault, if it is not mounted.
    #[command(flatten)]
    pub unlock: UnlockArgs,
    /// Write a PDF, whatever the file is called; without this only if its name ends in .pdf
    #[arg(long)]
    pub pdf: bool,
    /// What to call the new key's slot: at most 64 bytes [default: key sheet]
    #[arg(long, value_name = "NAME", value_parser = parse_slot_name, conflicts_with = "key_file")]
    pub name: Option<String>,
    /// The vault's folder or where it is mounted
    #[arg(value_name = "VAULT|MOUNTPOINT")]
    pub vault: PathBuf,
    /// The file to write, which must not exist yet
    pub file: PathBuf,
}

/// Of `hushfs passwd`, for its long help.
pub const PASSWD_EXAMPLES: &str = "\
Examples:
  hushfs passwd ~/Dropbox/chats
      asks for the old password and the new one; if the vault is mounted on this device, only for the
      new one
  hushfs passwd --forgotten ~/Dropbox/chats
      resets a forgotten password with the help of the mount on this device, or of its keyring
      (“hushfs remember”)
  hushfs passwd --key-file /media/stick/chats.key ~/Dropbox/chats
      resets it with the 64-digit key

The new password works before the old one stops to: whatever happens meanwhile, one of them opens the
vault. Whoever has an old copy of the vault's folder and the old password can still open that copy; if
somebody may have learned it, “hushfs rekey” seals everything anew.";

/// `hushfs passwd`.
#[derive(Debug, Args)]
pub struct PasswdArgs {
    /// How to unlock the vault: the old password, or a key.
    #[command(flatten)]
    pub unlock: UnlockArgs,
    /// Where the new password comes from.
    #[command(flatten)]
    pub new_password: NewPasswordArgs,
    /// Ask for no old password: the vault is mounted on this device, or this device remembers it
    #[arg(long, conflicts_with_all = ["password_file", "password_command", "key_file"])]
    pub forgotten: bool,
    /// Which password to replace, if the vault has several: the first digits of the slot's id, or its
    /// name
    #[arg(long, value_name = "SLOT")]
    pub slot: Option<String>,
    /// Do not ask whether the new password is saved
    #[arg(long)]
    pub yes: bool,
    /// The vault's folder or where it is mounted
    #[arg(value_name = "VAULT|MOUNTPOINT")]
    pub vault: PathBuf,
}

pub(in crate::cli) fn parse_slot_name(text: &str) -> Result<String, String> {
    match text {
        text if text.len() > crate::format::LABEL_BYTES_MAX => Err("longer than 64 bytes".into()),
        text if text.chars().any(char::is_control) => Err("it has a control character".into()),
        text => Ok(text.to_owned()),
    }
}
