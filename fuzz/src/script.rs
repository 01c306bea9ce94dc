//! Somebody who answers questions with lines that are there beforehand.

use hushfs::cli::ask::{Ask, AskError};
use zeroize::Zeroizing;

/// Answers with one line after the other, then the input has ended.
#[derive(Debug)]
pub struct Script<'a> {
    lines: std::slice::Split<'a, u8, fn(&u8) -> bool>,
    questions: usize,
}

/// After so many questions the input ends.
const QUESTIONS_MAX: usize = 40;

impl<'a> Script<'a> {
    pub fn new(text: &'a [u8]) -> Self {
        Self { lines: text.split(|byte| *byte == b'\n'), questions: 0 }
    }

    fn answer(&mut self) -> Result<Zeroizing<Vec<u8>>, AskError> {
        self.questions += 1;
        let line = self.lines.next().filter(|_| self.questions <= QUESTIONS_MAX);
        line.map(|line| Zeroizing::new(line.to_vec())).ok_or(AskError::Ended)
    }
}

impl Ask for Script<'_> {
    fn say(&mut self, _text: &str) -> Result<(), AskError> {
        Ok(())
    }

    fn line(&mut self, _prompt: &str) -> Result<Zeroizing<Vec<u8>>, AskError> {
        self.answer()
    }

    fn secret(&mut self, _prompt: &str) -> Result<Zeroizing<Vec<u8>>, AskError> {
        self.answer()
    }

    fn show_until_enter(&mut self, _text: &str) -> Result<(), AskError> {
        self.answer().map(drop)
    }
}
