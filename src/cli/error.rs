//! Why a command ended without doing what it was asked, and the exit code of each reason.

use std::io;

use crate::store::StoreError;

use super::ask::AskError;
use super::exit::ExitCode;
use super::init::InitError;
use super::secrets::SecretsError;
use super::unlock_error::UnlockError;

/// What ends a command. Its text is what the user reads after `hushfs: `.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was asked for cannot be done as it was asked; the text says what to pass.
    #[error("{0}")]
    Usage(String),
    /// The vault did not open.
    #[error(transparent)]
    Unlock(#[from] UnlockError),
    /// A password or key could not be had from where the command line says.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// No vault was made.
    #[error(transparent)]
    Init(#[from] InitError),
    /// The person at the terminal did not answer.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The vault folder did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system refused something; the text says what was being done.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done, to what.
        doing: String,
        /// Why it was refused.
        source: io::Error,
    },
    /// Damage, in the words of whoever found it.
    #[error("{0}")]
    Damage(String),
    /// The vault or the mount point is in use; the text says by what.
    #[error("{0}")]
    InUse(String),
}

impl Error {
    /// The one table from reasons to exit codes.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::Usage,
            Self::Unlock(error) => match error {
                UnlockError::NotAVault { .. }
                | UnlockError::Unfinished { .. }
                | UnlockError::Newer { .. }
                | UnlockError::NewerSlots { .. } => ExitCode::NotAVault,
                UnlockError::DescriptorDamaged { .. }
                | UnlockError::NoSlots { .. }
                | UnlockError::SlotsDamaged { .. } => ExitCode::Damage,
                UnlockError::Wrong { .. } | UnlockError::NoSuchWay { .. } => ExitCode::WrongSecret,
                UnlockError::Stretch(_) => ExitCode::Failed,
            },
            Self::Secrets(error) => match error {
                SecretsError::NotAKey { .. } => ExitCode::WrongSecret,
                SecretsError::Unreadable { .. }
                | SecretsError::Empty { .. }
                | SecretsError::TooLong { .. }
                | SecretsError::CommandFailed { .. } => ExitCode::Failed,
            },
            Self::Init(error) => match error {
                InitError::KeyInVault { .. } => ExitCode::Usage,
                InitError::NoParent { .. }
                | InitError::NotAFolder { .. }
                | InitError::AlreadyAVault { .. }
                | InitError::Unfinished { .. }
                | InitError::NotEmpty { .. }
                | InitError::KeyFileExists { .. }
                | InitError::Declined
                | InitError::Stretch(_) => ExitCode::Failed,
            },
            Self::Ask(_) | Self::Store(_) | Self::Io { .. } => ExitCode::Failed,
            Self::Damage(_) => ExitCode::Damage,
            Self::InUse(_) => ExitCode::InUse,
        }
    }
}
