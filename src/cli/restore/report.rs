//! What a restore did, and everything that it did not do.

use std::fmt::Write as _;

use crate::cli::error::Error;
use crate::cli::names::Shown as _;
use crate::cli::units::{bytes, counted};

/// What a restore did. Nothing is left out without a line here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Files, folders, links and the like that were written.
    pub restored: u64,
    /// Content bytes of those.
    pub restored_bytes: u64,
    /// Files that were there already, with the same size and time.
    pub there_already: u64,
    /// Paths in the destination that something else stands at, which was left as it is.
    pub in_the_way: Vec<String>,
    /// Files in the way were replaced, but not folders, nor what a folder belongs at.
    pub overwrite: bool,
    /// What lacks content, and how much; under which name the rest was written.
    pub damaged: Vec<String>,
    /// What lacks content that has not arrived yet, likewise.
    pub awaited: Vec<String>,
    /// What lacks content that has been collected since, likewise.
    pub collected: Vec<String>,
    /// What could not be written, and why.
    pub failed: Vec<String>,
    /// Files that belong to whoever ran this, since only root can give files away.
    pub owner_kept: u64,
    /// Further names of files that became copies, where the destination has no hard links.
    pub copied_names: u64,
    /// What is wrong with the vault as a whole, in sentences.
    pub vault_damage: Vec<String>,
    /// What has not arrived in the vault folder yet, in sentences.
    pub not_arrived: Vec<String>,
}

/// A line for each, with its list's heading; names in it are as they are, and are shown for eyes.
pub fn headed(lists: &[(&str, &[String])]) -> String {
    let mut text = String::new();
    for (heading, lines) in lists {
        for line in *lines {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{heading:11}{}", line.shown());
        }
    }
    text
}

impl Report {
    /// A line for each thing that did not go as it should.
    pub fn problems(&self) -> String {
        headed(&[
            ("VAULT", &self.vault_damage),
            ("AWAITED", &self.not_arrived),
            ("IN THE WAY", &self.in_the_way),
            ("DAMAGED", &self.damaged),
            ("AWAITED", &self.awaited),
            ("COLLECTED", &self.collected),
            ("FAILED", &self.failed),
        ])
    }

    /// What was done, in a line, after what there is to note about it.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        if self.owner_kept > 0 {
            let files = counted(self.owner_kept, "file belongs", "files belong");
            let _ = writeln!(
                text,
                "note       {files} to you now, without setuid and setgid: only root can restore owners"
            );
        }
        if self.copied_names > 0 {
            let names = counted(self.copied_names, "name is", "names are");
            let _ = writeln!(text, "note       {names} a copy, where the vault has a hard link");
        }
        let restored = counted(self.restored, "entry", "entries");
        let _ = write!(text, "restored {restored}, {}", bytes(self.restored_bytes));
        if self.there_already > 0 {
            let there = counted(self.there_already, "file was", "files were");
            let _ = write!(text, "; {there} there already");
        }
        text
    }

    /// How it went as a whole.
    ///
    /// # Errors
    /// [`Error::Damage`] where content is lost, [`Error::Incomplete`] where something else was
    /// not restored, [`Error::NotArrived`] where that is all there is to say.
    pub fn verdict(&self) -> Result<(), Error> {
        let undone = (self.in_the_way.len() + self.failed.len()) as u64;
        let mut sentences = Vec::new();
        if !self.vault_damage.is_empty() {
            sentences
                .push("the vault or its state folder is damaged or lacks something".to_owned());
        }
        if !self.damaged.is_empty() {
            let files = counted(self.damaged.len() as u64, "file lacks", "files lack");
            sentences.push(format!("{files} content"));
        }
        if !self.not_arrived.is_empty() {
            sentences.push("not everything has arrived in the vault folder yet".to_owned());
        }
        if !self.awaited.is_empty() {
            let files = counted(self.awaited.len() as u64, "file waits", "files wait");
            sentences.push(format!("{files} for content"));
        }
        if !self.collected.is_empty() {
            let files = counted(self.collected.len() as u64, "file lacks", "files lack");
            sentences.push(format!("{files} content that has been collected"));
        }
        if undone > 0 {
            let entries = counted(undone, "entry was", "entries were");
            sentences.push(format!("{entries} not restored in full"));
        }
        if !self.in_the_way.is_empty() {
            let advice = match self.overwrite {
                false => "--overwrite replaces files that are in the way",
                true => "move away what is in the way: a folder is never replaced, nor by one",
            };
            sentences.push(advice.to_owned());
        }
        let sentence = sentences.join("; ");
        let damaged = self.vault_damage.len() + self.damaged.len();
        let undone = undone + self.collected.len() as u64;
        match (damaged, undone, self.not_arrived.len() + self.awaited.len()) {
            (0, 0, 0) => Ok(()),
            (0, 0, _) => Err(Error::NotArrived(sentence)),
            (0, _, _) => Err(Error::Incomplete(sentence)),
            _ => Err(Error::Damage(sentence)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ExitCode;

    #[test]
    fn everything_that_was_not_restored_has_a_line() {
        let report = Report {
            restored: 2,
            restored_bytes: 1000,
            there_already: 1,
            in_the_way: vec!["a".to_owned()],
            overwrite: false,
            damaged: vec!["b: x".to_owned()],
            awaited: vec!["e: z".to_owned()],
            collected: vec!["g: w".to_owned()],
            failed: vec!["c: y".to_owned()],
            owner_kept: 3,
            copied_names: 2,
            vault_damage: vec!["d".to_owned()],
            not_arrived: vec!["f".to_owned()],
        };
        assert_eq!(
            report.problems(),
            "VAULT      d\nAWAITED    f\nIN THE WAY a\nDAMAGED    b: x\nAWAITED    e: z\n\
             COLLECTED  g: w\nFAILED     c: y\n"
        );
        assert_eq!(
            report.summary(),
            "note       3 files belong to you now, without setuid and setgid: only root can \
             restore owners\n\
             note       2 names are a copy, where the vault has a hard link\n\
             restored 2 entries, 1.0 kB; 1 file was there already"
        );
    }

    #[test]
    fn damage_outweighs_what_failed_in_the_exit_code() {
        let code = |report: &Report| report.verdict().map_err(|error| error.exit_code());
        let one = || vec!["x".to_owned()];
        assert_eq!(code(&Report { owner_kept: 1, ..Report::default() }), Ok(()));
        let missing = Report { vault_damage: one(), ..Report::default() };
        assert_eq!(code(&missing), Err(ExitCode::Damage));
        for awaited in [
            Report { awaited: one(), ..Report::default() },
            Report { not_arrived: one(), ..Report::default() },
        ] {
            assert_eq!(code(&awaited), Err(ExitCode::NotArrived));
        }
        let mut report = Report { in_the_way: one(), awaited: one(), ..Report::default() };
        assert!(report.verdict().unwrap_err().to_string().contains("--overwrite"));
        assert_eq!(code(&report), Err(ExitCode::Failed));
        report.damaged = one();
        assert_eq!(code(&report), Err(ExitCode::Damage));
    }
}
