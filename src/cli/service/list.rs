//! `hushfs service status`.

use serde::Serialize;

use crate::cli::args::ServiceStatusArgs;
use crate::cli::error::Error;
use crate::cli::output::show;

use super::manager::Manager;
use super::units::installed;

/// A service as it is told of.
#[derive(Debug, Serialize)]
struct Told {
    unit: String,
    /// As the unit writes them.
    vault: String,
    mountpoint: String,
    /// What systemd says of it; nothing where that does not answer.
    enabled: Option<String>,
    active: Option<String>,
}

/// Lists the services of this user.
///
/// # Errors
/// [`Error`].
pub(super) fn run(args: &ServiceStatusArgs) -> Result<(), Error> {
    let manager = Manager::reach();
    let ask = |question: &str, unit: &str| manager.as_ref().map(|it| it.ask(question, unit));
    let unquoted = |place: String| place.trim_matches('"').to_owned();
    let told = installed()?.into_iter().map(|unit| Told {
        enabled: ask("is-enabled", &unit.name),
        active: ask("is-active", &unit.name),
        vault: unquoted(unit.vault),
        mountpoint: unquoted(unit.mount_point),
        unit: unit.name,
    });
    let told: Vec<Told> = told.collect();
    show(&told, args.json, || match &told[..] {
        [] => "no vault is mounted at login\n".to_owned(),
        told => told.iter().map(described).collect(),
    })
}

fn described(told: &Told) -> String {
    let Told { unit, vault, mountpoint, enabled, active } = told;
    let state = match (enabled, active) {
        (Some(enabled), Some(active)) => format!("{enabled}, {active}"),
        _ => "systemd does not answer here".to_owned(),
    };
    format!("{vault} at {mountpoint}: {state} ({unit})\n")
}
