//! Flags of the commands for people at a desktop.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::UnlockArgs;
use crate::cli::mount_options::MountOption;

/// Which keyring that is.
#[cfg(not(target_os = "macos"))]
const KEYRING: &str = "\
Kept is a new 64-digit key, in the keyring of your desktop (whichever offers the Secret Service,
as GNOME Keyring and KeePassXC do), never the password.";
/// Which keyring that is.
#[cfg(target_os = "macos")]
const KEYRING: &str = "\
Kept is a new 64-digit key, in this Mac's login keychain, which iCloud does not synchronise, never
the password. After an update of hushfs macOS asks in a window whether the new one may read it.";

/// Of `hushfs remember`, for its long help.
pub fn remember_examples() -> String {
    format!(
        "\
Examples:
  hushfs remember ~/Dropbox/chats
      asks for the password or 64-digit key once, unless the vault is mounted here
  hushfs mount ~/Dropbox/chats ~/Chats
      asks nothing from then on

{KEYRING} It has a slot of its own, “keyring of” and this
machine's name in “hushfs key list”. Whoever can unlock that keyring, as with your login's
password, can open the vault then; so can a program that runs as you. Commands that would ask for
a password take that key, unless a flag names another way or --no-keyring is given, and say so. If
the keyring is locked or not there, they ask. A forgotten password can be reset on this device:
see “hushfs help passwd”."
    )
}

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

If the keyring cannot be reached, the slot goes all the same, and what the keyring has opens
nothing then. Of a device that is lost, remove the slot elsewhere: “hushfs key remove 'keyring of
NAME' VAULT”.";

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

/// Of `hushfs service`, for its long help.
pub const SERVICE_EXAMPLES: &str = "\
Examples:
  hushfs remember ~/Dropbox/chats
  hushfs service install ~/Dropbox/chats ~/Chats
      mounts the vault at every login, and brings everything into it and unmounts at logout
  hushfs service install --password-command 'pass chats' ~/Dropbox/chats ~/Chats
  hushfs service status
  hushfs service uninstall ~/Chats

“hushfs help service install” and so on say more.";

/// What mounts at login, and what it does.
#[cfg(not(target_os = "macos"))]
const AT_LOGIN: &str = "\
Writes a unit of systemd's to ~/.config/systemd/user, enables and starts it. If the keyring is
still locked at login, it is tried again each minute. At logout everything goes into the vault
before the mount ends, even where programs still have files open; what systemd leaves no time for
waits, sealed, in the state folder, and goes into the vault with the next mount. What was locked
or unmounted meanwhile is mounted again with “systemctl --user start” and the unit's name, or by
“hushfs mount”. Where a user lingers (“loginctl enable-linger”) it is mounted from start to
shutdown. Of one vault there is one service: the last that was installed.";
/// What mounts at login, and what it does.
#[cfg(target_os = "macos")]
const AT_LOGIN: &str = "\
Writes an agent of launchd's to ~/Library/LaunchAgents, and has it started. What could not be
mounted is tried again each minute, but for a wrong password and what else would fail again. At
logout everything goes into the vault before the mount ends, even where programs still have files
open; what launchd leaves no time for waits, sealed, in the state folder, and goes into the vault
with the next mount. What it says goes to ~/Library/Logs/hushfs. What was locked or unmounted
meanwhile is mounted again by “hushfs mount”. A password command finds what is in /usr/bin and
/bin: name others, as Homebrew's, by their whole path. Of one vault there is one service: the last
that was installed.";

fn install_examples() -> String {
    // --lock-on-suspend is refused on macOS.
    let flag = if cfg!(target_os = "macos") { "" } else { "--lock-on-suspend " };
    format!(
        "\
Examples:
  hushfs service install ~/Dropbox/chats ~/Chats
      on a device that remembers the vault (“hushfs remember”)
  hushfs service install {flag}-o idle=2h,history=30d ~/Dropbox/chats ~/Chats
  hushfs service install --password-command 'pass chats' ~/Dropbox/chats ~/Chats

{AT_LOGIN}"
    )
}

/// `hushfs service`.
#[derive(Debug, Args)]
pub struct ServiceArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ServiceCommand,
}

/// What is done with services.
#[derive(Debug, Subcommand)]
pub enum ServiceCommand {
    /// Mount a vault at every login of this user, and unmount it at logout
    #[command(after_long_help = install_examples())]
    Install(InstallArgs),
    /// Mount a vault at login no more
    #[command(after_long_help = "\
Example:
  hushfs service uninstall ~/Dropbox/chats
      by the vault's folder or where it is mounted; what is mounted stays so for now")]
    Uninstall(UninstallArgs),
    /// List the vaults that are mounted at login
    #[command(after_long_help = "\
Examples:
  hushfs service status
  hushfs service status --json")]
    Status(ServiceStatusArgs),
}

/// `hushfs service install`.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// How the vault is unlocked at login, if this device does not remember it.
    #[command(flatten)]
    pub unlock: UnlockArgs,
    /// Lock it before the machine sleeps, as “mount --lock-on-suspend” does
    #[arg(long, hide_short_help = cfg!(target_os = "macos"))]
    pub lock_on_suspend: bool,
    /// Do not mount it now, but from the next login on
    #[arg(long)]
    pub no_start: bool,
    /// Options of the mount, as “mount -o” has them
    #[arg(
        short = 'o',
        value_name = "OPT,…",
        value_delimiter = ',',
        value_parser = |text: &str| MountOption::parse(text).map(|option| (option, text.to_owned()))
    )]
    pub options: Vec<(MountOption, String)>,
    /// The vault's folder
    pub vault: PathBuf,
    /// The folder to show its files in
    pub mountpoint: PathBuf,
}

/// `hushfs service uninstall`.
#[derive(Debug, Args)]
pub struct UninstallArgs {
    /// The vault's folder or where it is mounted
    #[arg(value_name = "VAULT|MOUNTPOINT")]
    pub place: PathBuf,
}

/// `hushfs service status`.
#[derive(Debug, Args)]
pub struct ServiceStatusArgs {
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
}
