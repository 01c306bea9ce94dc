//! How slots are told of.

use crate::cli::names::Shown as _;
use crate::crypto::SlotId;
use crate::format::{LABEL_BYTES_MAX, Time};
use crate::fs::{SlotEntry, SlotStanding};

/// Digits of an id that are shown; no two slots of a vault are likely to share them.
const DIGITS_SHOWN: usize = 8;

/// A slot's id as it is shown and typed; the path of a file that has none.
pub(in crate::cli) fn short(slot: &SlotEntry) -> &str {
    match slot.id.get(..DIGITS_SHOWN) {
        Some(digits) => digits,
        None => slot.files.first().map_or("", String::as_str),
    }
}

/// The same of an id.
pub(in crate::cli) fn short_id(id: SlotId) -> String {
    id.to_string()[..DIGITS_SHOWN].to_owned()
}

/// As much of a name as a slot has room for.
pub(in crate::cli) fn cut_name(name: &str) -> &str {
    let ends = (0..=LABEL_BYTES_MAX.min(name.len())).rev();
    &name[..ends.into_iter().find(|end| name.is_char_boundary(*end)).unwrap_or(0)]
}

const KEYRING_NAME: &str = "keyring of ";

/// What the slot of a device's keyring is called.
pub(super) fn keyring_name(device: &str) -> String {
    format!("{KEYRING_NAME}{device}")
}

/// Whether a slot's key is in the keyring of some device, and so with nobody who has lost that device.
pub(super) fn is_of_keyring(slot: &SlotEntry) -> bool {
    !slot.is_password() && slot.name.as_ref().is_some_and(|name| name.starts_with(KEYRING_NAME))
}

/// A slot in a few words, without its id.
pub(in crate::cli) fn in_words(slot: &SlotEntry) -> String {
    let mut text = match slot.kind.as_str() {
        "" => "unknown".to_owned(),
        kind => kind.to_owned(),
    };
    if let Some(name) = &slot.name {
        text.push_str(&format!(" “{}”", name.shown()));
    }
    if let Some(made) = slot.made {
        text.push_str(&format!(", made {}", Time { secs: made, nanos: 0 }.date()));
    }
    if let Some(device) = &slot.device {
        text.push_str(&format!(" on {}", device.shown()));
    }
    text
}

/// What is to be known of a slot besides.
pub(in crate::cli) fn remarks(slot: &SlotEntry, slots: &[SlotEntry]) -> Vec<String> {
    let mut remarks = Vec::new();
    match slot.standing {
        SlotStanding::Opened | SlotStanding::Vouched => {}
        SlotStanding::Unvouched => remarks.push(
            "made by an older hushfs: who made it, and when, shows to who opens it".to_owned(),
        ),
        SlotStanding::Newer => remarks.push("for a newer hushfs".to_owned()),
        SlotStanding::Foreign => remarks.push("another vault's, and of no use here".to_owned()),
        SlotStanding::Damaged => remarks.push(
            "DAMAGED, or put there by somebody who did not have the vault's keys: it is not relied on"
                .to_owned(),
        ),
    }
    let own = format!("keys/{}.key", slot.id);
    for file in slot.files.iter().filter(|file| **file != own) {
        remarks.push(format!("also, or only, as {}", file.shown()));
    }
    if let Some(by) = replaced_by(slot, slots) {
        remarks.push(format!(
            "slot {} took its place, and that was not finished, or a sync client has brought this one \
             back: “hushfs key remove {}” ends it",
            short(by),
            short(slot)
        ));
    }
    remarks
}

/// The slot that took the place of this one.
pub(in crate::cli) fn replaced_by<'a>(
    slot: &SlotEntry,
    slots: &'a [SlotEntry],
) -> Option<&'a SlotEntry> {
    let is_it = |other: &&SlotEntry| {
        other.standing.is_relied_on()
            && other.id != slot.id
            && other.replaces.as_ref().is_some_and(|id| *id == slot.id)
    };
    slots.iter().find(is_it)
}

/// The ways that open the vault, a line for each.
pub(in crate::cli) fn ways_left(slots: &[SlotEntry]) -> String {
    let mut text = "These open the vault:\n".to_owned();
    for slot in slots.iter().filter(|slot| slot.standing.is_relied_on()) {
        text.push_str(&format!("  {}  {}\n", short(slot), in_words(slot)));
    }
    let may: Vec<&SlotEntry> =
        slots.iter().filter(|slot| slot.standing == SlotStanding::Unvouched).collect();
    if !may.is_empty() {
        text.push_str("These may, too; “hushfs key test” tells:\n");
        for slot in may {
            text.push_str(&format!("  {}  {}\n", short(slot), in_words(slot)));
        }
    }
    text
}

/// What no removal can take back.
pub(in crate::cli) const OLD_COPIES: &str = "\
Whoever has an old copy of the vault's folder (the cloud service keeps some) and what was removed can
still open that copy. If somebody else may know it, “hushfs rekey” seals everything anew.";

/// That a loss is final.
pub(in crate::cli) fn warning(what: &str) -> String {
    format!(
        "If every way that opens this vault is lost, the backup is lost: nobody can restore it, \
         neither the cloud service nor the makers of hushfs. Keep {what} where you find it without \
         this device."
    )
}
