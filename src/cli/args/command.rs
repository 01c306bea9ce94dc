//! The command line's words: the commands, what each is for, and examples.

use clap::{ArgAction, Parser, Subcommand};

use crate::cli::exit::ExitCode;

use super::desktop::{FORGET_EXAMPLES, SERVICE_EXAMPLES, remember_examples};
use super::keys::{KEY_EXAMPLES, PASSWD_EXAMPLES};
use super::rekey::REKEY_EXAMPLES;
use super::*;

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
    #[command(after_long_help = super::enable::ENABLE_EXAMPLES)]
    Enable(EnableArgs),
    /// Bring everything in a vault back into an ordinary folder
    #[command(after_long_help = super::enable::DISABLE_EXAMPLES)]
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
    #[command(after_long_help = remember_examples())]
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
    #[command(name = "keyvault", after_long_help = crate::cli::keyvault::args::KEYVAULT_EXAMPLES)]
    KeyVault(crate::cli::keyvault::args::KeyVaultArgs),
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use crate::cli::error::Error;

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
}
