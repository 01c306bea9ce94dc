//! `-o` options, as mount(8) and fstab write them.

use std::path::PathBuf;
use std::time::Duration;

use super::args::UnlockArgs;
use super::error::Error;
use super::units::{parse_bytes, parse_duration};

/// One option of a comma list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountOption {
    /// `ro` or `rw`.
    ReadOnly(bool),
    /// `allow_other`.
    AllowOther,
    /// `equate_name_forms`.
    EquateNameForms,
    /// `no_history_folder`.
    NoHistoryFolder,
    /// `lock_on_suspend`.
    LockOnSuspend,
    /// `no_notify`.
    NoNotify,
    /// `suid` or `nosuid`.
    Suid(bool),
    /// `dev` or `nodev`.
    Dev(bool),
    /// `exec` or `noexec`.
    Exec(bool),
    /// `password_file=…`.
    PasswordFile(PathBuf),
    /// `password_command=…`.
    PasswordCommand(String),
    /// `key_file=…`.
    KeyFile(PathBuf),
    /// `no_keyring`.
    NoKeyring,
    /// `keyvault`.
    #[cfg(feature = "keyvault")]
    KeyVault,
    /// `state_dir=…`.
    StateDir(PathBuf),
    /// `waiting_limit=…`, in bytes.
    WaitingLimit(u64),
    /// `history=…`.
    History(Duration),
    /// `fetch_limit=…`.
    FetchLimit(Duration),
    /// `idle=…`.
    Idle(Duration),
    /// For mount(8), systemd or a person, and always on here or without meaning.
    Ignored,
}

/// Why an option is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MountOptionError {
    /// There is no such option.
    #[error("there is no mount option “{0}”")]
    Unknown(String),
    /// The option needs a value.
    #[error("the mount option “{0}” needs a value, as in {0}=…")]
    NoValue(String),
    /// The value is none.
    #[error("the mount option “{name}”: {why}")]
    BadValue {
        /// The option.
        name: String,
        /// What is wrong with its value.
        why: String,
    },
}

/// How far back the history goes where nothing is said: every state of a day. Of a longer history, one
/// state a day is kept.
pub(super) const HISTORY_DEFAULT: Duration = Duration::from_secs(24 * 60 * 60);

/// How long whoever reads a file waits for packs that are online only, where nothing is said.
pub(super) const FETCH_LIMIT_DEFAULT: Duration = Duration::from_secs(60);

/// The least that may wait: a few packs, so that writing does not stop at every one.
const WAITING_BYTES_MIN: u64 = 64 << 20;

/// Reads how much may wait in the state folder.
///
/// # Errors
/// What a limit has to be.
pub(super) fn parse_waiting_limit(text: &str) -> Result<u64, String> {
    parse_bytes(text)
        .filter(|bytes| *bytes >= WAITING_BYTES_MIN)
        .ok_or_else(|| "a limit is a size of 64M or more, as in 500M or 8G".to_owned())
}

/// Reads how far back the history goes.
///
/// # Errors
/// What a time has to be.
pub(super) fn parse_history(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "a time is a number with s, m, h or d, or 0".to_owned())
}

/// Reads how long whoever reads a file waits for packs that are online only, or after how long without use
/// a mount ends.
///
/// # Errors
/// What a time has to be.
pub(super) fn parse_time_above_0(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "a time is a number above 0 with s, m, h or d".to_owned())
}

impl MountOption {
    /// Whether it says how to unlock, or where the state folder is.
    pub(super) fn is_of_unlocking_or_state(&self) -> bool {
        match self {
            #[cfg(feature = "keyvault")]
            Self::KeyVault => true,
            Self::PasswordFile(_)
            | Self::PasswordCommand(_)
            | Self::KeyFile(_)
            | Self::NoKeyring
            | Self::StateDir(_) => true,
            _ => false,
        }
    }

