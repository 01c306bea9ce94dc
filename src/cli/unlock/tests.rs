//! Tests of unlocking.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::cli::args::UnlockArgs;
use crate::cli::ask::{Ask, AskError};
use crate::cli::error::Error;
use crate::cli::exit::ExitCode;
use crate::crypto::{ClassKeys, MasterKey, Password, StretchParameters, VaultId};
use crate::format::{
    ChunkSize, DESCRIPTOR_NAME, Descriptor, KEYS_FOLDER, RecoveryKey, SlotDraft, Time, slot_path,
};
use crate::store::VaultFolder;

use super::asking::open_asking;
use super::vault::LockedVault;
use super::*;

/// A vault's descriptor and slots in a folder that goes away.
struct Sample {
    folder: TempDir,
    vault: VaultId,
    master: MasterKey,
}

impl Sample {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (vault, master) = (VaultId::random(), MasterKey::random());
        let descriptor = Descriptor { vault, chunk_size: ChunkSize::DEFAULT, created: Time::now() };
        fs::create_dir(folder.path().join(KEYS_FOLDER)).unwrap();
        let bytes = descriptor.seal(&master.class_keys(&vault));
        fs::write(folder.path().join(DESCRIPTOR_NAME), bytes).unwrap();
        Self { folder, vault, master }
    }

    fn keys(&self) -> ClassKeys {
        self.master.class_keys(&self.vault)
    }

    fn draft(&self) -> SlotDraft<'_> {
        let chunk_size = ChunkSize::DEFAULT;
        SlotDraft {
            vault: &self.vault,
            created: Time::now(),
            chunk_size,
            label: "test",
            device: None,
            device_name: "test",
            replaces: None,
        }
    }

    fn add_password(&self, text: &str) -> PathBuf {
        let password = Password::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap();
        let slot =
            self.draft().seal_password(&self.keys(), &password, StretchParameters::FLOOR).unwrap();
        self.put(&slot_path(slot.id), &slot.bytes)
    }

    fn add_key(&self, key: &RecoveryKey) -> PathBuf {
        let slot = self.draft().seal_key(&self.keys(), key);
        self.put(&slot_path(slot.id), &slot.bytes)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn unlock(&self, how: &UnlockArgs) -> Result<Unlocked, Error> {
        let folder =
            VaultFolder::new(std::sync::Arc::new(crate::store::HostDisk), self.folder.path());
        unlock(self.folder.path(), &folder, how)
    }

    fn with_password(&self, text: &str) -> Result<Unlocked, Error> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        self.unlock(&UnlockArgs {
            password_file: Some(file.path().to_owned()),
            ..UnlockArgs::default()
        })
    }

    fn with_key(&self, key: &RecoveryKey) -> Result<Unlocked, Error> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), key.one_line().as_bytes()).unwrap();
        self.unlock(&UnlockArgs { key_file: Some(file.path().to_owned()), ..UnlockArgs::default() })
    }

    fn asking(&self, answers: &[&str]) -> (Result<Unlocked, Error>, String) {
        let folder =
            VaultFolder::new(std::sync::Arc::new(crate::store::HostDisk), self.folder.path());
        let mut ask = Typist {
            answers: answers.iter().rev().map(ToString::to_string).collect(),
            said: String::new(),
        };
        let locked = LockedVault::read(self.folder.path(), &folder).unwrap();
        let opened = open_asking(&mut ask, false, &|candidates| locked.open(candidates));
        (opened.map(|(unlocked, _)| unlocked), ask.said)
    }
}

/// Types answers in order.
struct Typist {
    answers: Vec<String>,
    said: String,
}

impl Ask for Typist {
    fn say(&mut self, text: &str) -> Result<(), AskError> {
        self.said.push_str(text);
        Ok(())
    }

    fn line(&mut self, _: &str) -> Result<Zeroizing<Vec<u8>>, AskError> {
        Err(AskError::Ended)
    }

    fn secret(&mut self, _: &str) -> Result<Zeroizing<Vec<u8>>, AskError> {
        let answer = self.answers.pop().ok_or(AskError::Ended)?;
        Ok(Zeroizing::new(answer.into_bytes()))
    }

    fn show_until_enter(&mut self, _: &str) -> Result<(), AskError> {
        Err(AskError::Ended)
    }
}

