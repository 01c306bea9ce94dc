//! The command line's words: commands, flags and their help.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::format::ChunkSize;
use crate::fs::When;

pub use super::completions::{CompletionsArgs, ManArgs};
use super::desktop_args::{FORGET_EXAMPLES, REMEMBER_EXAMPLES, SERVICE_EXAMPLES};
pub use super::desktop_args::{ForgetArgs, RememberArgs, ServiceArgs};
pub use super::enable_args::{DisableArgs, EnableArgs};
use super::error::Error;
use super::exit::ExitCode;
pub use super::history_args::{DiffArgs, HistoryArgs, UndeleteArgs};
pub use super::key_args::{KEY_EXAMPLES, KeyArgs, PASSWD_EXAMPLES, PasswdArgs};
use super::mount_options::{
    MountOption, MountOptions, parse_history, parse_time_above_0, parse_waiting_limit,
};
pub use super::rekey_args::{REKEY_EXAMPLES, RekeyArgs};
pub use super::seeing::args::{CatArgs, DuArgs, FindArgs, LsArgs, PlaceArgs};
use super::units::parse_bytes;

/// End-to-end encrypted chat backups on any cloud-sync folder.
///
/// A vault is a folder that holds only encrypted objects, for a sync client to upload. Mounted,
/// it shows its files as they are; unlocked with a password or a 64-digit key, and locked again
/// by unmounting.
#[derive(Debug, Parser)]
#[command(
    name = "hushfs",
    version,
    arg_required_else_help = true,
    after_help = ExitCode::help_table(),
)]
pub struct CommandLine {
    /// Say more of what is going on; twice for everything
    #[arg(short, long, action = ArgAction::Count, global = true, display_order = 900)]
    pub verbose: u8,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a new vault in an empty folder
    #[command(after_long_help = "\
Examples:
  hushfs init ~/Dropbox/chats
      asks how to unlock the vault, and goes through it step by step
  hushfs init --password-command 'pass chats' --key-file /media/stick/chats.key ~/Dropbox/chats
      makes a vault that a password opens, and a 64-digit key as well
  hushfs init --yes --key-file ~/chats.key ~/Dropbox/chats
      asks nothing

Whoever loses both password and key has lost the backup: nobody can restore it.")]
    Init(InitArgs),
    /// Move an existing folder into a vault, and mount the vault in its place
    #[command(after_long_help = super::enable_args::ENABLE_EXAMPLES)]
    Enable(EnableArgs),
    /// Bring everything in a vault back into an ordinary folder
    #[command(after_long_help = super::enable_args::DISABLE_EXAMPLES)]
    Disable(DisableArgs),
    /// Show a vault's files in a folder
    #[command(after_long_help = "\
Examples:
  hushfs mount ~/Dropbox/chats ~/Chats
      asks for the password or 64-digit key, and goes to the background
  hushfs mount --key-file ~/chats.key --read-only ~/Dropbox/chats ~/Chats
  hushfs mount --idle 15m ~/Dropbox/chats ~/Chats
      unmounts by itself, with everything in the vault, once nobody has used it for so long
  hushfs mount --lock-on-suspend ~/Dropbox/chats ~/Chats
  mount -t fuse.hushfs ~/Dropbox/chats ~/Chats -o key_file=/root/chats.key
In /etc/fstab:
  /srv/sync/chats  /mnt/chats  fuse.hushfs  noauto,user,password_file=/root/pw  0 0")]
    Mount(MountArgs),
    /// Bring everything into the vault and lock it
    #[command(after_long_help = "\
Example:
  hushfs unmount ~/Chats
      returns when everything is in the vault")]
    Unmount(UnmountArgs),
    /// Say what is mounted, and how a vault is
    #[command(after_long_help = "\
Examples:
  hushfs status
      all that is mounted
  hushfs status ~/Chats
  hushfs status --json ~/Dropbox/chats
  hushfs status --watch ~/Chats
      how fast it goes and what waits, drawn anew each second, until Ctrl-C or the mount's end

Where standard output is no terminal, --watch prints a line a second. At a terminal with TERM=dumb or with
NO_COLOR set, as for a screen reader, nothing is drawn over: a line is printed when something has changed.
With --json each look is a line of JSON.")]
    Status(StatusArgs),
    /// Unmount all that you have mounted
    #[command(after_long_help = "\
Example:
  hushfs lock
      before leaving the machine; as root, everybody's mounts

Each mount is unmounted as by “hushfs unmount”: everything is in the vault when this returns. One that is
in use stays, with the programs that use it named, and the others are locked. Exits with 13 if one is in
use, and with 1 if one stays for another reason.")]
    Lock,
    /// Let go of what a vault no longer needs
    #[command(after_long_help = "\
Examples:
  hushfs collect ~/Chats
  hushfs collect --history 30d ~/Dropbox/chats
      keeps one state a day of the last 30 days
  hushfs collect --history 0 ~/Dropbox/chats
      keeps no earlier state: for when the room runs out

What was deleted or overwritten stays in the vault for the history period, then goes; content that
is still needed moves out of packs that are mostly unneeded, and small packs become one. A mount
does all this by itself when it is quiet, if no other device writes into the vault. Where others do,
what they may still need stays until they are known to have seen the rest, or for 90 days; with
“--history 0” it goes: let them sync before.")]
    Collect(CollectArgs),
    /// List a folder of a vault, mounted or not
    #[command(after_long_help = "\
Examples:
  hushfs ls ~/Dropbox/chats
  hushfs ls -l ~/Dropbox/chats SignalBackups
  hushfs ls --at yesterday ~/Chats/SignalBackups
      in a mount, which needs no password: as it was at the end of yesterday
  hushfs ls --json ~/Dropbox/chats | jq -r '.[].path'

One name a line, hidden ones as well. At a terminal, what is no text in a name is written as an escape, as
in \\x1b, and a backslash as two; to a pipe or file the very bytes go. Where the vault is mounted, the
mount is looked at, and nothing is asked for. Symbolic links are shown and never followed. Exits with 11
or 14 if the vault is damaged or something has not arrived, so that there may be more.")]
    Ls(LsArgs),
    /// Write a file of a vault to standard output
    #[command(after_long_help = "\
Examples:
  hushfs cat ~/Dropbox/chats notes.txt | less
  hushfs cat --at 3h ~/Dropbox/chats msgstore.db > msgstore-3h-ago.db
  hushfs cat ~/Chats/notes.txt --at 2026-11-24
      a file of a mount, as it was

Ends with 11 at the first byte that is damaged, and with 14 at the first that has not arrived; what comes
before has been written then. “hushfs restore” gets what comes after as well.")]
    Cat(CatArgs),
    /// Find files of a vault by name, time, size and kind
    #[command(after_long_help = "\
Examples:
  hushfs find ~/Dropbox/chats --name '*.jpg'
  hushfs find ~/Dropbox/chats SignalBackups --newer 2d --larger 100M -l
  hushfs find --at 2026-11-20 ~/Chats --name 'msgstore*' --kind file

Prints paths in the vault, as “hushfs cat” and “hushfs restore” take them. All that is asked for has to
be met. Names are printed as “hushfs ls” does.")]
    Find(FindArgs),
    /// Tell what the folders of a vault hold, and what is stored for it
    #[command(after_long_help = "\
Examples:
  hushfs du ~/Dropbox/chats
  hushfs du --depth 3 ~/Chats/SignalBackups
  hushfs du --json --depth 0 --at yesterday ~/Dropbox/chats

HOLDS is what the files of a folder and all below it hold: holes are nothing, and a file of several names
counts once. STORED is what of that is in the vault once, where several places of these files share it, as
copies that “undelete”, or “cp” within a mount, made do. Content that folders share is in the number of each, but
once in that of the folder around them. The history, and what seals and pads it all, is not in it:
“hushfs status” tells that.")]
    Du(DuArgs),
    /// List a vault's earlier states, or the versions of some of its files
    #[command(after_long_help = "\
Examples:
  hushfs history ~/Dropbox/chats
  hushfs history ~/Dropbox/chats SignalBackups/signal.backup
      only the states that changed it: every version of the file
  hushfs history --json ~/Dropbox/chats

A line for each state: when it was published, its id, by which device, how much was in it, and what it
changed. “hushfs mount --at”, “hushfs restore --at” and “hushfs diff” take the time or the id. Whatever
is published at once, a few seconds' worth of changes mostly, is one state. Of what is older than a day,
one state a day is kept for the history period (see “hushfs help mount”), and listed are those that can be
had in full. A time stands for the newest of them from then or before.")]
    History(HistoryArgs),
    /// Say what is different between two states of a vault
    #[command(after_long_help = "\
Examples:
  hushfs diff ~/Dropbox/chats yesterday
      from the last state of yesterday to now
  hushfs diff ~/Dropbox/chats '2026-11-24 18:30' 3h SignalBackups
  hushfs diff ~/Dropbox/chats c0ffee12 now")]
    Diff(DiffArgs),
    /// Bring a deleted or overwritten file or folder back
    #[command(after_long_help = "\
Examples:
  hushfs undelete ~/Chats/SignalBackups/signal.backup
      as it was before it was deleted or overwritten last
  hushfs undelete --at 3h ~/Chats/SignalBackups
      a folder, as it was three hours ago
  hushfs undelete --vault ~/Dropbox/chats --at yesterday SignalBackups
      in a vault that is not mounted

It comes back as a copy that takes no room, with its owner, mode and times, under its own name if that
is free, and else beside: “SignalBackups (restored 2026-11-24)”. Nothing is ever overwritten. It finds
what was published: a file that was made and deleted within seconds may never have been.")]
    Undelete(UndeleteArgs),
    /// List files that two devices changed at the same time, and settle which version stays
    #[command(after_long_help = "\
Examples:
  hushfs conflicts ~/Chats
      lists every conflict copy and the file beside it, and where each comes from
  hushfs conflicts --keep A ~/'Chats/notes (conflict phone 2026-11-24).txt'
      keeps the file that has the name, notes.txt, and removes the copy
  hushfs conflicts --keep B ~/'Chats/notes (conflict phone 2026-11-24).txt'
      puts the copy in the place of notes.txt
  hushfs conflicts --keep both --as old.txt ~/'Chats/notes (conflict phone 2026-11-24).txt'
      keeps both, and gives the copy another name
  hushfs conflicts --keep A ~/Dropbox/chats 'notes (conflict phone 2026-11-24).txt'
      the same where the vault is not mounted; the path is one in the vault

A is always the file that has the name, B the copy. PATH may name the file that has the name, too, if
there is one copy of it. What is removed stays in the vault for the history period. Of two folders,
one is removed only if it is empty: move what you want to keep into the other one before.

Whatever has the name of a conflict copy, as in “NAME (conflict DEVICE DATE).EXT”, counts as one.")]
    Conflicts(ConflictsArgs),
    /// Bring files in that the sync client keeps online only
    #[command(after_long_help = "\
Examples:
  hushfs fetch ~/Chats/SignalBackups
      all below a folder of a mount
  hushfs fetch --json ~/Chats/a.jpg ~/Chats/b.jpg

A pack of the vault that is online only is a placeholder in the vault's folder, which the sync client
downloads when it is read. Reading a file in a mount does that by itself; this command does it
beforehand. Exits with 0 only if all is there. What the sync client takes away again later is online
only again: tell it to keep the vault's folder on this machine.")]
    Fetch(FetchArgs),
    /// Read everything in a vault and check that it is whole
    #[command(after_long_help = "\
Examples:
  hushfs verify ~/Dropbox/chats
  hushfs verify --key-file ~/chats.key --json ~/Dropbox/chats
Exits with 11 if anything is damaged or missing, and names the files it belongs to.")]
    Verify(VerifyArgs),
    /// Copy files out of a vault without mounting it
    #[command(after_long_help = "\
Examples:
  hushfs restore ~/Dropbox/chats ~/restored
      everything
  hushfs restore ~/Dropbox/chats ~/restored SignalBackups 'Telegram Desktop'
      two folders
  hushfs restore --at yesterday ~/Dropbox/chats ~/restored SignalBackups
      a folder as it was at the end of yesterday")]
    Restore(RestoreArgs),
    /// Get files out of the packs of a vault that has lost its log
    #[command(after_long_help = "\
Examples:
  hushfs salvage ~/Dropbox/chats ~/salvaged
  hushfs salvage --key-file ~/chats.key --json ~/Dropbox/chats ~/salvaged

Use it where “hushfs restore” cannot: it needs no log objects and no hushfs.vault, only one slot
and the packs, copies of packs that a sync client made included. It changes nothing in the vault.

Packs do not know what was deleted or renamed later: deleted files and older names may come back.
They know nothing of folders, empty files, links, owners and modes. Files without a usable path go
to lost+found in the destination; a file that lacks content gets “.damaged” behind its name, with
zeroes for what is missing. A file with holes looks the same, since nothing tells one from the
other. Nothing in the destination is ever overwritten. Exits with 11 if anything is damaged or
incomplete.")]
    Salvage(SalvageArgs),
    /// List, add, remove and test the ways to unlock a vault
    #[command(after_long_help = KEY_EXAMPLES)]
    Key(KeyArgs),
    /// Change the password of a vault, or reset one that is forgotten
    #[command(after_long_help = PASSWD_EXAMPLES)]
    Passwd(PasswdArgs),
    /// Have this device unlock a vault by itself from now on
    #[command(after_long_help = REMEMBER_EXAMPLES)]
    Remember(RememberArgs),
    /// Have this device ask again how to unlock a vault
    #[command(after_long_help = FORGET_EXAMPLES)]
    Forget(ForgetArgs),
    /// Mount vaults at login, and unmount them at logout
    #[command(after_long_help = SERVICE_EXAMPLES)]
    Service(ServiceArgs),
    /// Give a vault a new master key, for when a password may have leaked
    #[command(after_long_help = REKEY_EXAMPLES)]
    Rekey(RekeyArgs),
    /// Use a key vault, or run one: a server that gives a key out only for the right password
    #[cfg(feature = "keyvault")]
    #[command(name = "keyvault", after_long_help = super::keyvault::args::KEYVAULT_EXAMPLES)]
    KeyVault(super::keyvault::args::KeyVaultArgs),
    /// Say what of a damaged vault can be repaired, and repair it
    #[command(after_long_help = "\
Examples:
  hushfs repair ~/Dropbox/chats
      says what can be repaired, and changes nothing
  hushfs repair --write ~/Dropbox/chats
      does it

Let the sync client finish first. Nothing is repaired while something that this machine has never
seen has not arrived (14), unless --give-up says that it is lost.

Damaged and missing objects are replaced by copies of themselves that a sync client has made,
whatever they are called, or made anew from what the log, a slot or their own intact parts tell.
Where log objects are lost for good, what the later ones did is taken over as far as it fits, and
files of packs that nothing mentions any more come back; what has no place goes to the folder
lost+found among the vault's files, with a text that says what was lost. Damaged objects move to
the folder lost+found in the vault's own folder. Nothing is ever deleted.

Other machines that have seen what is lost refuse to mount for writing until they run “hushfs
repair --write” as well. Exits with 11 if there is something to repair, or something was lost.")]
    Repair(RepairArgs),
    /// Print completions for a shell
    #[command(after_long_help = "\
Examples:
  hushfs completions bash > ~/.local/share/bash-completion/completions/hushfs
  hushfs completions zsh > ~/.zfunc/_hushfs
      with ~/.zfunc in fpath
  hushfs completions fish > ~/.config/fish/completions/hushfs.fish")]
    Completions(CompletionsArgs),
    /// Write man pages, a page for each command
    #[command(hide = true)]
    Man(ManArgs),
}

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
    pub(super) fn wants_key_vault(&self) -> bool {
        #[cfg(feature = "keyvault")]
        return self.keyvault;
        #[cfg(not(feature = "keyvault"))]
        false
    }
}

