//! Slots: what is done to them, and what whoever knows no secret can make of one.

use hushfs::crypto::{AccountId, RegistrationId, SecretKey, StretchParameters, VaultId};
use hushfs::format::{KeyVaultPlace, SealedSlot, ServerPin, SlotWay, slot_path};
use sha2::{Digest, Sha256};

use crate::cells::{Case, Cell, FOREIGN, Kind, OLDER, bits, copy_name};
use crate::image::Edit;
use crate::make::Subject;

/// What stands before it says what the slot is, and whose.
const SALT_AT: usize = 56;
const CHECKSUM_BYTES: usize = 16;

/// A slot's bytes with a checksum that fits, as anybody can make it.
pub fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    let checked = bytes.len() - CHECKSUM_BYTES;
    let sum = Sha256::digest(&bytes[..checked]);
    bytes[checked..].copy_from_slice(&sum[..CHECKSUM_BYTES]);
    bytes
}

/// A way to unlock that needs a key vault, which nobody asks here.
pub fn key_vault_way(vault: &VaultId) -> SlotWay {
    let (account, registration) = (AccountId([1; 32]), RegistrationId([2; 16]));
    let place =
        KeyVaultPlace::new("keys.example:4797", ServerPin([3; 32]), account, registration).unwrap();
    SlotWay::of_key_vault(vault, &SecretKey::random(), StretchParameters::FLOOR, place)
}

/// A slot that was taken out of the vault, with the path that it had.
pub fn misplaced_slot(slot: &SealedSlot) -> (String, Vec<u8>) {
    (format!("vault/{}", slot_path(slot.id)), slot.bytes.clone())
}

pub const FLIPPED_FITTING: &str = "a bit flipped, and the checksum made to fit";
pub const REMOVED_ONE: &str = "a removed slot put back";

pub fn cells(subject: &Subject, every: bool) -> Vec<Cell> {
    let mut cells = Vec::new();
    let password = Kind::new(subject, "password slot", &subject.password_slot);
    // Stretching takes a fifth of a second, so only where no slot is left to stretch for.
    cells.extend(slot_cells(
        password.each(|case| {
            if is_unreadable(case) {
                case.own = Some(Subject::with_password);
            }
        }),
        every,
    ));
    let mut key = Kind::new(subject, "64-digit-key slot", &subject.key_slot)
        .each(|case| case.own = Some(Subject::with_key));
    let bytes = key.bytes().to_vec();
    let fitting = |bit: usize| {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let edit = key.write(&key.path, &with_checksum(changed));
        Case::new(format!("byte {} bit {}", bit / 8, bit % 8), vec![edit])
    };
    let fitted = bits(bytes.len() - CHECKSUM_BYTES, |byte| every || byte < SALT_AT);
    let cases = fitted.map(fitting).collect();
    key.cell(FLIPPED_FITTING, cases);
    cells.extend(slot_cells(key, every));
    let key_vault = Kind::new(subject, "key-vault slot", &subject.key_vault_slot);
    cells.extend(slot_cells(key_vault, every));
    cells
}

/// Whether the slot is damaged, gone or of another vault.
fn is_unreadable(case: &Case) -> bool {
    let [Edit::Flip { .. } | Edit::Write { .. }] = &case.edits[..] else { return false };
    !case.label.starts_with("vault/") && !case.label.starts_with("number")
}

fn slot_cells(mut kind: Kind<'_>, every: bool) -> Vec<Cell> {
    let subject = kind.subject;
    let bytes = kind.bytes().len();
    kind.flips(bits(bytes, |byte| every || byte < SALT_AT));
    kind.cuts((1..bytes).step_by(if every { 1 } else { 3 }));
    kind.extensions();
    let others = [&*subject.password_slot, &subject.key_slot, &subject.key_vault_slot];
    let others: Vec<&str> = others.into_iter().filter(|other| *other != kind.path).collect();
    kind.swaps(&others);
    let foreign = subject.other.iter().filter(|(name, _)| name.starts_with("vault/keys/"));
    let foreign: Vec<&[u8]> = foreign.map(|(_, bytes)| &bytes[..]).collect();
    kind.replaced(FOREIGN, &foreign);
    kind.replaced(OLDER, &[&subject.removed_slot.1]);
    let (path, bytes) = &subject.removed_slot;
    let put_back = Case::new("beside the others", vec![kind.write(path, bytes)]);
    kind.cell(REMOVED_ONE, vec![put_back]);
    kind.other_names(&[
        "vault/keys/0123456789abcdef0123456789abcdef.key".to_owned(),
        copy_name(&kind.path),
        format!("{}.old", kind.path),
    ]);
    kind.deletion();
    kind.cells
}
