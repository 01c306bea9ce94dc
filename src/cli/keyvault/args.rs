//! Flags of the commands about key vaults.

use std::path::PathBuf;
#[cfg(feature = "keyvault-server")]
use std::{net::SocketAddr, time::Duration};

use clap::{Args, Subcommand};

use crate::cli::args::UnlockArgs;
use crate::cli::args::{NewPasswordArgs, parse_slot_name};
#[cfg(feature = "keyvault-server")]
use crate::cli::mount_options::parse_time_above_0;
use crate::format::ServerPin;
use crate::keyvault::client::ServerAddress;
#[cfg(feature = "keyvault-hsm")]
use crate::keyvault::seed::Pkcs11Uri;

#[cfg(feature = "keyvault-server")]
use super::store_place::StorePlace;

/// Of `hushfs keyvault`, for its long help.
pub const KEYVAULT_EXAMPLES: &str = "\
Examples:
  hushfs keyvault register --server keys.example --pin 1f0c…9a ~/Dropbox/chats
      a password that opens the vault only together with that server
  hushfs mount --keyvault ~/Dropbox/chats ~/Chats
  hushfs keyvault status ~/Dropbox/chats
      how many guesses are left

A password slot can be attacked by whoever copies the cloud folder, as fast as their machines go. The slot
of a key vault cannot: the server counts, and after 10 wrong guesses it destroys its half of the key. It
never learns the password, nor anything that opens the vault. Keep another way to unlock, on paper: who has
a copy of the slot can use up the guesses.";

/// `hushfs keyvault`.
#[derive(Debug, Args)]
pub struct KeyVaultArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: KeyVaultCommand,
}

/// What is done with key vaults.
#[derive(Debug, Subcommand)]
pub enum KeyVaultCommand {
    /// Add a password that opens the vault together with a key vault
    #[command(after_long_help = "\
Examples:
  hushfs keyvault register --server keys.example --pin 1f0c…9a ~/Dropbox/chats
      asks for a password or key that opens the vault now, then for the new password
  hushfs keyvault register --server keys.example:4797 --pin 1f0c…9a --key-file ~/chats.key \\
    --new-password-file pw --yes ~/Dropbox/chats

The pin is what “hushfs keyvault serve” prints when it starts: have it from whoever runs the server, not
over the same network. An earlier registration of this vault with the same server is replaced once the
new slot is in the vault; until then it opens.")]
    Register(RegisterArgs),
    /// Register anew with the key vault of this vault: a new password, and all guesses
    #[command(after_long_help = "\
Examples:
  hushfs keyvault reset ~/Dropbox/chats
      after wrong guesses have destroyed the key, or to change the password
  hushfs keyvault reset --keyvault ~/Dropbox/chats
      with the old password of the key vault")]
    Reset(ResetArgs),
    /// Say what a vault's key vaults have left for it
    #[command(after_long_help = "\
Examples:
  hushfs keyvault status ~/Dropbox/chats
  hushfs keyvault status --json ~/Dropbox/chats

Needs no password and takes no guess. Exits with 10 if a slot's key is destroyed or gone.")]
    Status(StatusArgs),
    /// Have the key vaults erase what they have for a vault, and remove its slots
    #[command(after_long_help = "\
Example:
  hushfs keyvault unregister --key-file ~/chats.key ~/Dropbox/chats")]
    Unregister(UnregisterArgs),
    /// Run a key vault on this machine
    #[cfg(feature = "keyvault-server")]
    #[command(after_long_help = "\
Examples:
  hushfs keyvault serve --store /var/lib/hushfs-keyvault/accounts
      listens at port 4797 of every address, and prints the pin that clients need
  hushfs keyvault serve --listen 192.0.2.7:4797 --metrics 127.0.0.1:9797 \\
    --audit-log /var/log/hushfs-keyvault.log --store /var/lib/hushfs-keyvault/accounts

Servers that share an etcd cluster (in a build with the feature keyvault-etcd), each with a copy of one
secrets file and a file of its own for what it has seen:
  hushfs keyvault serve --secrets keys --seen seen \\
    --etcd-ca ca.pem --etcd-cert server.pem --etcd-key server.key \\
    --store etcd:https://10.0.0.1:2379,https://10.0.0.2:2379,https://10.0.0.3:2379
With the seed in a token (feature keyvault-hsm); the first time with --hsm-make-key:
  hushfs keyvault serve --store accounts \\
    --hsm 'pkcs11:token=vault;object=seed?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/etc/pin'

Ends with SIGTERM or Ctrl-C, once log-ins that have begun are done. docs/keyvault.md says what it promises,
and what it cannot.")]
    Serve(Box<ServeArgs>),
    /// Copy a key vault's store, while no server has it
    #[cfg(feature = "keyvault-server")]
    #[command(after_long_help = "\
Example:
  hushfs keyvault backup --store /var/lib/hushfs-keyvault/accounts /media/stick/accounts.backup

The backup has the server's keys in it: guard it as the store.")]
    Backup(BackupArgs),
    /// Make a store of a backup
    #[cfg(feature = "keyvault-server")]
    #[command(after_long_help = "\
Example:
  hushfs keyvault restore --store /var/lib/hushfs-keyvault/accounts /media/stick/accounts.backup

Guesses that were taken since the backup would count again. So every account has 3 at most from then on,
until the right password, and clients are told that the key vault was restored.")]
    Restore(RestoreArgs),
}

