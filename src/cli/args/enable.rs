//! Flags of the commands that turn encryption on and off.

use std::path::PathBuf;

use clap::Args;

use super::UnlockArgs;

/// What the help of `enable` ends with.
pub const ENABLE_EXAMPLES: &str = "\
Examples:
  hushfs enable ~/Chats --vault ~/Dropbox/chats.vault
      asks how to unlock the new vault, copies ~/Chats into it, reads every file back and compares it,
      asks again, deletes the unencrypted files, and mounts the vault at ~/Chats
  hushfs enable ~/Chats --vault ~/Dropbox/chats.vault --also-delete ~/Dropbox/old-chats
      deletes unencrypted copies in the cloud folder, too, as far as the vault has what is in them
  hushfs enable ~/Chats --vault ~/Dropbox/chats.vault --keep-originals
      deletes nothing: the files stay in “~/Chats (originals)”
  hushfs enable --yes --key-file ~/chats.key ~/Chats --vault ~/Dropbox/chats.vault
      asks nothing; with --json it tells a script what was compared and deleted, and what stays and why

If it is cut off, by whatever, run the same command again: it goes on. A file is deleted only when the
vault has been opened anew and given back the same bytes and attributes. Whatever has changed
meanwhile, is open for writing, cannot be read or is a socket or device stays where it is and is
named; the exit code is 1 then, and nothing is mounted: close what uses it, and run the command again.
Files of the same name that are in the vault already stay: one with the same content gets the times,
mode and owner that it has in FOLDER; if FOLDER's is another one, it comes beside as “NAME
(original).EXT”.

FOLDER must not be in a folder that is uploaded, since the mount would be uploaded, too: move it
elsewhere first, or pass --no-mount.

Cloud services keep what is deleted for a time, and earlier versions of it: what is said at the end
tells how to get rid of that.";

/// What the help of `disable` ends with.
pub const DISABLE_EXAMPLES: &str = "\
Examples:
  hushfs disable ~/Dropbox/chats.vault ~/Chats
      unmounts the vault if it is mounted there, copies everything in it to ~/Chats, unencrypted, and
      compares every file with the vault
  hushfs disable --delete-vault ~/Dropbox/chats.vault ~/Chats
      then asks, and deletes the vault with all earlier states of its files

If it is cut off, run the same command again: it goes on. The vault is deleted only if every file in it
was compared, and nothing is damaged or missing. Earlier states are not brought back; “hushfs restore
--at” does that. What is in ~/Chats is not encrypted any more: where it is uploaded, others can read it.";

/// `hushfs enable`.
#[derive(Debug, Args)]
pub struct EnableArgs {
    /// How to unlock the vault; a new one can be unlocked so from then on.
    #[command(flatten)]
    pub unlock: UnlockArgs,
    /// Where this device's journal is, if not below ~/.local/state
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// The vault's folder; a new vault is made if there is none
    #[arg(long, value_name = "VAULT")]
    pub vault: PathBuf,
    /// Delete unencrypted copies here as well, as far as the vault has their bytes; may be repeated
    #[arg(long, value_name = "PATH")]
    pub also_delete: Vec<PathBuf>,
    /// Keep the unencrypted files, in a folder “NAME (originals)” beside FOLDER
    #[arg(long)]
    pub keep_originals: bool,
    /// Do not mount the vault at FOLDER afterwards
    #[arg(long)]
    pub no_mount: bool,
    /// Delete without asking once more
    #[arg(long)]
    pub yes: bool,
    /// Say what was done as JSON on standard output, once it is done or cannot be; asks nothing
    #[arg(long, requires = "yes")]
    pub json: bool,
    /// The folder with the unencrypted files
    pub folder: PathBuf,
}

/// `hushfs disable`.
#[derive(Debug, Args)]
pub struct DisableArgs {
    /// How to unlock the vault.
    #[command(flatten)]
    pub unlock: UnlockArgs,
    /// Where this device's journal is, if not below ~/.local/state
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Delete the vault afterwards, with all earlier states, if every byte of it was compared
    #[arg(long)]
    pub delete_vault: bool,
    /// Delete without asking once more
    #[arg(long, requires = "delete_vault")]
    pub yes: bool,
    /// The vault's folder
    pub vault: PathBuf,
    /// The folder to bring the files back to: empty, missing, or where the vault is mounted
    pub folder: PathBuf,
}
