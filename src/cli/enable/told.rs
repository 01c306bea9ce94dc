//! What `enable --json` prints: what was done, also by a run that does not come to its end.

use std::collections::HashSet;
use std::path::Path;

use serde::Serialize;

use crate::cli::args::EnableArgs;
use crate::cli::error::Error;
use crate::cli::output::show;
use crate::cli::restore::as_text;

use super::prove::Proof;
use super::remove::Removed;
use super::words::may_be_kept_by;

/// Paths are below the folder, but for those of old copies.
#[derive(Debug, Default, Serialize)]
pub(super) struct Told {
    vault: String,
    folder: String,
    /// Everything is in the vault, and nothing stays in the folder.
    ok: bool,
    /// Files that were read back from the vault and compared.
    compared: u64,
    compared_bytes: u64,
    /// Of those, files that were deleted.
    deleted: u64,
    /// Old copies that were deleted.
    deleted_copies: u64,
    /// What has another name in the vault.
    renamed: Vec<Renamed>,
    /// What was not deleted.
    stays: Vec<Staying>,
    /// Files that were deleted and have further names elsewhere, which still show them.
    linked_elsewhere: u64,
    /// Where the unencrypted files are now.
    originals: Option<String>,
    /// Services that may keep what was deleted.
    may_be_kept_by: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct Renamed {
    path: String,
    in_vault: String,
}

#[derive(Debug, Serialize)]
struct Staying {
    path: String,
    why: String,
}

impl Told {
    pub(super) fn of(args: &EnableArgs) -> Self {
        let [vault, folder] = [&args.vault, &args.folder].map(|path| path.display().to_string());
        Self { vault, folder, ..Self::default() }
    }

    /// Prints it, if that is asked for.
    ///
    /// # Errors
    /// If standard output does not take it.
    pub(super) fn show(mut self, json: bool, ok: bool) -> Result<(), Error> {
        self.ok = ok;
        if json { show(&self, true, String::new) } else { Ok(()) }
    }

    pub(super) fn renamed(&mut self, beside: &[(Vec<u8>, Vec<u8>)]) {
        let renamed = beside
            .iter()
            .map(|(path, name)| Renamed { path: as_text(path), in_vault: as_text(name) });
        self.renamed.extend(renamed);
    }

    pub(super) fn compared(&mut self, proof: &Proof) {
        self.compared = proof.proven.len() as u64;
        self.compared_bytes = proof.bytes();
        self.stay(Path::new(""), &proof.unproven);
    }

    pub(super) fn deleted(&mut self, proof: &Proof, removed: &Removed) {
        // What was not proven is told of by both.
        self.stays.clear();
        self.stay(Path::new(""), &removed.stays);
        self.deleted = count_gone(proof, removed);
        self.linked_elsewhere = removed.linked_elsewhere;
    }

    pub(super) fn deleted_copies(&mut self, folder: &Path, proof: &Proof, removed: &Removed) {
        self.stay(folder, &removed.stays);
        self.deleted_copies += count_gone(proof, removed);
    }

    pub(super) fn put_aside(&mut self, aside: &Path) {
        self.originals = Some(aside.display().to_string());
    }

    pub(super) fn may_be_kept_by(&mut self, places: &[&Path]) {
        self.may_be_kept_by = may_be_kept_by(places);
    }

    fn stay(&mut self, folder: &Path, stays: &[(Vec<u8>, String)]) {
        let stays = stays.iter().map(|(path, why)| Staying {
            path: folder.join(as_text(path)).display().to_string(),
            why: why.clone(),
        });
        self.stays.extend(stays);
    }
}

/// How many of what was proven are gone.
fn count_gone(proof: &Proof, removed: &Removed) -> u64 {
    let stays: HashSet<&[u8]> = removed.stays.iter().map(|(path, _)| path.as_slice()).collect();
    let gone = proof.proven.iter().filter(|proven| !stays.contains(proven.path.as_slice()));
    gone.count() as u64
}
