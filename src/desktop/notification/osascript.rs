//! By AppleScript, as macOS shows them for programs that are no apps.

use std::io;
use std::process::{Command, Stdio};

const PROGRAM: &str = "/usr/bin/osascript";
/// The words come as arguments of the script, and never are a part of it.
const SCRIPT: [&str; 3] =
    ["on run argv", "display notification (item 2 of argv) with title (item 1 of argv)", "end run"];

/// A Mac shows them wherever somebody is logged in at the screen; where nobody is, nothing happens.
#[cfg_attr(not(target_os = "macos"), allow(dead_code, reason = "tests ask macOS nothing"))]
pub(super) fn has_session() -> bool {
    true
}

/// Returns when it is shown.
#[cfg_attr(not(target_os = "macos"), allow(dead_code, reason = "tests ask macOS nothing"))]
pub(super) fn show(title: &str, body: &str) -> io::Result<()> {
    let output = command(title, body).stdin(Stdio::null()).stdout(Stdio::null()).output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}

/// The title comes first and is ours: options end with it, whatever the body begins with.
fn command(title: &str, body: &str) -> Command {
    debug_assert!(!title.starts_with('-'));
    let mut command = Command::new(PROGRAM);
    command.args(SCRIPT.iter().flat_map(|line| ["-e", line])).args([title, body]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_arguments_and_the_script_is_always_the_same() {
        let sly = "-e \" & (do shell script \"id\") & \"\nend run";
        let words = command("Damage found", sly);
        let words: Vec<_> = words.get_args().map(|word| word.to_str().unwrap()).collect();
        let script = words.chunks(2).take(3).map(|pair| (pair[0], pair[1]));
        assert!(script.eq(SCRIPT.map(|line| ("-e", line))));
        assert_eq!(words[6..], ["Damage found", sly]);
    }
}
