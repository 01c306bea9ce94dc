//! The program at a real pseudo-terminal, and the person in front of it.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

pub const SECOND_SCREEN: &str = "\x1b[?1049h";
pub const FIRST_SCREEN: &str = "\x1b[?1049l";

/// A program at a terminal, and the person in front of it.
pub struct AtTerminal {
    child: Child,
    pub keyboard: File,
    /// The program's end, held open to look at its mode.
    line: File,
    screen: Receiver<Vec<u8>>,
    /// All that was shown.
    pub shown: String,
    /// How much of it the person has read.
    read: usize,
}

impl AtTerminal {
    /// Runs a command at a new terminal.
    pub fn running(mut command: Command) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let line = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NOCTTY)
            .open(OsStr::from_bytes(name.to_bytes()))
            .unwrap();
        let child = command
            .env("TERM", "xterm")
            .stdin(line.try_clone().unwrap())
            .stdout(line.try_clone().unwrap())
            .stderr(line.try_clone().unwrap())
            .spawn()
            .unwrap();
        let keyboard = File::from(keyboard);
        let mut output = keyboard.try_clone().unwrap();
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child, keyboard, line, screen, shown: String::new(), read: 0 }
    }

    /// Reads on until `text` is shown; what stood before it.
    pub fn wait_for(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.shown[self.read..].find(text) {
                let before = self.shown[self.read..self.read + at].to_owned();
                self.read += at + text.len();
                return before;
            }
            let Ok(more) = self.screen.recv_timeout(Duration::from_secs(20)) else {
                panic!("“{text}” was not shown, but: {:?}", self.shown);
            };
            self.shown.push_str(&String::from_utf8_lossy(&more));
        }
    }

    pub fn answer(&mut self, question: &str, answer: &str) {
        self.wait_for(question);
        self.type_line(answer);
    }

    pub fn type_line(&mut self, text: &str) {
        self.keyboard.write_all(format!("{text}\n").as_bytes()).unwrap();
    }

    /// Reads the key's page, and takes Enter for done; the groups that were on it.
    pub fn read_key(&mut self) -> Vec<String> {
        self.wait_for(SECOND_SCREEN);
        let page = self.wait_for("Press Enter to go on: ");
        self.keyboard.write_all(b"\n").unwrap();
        self.wait_for(FIRST_SCREEN);
        page.lines()
            .filter_map(|line| line.trim().strip_prefix("groups "))
            .flat_map(|line| line.split_whitespace().skip(3).map(str::to_owned))
            .collect()
    }

    /// Which group is asked for, counted from 0.
    pub fn group_asked(&mut self) -> usize {
        self.wait_for("Group ");
        let number: usize = self.wait_for(" of 16: ").parse().unwrap();
        number - 1
    }

    pub fn exit_code(&mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap()
    }

    /// What is typed is shown, and Ctrl-C interrupts, as before the program ran.
    pub fn is_restored(&self) -> bool {
        let modes = tcgetattr(&self.line).unwrap().local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    }
}
