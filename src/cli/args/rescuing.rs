//! `hushfs restore`, `salvage` and `repair`.

use std::path::PathBuf;

use clap::Args;

use crate::fs::When;

use super::UnlockArgs;

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
