//! Why a command ended without doing what it was asked, and the exit code of each reason.

use std::io;

use crate::desktop::SleepError;
use crate::fs::{
    FsError, HistoryError, OpenError, RekeyError, RepairError, SlotChangeError, UndeleteError,
};
use crate::fuse::{MountError, SessionError};
#[cfg(feature = "keyvault")]
use crate::keyvault::client::ClientError;
#[cfg(feature = "keyvault")]
use crate::keyvault::protocol::Refused;
#[cfg(feature = "keyvault-server")]
use crate::keyvault::seed::SeedError;
#[cfg(feature = "keyvault-server")]
use crate::keyvault::server::{IdentityError, ServeError};
use crate::store::{LockedBy, StoreError};

use super::ask::AskError;
use super::exit::ExitCode;
use super::init::InitError;
use super::keys::KeyError;
use super::secrets::SecretsError;
use super::status::StatusError;
use super::unlock::UnlockError;
use super::unmount::UnmountError;

/// What ends a command. Its text is what the user reads after `hushfs: `.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was asked for cannot be done as it was asked; the text says what to pass.
    #[error("{0}")]
    Usage(String),
    /// This system has no such thing; the text says what to do instead.
    #[error("{what} is for Linux alone: {instead}")]
    NotHere {
        /// The command.
        what: &'static str,
        /// What to do.
        instead: &'static str,
    },
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
    /// The vault cannot be opened as asked.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Nothing was brought back.
    #[error(transparent)]
    Undelete(#[from] UndeleteError),
    /// There is no such state.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The vault was not repaired, or not to the end.
    #[error(transparent)]
    Repair(#[from] RepairError),
    /// The vault was not sealed anew, or not to the end.
    #[error("{error}{}", rekey_remedy(error))]
    Rekey {
        /// Why.
        #[from]
        #[source]
        error: RekeyError,
    },
    /// No way to unlock was added or removed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key vault was of no use.
    #[cfg(feature = "keyvault")]
    #[error(transparent)]
    KeyVault(#[from] ClientError),
    /// The server of a key vault does not run.
    #[cfg(feature = "keyvault-server")]
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Nothing was mounted.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// The mount did not start.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The machine's sleep would not be noticed.
    #[error(transparent)]
    Sleep(#[from] SleepError),
    /// Not everything is in the vault.
    #[error("not everything is in the vault yet: {0}; the rest is safe in the state folder")]
    Files(#[from] FsError),
    /// Another process of this machine uses the vault.
    #[error(transparent)]
    Locked(#[from] LockedBy),
    /// The mount could not be asked.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// The unmount did not go well.
    #[error(transparent)]
    Unmount(#[from] UnmountError),
    /// The system refused something; the text says what was being done.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done, to what.
        doing: String,
        /// Why it was refused.
        source: io::Error,
    },
    /// Some of what was asked for was not done; the text says how much.
    #[error("{0}")]
    Incomplete(String),
    /// Damage, in the words of whoever found it.
    #[error("{0}")]
    Damage(String),
    /// Something has not arrived in the vault folder yet; the text says how much.
    #[error("{0}")]
    NotArrived(String),
    /// Something in the vault is for a newer program; the text says what.
    #[error("{0}")]
    Newer(String),
    /// The vault or the mount point is in use; the text says by what.
    #[error("{0}")]
    InUse(String),
}

impl Error {
    /// The one table from reasons to exit codes.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) | Self::NotHere { .. } => ExitCode::Usage,
            Self::Unlock(error) => match error {
                UnlockError::NotAVault { .. }
                | UnlockError::Unfinished { .. }
                | UnlockError::Newer { .. }
                | UnlockError::NewerSlots { .. } => ExitCode::NotAVault,
                UnlockError::DescriptorDamaged { .. }
                | UnlockError::NoSlots { .. }
                | UnlockError::ForeignSlots { .. }
                | UnlockError::SlotsDamaged { .. } => ExitCode::Damage,
                UnlockError::Wrong { .. } | UnlockError::NoSuchWay { .. } => ExitCode::WrongSecret,
                UnlockError::KeyVaultNeeded { .. } => ExitCode::WrongSecret,
                #[cfg(feature = "keyvault")]
                UnlockError::KeyVault(error) => client_code(error),
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
            Self::Ask(_)
            | Self::History(_)
            | Self::Undelete(_)
            | Self::Io { .. }
            | Self::Session(_)
            | Self::Sleep(_)
            | Self::Files(_)
            | Self::Incomplete(_) => ExitCode::Failed,
            Self::Store(error) => store_code(error),
            Self::Open(error) => match error {
                OpenError::Locked(LockedBy::Other(_)) => ExitCode::InUse,
                OpenError::Locked(LockedBy::Store(error)) | OpenError::Store(error) => {
                    store_code(error)
                }
                OpenError::Damaged(_) | OpenError::RolledBack(_) | OpenError::JournalDamaged(_) => {
                    ExitCode::Damage
                }
                OpenError::Fs(_) => ExitCode::Failed,
            },
            Self::Repair(error) => match error {
                RepairError::Store(error) => store_code(error),
                RepairError::Unpublished(_) | RepairError::Unfit(_) => ExitCode::Damage,
                RepairError::Changed(_) | RepairError::NoState => ExitCode::Failed,
            },
            Self::Rekey { error } => match error {
                RekeyError::Store(error) => store_code(error),
                RekeyError::Damaged(_)
                | RekeyError::NotTheSame { .. }
                | RekeyError::NotWhole(_)
                | RekeyError::Differs(_) => ExitCode::Damage,
                RekeyError::NotArrived(_) => ExitCode::NotArrived,
                RekeyError::Newer(_) => ExitCode::NotAVault,
                RekeyError::OnlineOnly(..) | RekeyError::Unread(_) => ExitCode::Failed,
            },
            Self::Key(error) => match error {
                KeyError::NoSuchSlot { .. }
                | KeyError::Ambiguous { .. }
                | KeyError::WhichSlot { .. }
                | KeyError::NotMounted { .. }
                | KeyError::NotRemembered { .. }
                | KeyError::InMount { .. } => ExitCode::Usage,
                KeyError::Change(SlotChangeError::Store(error)) => store_code(error),
                KeyError::NotInPlace { .. } => ExitCode::Damage,
                KeyError::LastSlot { .. }
                | KeyError::NoneRelied { .. }
                | KeyError::OnlyKeyrings { .. }
                | KeyError::Keyring(_)
                | KeyError::OnlyKeyVaults { .. }
                | KeyError::Mount { .. }
                | KeyError::Change(_)
                | KeyError::Stretch(_)
                | KeyError::Declined => ExitCode::Failed,
            },
            #[cfg(feature = "keyvault")]
            Self::KeyVault(error) => client_code(error),
            #[cfg(feature = "keyvault-server")]
            Self::Serve(ServeError::Store(error)) => accounts_code(error),
            #[cfg(feature = "keyvault-server")]
            Self::Serve(ServeError::Identity(IdentityError::Seed(SeedError::Pin { .. }))) => {
                ExitCode::WrongSecret
            }
            #[cfg(feature = "keyvault-server")]
            Self::Serve(_) => ExitCode::Failed,
            Self::Mount(error) => match error {
                MountError::AlreadyMounted(_) => ExitCode::InUse,
                _ => ExitCode::Failed,
            },
            Self::Locked(LockedBy::Other(_)) => ExitCode::InUse,
            Self::Locked(LockedBy::Store(error)) => store_code(error),
            Self::Status(_) => ExitCode::Failed,
            Self::Unmount(error) => match error {
                UnmountError::Busy { .. } => ExitCode::InUse,
                _ => ExitCode::Failed,
            },
            Self::Damage(_) => ExitCode::Damage,
            Self::NotArrived(_) => ExitCode::NotArrived,
            Self::Newer(_) => ExitCode::NotAVault,
            Self::InUse(_) => ExitCode::InUse,
        }
    }
}

/// What to do where a vault cannot be sealed anew.
fn rekey_remedy(error: &RekeyError) -> &'static str {
    match error {
        RekeyError::Store(StoreError::Full(_)) => {
            ". The vault is as it was; make room, and run the same command again: it goes on"
        }
        RekeyError::Damaged(_) => {
            ". The vault is as it was. “hushfs repair” mends what can be mended; of what it cannot, \
             delete the files and run “hushfs collect --history 0”. Then run the same command again: \
             it goes on"
        }
        RekeyError::NotArrived(_) => {
            ". Let the sync client finish, then run the same command again: it goes on"
        }
        RekeyError::Unread(_) | RekeyError::OnlineOnly(..) => {
            ". The vault is as it was; run the same command again: it goes on"
        }
        error if error.spoils_new_vault() => {
            ". The vault is as it was. If the same command says that again, the new one is of no use: \
             “hushfs rekey --abandon” deletes it, then begin anew"
        }
        _ => "",
    }
}

/// A key that is destroyed or gone is as good as a wrong password: this slot does not open.
#[cfg(feature = "keyvault")]
fn client_code(error: &ClientError) -> ExitCode {
    match error {
        ClientError::WrongPassword { .. }
        | ClientError::Refused(Refused::Destroyed | Refused::Gone | Refused::WrongPassword) => {
            ExitCode::WrongSecret
        }
        ClientError::Address(_) => ExitCode::Usage,
        ClientError::OtherSlot(_) => ExitCode::Damage,
        ClientError::Unreachable { .. }
        | ClientError::OtherServer { .. }
        | ClientError::NotAKeyVault { .. }
        | ClientError::Refused(_)
        | ClientError::Stretch(_) => ExitCode::Failed,
    }
}

#[cfg(feature = "keyvault-server")]
fn accounts_code(error: &crate::keyvault::store::StoreError) -> ExitCode {
    use crate::keyvault::store::StoreError;
    match error {
        StoreError::InUse(_) => ExitCode::InUse,
        StoreError::Damaged(_) | StoreError::RolledBack(_) => ExitCode::Damage,
        StoreError::Unavailable(_) => ExitCode::Failed,
    }
}

/// An object that is not what it should be is damage; a disk that does not answer is not.
fn store_code(error: &StoreError) -> ExitCode {
    match error {
        error if error.is_newer() => ExitCode::NotAVault,
        StoreError::Format { .. } | StoreError::TooLong { .. } => ExitCode::Damage,
        StoreError::Missing(_)
        | StoreError::Exists(_)
        | StoreError::Full(_)
        | StoreError::Io { .. } => ExitCode::Failed,
    }
}