/// `hushfs init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Unlock with the password in the first line of this file
    #[arg(long, value_name = "FILE", conflicts_with = "password_command")]
    pub password_file: Option<PathBuf>,
    /// Unlock with the password that a shell command prints as its first line
    #[arg(long, value_name = "COMMAND")]
    pub password_command: Option<String>,
    /// Unlock with a new 64-digit key, written to this file, which must not exist yet
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Ask nothing
    #[arg(long)]
    pub yes: bool,
    /// Cut files into chunks of this many bytes: a power of two from 4K to 1M
    #[arg(long, value_name = "N", default_value = "4K", value_parser = parse_chunk_size)]
    pub chunk_size: ChunkSize,
    /// The folder to make the vault in; made if it is missing
    pub vault: PathBuf,
}

/// `hushfs mount`.
#[derive(Debug, Args)]
pub struct MountArgs {
    /// How to unlock the vault.
    #[command(flatten)]
    pub unlock: UnlockArgs,
    /// Stay in the foreground
    #[arg(short, long)]
    pub foreground: bool,
    /// Change nothing in the vault
    #[arg(long)]
    pub read_only: bool,
    /// Show the vault as it was, read-only: at a time (2026-11-24, “2026-11-24 18:30”, yesterday, 3h,
    /// 2d; by this machine's time zone) or in a state of this id
    #[arg(long, value_name = "TIME|ID", value_parser = When::parse, conflicts_with = "accept_rollback")]
    pub at: Option<When>,
    /// Go on from the vault as it is, although it is older than what this device has seen: what is
    /// newer is given up, but for what waits in the state folder, which is kept as files
    #[arg(long, conflicts_with = "read_only")]
    pub accept_rollback: bool,
    /// Let other users in as far as the files' modes allow
    #[arg(long)]
    pub allow_other: bool,
    /// Keep this device's journal here instead of below ~/.local/state
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Let at most this much wait in the state folder while the vault takes nothing; then writing
    /// fails for want of room [default: 8G]
    #[arg(long, value_name = "SIZE", value_parser = parse_waiting_limit)]
    pub waiting_limit: Option<u64>,
    /// Keep earlier states for so long, as in 0, 36h or 30d [default: 24h]
    ///
    /// Every state of the last day is kept. Of the days before, back to this time, the last state of each
    /// day (UTC) is. What only the others needed leaves the vault, with “hushfs collect” or once a mount is
    /// quiet. “hushfs status” says what is kept for the history. Where several devices collect, the shortest
    /// time of any of them is what there is.
    #[arg(long, value_name = "TIME", value_parser = parse_history)]
    pub history: Option<Duration>,
    /// Let whoever reads a file wait so long at most for packs that the sync client keeps online
    /// only [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = parse_time_above_0)]
    pub fetch_limit: Option<Duration>,
    /// End the mount by itself, as unmount does, once nobody has used it for so long and no file in it is
    /// open, as in 15m
    #[arg(long, value_name = "TIME", value_parser = parse_time_above_0)]
    pub idle: Option<Duration>,
    /// Lock the vault, as unmount does, before the machine sleeps; if programs have files in it open, it
    /// stays mounted, and that is said
    ///
    /// Everything is in the vault before the machine sleeps either way, if that takes no longer than logind
    /// waits: 5 seconds, unless its InhibitDelayMaxSec says otherwise. What does not get there in time goes
    /// on after the sleep. A vault that was locked stays so when the machine is awake again.
    #[arg(long)]
    pub lock_on_suspend: bool,
    /// Show no notifications on the desktop when the mount needs somebody: a full disk, damage, a vault's
    /// folder that is gone
    #[arg(long)]
    pub no_notify: bool,
    /// Find a name in the other form that Unicode has for it (“é” as one code point or as two), for
    /// vaults that are shared with macOS; every look at a name then takes a little longer
    #[arg(long)]
    pub equate_name_forms: bool,
    /// Show no earlier states in .hushfs/history, a folder of the mount that is never listed
    #[arg(long)]
    pub no_history_folder: bool,
    /// Never ask, at a terminal and with --key-file, whether the password or the written key is still
    /// at hand
    #[arg(long)]
    pub no_reminder: bool,
    /// Options as mount(8) and fstab have them
    #[arg(
        short = 'o',
        value_name = "OPT,…",
        value_delimiter = ',',
        value_parser = MountOption::parse
    )]
    pub options: Vec<MountOption>,
    /// The vault's folder
    pub vault: PathBuf,
    /// The folder to show its files in
    pub mountpoint: PathBuf,
}

