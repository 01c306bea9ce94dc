//! `hushfs repair`: says what of a damaged vault can be repaired, and repairs it where asked to.

use std::fmt::Write as _;
use std::sync::Arc;

use serde::Serialize;

use crate::fs::{MountMode, RepairReport, RepairRequest, plan_repair};
use crate::store::{HostDisk, VaultFolder};

use super::args::RepairArgs;
use super::device::{device_name, open_state, state_path};
use super::error::Error;
use super::names::Shown as _;
use super::output::show;
use super::progress::Progress;
use super::rescue::{Rescued, Wreck};
use super::units::counted;
use crate::system::machine;

/// What `--json` prints.
#[derive(Serialize)]
struct Told<'a> {
    vault: String,
    /// It was done, or there was nothing to do.
    done: bool,
    #[serde(flatten)]
    report: &'a RepairReport,
}

/// Plans a repair, carries it out where asked to, and shows what it is.
///
/// # Errors
/// [`Error::Damage`] if there is something to repair or something is lost; [`Error::NotArrived`]; [`Error::Repair`]; or
/// [`Error`] if the vault does not open or is in use.
pub fn run(args: &RepairArgs) -> Result<(), Error> {
    let vault = VaultFolder::new(Arc::new(HostDisk), &args.vault);
    let wreck = Wreck::read(&args.vault, &vault)?;
    wreck.refuse_newer()?;
    let Rescued { descriptor, keys, .. } = wreck.unlock(&args.unlock)?;
    let state_root = state_path(args.state_dir.as_deref(), &descriptor.vault)?;
    let mode = if args.write { MountMode::ReadWrite } else { MountMode::ReadOnly };
    let (state, _lock) = open_state(&state_root, mode)?;
    let request = RepairRequest {
        vault: &vault,
        state: state.as_ref(),
        keys: &Arc::new(keys),
        descriptor: &descriptor,
        device_name: device_name(),
        machine: machine(),
    };
    let pack_bytes = vault.listing()?.packs.values().sum();
    let progress = Progress::of("reading", pack_bytes);
    let plan = plan_repair(&request, &mut |bytes| progress.advance(bytes))?;
    drop(progress);
    let report = plan.report();
    let waits = !report.awaited.is_empty() && !args.give_up;
    if args.write && !waits {
        plan.carry_out(&request)?;
    }
    let done = !waits && (args.write || report.is_nothing());
    let vault = args.vault.display().to_string();
    show(&Told { vault, done, report }, args.json, || described(report, done))?;
    if waits {
        let objects = counted(report.awaited.len() as u64, "object has", "objects have");
        return Err(Error::NotArrived(format!(
            "{objects} not arrived yet: let the sync client finish, or take them for lost with \
             --give-up"
        )));
    }
    verdict(report, done)
}

/// What is done, or would be, a line for each thing.
fn described(report: &RepairReport, done: bool) -> String {
    let mut text = String::new();
    let mut line = |heading: &str, what: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{heading:11}{}", what.shown());
    };
    for healed in &report.healed {
        line("heal", &format!("{} from {}", healed.object, healed.from));
    }
    for rebuilt in &report.rebuilt {
        line("rebuild", &format!("{} from {}", rebuilt.object, rebuilt.from));
    }
    for moved in &report.set_aside {
        line("set aside", &format!("{}: {}", moved.object, moved.why));
    }
    for log in &report.lost_logs {
        line("GONE", &format!("log object {log}"));
    }
    for log in &report.taken_over {
        line("take over", log);
    }
    for skipped in &report.skipped {
        line("SKIP", skipped);
    }
    for path in &report.brought_back {
        line("bring back", path);
    }
    if report.takes_as_newest {
        line("accept", "the vault as it is, though this machine has seen other log objects");
    }
    for awaited in &report.awaited {
        line("await", awaited);
    }
    for damaged in &report.lost {
        line("LOST", &format!("{}: {}", damaged.object, damaged.what));
        for file in &damaged.files {
            line("", &format!("loses content: {file}"));
        }
    }
    for copy in &report.superfluous {
        line("copy", &format!("{copy}: of something that is well; left alone"));
    }
    for note in &report.notes {
        line("note", note);
    }
    match (report.is_nothing(), done) {
        (true, false) => {}
        (true, true) => text.push_str("there is nothing to repair\n"),
        (false, true) => text.push_str("repaired; nothing was deleted\n"),
        (false, false) => text.push_str("nothing was changed; --write does this\n"),
    }
    text
}

fn verdict(report: &RepairReport, done: bool) -> Result<(), Error> {
    let mut sentences = Vec::new();
    if !done {
        sentences.push("the vault needs a repair".to_owned());
    }
    if !report.lost_logs.is_empty() {
        let logs = counted(report.lost_logs.len() as u64, "log object is", "log objects are");
        sentences.push(format!("{logs} lost"));
    }
    if !report.skipped.is_empty() {
        let changes = counted(report.skipped.len() as u64, "change does", "changes do");
        sentences.push(format!("{changes} not fit any more"));
    }
    if !report.lost.is_empty() {
        let packs = counted(report.lost.len() as u64, "pack lacks", "packs lack");
        sentences.push(format!("{packs} content for good"));
    }
    match done && report.is_lossless() {
        true => Ok(()),
        false => Err(Error::Damage(sentences.join("; "))),
    }
}
