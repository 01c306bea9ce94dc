//! A real keyring on a bus of its own.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use secret_service::EncryptionType;
use secret_service::blocking::SecretService;

use crate::bus::{Bus, has_program};
use crate::program::{Said, hushfs};

pub const PASSWORD: &str = "marmot brazier lectern oxbow";
/// What a keyring needs to start on a busy machine.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A vault that [`PASSWORD`] and a key open, on a desktop with GNOME Keyring, which is unlocked.
pub struct Desk {
    pub bus: Bus,
    keyring: Child,
    folder: tempfile::TempDir,
}

impl Desk {
    /// `None` where there is no bus or no keyring to be had.
    pub fn new() -> Option<Self> {
        if !has_program("gnome-keyring-daemon") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let bus = Bus::start(folder.path())?;
        let mut keyring = Command::new("gnome-keyring-daemon")
            .args(["--unlock", "--foreground", "--components=secrets"])
            .env("DBUS_SESSION_BUS_ADDRESS", &bus.address)
            .env("HOME", folder.path())
            .env("XDG_DATA_HOME", folder.path().join("data"))
            .env("XDG_RUNTIME_DIR", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        keyring.stdin.take().unwrap().write_all(b"the login's password").unwrap();
        let desk = Self { bus, keyring, folder };
        desk.wait_for_keyring();
        let mut init = desk.command(&["init", "--yes", "--password-command"]);
        init.arg(format!("echo {PASSWORD}")).arg("--key-file").arg(desk.place("key"));
        Said::by(init.arg(desk.vault())).expect(0, &[]);
        Some(desk)
    }

    fn wait_for_keyring(&self) {
        let until = Instant::now() + STARTS_WITHIN;
        while !self.in_keyring(|service| service.get_default_collection().is_ok()) {
            assert!(Instant::now() < until, "the keyring does not start");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Does something with the keyring, past the program; false as well if it is not there.
    pub fn in_keyring(&self, act: impl FnOnce(&SecretService<'static>) -> bool) -> bool {
        let service =
            SecretService::connect_with_existing(EncryptionType::Plain, self.bus.connect());
        service.is_ok_and(|service| act(&service))
    }

    /// How many entries the program has there.
    pub fn entries(&self) -> usize {
        let mut count = 0;
        self.in_keyring(|service| {
            let found = service.search_items([("application", "hushfs")].into()).unwrap();
            count = found.unlocked.len() + found.locked.len();
            true
        });
        count
    }

    /// Locks the keyring, as a desktop does after a while.
    pub fn lock(&self) {
        assert!(
            self.in_keyring(|service| service.get_default_collection().unwrap().lock().is_ok())
        );
    }

    /// Ends the keyring; the bus goes on.
    pub fn end_keyring(&mut self) {
        self.keyring.kill().unwrap();
        self.keyring.wait().unwrap();
    }

    pub fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn vault(&self) -> PathBuf {
        self.place("vault")
    }

    /// A command on this desktop.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = hushfs(words);
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.bus.address);
        command.env("XDG_STATE_HOME", self.place("state-home"));
        command
    }

    /// What a command says whose words end before the vault.
    pub fn said(&self, words: &[&str]) -> Said {
        Said::by(self.command(words).arg(self.vault()))
    }

    /// The same, unlocked with a password.
    pub fn said_with(&self, password: &str, words: &[&str]) -> Said {
        let by = format!("--password-command=echo {password}");
        Said::by(self.command(words).arg(by).arg(self.vault()))
    }

    /// Has this device remember the vault.
    pub fn remember(&self) {
        self.said_with(PASSWORD, &["remember"]).expect(0, &["keyring of "]);
    }

    /// The number of slots.
    pub fn slots(&self) -> usize {
        fs::read_dir(self.vault().join("keys")).unwrap().count()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.keyring.kill();
        let _ = self.keyring.wait();
    }
}