/// `hushfs keyvault register`.
#[derive(Debug, Args)]
pub struct RegisterArgs {
    /// Where the key vault is: HOST or HOST:PORT
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    pub server: ServerAddress,
    /// The pin that its server prints when it starts: 64 hex digits
    #[arg(long, value_name = "FINGERPRINT", value_parser = parse_pin)]
    pub pin: ServerPin,
    /// What is to be registered, and where.
    #[command(flatten)]
    pub new: NewRegistrationArgs,
}

/// `hushfs keyvault reset`.
#[derive(Debug, Args)]
pub struct ResetArgs {
    /// The pin, if the server has a new key
    #[arg(long, value_name = "FINGERPRINT", value_parser = parse_pin)]
    pub pin: Option<ServerPin>,
    /// What is to be registered, and where.
    #[command(flatten)]
    pub new: NewRegistrationArgs,
}

/// What is to be registered for which vault.
#[derive(Debug, Args)]
pub struct NewRegistrationArgs {
    /// How to unlock the vault, mounted or not.
    #[command(flatten)]
    pub unlock: UnlockArgs,
    /// Where the new password comes from.
    #[command(flatten)]
    pub new_password: NewPasswordArgs,
    /// What to call the slot, to know it again: at most 64 bytes
    #[arg(long, value_name = "NAME", default_value = "", value_parser = parse_slot_name)]
    pub name: String,
    /// Do not ask whether the new password is saved
    #[arg(long)]
    pub yes: bool,
    /// The vault's folder or where it is mounted
    #[arg(value_name = "VAULT|MOUNTPOINT")]
    pub vault: PathBuf,
}

/// `hushfs keyvault status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
    /// The vault's folder or where it is mounted
    #[arg(value_name = "VAULT|MOUNTPOINT")]
    pub vault: PathBuf,
}

/// `hushfs keyvault unregister`.
#[derive(Debug, Args)]
pub struct UnregisterArgs {
    /// How to unlock the vault, mounted or not.
    #[command(flatten)]
    pub unlock: UnlockArgs,
    /// The vault's folder or where it is mounted
    #[arg(value_name = "VAULT|MOUNTPOINT")]
    pub vault: PathBuf,
}

