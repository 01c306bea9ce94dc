//! `hushfs init`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::units::parse_bytes;
use crate::format::ChunkSize;

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

fn parse_chunk_size(text: &str) -> Result<ChunkSize, String> {
    parse_bytes(text)
        .and_then(|bytes| u32::try_from(bytes).ok())
        .and_then(|bytes| ChunkSize::new(bytes).ok())
        .ok_or_else(|| "a chunk size is a power of two from 4K to 1M".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

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