fn flip_a_byte(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes[60] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn code(result: Result<Unlocked, Error>) -> (ExitCode, String) {
    let error = result.unwrap_err();
    (error.exit_code(), error.to_string())
}

#[test]
fn every_slot_opens_with_its_own_secret_and_gives_the_same_keys() {
    let sample = Sample::new();
    let key = RecoveryKey::random();
    sample.add_password("one");
    sample.add_password("two");
    sample.add_key(&key);
    for unlocked in
        [sample.with_password("one\n"), sample.with_password("two"), sample.with_key(&key)]
    {
        assert_eq!(unlocked.unwrap().descriptor.vault, sample.vault);
    }
    let (exit, text) = code(sample.with_password("three"));
    assert_eq!((exit, &*text), (ExitCode::WrongSecret, "wrong password"));
    let (exit, text) = code(sample.with_key(&RecoveryKey::random()));
    assert_eq!((exit, &*text), (ExitCode::WrongSecret, "wrong 64-digit key"));
}

#[test]
fn a_damaged_slot_does_not_lock_out_the_others_and_is_told_from_a_wrong_password() {
    let sample = Sample::new();
    let key = RecoveryKey::random();
    let damaged = sample.add_password("right");
    sample.add_key(&key);
    flip_a_byte(&damaged);
    sample.with_key(&key).unwrap();
    let (exit, text) = code(sample.with_password("right"));
    assert_eq!(exit, ExitCode::Damage);
    let name = damaged.file_name().unwrap().to_str().unwrap();
    assert!(text.contains(&format!("keys/{name}")), "{text}");
}

#[test]
fn a_sync_clients_copy_of_a_slot_opens_in_place_of_the_damaged_one() {
    let sample = Sample::new();
    let slot = sample.add_password("right");
    fs::copy(&slot, slot.with_extension("sync-conflict-1.key")).unwrap();
    flip_a_byte(&slot);
    sample.with_password("right").unwrap();
}

#[test]
fn a_way_that_the_vault_does_not_have_is_told_apart() {
    let sample = Sample::new();
    sample.add_key(&RecoveryKey::random());
    let (exit, text) = code(sample.with_password("x"));
    assert_eq!(exit, ExitCode::WrongSecret);
    assert!(text.ends_with("does not open with a password"), "{text}");
}

#[test]
fn what_is_not_a_vault_or_has_no_slots_is_said() {
    let sample = Sample::new();
    let (exit, text) = code(sample.with_password("x"));
    assert_eq!(exit, ExitCode::Damage);
    assert!(text.contains("holds no slots"), "{text}");

    let slot = sample.add_key(&RecoveryKey::random());
    let descriptor = sample.folder.path().join(DESCRIPTOR_NAME);
    let bytes = fs::read(&descriptor).unwrap();
    fs::write(&descriptor, &bytes[..20]).unwrap();
    assert_eq!(code(sample.with_password("x")).0, ExitCode::Damage);
    let mut newer = bytes.clone();
    newer[8] = 7;
    fs::write(&descriptor, &newer).unwrap();
    let (exit, text) = code(sample.with_password("x"));
    assert_eq!(exit, ExitCode::NotAVault);
    assert!(text.contains("format 7"), "{text}");
    fs::remove_file(&descriptor).unwrap();
    let (exit, text) = code(sample.with_password("x"));
    assert_eq!(exit, ExitCode::NotAVault);
    assert!(text.contains("not been downloaded"), "{text}");
    fs::remove_file(slot).unwrap();
    let (exit, text) = code(sample.with_password("x"));
    assert_eq!(exit, ExitCode::NotAVault);
    assert!(text.contains("is not a vault"), "{text}");
}

#[test]
fn a_descriptor_that_was_changed_is_damage_although_a_slot_opens() {
    let sample = Sample::new();
    let key = RecoveryKey::random();
    sample.add_key(&key);
    let descriptor = sample.folder.path().join(DESCRIPTOR_NAME);
    let mut bytes = fs::read(&descriptor).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&descriptor, &bytes).unwrap();
    let (exit, text) = code(sample.with_key(&key));
    assert_eq!(exit, ExitCode::Damage);
    assert!(text.contains("hushfs.vault is damaged"), "{text}");
    // The vault's id: now every slot is another vault's.
    bytes[last] ^= 1;
    bytes[20] ^= 1;
    fs::write(&descriptor, &bytes).unwrap();
    assert_eq!(code(sample.with_key(&key)).0, ExitCode::Damage);
}

#[test]
fn a_person_has_three_tries_and_may_type_password_or_key() {
    let sample = Sample::new();
    let key = RecoveryKey::random();
    sample.add_password("right");
    sample.add_key(&key);
    let dashed = key.one_line().replace(' ', "-").to_uppercase();
    sample.asking(&[&dashed]).0.unwrap();
    let (unlocked, said) = sample.asking(&["wrong", "", "right"]);
    unlocked.unwrap();
    assert!(said.contains("wrong password or 64-digit key. Try again."));
    let (refused, said) = sample.asking(&[&dashed[..78], "b", "c", "right"]);
    assert_eq!(code(refused).0, ExitCode::WrongSecret);
    assert!(said.contains("63 digits; a key has 64"), "{said}");
}

#[test]
fn without_a_terminal_and_flags_it_is_said_what_to_pass() {
    use std::io::IsTerminal;
    let sample = Sample::new();
    sample.add_key(&RecoveryKey::random());
    // Somebody may run this test at a terminal, and would be asked.
    if !std::io::stdin().is_terminal() {
        let (exit, text) = code(sample.unlock(&UnlockArgs::default()));
        assert_eq!(exit, ExitCode::Usage);
        assert!(text.contains("--password-file"), "{text}");
    }
}