    /// Parses one option of a list.
    ///
    /// # Errors
    /// [`MountOptionError`].
    pub fn parse(text: &str) -> Result<Self, MountOptionError> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let given = || {
            let value = value.filter(|value| !value.is_empty());
            value.ok_or_else(|| MountOptionError::NoValue(name.to_owned()))
        };
        let with_value = |make: fn(&str) -> Self| given().map(make);
        let bad = |why| MountOptionError::BadValue { name: name.to_owned(), why };
        match name {
            "password_file" => return with_value(|value| Self::PasswordFile(value.into())),
            "password_command" => return with_value(|value| Self::PasswordCommand(value.into())),
            "key_file" => return with_value(|value| Self::KeyFile(value.into())),
            "state_dir" => return with_value(|value| Self::StateDir(value.into())),
            "waiting_limit" => {
                return parse_waiting_limit(given()?).map(Self::WaitingLimit).map_err(bad);
            }
            "fetch_limit" => {
                return parse_time_above_0(given()?).map(Self::FetchLimit).map_err(bad);
            }
            "idle" => return parse_time_above_0(given()?).map(Self::Idle).map_err(bad),
            "history" => return parse_history(given()?).map(Self::History).map_err(bad),
            // libmount adds the name of the user who mounts.
            "user" | "comment" => return Ok(Self::Ignored),
            _ if name.starts_with("x-") || name.starts_with("X-") => return Ok(Self::Ignored),
            _ => {}
        }
        Ok(match text {
            "ro" => Self::ReadOnly(true),
            "rw" => Self::ReadOnly(false),
            "allow_other" => Self::AllowOther,
            #[cfg(feature = "keyvault")]
            "keyvault" => Self::KeyVault,
            "equate_name_forms" => Self::EquateNameForms,
            "no_history_folder" => Self::NoHistoryFolder,
            "lock_on_suspend" => Self::LockOnSuspend,
            "no_notify" => Self::NoNotify,
            "no_keyring" => Self::NoKeyring,
            "suid" => Self::Suid(true),
            "nosuid" => Self::Suid(false),
            "dev" => Self::Dev(true),
            "nodev" => Self::Dev(false),
            "exec" => Self::Exec(true),
            "noexec" => Self::Exec(false),
            // Access times are as with `noatime`, whatever is asked for.
            "noatime"
            | "atime"
            | "relatime"
            | "strictatime"
            | "diratime"
            | "nodiratime"
            | "default_permissions"
            | "defaults"
            | "auto"
            | "noauto"
            | "nouser"
            | "users"
            | "nofail"
            | "_netdev"
            | "" => Self::Ignored,
            _ => return Err(MountOptionError::Unknown(text.to_owned())),
        })
    }
}

/// All options of one mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountOptions {
    /// Nothing may change.
    pub read_only: bool,
    /// Other users may enter.
    pub allow_other: bool,
    /// A name stands for an entry that has it in another form of Unicode.
    pub equate_name_forms: bool,
    /// Earlier states are shown in a folder that is never listed.
    pub history_folder: bool,
    /// It is locked before the machine sleeps.
    pub lock_on_suspend: bool,
    /// What needs somebody is shown on the desktop.
    pub notifies: bool,
    /// Set-user-id bits count.
    pub suid: bool,
    /// Device files work.
    pub dev: bool,
    /// Programs can be run.
    pub exec: bool,
    /// Where this device's journal is.
    pub state_dir: Option<PathBuf>,
    /// Bytes that may wait in the state folder, if not the default.
    pub waiting_limit: Option<u64>,
    /// How far back the history goes, if not the default.
    pub history: Option<Duration>,
    /// How long whoever reads waits for packs that are online only, if not the default.
    pub fetch_limit: Option<Duration>,
    /// After how long without use it ends by itself, if it does.
    pub idle: Option<Duration>,
    /// How to unlock the vault.
    pub unlock: UnlockArgs,
}

