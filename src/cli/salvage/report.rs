//! What a salvage wrote, and everything that is not as it should be.

use std::fmt::Write as _;

use serde::Serialize;

use crate::cli::error::Error;
use crate::cli::restore::headed;
use crate::cli::units::{bytes, counted};

/// What a salvage did. Nothing is left out without a line here.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Report {
    /// Files that were written.
    pub(super) salvaged: u64,
    /// Content bytes of those.
    pub(super) salvaged_bytes: u64,
    /// Files that were there already, with the same size and time.
    pub(super) there_already: u64,
    /// Files that did not get their own path, and why.
    pub(super) lost_and_found: Vec<String>,
    /// Files that lack content, and how much; under which name the rest was written.
    pub(super) damaged: Vec<String>,
    /// Paths in the destination that something else stands at, which was left as it is.
    pub(super) in_the_way: Vec<String>,
    /// What could not be written, and why.
    pub(super) failed: Vec<String>,
    /// Packs that could not be read and may be whole, and why.
    pub(super) not_read: Vec<String>,
    /// What is wrong with the vault as a whole.
    pub(super) vault_damage: Vec<String>,
}

/// What `--json` prints.
#[derive(Serialize)]
pub(super) struct Told<'a> {
    ok: bool,
    #[serde(flatten)]
    report: &'a Report,
}

impl Report {
    pub(super) fn told(&self) -> Told<'_> {
        Told { ok: self.verdict().is_ok(), report: self }
    }

    /// A line for each thing that did not go as it should.
    pub(super) fn problems(&self) -> String {
        headed(&[
            ("VAULT", &self.vault_damage),
            ("NOT READ", &self.not_read),
            ("IN THE WAY", &self.in_the_way),
            ("DAMAGED", &self.damaged),
            ("FAILED", &self.failed),
            ("no path", &self.lost_and_found),
        ])
    }

    /// What was done, and what nobody should take it for.
    pub(super) fn summary(&self) -> String {
        let files = counted(self.salvaged, "file", "files");
        let mut text = format!("salvaged {files}, {}", bytes(self.salvaged_bytes));
        if self.there_already > 0 {
            let there = counted(self.there_already, "file was", "files were");
            let _ = write!(text, "; {there} there already");
        }
        text.push_str(
            "\nnote       packs do not know what happened to files later: deleted and older files \
             may be among these\n",
        );
        text
    }

    /// How it went as a whole.
    ///
    /// # Errors
    /// [`Error::Damage`] where anything is damaged or incomplete, [`Error::Incomplete`] where
    /// something else was not written.
    pub(super) fn verdict(&self) -> Result<(), Error> {
        let undone = (self.in_the_way.len() + self.failed.len()) as u64;
        let mut sentences = Vec::new();
        if !self.not_read.is_empty() {
            let packs = counted(self.not_read.len() as u64, "pack was", "packs were");
            sentences.push(format!("{packs} not read"));
        }
        if !self.vault_damage.is_empty() {
            sentences.push("the vault is damaged or lacks something".to_owned());
        }
        if !self.damaged.is_empty() {
            let files = counted(self.damaged.len() as u64, "file lacks", "files lack");
            sentences.push(format!("{files} content"));
        }
        if undone > 0 {
            let files = counted(undone, "file was", "files were");
            sentences.push(format!("{files} not written: another destination may take them"));
        }
        let sentence = sentences.join("; ");
        let not_done = undone + self.not_read.len() as u64;
        match (self.vault_damage.len() + self.damaged.len(), not_done) {
            (0, 0) => Ok(()),
            (0, _) => Err(Error::Incomplete(sentence)),
            _ => Err(Error::Damage(sentence)),
        }
    }
}
