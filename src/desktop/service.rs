//! What mounts at login and unmounts at logout, as systemd's and launchd's files say it.
//!
//! There is no `ExecStop=`: SIGTERM has a mount bring everything into the vault and unmount, and that even
//! where programs still have files open, which an unmount would refuse.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::markup::escaped;

/// A vault that is mounted at login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Tells it from others, in hex.
    pub id: String,
    /// The program, absolute.
    pub program: PathBuf,
    /// What the program is called with, from the command's name on.
    pub arguments: Vec<OsString>,
    /// The vault, absolute.
    pub vault: PathBuf,
    /// Where it is mounted, absolute.
    pub mount_point: PathBuf,
}

/// Lines of a systemd unit by which it is known which vault it mounts where.
const VAULT_KEY: &str = "Vault=";
const MOUNT_POINT_KEY: &str = "MountPoint=";

impl Service {
    /// Whether systemd takes the program's path, of which it refuses some characters.
    pub fn can_be_unit(&self) -> bool {
        let path = self.program.as_os_str().to_str();
        path.is_some_and(|path| !path.chars().any(|c| c.is_control() || "\"'\\".contains(c)))
    }

    /// The name of its systemd unit.
    pub fn unit_name(&self) -> String {
        format!("hushfs-{}.service", self.id)
    }

    /// Its systemd unit, for the user's manager.
    pub fn unit(&self) -> String {
        // Of variables, only arguments are free to mean some.
        let mut command = quoted(self.program.as_os_str().as_bytes()).replace("$$", "$");
        for argument in &self.arguments {
            command.push(' ');
            command.push_str(&quoted(argument.as_bytes()));
        }
        format!(
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
RestartPreventExitStatus=10 11 12 13
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
            vault = quoted(self.vault.as_os_str().as_bytes()),
            mount_point = quoted(self.mount_point.as_os_str().as_bytes()),
        )
    }

    /// Its agent for launchd, which macOS has: a property list.
    pub fn launch_agent(&self) -> String {
        let program = self.program.as_os_str();
        let arguments = std::iter::once(program).chain(self.arguments.iter().map(AsRef::as_ref));
        let mut strings = String::new();
        for argument in arguments {
            // Writing to a string cannot fail.
            let _ =
                writeln!(strings, "    <string>{}</string>", escaped(&argument.to_string_lossy()));
        }
        format!(
            "\
<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">
<plist version=\"1.0\">
<dict>
  <key>Label</key>
  <string>hushfs.{id}</string>
  <key>ProgramArguments</key>
  <array>
{strings}  </array>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ThrottleInterval</key>
  <integer>60</integer>
  <key>ExitTimeOut</key>
  <integer>600</integer>
</dict>
</plist>
",
            id = self.id
        )
    }
}

/// Which vault a unit mounts, and where, as the unit writes them; `None` if it is none of ours.
pub fn places_of_unit(unit: &str) -> Option<(&str, &str)> {
    let value = |key: &str| unit.lines().find_map(|line| line.strip_prefix(key));
    Some((value(VAULT_KEY)?, value(MOUNT_POINT_KEY)?))
}

/// A path as a unit's lines about places write it.
pub fn place_in_unit(path: &Path) -> String {
    quoted(path.as_os_str().as_bytes())
}

/// A word of a command line, as systemd reads it: `%` and `$` would stand for something else, and whatever
/// is no plain character is written as its bytes.
fn quoted(word: &[u8]) -> String {
    let mut text = String::from("\"");
    for chunk in word.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '%' => text.push_str("%%"),
                '$' => text.push_str("$$"),
                '"' | '\\' => text.extend(['\\', letter]),
                letter if letter.is_control() => {
                    let mut bytes = [0; 4];
                    escape(&mut text, letter.encode_utf8(&mut bytes).as_bytes());
                }
                letter => text.push(letter),
            }
        }
        escape(&mut text, chunk.invalid());
    }
    text.push('"');
    text
}

fn escape(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "\\x{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(vault: &str) -> Service {
        Service {
            id: "c0ffee".to_owned(),
            program: "/usr/bin/hushfs".into(),
            arguments: ["mount", vault, "/home/ann/Chats"].map(Into::into).to_vec(),
            vault: vault.into(),
            mount_point: "/home/ann/Chats".into(),
        }
    }

    #[test]
    fn words_of_a_unit_mean_themselves() {
        for (word, written) in [
            (&b"/a b"[..], r#""/a b""#),
            (b"100%", r#""100%%""#),
            (b"$HOME", r#""$$HOME""#),
            (br#"say "hi\""#, r#""say \"hi\\\"""#),
            (b"a\nb\x7f", r#""a\x0ab\x7f""#),
            (b"caf\xc3\xa9 \xff", "\"café \\xff\""),
            (b"", r#""""#),
        ] {
            assert_eq!(quoted(word), written);
        }
    }

    #[test]
    fn a_unit_tells_which_vault_it_mounts_where() {
        let unit = service("/home/ann/Drop box/chats").unit();
        let places = places_of_unit(&unit).unwrap();
        assert_eq!(places, (r#""/home/ann/Drop box/chats""#, r#""/home/ann/Chats""#));
        assert_eq!(places.0, place_in_unit(Path::new("/home/ann/Drop box/chats")));
        assert_eq!(places_of_unit("[Service]\nExecStart=/bin/true\n"), None);
        // A vault's name cannot pass for a line of its own.
        let sly = service("/v\nMountPoint=/elsewhere").unit();
        assert_eq!(places_of_unit(&sly).unwrap().1, r#""/home/ann/Chats""#);
    }

    #[test]
    fn an_agent_for_macos_is_a_property_list_of_the_same_words() {
        let agent = service("/Users/ann/Fish & <Chips>").launch_agent();
        for line in [
            "  <string>hushfs.c0ffee</string>",
            "    <string>/usr/bin/hushfs</string>\n    <string>mount</string>",
            "    <string>/Users/ann/Fish &amp; &lt;Chips&gt;</string>",
        ] {
            assert!(agent.contains(line), "{agent}");
        }
        assert_eq!(agent.matches("<dict>").count(), agent.matches("</dict>").count());
    }
}
