//! `hushfs service status`.

use serde::Serialize;

use crate::cli::args::ServiceStatusArgs;
use crate::cli::error::Error;
use crate::cli::names::Shown as _;
use crate::cli::output::show;

use super::installed::{InstalledService, installed};
use super::manager::{Manager, Ours, ServiceState};

/// A service as it is told of to programs.
#[derive(Debug, Serialize)]
struct Told {
    unit: String,
    vault: String,
    mountpoint: String,
    /// What the manager says of it; nothing where that does not answer.
    enabled: Option<String>,
    active: Option<String>,
}

impl Told {
    fn of(service: &InstalledService, manager: Option<&Ours>) -> Self {
        let state = manager.map(|manager| manager.state(&service.name));
        let (enabled, active) =
            state.map(|ServiceState { enabled, active }| (enabled, active)).unzip();
        Self {
            unit: service.name.clone(),
            vault: service.places.vault.display().to_string(),
            mountpoint: service.places.mount_point.display().to_string(),
            enabled,
            active,
        }
    }
}

/// Lists the services of this user.
///
/// # Errors
/// [`Error`].
pub(super) fn run(args: &ServiceStatusArgs) -> Result<(), Error> {
    let (services, manager) = (installed()?, Ours::reach());
    let told: Vec<Told> =
        services.iter().map(|service| Told::of(service, manager.as_ref())).collect();
    show(&told, args.json, || match &told[..] {
        [] => "no vault is mounted at login\n".to_owned(),
        told => told.iter().zip(&services).map(described).collect(),
    })
}

fn described((told, service): (&Told, &InstalledService)) -> String {
    let (vault, mount_point) = (&service.places.vault, &service.places.mount_point);
    let state = match (&told.enabled, &told.active) {
        (Some(enabled), Some(active)) => format!("{enabled}, {active}"),
        _ => format!("{} does not answer here", Ours::NAME),
    };
    format!("{} at {}: {state} ({})\n", vault.shown(), mount_point.shown(), told.unit)
}
