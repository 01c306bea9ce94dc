//! The command line's words: commands, flags and their help. Those of `seeing`, `keyvault` and `completions`
//! stand with what they do.

mod command;
mod desktop;
mod enable;
mod history;
mod init;
mod keys;
mod mounting;
mod rekey;
mod rescuing;
mod tending;
mod unlocking;

pub use super::completions::{CompletionsArgs, ManArgs};
pub use super::seeing::args::{CatArgs, DuArgs, FindArgs, LsArgs, PlaceArgs};
pub use command::{Command, CommandLine};
pub use desktop::{
    ForgetArgs, InstallArgs, RememberArgs, ServiceArgs, ServiceCommand, ServiceStatusArgs,
    UninstallArgs,
};
pub use enable::{DisableArgs, EnableArgs};
pub use history::{DiffArgs, HistoryArgs, UndeleteArgs};
pub use init::InitArgs;
#[cfg(feature = "keyvault")]
pub(in crate::cli) use keys::parse_slot_name;
pub use keys::{
    KeyAddArgs, KeyArgs, KeyCommand, KeyRemoveArgs, KeySheetArgs, NewPasswordArgs, PasswdArgs,
};
pub use mounting::{MountArgs, StatusArgs, UnmountArgs};
pub use rekey::RekeyArgs;
pub use rescuing::{RepairArgs, RestoreArgs, SalvageArgs};
pub use tending::{CollectArgs, ConflictsArgs, FetchArgs, Keep, TellArgs, VerifyArgs};
pub use unlocking::UnlockArgs;
