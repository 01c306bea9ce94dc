//! The command itself.

use std::io;
use std::sync::Arc;

use crate::cli::args::SalvageArgs;
use crate::cli::error::Error;
use crate::cli::output::{print, show};
use crate::cli::progress::Progress;
use crate::cli::rescue::{Rescued, Wreck};
use crate::cli::restore::refuse_within_vault;
use crate::cli::restore::target::TargetFolder;
use crate::format::DESCRIPTOR_NAME;
use crate::fs::Salvage;
use crate::store::{HostDisk, VaultFolder};
use crate::system::sync_volume;

use super::report::Report;
use super::write::Writer;
use crate::cli::names::Shown as _;

/// Salvages everything that packs tell of, and says what is not whole.
///
/// # Errors
/// [`Error::Damage`] or [`Error::Incomplete`] if not everything is whole; or [`Error`] if the vault
/// does not open or the destination takes nothing.
pub fn run(args: &SalvageArgs) -> Result<(), Error> {
    refuse_within_vault(&args.vault, &args.destination)?;
    let vault = VaultFolder::new(Arc::new(HostDisk), &args.vault);
    let Rescued { descriptor, keys, fault } =
        Wreck::read(&args.vault, &vault)?.unlock(&args.unlock)?;
    let mut report = Report::default();
    report.vault_damage.extend(fault.map(|what| format!("{DESCRIPTOR_NAME}: {what}")));
    let reading = Progress::counting("reading footers");
    let keys = Arc::new(keys);
    let mut salvage = Salvage::survey(&vault, &keys, descriptor.chunk_size, &mut |done, all| {
        reading.set_of(done, all);
    })?;
    drop(reading);
    let silent = salvage.silent().iter();
    report.vault_damage.extend(silent.map(|path| format!("{path}: tells of no content")));
    let online_only = salvage.online_only().iter();
    let not_read = online_only.map(|path| format!("{path}: online only: could not be fetched"));
    report.not_read.extend(not_read);
    report.vault_damage.extend(salvage.nonsense().iter().cloned());

    let doing = |doing: &str| format!("{doing} {}", args.destination.shown());
    let (root, _) = TargetFolder::open_root(&args.destination)
        .map_err(|source| Error::Io { doing: doing("opening"), source })?;
    let progress = Progress::of("salvaging", salvage.content_bytes());
    let mut writer = Writer::new(&root, &progress, report);
    let done = writer.run(&mut salvage);
    let report = writer.report;
    drop(progress);
    let synced = sync_volume(root.descriptor())
        .map_err(|source| Error::Io { doing: doing("bringing to the disk"), source });
    if !args.json {
        print(io::stderr(), &report.problems())?;
    }
    show(&report.told(), args.json, || report.summary())?;
    done.and(synced).and(report.verdict())
}
