//! `hushfs mount`, `unmount` and `status`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::error::Error;
use crate::cli::mount_options::{
    MountOption, MountOptions, parse_history, parse_time_above_0, parse_waiting_limit,
};
use crate::fs::When;

use super::UnlockArgs;

/// Of `--lock-on-suspend`, for the long help.
#[cfg(not(target_os = "macos"))]
const LOCK_ON_SUSPEND: &str = "\
Lock the vault, as unmount does, before the machine sleeps; if programs have files in it open, it stays \
mounted, and that is said

Everything is in the vault before the machine sleeps either way, if that takes no longer than logind \
waits: 5 seconds, unless its InhibitDelayMaxSec says otherwise. What does not get there in time goes on \
after the sleep. A vault that was locked stays so when the machine is awake again.";
/// Of `--lock-on-suspend`, for the long help.
#[cfg(target_os = "macos")]
const LOCK_ON_SUSPEND: &str = "\
Refused on macOS: hushfs does not notice the sleep of a Mac. “--idle 10m” locks the vault once nobody has \
used it for so long, “hushfs lock” at once";

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
    #[arg(long, long_help = LOCK_ON_SUSPEND, hide_short_help = cfg!(target_os = "macos"))]
    pub lock_on_suspend: bool,
    /// Show no notifications on the desktop when the mount needs somebody: a full disk, damage, a vault's
    /// folder that is gone
    #[arg(long)]
    pub no_notify: bool,
    /// Find a name in the other form that Unicode has for it (“é” as one code point or as two), for
    /// vaults that are shared with macOS, where it is always so; every look at a name then takes a little longer
    #[arg(long)]
    pub equate_name_forms: bool,
    /// Show no earlier states in .hushfs/history, a folder of the mount that is never listed
    #[arg(long)]
    pub no_history_folder: bool,
    /// Never ask, at a terminal and with --key-file, whether the password or the written key is still
    /// at hand
    #[arg(long)]
    pub no_reminder: bool,
    /// End with exit code 0 where to try again would help nobody: launchd tries again after any other
    #[arg(long, hide = true)]
    pub under_launchd: bool,
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
