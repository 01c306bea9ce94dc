//! Flags of the commands that look into a vault.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::args::UnlockArgs;
use crate::cli::units::parse_bytes;
use crate::format::Time;
use crate::fs::{FileKind, When};

use super::glob::Glob;

/// Where to look, and as of when.
#[derive(Debug, Args)]
pub struct PlaceArgs {
    /// How to unlock the vault, if it is not mounted.
    #[command(flatten)]
    pub unlock: UnlockArgs,
    /// Where this device's journal is, if not below ~/.local/state
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// As it was, at a time (2026-11-24, “2026-11-24 18:30”, yesterday, 3h, 2d; by this machine's time
    /// zone) or in a state of this id
    #[arg(long, value_name = "TIME|ID", value_parser = When::parse)]
    pub at: Option<When>,
    /// The vault's folder, or any path in a mount of one
    #[arg(value_name = "VAULT|MOUNT")]
    pub vault: PathBuf,
    /// A path in the vault; below the first one, if that is in a mount
    pub path: Option<PathBuf>,
}

/// `hushfs ls`.
#[derive(Debug, Args)]
pub struct LsArgs {
    /// Where.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Tell kind and mode, size, and time of the last change
    #[arg(short, long)]
    pub long: bool,
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
}

/// `hushfs cat`.
#[derive(Debug, Args)]
pub struct CatArgs {
    /// Where.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// `hushfs find`.
#[derive(Debug, Args)]
pub struct FindArgs {
    /// Where.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Only names like this, with *, ?, [abc], [a-z], [!abc] and {one,two}; given several times, any of them
    #[arg(long, value_name = "GLOB", value_parser = Glob::parse)]
    pub name: Vec<Glob>,
    /// Only what was changed after this time; after the end of a day, if it is one
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub newer: Option<Time>,
    /// Only what was not changed after this time
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub older: Option<Time>,
    /// Only files of more than this, as in 500K, 20M or 4G
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub larger: Option<u64>,
    /// Only files of less than this
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub smaller: Option<u64>,
    /// Only what is of this kind
    #[arg(long, value_enum)]
    pub kind: Option<Kind>,
    /// Tell kind and mode, size, and time of the last change as well
    #[arg(short, long)]
    pub long: bool,
    /// End each path with a NUL instead of a line's end, for “xargs -0”
    #[arg(short = '0', long, conflicts_with_all = ["long", "json"])]
    pub print0: bool,
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
}

/// Kinds of what can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Regular files
    File,
    /// Folders
    Folder,
    /// Symbolic links
    Link,
}

impl Kind {
    /// Whether something is of this kind.
    pub(super) fn is_of(self, kind: FileKind) -> bool {
        match self {
            Self::File => kind == FileKind::File,
            Self::Folder => kind == FileKind::Folder,
            Self::Link => kind == FileKind::Symlink,
        }
    }
}

/// `hushfs du`.
#[derive(Debug, Args)]
pub struct DuArgs {
    /// Where.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Tell of folders down to this depth; 0 is the sum alone
    #[arg(short, long, value_name = "N", default_value_t = 1)]
    pub depth: usize,
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
}

fn parse_time(text: &str) -> Result<Time, String> {
    match When::parse(text) {
        Ok(When::By(time)) => Ok(time),
        Ok(When::Id(_) | When::Now) | Err(_) => Err("a time is one like 2026-11-24, \
             “2026-11-24 18:30”, yesterday, 3h or 2d"
            .to_owned()),
    }
}

fn parse_size(text: &str) -> Result<u64, String> {
    parse_bytes(text).ok_or_else(|| "a size is a number, or one with K, M, G or T".to_owned())
}
