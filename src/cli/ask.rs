//! Questions to a person: a trait, so that a dialogue can be tested with scripted answers, and the
//! terminal that the program asks at.

use std::io::{self, IsTerminal, Write};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;

use super::names::lines;

/// The longest line that a terminal hands over (Linux: `N_TTY_BUF_SIZE`).
const LINE_BYTES_MAX: usize = 4096;
const CTRL_C: u8 = 3;
const CTRL_BACKSLASH: u8 = 28;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The input ended.
    #[error("the input ended before everything was answered; nothing was changed")]
    Ended,
    /// Ctrl-C.
    #[error("interrupted; nothing was changed")]
    Interrupted,
    /// The terminal does not work.
    #[error("the terminal: {0}")]
    Io(#[from] io::Error),
}

/// Somebody to ask.
pub trait Ask {
    /// Says something; `text` needs no line end.
    ///
    /// # Errors
    /// [`AskError::Io`].
    fn say(&mut self, text: &str) -> Result<(), AskError>;

    /// The answer to `prompt`, which is seen as it is typed; without the line end.
    ///
    /// # Errors
    /// [`AskError`].
    fn line(&mut self, prompt: &str) -> Result<Zeroizing<Vec<u8>>, AskError>;

    /// The answer to `prompt`, which is not seen as it is typed; without the line end.
    ///
    /// # Errors
    /// [`AskError`].
    fn secret(&mut self, prompt: &str) -> Result<Zeroizing<Vec<u8>>, AskError>;

    /// Shows `text` until Enter is pressed, then takes it off the screen again where the terminal
    /// can do that.
    ///
    /// # Errors
    /// [`AskError`]; the text is off the screen.
    fn show_until_enter(&mut self, text: &str) -> Result<(), AskError>;
}

/// The answer as text, with white space around it cut off; what is not UTF-8 is no answer.
pub(crate) fn answer(line: &[u8]) -> &str {
    std::str::from_utf8(line).unwrap_or_default().trim()
}

/// The terminal at standard input and standard error.
#[derive(Debug)]
pub struct Terminal {
    /// The terminal has a second screen, which leaves nothing in the scroll-back.
    second_screen: bool,
}

impl Terminal {
    /// `None` if nobody sits at standard input and standard error.
    pub fn at_hand() -> Option<Self> {
        let there = io::stdin().is_terminal() && io::stderr().is_terminal();
        let kind = std::env::var_os("TERM");
        there.then(|| Self {
            second_screen: kind.is_some_and(|kind| !kind.is_empty() && kind != "dumb"),
        })
    }

    fn read(&mut self, prompt: &str, echo: bool) -> Result<Zeroizing<Vec<u8>>, AskError> {
        let mode = LineMode::set(echo)?;
        write_now(prompt)?;
        let line = read_line();
        drop(mode);
        if line.is_err() {
            write_now("\n")?;
        }
        line
    }
}

impl Ask for Terminal {
    fn say(&mut self, text: &str) -> Result<(), AskError> {
        // It may name files.
        write_now(&format!("{}\n", lines(text)))
    }

    fn line(&mut self, prompt: &str) -> Result<Zeroizing<Vec<u8>>, AskError> {
        self.read(prompt, true)
    }

    fn secret(&mut self, prompt: &str) -> Result<Zeroizing<Vec<u8>>, AskError> {
        self.read(prompt, false)
    }

    fn show_until_enter(&mut self, text: &str) -> Result<(), AskError> {
        if self.second_screen {
            write_now("\x1b[?1049h\x1b[2J\x1b[H")?;
        }
        write_now(text)?;
        let entered = self.read("\n\nPress Enter to go on: ", false);
        if self.second_screen {
            write_now("\x1b[2J\x1b[?1049l")?;
        }
        entered.map(|_| ())
    }
}

/// The terminal's mode while a line is read; the mode before comes back on drop.
///
/// Ctrl-C ends the line instead of the program, so that the mode does come back and a command can
/// take back what it had begun.
struct LineMode {
    before: Termios,
}

impl LineMode {
    fn set(echo: bool) -> Result<Self, AskError> {
        let stdin = rustix::stdio::stdin();
        let before = tcgetattr(stdin).map_err(io::Error::from)?;
        let mut mode = before.clone();
        mode.local_modes.remove(LocalModes::ISIG);
        mode.local_modes.insert(LocalModes::ICANON | LocalModes::ECHONL);
        mode.local_modes.set(LocalModes::ECHO, echo);
        mode.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
        mode.special_codes[SpecialCodeIndex::VEOL2] = CTRL_BACKSLASH;
        tcsetattr(stdin, OptionalActions::Drain, &mode).map_err(io::Error::from)?;
        Ok(Self { before })
    }
}

impl Drop for LineMode {
    fn drop(&mut self) {
        // Nothing better can be done if the terminal is gone.
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Drain, &self.before);
    }
}

/// One line of standard input, byte by byte: a buffered reader would keep a copy of it.
fn read_line() -> Result<Zeroizing<Vec<u8>>, AskError> {
    let mut line = Zeroizing::new(Vec::with_capacity(LINE_BYTES_MAX));
    while line.len() < LINE_BYTES_MAX {
        let mut byte = Zeroizing::new([0]);
        match rustix::io::read(rustix::stdio::stdin(), &mut *byte) {
            Ok(0) if line.is_empty() => return Err(AskError::Ended),
            Ok(0) => break,
            Ok(_) => match byte[0] {
                b'\n' => break,
                CTRL_C | CTRL_BACKSLASH => return Err(AskError::Interrupted),
                byte => line.push(byte),
            },
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(io::Error::from(error).into()),
        }
    }
    Ok(line)
}

fn write_now(text: &str) -> Result<(), AskError> {
    let mut stderr = io::stderr().lock();
    stderr.write_all(text.as_bytes())?;
    Ok(stderr.flush()?)
}