impl MountArgs {
    /// Flags and `-o` options as one.
    ///
    /// # Errors
    /// [`Error::Usage`] if they name more than one way to unlock.
    pub fn resolved(&self) -> Result<MountOptions, Error> {
        let mut options = MountOptions::gather(&self.options, &self.unlock)?;
        options.read_only |= self.read_only;
        options.allow_other |= self.allow_other;
        options.equate_name_forms |= self.equate_name_forms;
        options.history_folder &= !self.no_history_folder;
        options.lock_on_suspend |= self.lock_on_suspend;
        options.notifies &= !self.no_notify;
        if self.state_dir.is_some() {
            options.state_dir.clone_from(&self.state_dir);
        }
        options.waiting_limit = self.waiting_limit.or(options.waiting_limit);
        options.history = self.history.or(options.history);
        options.fetch_limit = self.fetch_limit.or(options.fetch_limit);
        options.idle = self.idle.or(options.idle);
        Ok(options)
    }
}

/// `hushfs unmount`.
#[derive(Debug, Args)]
pub struct UnmountArgs {
    /// The folder that shows the vault's files
    pub mountpoint: PathBuf,
}

/// `hushfs status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
    /// Go on showing how a mount is, each second
    #[arg(short, long)]
    pub watch: bool,
    /// A vault's folder or where it is mounted; without it, all that is mounted
    #[arg(value_name = "VAULT|MOUNTPOINT")]
    pub place: Option<PathBuf>,
}

