//! A server of a test's own, by the real program, and clients of it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use hushfs::crypto::{AccountKey, MasterKey, Password, SecretKey, StretchParameters, VaultId};
use hushfs::format::{KeyVaultPlace, ServerPin};
use hushfs::keyvault::client::{ClientError, ServerAddress, commit, log_in, register};
use zeroize::Zeroizing;

const COST: StretchParameters = StretchParameters::FLOOR;

/// A server that runs; killed when dropped.
pub struct Server {
    child: Child,
    pub address: ServerAddress,
    pub pin: ServerPin,
}

impl Server {
    /// Starts `hushfs keyvault serve` with these flags, on a free port, with no limits on how often who asks.
    pub fn start(flags: &[&str]) -> Self {
        Self::start_with(&mut command(flags))
    }

    /// Runs such a command.
    pub fn start_with(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = |before: &str| {
            let line = lines.next().expect("the server says where it listens").unwrap();
            line.strip_prefix(before).unwrap().to_owned()
        };
        let address = ServerAddress::parse(&told("listening at ")).unwrap();
        let pin = ServerPin::parse(&told("pin ")).unwrap();
        Self { child, address, pin }
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Where the registration is that another server of the same store has made.
    pub fn place_of(&self, place: &KeyVaultPlace) -> KeyVaultPlace {
        place_at(&self.address, self.pin, place)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `hushfs keyvault serve` with these flags.
pub fn command(flags: &[&str]) -> Command {
    command_at("127.0.0.1:0", flags)
}

/// The same, listening there.
pub fn command_at(listen: &str, flags: &[&str]) -> Command {
    let mut command = crate::program::hushfs(&["keyvault", "serve", "--listen", listen]);
    command.args(["--address-rate", "0", "--account-rate", "0", "--address-connections", "0"]);
    command.args(flags);
    command
}

pub fn place_at(address: &ServerAddress, pin: ServerPin, place: &KeyVaultPlace) -> KeyVaultPlace {
    KeyVaultPlace::new(&address.to_string(), pin, place.account, place.registration).unwrap()
}

fn password(text: &str) -> Password {
    Password::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap()
}

/// Registers a password for a new account; also what the right password gives.
pub fn registered(server: &Server, text: &str) -> (AccountKey, KeyVaultPlace, SecretKey) {
    let key = MasterKey::random().account_key(&VaultId::random());
    let made = register(&server.address, server.pin, &key, &password(text), COST).unwrap();
    commit(&made.place, &key).unwrap();
    (key, made.place, made.export_key)
}

/// What a password gives.
pub fn try_password(place: &KeyVaultPlace, text: &str) -> Result<SecretKey, ClientError> {
    log_in(place, &password(text), COST).map(|logged_in| logged_in.export_key)
}
