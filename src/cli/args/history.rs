//! Flags of the commands about earlier states.

use std::path::PathBuf;

use clap::Args;

use crate::fs::When;

use super::{TellArgs, UnlockArgs};

/// `hushfs history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Of what.
    #[command(flatten)]
    pub of: TellArgs,
    /// Only states that changed one of these, as paths in the vault
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

/// `hushfs diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// Of what.
    #[command(flatten)]
    pub of: TellArgs,
    /// The earlier state: a time or an id
    #[arg(value_name = "TIME|ID", value_parser = When::parse)]
    pub from: When,
    /// The later one; without it, the newest
    #[arg(value_name = "TIME|ID", value_parser = When::parse)]
    pub to: Option<When>,
    /// Only what is at this path in the vault or below it
    pub path: Option<PathBuf>,
}

/// `hushfs undelete`.
#[derive(Debug, Args)]
pub struct UndeleteArgs {
    /// How to unlock the vault, if it is not mounted.
    #[command(flatten)]
    pub unlock: UnlockArgs,
    /// Where this device's journal is, if not below ~/.local/state
    #[arg(long, value_name = "DIR", requires = "vault")]
    pub state_dir: Option<PathBuf>,
    /// From the state at a time or of an id; without it, from the newest that had it otherwise
    #[arg(long, value_name = "TIME|ID", value_parser = When::parse)]
    pub at: Option<When>,
    /// The vault's folder, if it is not mounted; the paths are then paths in the vault
    #[arg(long, value_name = "VAULT")]
    pub vault: Option<PathBuf>,
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
    /// Files and folders in a mount, as they were called
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
}