/// `hushfs collect`.
#[derive(Debug, Args)]
pub struct CollectArgs {
    /// How to unlock the vault, if it is not mounted.
    #[command(flatten)]
    pub unlock: UnlockArgs,
    /// Where this device's journal is, if not below ~/.local/state
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Keep earlier states for so long, as in 0, 36h or 30d [default: that of the mount, or 24h]
    ///
    /// Every state of the last day is kept. Of the days before, back to this time, the last state of each
    /// day (UTC) is. A shorter time than that of the mount lets go of the days before.
    #[arg(long, value_name = "TIME", value_parser = parse_history)]
    pub history: Option<Duration>,
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
    /// The vault's folder or where it is mounted
    #[arg(value_name = "VAULT|MOUNTPOINT")]
    pub place: PathBuf,
}

/// What commands have in common that only tell something of a vault.
#[derive(Debug, Args)]
pub struct TellArgs {
    /// How to unlock the vault, if that is needed.
    #[command(flatten)]
    pub unlock: UnlockArgs,
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
    /// The vault's folder or where it is mounted
    #[arg(value_name = "VAULT|MOUNTPOINT")]
    pub vault: PathBuf,
}

/// `hushfs conflicts`.
#[derive(Debug, Args)]
pub struct ConflictsArgs {
    /// How to unlock the vault, if it is not mounted.
    #[command(flatten)]
    pub unlock: UnlockArgs,
    /// Where this device's journal is, if not below ~/.local/state
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Settle one conflict: keep the file that has the name (A), the copy (B), or both
    #[arg(long, value_enum, ignore_case = true, value_name = "A|B|both")]
    pub keep: Option<Keep>,
    /// What the copy is called from now on, with “--keep both”
    #[arg(long = "as", value_name = "NAME", requires = "keep", required_if_eq("keep", "both"))]
    pub new_name: Option<OsString>,
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
    /// The vault's folder or where it is mounted; with --keep also a path in a mount
    #[arg(value_name = "VAULT|MOUNTPOINT|PATH")]
    pub place: PathBuf,
    /// With --keep: the copy, or the file that has the name, as a path in the vault
    #[arg(value_name = "PATH", requires = "keep")]
    pub path: Option<PathBuf>,
}

