//! `hushfs verify`: reads and authenticates every object, and says what is damaged.

use std::sync::Arc;

use serde::Serialize;

use crate::fs::{DamagedObject, VerifyReport, VerifyRequest, has_work, verify};
use crate::store::{HostDisk, Seen, StateFolder, StateLock, VaultFolder, holds_unpublished};

use super::args::VerifyArgs;
use super::descriptor::claimed_descriptor;
use super::device::state_path;
use super::error::Error;
use super::names::Shown as _;
use super::output::show;
use super::progress::Progress;
use super::units::{bytes, counted};
use super::unlock::{Unlocked, unlock};

/// What `--json` prints.
#[derive(Serialize)]
struct Told<'a> {
    vault: String,
    ok: bool,
    #[serde(flatten)]
    report: &'a VerifyReport,
}

/// Verifies, and shows what was found.
///
/// # Errors
/// [`Error::Damage`] if anything is damaged or missing; [`Error::NotArrived`];
/// [`Error::Incomplete`] if not all could be read; or [`Error`] if the vault does not open.
pub fn run(args: &VerifyArgs) -> Result<(), Error> {
    let vault = VaultFolder::new(Arc::new(HostDisk), &args.vault);
    let claimed = claimed_descriptor(&args.vault, &vault)?;
    let state_root = state_path(args.state_dir.as_deref(), claimed.claimed_vault()).ok();
    let state_root = state_root.filter(|root| root.is_dir());
    let Unlocked { descriptor, keys } = unlock(&args.vault, &vault, &args.unlock)?;
    // Before the listing: a mount that goes on publishing must not look like a loss.
    let state = state_root.as_ref().map(|root| StateFolder::existing(Arc::new(HostDisk), root));
    let (seen, identity) = match &state {
        Some(state) => (state.seen(&keys)?.unwrap_or_default(), state.device(&keys)?),
        None => (Seen::default(), None),
    };
    let has_work = state.as_ref().is_some_and(|state| has_work(state, &keys, &seen));
    let listing = vault.listing()?;
    let progress = Progress::of("verifying", listing.object_bytes());
    let request = VerifyRequest {
        vault: &vault,
        listing: &listing,
        keys: &keys,
        descriptor: &descriptor,
        seen,
        identity,
        has_work,
    };
    let mut report = verify(&request, &mut |now| progress.set(now.done_bytes))?;
    drop(progress);
    if let Some(root) = state_root.filter(|root| holds_unpublished(root)) {
        let root_shown = root.display();
        report.notes.push(match StateLock::holder(&root) {
            Some(_) => {
                "the vault is in use: what is not published yet was not looked at".to_owned()
            }
            None => format!(
                "changes of this device wait in {root_shown} for the next mount to bring them in"
            ),
        });
    }
    let vault = args.vault.display().to_string();
    let told = Told { vault, ok: is_whole(&report), report: &report };
    show(&told, args.json, || described(&report))?;
    match (report.damaged.is_empty(), report.newer.first()) {
        (false, _) => Err(Error::Damage(verdict(&report))),
        (true, Some(newer)) => Err(Error::Newer(format!("{newer}; a newer hushfs reads it"))),
        (true, None) if !report.online_only.is_empty() => {
            let packs = counted(report.online_only.len() as u64, "pack is", "packs are");
            Err(Error::Incomplete(format!("{packs} online only and could not be fetched")))
        }
        (true, None) if !report.awaited.is_empty() => Err(Error::NotArrived(what_waits(&report))),
        (true, None) => Ok(()),
    }
}

fn is_whole(report: &VerifyReport) -> bool {
    report.damaged.is_empty()
        && report.newer.is_empty()
        && report.awaited.is_empty()
        && report.online_only.is_empty()
}

/// What was found, a line for each thing.
fn described(report: &VerifyReport) -> String {
    let mut text = String::new();
    for damaged in &report.damaged {
        text.push_str(&format!("DAMAGED  {}: {}\n", damaged.object.shown(), damaged.what.shown()));
        for file in &damaged.files {
            text.push_str(&format!("         loses content: {}\n", file.shown()));
        }
    }
    for awaited in &report.awaited {
        text.push_str(&format!("awaited  {}: {}\n", awaited.object.shown(), awaited.what.shown()));
        for file in &awaited.files {
            text.push_str(&format!("         waits for it: {}\n", file.shown()));
        }
    }
    for newer in &report.newer {
        text.push_str(&format!("newer    {}\n", newer.shown()));
    }
    for pack in &report.online_only {
        text.push_str(&format!("NOT READ {}\n", pack.shown()));
    }
    for copy in &report.copies {
        text.push_str(&format!(
            "copy     {}: a copy of {}, not needed\n",
            copy.path.shown(),
            copy.object.shown()
        ));
    }
    if log::log_enabled!(log::Level::Info) {
        for path in &report.litter {
            text.push_str(&format!(
                "litter   {}: a sync client's or the system's own\n",
                path.shown()
            ));
        }
    }
    for stranger in &report.strangers {
        text.push_str(&format!("not used {}: no object of this vault\n", stranger.shown()));
    }
    for note in &report.notes {
        text.push_str(&format!("note     {}\n", note.shown()));
    }
    if is_whole(report) {
        text.push_str(&format!(
            "{}, {}, {}: all is whole\n",
            counted(report.objects, "object", "objects"),
            bytes(report.bytes),
            counted(report.files, "file or folder", "files and folders"),
        ));
    }
    text
}

fn files_of(objects: &[DamagedObject]) -> u64 {
    let mut files: Vec<&String> = objects.iter().flat_map(|object| &object.files).collect();
    files.sort_unstable();
    files.dedup();
    files.len() as u64
}

fn what_waits(report: &VerifyReport) -> String {
    let objects = counted(report.awaited.len() as u64, "object has", "objects have");
    match files_of(&report.awaited) {
        0 => format!("{objects} not arrived yet"),
        files => {
            let files = counted(files, "file waits", "files wait");
            format!("{objects} not arrived yet, and {files} for content")
        }
    }
}

fn verdict(report: &VerifyReport) -> String {
    let objects = counted(report.damaged.len() as u64, "object is", "objects are");
    match files_of(&report.damaged) {
        0 => format!("{objects} damaged or missing"),
        files => {
            let files = counted(files, "file loses", "files lose");
            format!("{objects} damaged or missing, and {files} content")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_objects_and_the_files_that_lose_content() {
        let damaged = |object: &str, files: &[&str]| DamagedObject {
            object: object.to_owned(),
            what: "missing".to_owned(),
            files: files.iter().map(|file| (*file).to_owned()).collect(),
        };
        let report = VerifyReport {
            damaged: vec![
                damaged("data/ab/1.pack", &["a.jpg", "b.jpg"]),
                damaged("log/2.log", &[]),
            ],
            strangers: vec!["log/2 (1).log".to_owned()],
            ..VerifyReport::default()
        };
        assert_eq!(
            described(&report),
            "DAMAGED  data/ab/1.pack: missing\n         loses content: a.jpg\n         \
             loses content: b.jpg\nDAMAGED  log/2.log: missing\n\
             not used log/2 (1).log: no object of this vault\n"
        );
        assert_eq!(verdict(&report), "2 objects are damaged or missing, and 2 files lose content");
        let whole = VerifyReport { objects: 3, bytes: 1000, files: 1, ..VerifyReport::default() };
        assert_eq!(described(&whole), "3 objects, 1.0 kB, 1 file or folder: all is whole\n");
    }
}
