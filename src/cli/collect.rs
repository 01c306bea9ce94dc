//! `hushfs collect`: lets go of what a vault no longer needs, mounted or not.

use std::path::Path;
use std::time::Duration;

use rustix::fs::{XattrFlags, setxattr};
use rustix::io::Errno;
use serde::Serialize;

use crate::fs::{Collected, FsError, MountMode};
use crate::fuse::COLLECT_ATTRIBUTE;

use super::answer::{NoAnswer, answer};
use super::args::CollectArgs;
use super::device::open_unmounted;
use super::error::Error;
use super::mount_options::HISTORY_DEFAULT;
use super::mounted::mount_point_of;
use super::names::Shown as _;
use super::output::show;
use super::units::{bytes, counted};

/// What `--json` prints.
#[derive(Serialize)]
struct Told<'a> {
    vault: String,
    #[serde(flatten)]
    collected: &'a Collected,
}

/// Collects, and says what was freed.
///
/// # Errors
/// [`Error`]; nothing is lost by it.
pub fn run(args: &CollectArgs) -> Result<(), Error> {
    let collected = match mount_point_of(&args.place)? {
        Some(mount_point) => collect_mounted(&mount_point, args.history)?,
        None => collect_unmounted(args)?,
    };
    let vault = args.place.display().to_string();
    show(&Told { vault, collected: &collected }, args.json, || described(&collected))
}

/// Asks the daemon, which has the vault to itself.
fn collect_mounted(mount_point: &Path, history: Option<Duration>) -> Result<Collected, Error> {
    let history = history.map_or(String::new(), |history| history.as_secs().to_string());
    let failed = |error: Errno| Error::Io {
        doing: format!("collecting in {}", mount_point.shown()),
        source: error.into(),
    };
    setxattr(mount_point, COLLECT_ATTRIBUTE, history.as_bytes(), XattrFlags::empty())
        .map_err(failed)?;
    answer(mount_point, COLLECT_ATTRIBUTE).map_err(|error| match error {
        NoAnswer::Refused(errno) => failed(errno),
        error => Error::Io { doing: "understanding the mount".into(), source: error.into() },
    })
}

fn collect_unmounted(args: &CollectArgs) -> Result<Collected, Error> {
    let (state_dir, mode) = (args.state_dir.as_deref(), MountMode::ReadWrite);
    let files = open_unmounted(&args.place, state_dir, &args.unlock, mode)?;
    if let Some(reason) = files.status().read_only {
        return Err(FsError::ReadOnly(reason).into());
    }
    let collected = files.collect(args.history.unwrap_or(HISTORY_DEFAULT));
    files.shut_down()?;
    Ok(collected?)
}

fn described(collected: &Collected) -> String {
    let mut lines = Vec::new();
    if collected.is_nothing() {
        lines.push("nothing to free".to_owned());
    } else {
        let packs = counted(collected.removed_packs, "pack", "packs");
        let logs = counted(collected.removed_logs, "log object", "log objects");
        lines.push(format!("freed {}: {packs} and {logs}", bytes(collected.freed_bytes)));
    }
    if collected.rewritten_packs > 0 {
        let packs = counted(collected.rewritten_packs, "pack", "packs");
        lines.push(format!("wrote {} of {packs} anew", bytes(collected.rewritten_bytes)));
    }
    if collected.thinned_states > 0 {
        lines.push(format!(
            "let go of {} of earlier days",
            counted(collected.thinned_states, "state", "states")
        ));
    }
    let parts = [(collected.history_bytes, "packs"), (collected.history_log_bytes, "log objects")];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<_> = parts.map(|(count, what)| format!("{} of {what}", bytes(*count))).collect();
    if !parts.is_empty() {
        let daily = match collected.daily_states {
            0 => String::new(),
            count => format!(", among it {} of earlier days", counted(count, "state", "states")),
        };
        lines.push(format!("kept {} for the history{daily}", parts.join(" and ")));
    }
    if collected.waits_for_devices > 0 {
        let devices = counted(
            collected.waits_for_devices,
            "other device has to publish before it is known to have seen all",
            "other devices have to publish before they are known to have seen all",
        );
        lines.push(format!("{devices}: what they may need stays"));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_freed_and_kept_is_told_in_a_line_each() {
        assert_eq!(described(&Collected::default()), "nothing to free\n");
        let collected = Collected {
            removed_packs: 1,
            removed_logs: 12,
            freed_bytes: 3_400_000,
            thinned_states: 40,
            daily_states: 29,
            rewritten_packs: 2,
            rewritten_bytes: 5000,
            history_bytes: 700,
            history_log_bytes: 3000,
            waits_for_devices: 1,
        };
        let expected = "freed 3.4 MB: 1 pack and 12 log objects\n\
                        wrote 5.0 kB of 2 packs anew\nlet go of 40 states of earlier days\n\
                        kept 700 bytes of packs and 3.0 kB of log objects for the history, among it \
                        29 states of earlier days\n\
                        1 other device has to publish before it is known to have seen all: what \
                        they may need stays\n";
        assert_eq!(described(&collected), expected);
    }
}
