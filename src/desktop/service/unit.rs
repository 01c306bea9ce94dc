//! A service as a unit of systemd's, for the user's manager.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::quoting::{quoted, unquoted};
use super::{Service, ServiceError, ServicePlaces};

/// Lines of a unit by which it is known which vault it mounts where.
const VAULT_KEY: &str = "Vault=";
const MOUNT_POINT_KEY: &str = "MountPoint=";

impl Service {
    /// The name of its systemd unit.
    pub fn unit_name(&self) -> String {
        format!("hushfs-{}.service", self.id)
    }

    /// Its systemd unit.
    ///
    /// # Errors
    /// [`ServiceError::Program`].
    pub fn unit(&self) -> Result<String, ServiceError> {
        let path = self.program.to_str();
        if path.is_none_or(|path| path.chars().any(|c| c.is_control() || "\"'\\".contains(c))) {
            return Err(ServiceError::Program(self.program.clone()));
        }
        // Of variables, only arguments are free to mean some.
        let mut command = quoted_path(&self.program).replace("$$", "$");
        for argument in &self.arguments {
            command.push(' ');
            command.push_str(&quoted(argument.as_bytes()));
        }
        let lasting: Vec<String> =
            self.lasting_exit_codes.iter().map(|code| code.to_string()).collect();
        Ok(format!(
            "\
# Made by “hushfs service install”, removed by “hushfs service uninstall”.
[Unit]
Description=hushfs vault {id}
Documentation=man:hushfs-service(1)
# The keyring may be unlocked some time after the login.
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={command}
Restart=on-failure
RestartSec=60
# Wrong password or key, damage, no vault, in use already: to try again would help nobody.
RestartPreventExitStatus={lasting}
# Unlocking may take a password command's time, opening that of the vault's size.
TimeoutStartSec=infinity
# Everything goes into the vault first; what does not in this time waits, sealed, in the state folder.
TimeoutStopSec=10min

[Install]
WantedBy=default.target

[X-hushfs]
{VAULT_KEY}{vault}
{MOUNT_POINT_KEY}{mount_point}
",
            id = self.id,
            lasting = lasting.join(" "),
            vault = quoted_path(&self.places.vault),
            mount_point = quoted_path(&self.places.mount_point),
        ))
    }
}

/// Which vault a unit mounts, and where; `None` if it is none of ours.
pub fn places_of_unit(unit: &str) -> Option<ServicePlaces> {
    let place = |key: &str| {
        let word = unquoted(unit.lines().find_map(|line| line.strip_prefix(key))?)?;
        Some(PathBuf::from(OsString::from_vec(word)))
    };
    Some(ServicePlaces { vault: place(VAULT_KEY)?, mount_point: place(MOUNT_POINT_KEY)? })
}

fn quoted_path(path: &Path) -> String {
    quoted(path.as_os_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::service;
    use super::*;

    #[test]
    fn a_unit_tells_which_vault_it_mounts_where() {
        let mounts = service("/home/ann/Drop box/chats");
        assert_eq!(places_of_unit(&mounts.unit().unwrap()), Some(mounts.places));
        assert_eq!(places_of_unit("[Service]\nExecStart=/bin/true\n"), None);
        assert_eq!(places_of_unit("Vault=/plain\nMountPoint=\"/m\"\n"), None);
    }

    #[test]
    fn a_program_that_systemd_would_not_run_is_refused() {
        for path in ["/a b/hushfs'", "/a\"/hushfs", "/a\\/hushfs", "/a\n/hushfs"] {
            let refused = Service { program: path.into(), ..service("/v") }.unit();
            assert_eq!(refused, Err(ServiceError::Program(path.into())));
        }
    }

    proptest! {
        /// A vault's name cannot pass for a line of its own, either.
        #[test]
        fn whatever_the_names_a_unit_tells_them(
            vault in prop::collection::vec(any::<u8>(), 0..20),
            below in r#"(\nMountPoint="/elsewhere"|[\\"%$ é\n]|[a-z])*"#,
        ) {
            let vault = PathBuf::from(OsString::from_vec([b"/".to_vec(), vault].concat()));
            let places = ServicePlaces { vault, mount_point: Path::new("/home").join(below) };
            let service = Service { places, ..service("/v") };
            prop_assert_eq!(places_of_unit(&service.unit().unwrap()), Some(service.places));
        }
    }
}