impl MountOptions {
    /// A list of options and the way to unlock that the flags name; of two options that
    /// contradict each other the later counts, as with mount(8).
    ///
    /// # Errors
    /// [`Error::Usage`] if there is more than one way to unlock.
    pub fn gather(options: &[MountOption], flags: &UnlockArgs) -> Result<Self, Error> {
        let mut gathered = Self {
            read_only: false,
            allow_other: false,
            equate_name_forms: false,
            history_folder: true,
            lock_on_suspend: false,
            notifies: true,
            suid: false,
            dev: false,
            exec: true,
            state_dir: None,
            waiting_limit: None,
            history: None,
            fetch_limit: None,
            idle: None,
            unlock: flags.clone(),
        };
        for option in options {
            let unlock = &mut gathered.unlock;
            match option.clone() {
                MountOption::ReadOnly(is) => gathered.read_only = is,
                MountOption::AllowOther => gathered.allow_other = true,
                MountOption::EquateNameForms => gathered.equate_name_forms = true,
                MountOption::NoHistoryFolder => gathered.history_folder = false,
                MountOption::LockOnSuspend => gathered.lock_on_suspend = true,
                MountOption::NoNotify => gathered.notifies = false,
                MountOption::Suid(is) => gathered.suid = is,
                MountOption::Dev(is) => gathered.dev = is,
                MountOption::Exec(is) => gathered.exec = is,
                MountOption::StateDir(folder) => gathered.state_dir = Some(folder),
                MountOption::WaitingLimit(bytes) => gathered.waiting_limit = Some(bytes),
                MountOption::History(time) => gathered.history = Some(time),
                MountOption::FetchLimit(time) => gathered.fetch_limit = Some(time),
                MountOption::Idle(time) => gathered.idle = Some(time),
                MountOption::PasswordFile(file) => unlock.password_file = Some(file),
                MountOption::PasswordCommand(command) => unlock.password_command = Some(command),
                MountOption::KeyFile(file) => unlock.key_file = Some(file),
                MountOption::NoKeyring => unlock.no_keyring = true,
                #[cfg(feature = "keyvault")]
                MountOption::KeyVault => unlock.keyvault = true,
                MountOption::Ignored => {}
            }
        }
        let ways = [
            gathered.unlock.password_file.is_some(),
            gathered.unlock.password_command.is_some(),
            gathered.unlock.key_file.is_some(),
        ];
        if ways.iter().filter(|given| **given).count() > 1 {
            return Err(Error::Usage(
                "more than one way to unlock: give one of password file, password command and \
                 key file"
                    .to_owned(),
            ));
        }
        if gathered.unlock.wants_key_vault() && gathered.unlock.key_file.is_some() {
            return Err(Error::Usage(
                "a key file opens without a key vault: leave one of the two out".to_owned(),
            ));
        }
        Ok(gathered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(list: &str) -> MountOptions {
        let options: Vec<_> =
            list.split(',').map(|option| MountOption::parse(option).unwrap()).collect();
        MountOptions::gather(&options, &UnlockArgs::default()).unwrap()
    }

    #[test]
    fn a_plain_mount_is_writable_and_trusts_neither_set_user_id_nor_devices() {
        let plain = gathered("");
        assert!(!plain.read_only && !plain.allow_other && !plain.suid && !plain.dev);
        assert!(!plain.equate_name_forms && gathered("equate_name_forms").equate_name_forms);
        assert!(!plain.lock_on_suspend && gathered("lock_on_suspend").lock_on_suspend);
        assert!(plain.notifies && !gathered("no_notify").notifies);
        assert!(plain.history_folder && !gathered("no_history_folder").history_folder);
        assert!(plain.exec && plain.unlock.is_silent());
        assert!(!plain.unlock.no_keyring && gathered("no_keyring").unlock.no_keyring);
        assert_eq!(
            gathered(
                "defaults,noauto,auto,user,user=jo,nouser,users,nofail,_netdev,x-systemd.automount,\
                 x-gvfs-name=Chats,comment=mine,default_permissions"
            ),
            plain
        );
    }

    #[test]
    fn the_later_of_two_contradicting_options_counts() {
        assert!(gathered("rw,ro").read_only);
        assert!(!gathered("ro,rw").read_only);
        let options = gathered("suid,dev,noexec,noatime,allow_other");
        assert!(options.suid && options.dev && options.allow_other);
        assert!(!options.exec);
        assert!(!gathered("suid,nosuid").suid && !gathered("dev,nodev").dev);
        assert!(gathered("noexec,exec").exec);
    }

    #[test]
    fn an_unknown_option_is_refused_by_its_name() {
        for text in ["bogus", "bogus=1", "ro=1", "foreground", "RO"] {
            assert_eq!(MountOption::parse(text), Err(MountOptionError::Unknown(text.to_owned())));
        }
        for name in [
            "password_file",
            "password_command",
            "key_file",
            "state_dir",
            "waiting_limit",
            "history",
            "fetch_limit",
            "idle",
        ] {
            for text in [name.to_owned(), format!("{name}=")] {
                assert_eq!(
                    MountOption::parse(&text),
                    Err(MountOptionError::NoValue(name.to_owned()))
                );
            }
        }
    }

    #[test]
    fn what_waits_can_be_limited_but_not_to_nothing() {
        assert_eq!(gathered("waiting_limit=500M").waiting_limit, Some(500 << 20));
        for text in ["0", "1M", "many", "-8G"] {
            let refused = MountOption::parse(&format!("waiting_limit={text}"));
            assert!(matches!(refused, Err(MountOptionError::BadValue { .. })), "{refused:?}");
        }
    }

    #[test]
    fn the_history_goes_back_as_far_as_is_said() {
        assert_eq!(gathered("").history, None);
        assert_eq!(gathered("history=0").history, Some(Duration::ZERO));
        assert_eq!(gathered("history=36h").history, Some(Duration::from_secs(36 * 3600)));
        for text in ["24", "1w", "-1d", "d"] {
            let refused = MountOption::parse(&format!("history={text}"));
            assert!(matches!(refused, Err(MountOptionError::BadValue { .. })), "{refused:?}");
        }
    }

    #[test]
    fn whoever_waits_for_what_is_online_only_waits_as_long_as_is_said() {
        assert_eq!(gathered("").fetch_limit, None);
        assert_eq!(gathered("fetch_limit=5m").fetch_limit, Some(Duration::from_secs(300)));
        for text in ["0", "0s", "60", "ever"] {
            let refused = MountOption::parse(&format!("fetch_limit={text}"));
            assert!(matches!(refused, Err(MountOptionError::BadValue { .. })), "{refused:?}");
        }
    }

    #[test]
    fn a_mount_ends_by_itself_only_where_that_is_said() {
        assert_eq!(gathered("").idle, None);
        assert_eq!(gathered("idle=15m").idle, Some(Duration::from_secs(900)));
        for text in ["0", "15", "soon"] {
            let refused = MountOption::parse(&format!("idle={text}"));
            assert!(matches!(refused, Err(MountOptionError::BadValue { .. })), "{refused:?}");
        }
    }

    #[test]
    fn values_keep_every_equals_sign_but_the_first() {
        assert_eq!(
            MountOption::parse("password_command=get --name=x"),
            Ok(MountOption::PasswordCommand("get --name=x".to_owned()))
        );
    }
}
