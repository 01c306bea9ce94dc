//! `hushfs collect`, `conflicts`, `fetch` and `verify`, and what all have in common that only tell something.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::mount_options::parse_history;

use super::UnlockArgs;

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
