//! A service as an agent of launchd's, which macOS has: a property list.
//!
//! The keys are those of launchd.plist(5).

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::super::markup::{escaped, unescaped};
use super::{Service, ServiceError, ServicePlaces};

impl Service {
    /// What launchd calls it.
    pub fn agent_label(&self) -> String {
        format!("hushfs.{}", self.id)
    }

    /// Its agent; what the mount says goes to the end of the file at `log`.
    ///
    /// # Errors
    /// [`ServiceError::Word`].
    pub fn agent(&self, log: &Path) -> Result<String, ServiceError> {
        let program = self.program.as_os_str();
        let words = std::iter::once(program).chain(self.arguments.iter().map(OsString::as_os_str));
        let mut strings = String::new();
        for word in words {
            strings.push_str(&format!("    {}\n", string(word)?));
        }
        // Without `ProcessType` launchd slows down its processor and disk.
        Ok(format!(
            "\
<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">
<!-- Made by “hushfs service install”, removed by “hushfs service uninstall”. -->
<plist version=\"1.0\">
<dict>
  <key>Label</key>
  {label}
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
  <key>ProcessType</key>
  <string>Interactive</string>
  <key>StandardErrorPath</key>
  {log}
</dict>
</plist>
",
            label = string(OsStr::new(&self.agent_label()))?,
            log = string(log.as_os_str())?,
        ))
    }
}

/// Which vault an agent mounts, and where; `None` if it is none of ours.
pub fn places_of_agent(agent: &str) -> Option<ServicePlaces> {
    let (_, rest) = agent.split_once("<key>ProgramArguments</key>")?;
    let (array, _) = rest.split_once("</array>")?;
    let words: Vec<&str> = array
        .split("<string>")
        .skip(1)
        .map(|word| word.split_once("</string>").map(|(word, _)| word))
        .collect::<Option<_>>()?;
    let [.., "--", vault, mount_point] = words[..] else { return None };
    let place = |word| unescaped(word).map(PathBuf::from);
    Some(ServicePlaces { vault: place(vault)?, mount_point: place(mount_point)? })
}

fn string(word: &OsStr) -> Result<String, ServiceError> {
    let text = word.to_str().filter(|text| text.chars().all(stands_for_itself));
    let text = text.ok_or_else(|| ServiceError::Word(word.to_owned()))?;
    Ok(format!("<string>{}</string>", escaped(text)))
}

/// XML 1.0 has no form for the other controls and these two; it reads a carriage return as a line end.
fn stands_for_itself(letter: char) -> bool {
    matches!(letter, '\t' | '\n')
        || !(letter.is_control() || matches!(letter, '\u{FFFE}' | '\u{FFFF}'))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use proptest::prelude::*;

    use super::super::tests::service;
    use super::*;

    const LOG: &str = "/Users/ann/Library/Logs/hushfs/c0ffee.log";

    fn agent(service: &Service) -> Result<String, ServiceError> {
        service.agent(Path::new(LOG))
    }

    #[test]
    fn an_agent_for_macos_is_a_property_list_of_the_same_words() {
        let mounts = service("/Users/ann/Fish & <Chips>");
        let text = agent(&mounts).unwrap();
        for line in [
            "  <string>hushfs.c0ffee</string>",
            "    <string>/usr/bin/hushfs</string>\n    <string>mount</string>",
            "    <string>/Users/ann/Fish &amp; &lt;Chips&gt;</string>",
            &format!("  <key>StandardErrorPath</key>\n  <string>{LOG}</string>"),
        ] {
            assert!(text.contains(line), "{text}");
        }
        for tag in ["dict", "array", "string", "key", "integer", "plist version=\"1.0\""] {
            let (name, _) = tag.split_once(' ').unwrap_or((tag, ""));
            let ends = text.matches(&format!("</{name}>")).count();
            assert_eq!(text.matches(&format!("<{tag}>")).count(), ends, "{tag}");
        }
        assert_eq!(places_of_agent(&text), Some(mounts.places));
    }

    /// By Apple's own reader.
    #[cfg(target_os = "macos")]
    #[test]
    fn macos_reads_an_agent_as_it_is_meant() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("agent.plist");
        for name in ["/Fish & <Chips>", "/</string>", "/two\nlines\t'\"", "/é 日本"] {
            std::fs::write(&file, agent(&service(name)).unwrap()).unwrap();
            let mut plutil = std::process::Command::new("plutil");
            plutil.args(["-extract", "ProgramArguments", "json", "-o", "-"]).arg(&file);
            let output = plutil.output().unwrap();
            let told: Vec<String> = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(told, ["/usr/bin/hushfs", "mount", "--", name, "/home/ann/Chats"]);
        }
    }

    #[test]
    fn what_a_property_list_cannot_say_is_refused() {
        for bytes in [&b"/v\xff"[..], b"/v\x1b", b"/v\r", b"/v\0", "/v\u{FFFF}".as_bytes()] {
            let word = OsString::from_vec(bytes.to_vec());
            let mut mounts = service("/v");
            mounts.arguments.insert(1, word.clone());
            assert_eq!(agent(&mounts), Err(ServiceError::Word(word)));
        }
    }

    #[test]
    fn what_is_none_of_ours_has_no_places() {
        let ours = agent(&service("/v")).unwrap();
        for other in [
            "",
            "<key>ProgramArguments</key>",
            &ours.replace("--", "-x"),
            &ours.replace("</string>", ""),
        ] {
            assert_eq!(places_of_agent(other), None);
        }
    }

    proptest! {
        /// As [`agent`] refuses some, what it takes is what is looked at here.
        #[test]
        fn whatever_the_names_an_agent_tells_them(
            vault in r"(</string>|<string>--|&amp;|[&<>'\x22; é\n\t\\%$]|[a-z])*",
            below in "\\PC{0,20}",
        ) {
            let mut mounts = service(&format!("/{vault}"));
            mounts.places.mount_point = Path::new("/Users").join(below);
            let last = mounts.arguments.last_mut();
            *last.expect("a service has arguments") = mounts.places.mount_point.clone().into();
            prop_assert_eq!(places_of_agent(&agent(&mounts).unwrap()), Some(mounts.places));
        }
    }
}
