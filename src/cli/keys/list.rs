//! `hushfs key list`.

use std::sync::Arc;

use crate::cli::args::TellArgs;
use crate::cli::ask::Terminal;
use crate::cli::descriptor::claimed_descriptor;
use crate::cli::error::Error;
use crate::cli::output::{say, show};
use crate::format::Time;
use crate::fs::{SlotEntry, list_slots};
use crate::store::{HostDisk, VaultFolder};

use super::access::{SlotAccess, find_vault};
use super::words::{remarks, short};

/// Lists the slots.
///
/// # Errors
/// [`Error`].
pub(super) fn run(args: &TellArgs) -> Result<(), Error> {
    let slots = slots(args)?;
    show(&slots, args.json, || described(&slots))
}

fn slots(args: &TellArgs) -> Result<Vec<SlotEntry>, Error> {
    let (vault, mount) = find_vault(&args.vault)?;
    if args.unlock.is_silent() && mount.is_none() && Terminal::at_hand().is_none() {
        say("names and dates of slots are sealed: they show if the vault is mounted, or with \
             --password-file, --password-command or --key-file");
        let folder = VaultFolder::new(Arc::new(HostDisk), &vault);
        claimed_descriptor(&vault, &folder)?;
        return Ok(list_slots(&folder, None)?);
    }
    SlotAccess::open(&args.vault, &args.unlock)?.slots()
}

fn described(slots: &[SlotEntry]) -> String {
    let unknown = || "–".to_owned();
    let mut rows = vec![["slot", "opens with", "name", "made", "on"].map(str::to_owned)];
    for slot in slots {
        let made = slot.made.map(|secs| Time { secs, nanos: 0 }.date());
        rows.push([
            short(slot).to_owned(),
            if slot.kind.is_empty() { unknown() } else { slot.kind.clone() },
            slot.name.clone().unwrap_or_else(unknown),
            made.unwrap_or_else(unknown),
            slot.device.clone().unwrap_or_else(unknown),
        ]);
    }
    let mut widths = [0; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for (nth, row) in rows.iter().enumerate() {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
        let slot = nth.checked_sub(1).and_then(|nth| slots.get(nth));
        for remark in slot.map(|slot| remarks(slot, slots)).unwrap_or_default() {
            text.push_str(&format!("          {remark}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::SlotStanding;

    #[test]
    fn slots_stand_below_each_other_with_what_is_known_of_them() {
        let slot = |id: &str, replaces: Option<&str>, standing| SlotEntry {
            id: id.repeat(32),
            kind: "password".to_owned(),
            name: Some("Ann".to_owned()),
            made: Some(1_795_546_302),
            device: None,
            device_id: None,
            replaces: replaces.map(|id| id.repeat(32)),
            standing,
            files: vec![format!("keys/{}.key", id.repeat(32))],
        };
        let slots = [
            slot("a", None, SlotStanding::Vouched),
            slot("b", Some("a"), SlotStanding::Vouched),
            slot("c", Some("b"), SlotStanding::Damaged),
        ];
        let text = described(&slots);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "slot      opens with  name  made        on");
        assert_eq!(lines[1], "aaaaaaaa  password    Ann   2026-11-24  –");
        assert!(lines[2].contains("slot bbbbbbbb took its place"), "{text}");
        assert!(lines[3].starts_with("bbbbbbbb"), "what is damaged replaces nothing: {text}");
        assert!(lines[5].contains("DAMAGED"), "{text}");
    }
}
