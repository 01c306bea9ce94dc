//! The real program, and what it says.

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};

/// The program about to run with these arguments. Nobody sits at its terminal.
pub fn hushfs<Argument: AsRef<OsStr>>(arguments: &[Argument]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hushfs"));
    command.args(arguments).env("HUSHFS_STRETCH", "floor").stdin(Stdio::null());
    command
}

/// How a run of the program ended, and what it said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    /// What `command` says. The program never panics, and a signal never ends it.
    pub fn by(command: &mut Command) -> Self {
        loop {
            match command.output() {
                // Another test's thread forked while this program's copy was still being written.
                Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {}
                output => return Self::from(&output.unwrap()),
            }
        }
    }

    /// The exit code is this one, and every one of these texts is said.
    #[track_caller]
    pub fn expect(&self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        for text in texts {
            let is_said = self.stdout.contains(text) || self.stderr.contains(text);
            assert!(is_said, "“{text}” is not in {self:?}");
        }
    }
}

impl From<&Output> for Said {
    fn from(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let code = output.status.code();
        assert!(code.is_some() && !stderr.contains("panicked"), "{}: {stderr}", output.status);
        Self { code: code.unwrap(), stdout, stderr }
    }
}