/// `hushfs keyvault serve`.
#[cfg(feature = "keyvault-server")]
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where clients connect to
    #[arg(long, value_name = "ADDR:PORT", default_value = "[::]:4797")]
    pub listen: SocketAddr,
    /// Where the accounts are: a file, made if it is missing; or an etcd cluster, if built for it:
    /// etcd:https://HOST:PORT,https://HOST:PORT…[?prefix=TEXT]
    #[arg(long, value_name = "STORE", value_parser = StorePlace::parse)]
    pub store: StorePlace,
    /// Keep in this file what this server, and no other one, has seen of etcd, so as to refuse an older state
    #[cfg(feature = "keyvault-etcd")]
    #[arg(long, value_name = "FILE")]
    pub seen: Option<PathBuf>,
    /// Take what etcd holds now to be right, although it is older than what was seen: guesses that were
    /// taken since count again
    #[cfg(feature = "keyvault-etcd")]
    #[arg(long, requires = "seen")]
    pub accept_rollback: bool,
    /// With https:// in --store: the certificates (PEM) of the authorities that etcd's come from
    #[cfg(feature = "keyvault-etcd")]
    #[arg(long, value_name = "FILE")]
    pub etcd_ca: Option<PathBuf>,
    /// Show this certificate (PEM) to etcd, if it wants to know who asks
    #[cfg(feature = "keyvault-etcd")]
    #[arg(long, value_name = "FILE", requires_all = ["etcd_ca", "etcd_key"])]
    pub etcd_cert: Option<PathBuf>,
    /// That certificate's key (PEM)
    #[cfg(feature = "keyvault-etcd")]
    #[arg(long, value_name = "FILE", requires = "etcd_cert")]
    pub etcd_key: Option<PathBuf>,
    /// Have a PKCS#11 token keep the seed of all keys, as
    /// pkcs11:token=LABEL;object=LABEL?module-path=FILE&pin-source=FILE
    #[cfg(feature = "keyvault-hsm")]
    #[arg(long, value_name = "PKCS11-URI", value_parser = Pkcs11Uri::parse)]
    pub hsm: Option<Pkcs11Uri>,
    /// Have the token make the key first, which then never leaves it
    #[cfg(feature = "keyvault-hsm")]
    #[arg(long, requires = "hsm")]
    pub hsm_make_key: bool,
    /// Keep the server's keys in this file instead of in the store; made if it is missing. Servers that
    /// share a store need the same
    #[arg(long, value_name = "FILE")]
    pub secrets: Option<PathBuf>,
    /// Show this certificate (PEM) instead of a self-signed one of the server's own key
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Tell health (/health) and Prometheus metrics (/metrics) here, by plain HTTP
    #[arg(long, value_name = "ADDR:PORT")]
    pub metrics: Option<SocketAddr>,
    /// Note every change and attempt in this file, a line of JSON each; SIGHUP has it opened anew
    #[arg(long, value_name = "FILE")]
    pub audit_log: Option<PathBuf>,
    /// Requests a minute from one address (of IPv6: one /64); 0 for any number
    #[arg(long, value_name = "N", default_value_t = 120)]
    pub address_rate: u32,
    /// Log-ins a minute to one account; 0 for any number
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub account_rate: u32,
    /// Connections at a time
    #[arg(long, value_name = "N", default_value_t = 4096)]
    pub connections: usize,
    /// Connections of one address at a time; 0 for any number
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub address_connections: u32,
    /// End a connection on which nothing happens for so long
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_time_above_0)]
    pub idle: Duration,
}

/// `hushfs keyvault backup`.
#[cfg(feature = "keyvault-server")]
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The store's file
    #[arg(long, value_name = "STORE")]
    pub store: PathBuf,
    /// The file to write, which must not exist yet
    pub backup: PathBuf,
}

/// `hushfs keyvault restore`.
#[cfg(feature = "keyvault-server")]
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The store's file, which must not exist yet
    #[arg(long, value_name = "STORE")]
    pub store: PathBuf,
    /// The backup
    pub backup: PathBuf,
}

fn parse_address(text: &str) -> Result<ServerAddress, String> {
    ServerAddress::parse(text).ok_or_else(|| "an address is HOST or HOST:PORT".to_owned())
}

fn parse_pin(text: &str) -> Result<ServerPin, String> {
    ServerPin::parse(text).ok_or_else(|| "a pin is 64 hex digits".to_owned())
}