/// Which of two versions stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Keep {
    /// The file that has the name
    #[value(name = "A")]
    A,
    /// The conflict copy
    #[value(name = "B")]
    B,
    /// Both of them
    Both,
}

/// `hushfs fetch`.
#[derive(Debug, Args)]
pub struct FetchArgs {
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
    /// Files in a mount, and folders with all below them
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
}

/// `hushfs verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// How to unlock the vault.
    #[command(flatten)]
    pub unlock: UnlockArgs,
    /// Where this device's journal is, if not below ~/.local/state
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
    /// The vault's folder
    pub vault: PathBuf,
}

/// `hushfs restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// How to unlock the vault.
    #[command(flatten)]
    pub unlock: UnlockArgs,
    /// Where this device's journal is, if not below ~/.local/state
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Restore the vault as it was, at a time (2026-11-24, “2026-11-24 18:30”, yesterday, 3h, 2d; by
    /// this machine's time zone) or in a state of this id
    #[arg(long, value_name = "TIME|ID", value_parser = When::parse)]
    pub at: Option<When>,
    /// Replace files that are in the destination already
    #[arg(long)]
    pub overwrite: bool,
    /// The vault's folder
    pub vault: PathBuf,
    /// The folder to copy to; made if it is missing
    pub destination: PathBuf,
    /// What to copy, as paths in the vault; everything if none is given
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

/// `hushfs salvage`.
#[derive(Debug, Args)]
pub struct SalvageArgs {
    /// How to unlock the vault.
    #[command(flatten)]
    pub unlock: UnlockArgs,
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
    /// The vault's folder
    pub vault: PathBuf,
    /// The folder to write to; made if it is missing
    pub destination: PathBuf,
}

/// `hushfs repair`.
#[derive(Debug, Args)]
pub struct RepairArgs {
    /// How to unlock the vault.
    #[command(flatten)]
    pub unlock: UnlockArgs,
    /// Where this device's journal is, if not below ~/.local/state
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Repair what can be repaired; without this nothing is changed
    #[arg(long)]
    pub write: bool,
    /// Take what has not arrived in the vault folder for lost
    #[arg(long)]
    pub give_up: bool,
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
    /// The vault's folder
    pub vault: PathBuf,
}

fn parse_chunk_size(text: &str) -> Result<ChunkSize, String> {
    parse_bytes(text)
        .and_then(|bytes| u32::try_from(bytes).ok())
        .and_then(|bytes| ChunkSize::new(bytes).ok())
        .ok_or_else(|| "a chunk size is a power of two from 4K to 1M".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<CommandLine, clap::Error> {
        CommandLine::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_command_line_is_well_formed() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn ways_to_unlock_exclude_each_other() {
        for command in ["verify v", "restore v d", "mount v m"] {
            for two in [
                "--password-file f --key-file k",
                "--password-file f --password-command c",
                "--password-command c --key-file k",
            ] {
                let line = format!("hushfs {command} {two}");
                assert!(parse(&line).is_err(), "{line}");
            }
            assert!(parse(&format!("hushfs {command} --key-file k")).is_ok());
        }
        assert!(parse("hushfs init --password-file f --password-command c v").is_err());
        assert!(parse("hushfs init --password-file f --key-file c v").is_ok());
    }

    #[test]
    fn flags_and_options_of_a_mount_add_up() {
        let resolved = |line: &str| match parse(line).unwrap().command {
            Command::Mount(args) => args.resolved(),
            _ => panic!("not a mount"),
        };
        let options =
            resolved("hushfs mount --read-only v m -o allow_other,noauto -o state_dir=s").unwrap();
        assert!(options.read_only && options.allow_other);
        assert_eq!(options.state_dir, Some("s".into()));
        let options = resolved("hushfs mount v m -o key_file=k").unwrap();
        assert_eq!(options.unlock.key_file, Some("k".into()));
        assert!(matches!(
            resolved("hushfs mount --password-file f v m -o key_file=k"),
            Err(Error::Usage(_))
        ));
        assert!(parse("hushfs mount v m -o bogus").is_err());
    }

    #[test]
    fn which_version_stays_is_said_with_a_name_where_both_do() {
        for line in ["v", "--json v", "--keep A v/a", "--keep b v a", "--keep both --as n v/a"] {
            assert!(parse(&format!("hushfs conflicts {line}")).is_ok(), "{line}");
        }
        for line in ["", "v a", "--keep both v/a", "--keep C v/a", "--as n v/a"] {
            assert!(parse(&format!("hushfs conflicts {line}")).is_err(), "{line}");
        }
    }

    #[test]
    fn a_chunk_size_has_a_unit_or_none() {
        for (text, bytes) in [("4096", 4096), ("4K", 4096), ("64k", 65536), ("1M", 1 << 20)] {
            assert_eq!(parse_chunk_size(text).unwrap().bytes(), bytes);
        }
        for text in ["", "K", "5000", "2M", "4096M", "-4K", "4 K"] {
            assert!(parse_chunk_size(text).is_err(), "{text}");
        }
    }
}
