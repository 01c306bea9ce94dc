//! The vault under test: its objects, the states it went through, another history of the same
//! device, and another vault that the same password and keys open.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hushfs::cli::args::UnlockArgs;
use hushfs::cli::unlock::{Unlocked, unlock};
use hushfs::crypto::{MasterKey, Password, StretchParameters, VaultId};
use hushfs::format::{
    ChunkSize, DESCRIPTOR_NAME, Descriptor, LogDraft, LogKind, NodeKind, README_NAME, RecoveryKey,
    SlotDraft, Time, slot_path,
};
use hushfs::fs::fold;
use hushfs::store::{HostDisk, VaultFolder};
use zeroize::Zeroizing;

use crate::device::{Device, content};
use crate::image::{Image, image_of, temporary_folder, write_image};
use crate::slots::{key_vault_way, misplaced_slot};
use crate::view::View;

/// Published, in this order, each as one log object with a pack.
const TURNS: [fn(&Device, u32); 4] = [first_turn, second_turn, third_turn, fourth_turn];
/// After this many log objects comes the checkpoint.
const CHECKPOINT_AFTER: usize = 2;
/// Other histories of the same device part after this many log objects.
const FORKS_AFTER: [usize; 2] = [1, 3];

pub struct Subject {
    /// What unlocks stands here: `password`, `key` and `second-key`.
    secrets: tempfile::TempDir,
    /// `vault/…` and `state/…`, with changes that are not published.
    pub pristine: Image,
    /// The same before those changes.
    pub published: Image,
    /// The same after one log object.
    pub earlier: Image,
    /// The same device, with other log objects of the same numbers.
    pub forks: Vec<Image>,
    /// What those show.
    pub fork_states: Vec<View>,
    /// Another vault, filled in the same way.
    pub other: Image,
    /// What the vault showed: after no log object, after each, and after each record of the
    /// journal.
    pub states: Vec<View>,
    /// An authentic slot of the vault that is not in it.
    pub removed_slot: (String, Vec<u8>),
    pub password_slot: String,
    pub key_slot: String,
    pub key_vault_slot: String,
    pub logs: Vec<String>,
    pub packs: Vec<String>,
    pub checkpoint: String,
    /// The journal file that the records are in.
    pub journal: String,
    pub staged: String,
}

impl Subject {
    pub fn make() -> Self {
        let secrets = temporary_folder();
        let secret = |name: &str| secrets.path().join(name);
        fs::write(secret("password"), "marmot brazier lectern oxbow\n").unwrap();
        for key in ["key", "second-key"] {
            fs::write(secret(key), RecoveryKey::random().one_line().as_bytes()).unwrap();
        }
        let (here, elsewhere) = (temporary_folder(), temporary_folder());
        let mut parted = Vec::new();
        let place = Place { folder: here.path(), secrets: secrets.path() };
        let slots = place.make_vault();
        let mut states = vec![View::default()];
        let (mut logs, mut packs) = (Vec::new(), Vec::new());
        for (nth, turn) in TURNS.iter().enumerate() {
            if FORKS_AFTER.contains(&nth) {
                parted.push((nth, image_of(here.path())));
            }
            let device = place.device();
            turn(&device, nth as u32);
            device.publish();
            states.push(View::of(&device.files));
            device.unmount();
            logs.extend(place.new_object(".log", &logs));
            packs.extend(place.new_object(".pack", &packs));
            if nth + 1 == CHECKPOINT_AFTER {
                place.put_checkpoint();
            }
        }
        let mut published = image_of(here.path());
        shorten_journals(&mut published);
        states.extend(place.leave_unpublished());
        let mut pristine = image_of(here.path());
        shorten_journals(&mut pristine);
        let earlier = parted[0].1.clone();
        let (mut forks, mut fork_states) = (Vec::new(), Vec::new());
        for (nth, image) in parted {
            let there = temporary_folder();
            write_image(&image, there.path());
            let fork = Place { folder: there.path(), secrets: secrets.path() };
            fork_states.extend(fork.fill(nth, 200 * nth as u32));
            let mut image = image_of(there.path());
            shorten_journals(&mut image);
            forks.push(image);
        }
        let place_of_other = Place { folder: elsewhere.path(), secrets: secrets.path() };
        place_of_other.make_vault();
        place_of_other.fill(0, 100);
        let mut other = image_of(elsewhere.path());
        shorten_journals(&mut other);

        let last = &states[states.len() - 1];
        assert_eq!(last.bytes("chats/photo.jpg"), Some(content(0, 10_000)));
        assert_eq!(last.bytes("last.txt"), Some(b"last.txt".to_vec()));

        let changed = |name: &&String| published.get(*name) != pristine.get(*name);
        let changed: Vec<&String> = pristine.keys().filter(changed).collect();
        let found = |text: &str| {
            let mut names = changed.iter().filter(|name| name.contains(text));
            let name = names.next().unwrap().to_string();
            assert!(names.next().is_none(), "more than one {text}");
            name
        };
        Self {
            journal: found("state/journal-"),
            staged: found("state/staged/"),
            checkpoint: place.new_object(".ckpt", &[]).remove(0),
            removed_slot: slots.removed,
            password_slot: slots.password,
            key_slot: slots.key,
            key_vault_slot: slots.key_vault,
            forks,
            fork_states,
            other,
            earlier,
            secrets,
            pristine,
            published,
            states,
            logs,
            packs,
        }
    }

    pub fn bytes(&self, path: &str) -> &[u8] {
        &self.pristine[path]
    }

    pub fn with_password(&self) -> UnlockArgs {
        let password_file = Some(self.secrets.path().join("password"));
        UnlockArgs { password_file, ..UnlockArgs::default() }
    }

    /// With the key of the slot `key_slot`.
    pub fn with_key(&self) -> UnlockArgs {
        self.with_key_file("key")
    }

    /// With the key of a slot that is not tampered with.
    pub fn with_second_key(&self) -> UnlockArgs {
        self.with_key_file("second-key")
    }

    fn with_key_file(&self, name: &str) -> UnlockArgs {
        UnlockArgs { key_file: Some(self.secrets.path().join(name)), ..UnlockArgs::default() }
    }

    /// The state that the log object of this index (from 0) has not changed yet.
    pub fn state_before_log(nth: usize) -> usize {
        nth
    }

    /// The files that have content in an object, by their paths.
    pub fn files_in(&self, object: &str) -> &'static [&'static str] {
        match self.packs.iter().position(|pack| pack == object) {
            Some(0) => &["chats/photo.jpg", "chats/2026/spanning.log", "notes.txt"],
            Some(1) => &["chats/2026/spanning.log"],
            Some(2) => &["chats/small.txt", "chats/smaller.txt"],
            Some(3) => &["notes.txt", "chats/newest.bin"],
            _ => &[],
        }
    }

    /// All that is published, and nothing else.
    pub fn published_state(&self) -> usize {
        TURNS.len()
    }

    /// Everything.
    pub fn last_state(&self) -> usize {
        self.states.len() - 1
    }
}

/// Paths of slots.
struct Slots {
    password: String,
    key: String,
    key_vault: String,
    removed: (String, Vec<u8>),
}

/// Where a vault and its state folder are.
struct Place<'a> {
    folder: &'a Path,
    secrets: &'a Path,
}

impl Place<'_> {
    fn vault(&self) -> PathBuf {
        self.folder.join("vault")
    }

    fn put(&self, path: &str, bytes: &[u8]) -> String {
        let place = self.vault().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, bytes).unwrap();
        format!("vault/{path}")
    }

    fn make_vault(&self) -> Slots {
        let (vault, master) = (VaultId::random(), MasterKey::random());
        let chunk_size = ChunkSize::DEFAULT;
        let created = Time { secs: 1_700_000_000, nanos: 0 };
        let keys = master.class_keys(&vault);
        let draft = SlotDraft {
            vault: &vault,
            created,
            chunk_size,
            label: "bench",
            device: None,
            device_name: "bench",
            replaces: None,
        };
        let secret = |name: &str| fs::read_to_string(self.secrets.join(name)).unwrap();
        let password = secret("password").trim_end().as_bytes().to_vec();
        let password = Password::new(Zeroizing::new(password)).unwrap();
        let password = draft.seal_password(&keys, &password, StretchParameters::FLOOR).unwrap();
        let seal = |key: &RecoveryKey| draft.seal_key(&keys, key);
        let key = |name: &str| RecoveryKey::parse(&secret(name)).unwrap();
        let (first, second) = (seal(&key("key")), seal(&key("second-key")));
        let removed = seal(&RecoveryKey::random());
        let key_vault = draft.seal(&keys, &key_vault_way(&vault));
        self.put(&slot_path(second.id), &second.bytes);
        self.put(README_NAME, b"A vault of hushfs.\n");
        let descriptor = Descriptor { vault, chunk_size, created };
        self.put(DESCRIPTOR_NAME, &descriptor.seal(&keys));
        Slots {
            password: self.put(&slot_path(password.id), &password.bytes),
            key: self.put(&slot_path(first.id), &first.bytes),
            key_vault: self.put(&slot_path(key_vault.id), &key_vault.bytes),
            removed: misplaced_slot(&removed),
        }
    }

    fn device(&self) -> Device {
        Device::open(&self.vault(), &self.secrets.join("second-key"), &self.folder.join("state"))
    }

    /// Turns from the `from`th on, with content of its own, and changes that are not published;
    /// gives the states.
    fn fill(&self, from: usize, seed: u32) -> Vec<View> {
        let mut states = Vec::new();
        for (nth, turn) in TURNS.iter().enumerate().skip(from) {
            let device = self.device();
            turn(&device, seed + nth as u32);
            device.publish();
            states.push(View::of(&device.files));
            device.unmount();
            if nth + 1 == CHECKPOINT_AFTER {
                self.put_checkpoint();
            }
        }
        states.extend(self.leave_unpublished());
        states
    }

    fn new_object(&self, end: &str, known: &[String]) -> Vec<String> {
        let names = image_of(self.folder).into_keys();
        let new = names.filter(|name| name.starts_with("vault/") && name.ends_with(end));
        let new: Vec<String> = new.filter(|name| !known.contains(name)).collect();
        assert_eq!(new.len(), 1, "{new:?}");
        new
    }

    /// What a device puts beside its log object when enough has happened since the last one.
    fn put_checkpoint(&self) {
        let folder = VaultFolder::new(Arc::new(HostDisk), self.vault());
        let key_file = Some(self.secrets.join("second-key"));
        let how = UnlockArgs { key_file, ..UnlockArgs::default() };
        let Unlocked { descriptor, keys } = unlock(&self.vault(), &folder, &how).unwrap();
        let folded = fold(&folder, &folder.listing().unwrap(), &keys, descriptor.chunk_size);
        assert!(folded.gaps.is_empty());
        let own = *folded.frontier.iter().next().unwrap();
        let mut operations = Vec::new();
        folded.tree.encode_checkpoint(&mut operations);
        let draft = LogDraft {
            device: own.device,
            seq: own.seq,
            previous: own.hash,
            frontier: folded.frontier.clone(),
            clock: folded.clock,
            kind: LogKind::Checkpoint,
            published: Time::now(),
            device_name: "bench".into(),
            operations,
        };
        folder.put_log(LogKind::Checkpoint, own.device, own.seq, &draft.seal(&keys)).unwrap();
    }

    /// Changes that wait in the journal, the first in a staged pack; of the last one nothing says
    /// that it was durable. Gives the state after each.
    fn leave_unpublished(&self) -> Vec<View> {
        let device = self.device();
        let mut states = Vec::new();
        device.file("staged.bin", &content(50, 5_000));
        states.push(View::of(&device.files));
        for name in ["inline.txt", "chats/more inline.txt", "last.txt"] {
            let ino = device.make(name, NodeKind::File);
            device.files.write(ino, 0, name.as_bytes(), false).unwrap();
            device.files.fsync(ino).unwrap();
            states.push(View::of(&device.files));
        }
        states
    }
}

/// Bytes of a journal file that are kept.
const JOURNAL_BYTES: usize = 16 << 10;

/// Most of a journal file is zeroes that are written ahead: a few of them do, and are read in a
/// fraction of the time.
fn shorten_journals(image: &mut Image) {
    let journals = image.iter_mut().filter(|(name, _)| name.starts_with("state/journal-"));
    for (name, bytes) in journals {
        assert!(bytes[JOURNAL_BYTES..].iter().all(|byte| *byte == 0), "{name} has more in it");
        bytes.truncate(JOURNAL_BYTES);
    }
}

/// Folders, a link, attributes, and the start of a file that goes on in the next pack.
fn first_turn(device: &Device, seed: u32) {
    device.make("chats", NodeKind::Folder);
    device.make("chats/2026", NodeKind::Folder);
    let photo = device.file("chats/photo.jpg", &content(seed, 10_000));
    device.set_xattr(photo, "user.mime_type", b"image/jpeg");
    device.set_mode(photo, 0o640);
    device.set_owner(photo, 1000, 100);
    device.set_times(photo, (1_700_000_001, 1), (1_700_000_002, 2));
    device.file("chats/2026/spanning.log", &content(seed + 10, 8_192));
    device.file("notes.txt", &content(seed + 20, 3_000));
    device.make("latest", NodeKind::Symlink(b"chats/photo.jpg"));
}

/// Goes on with the file, and gives another a second name.
fn second_turn(device: &Device, seed: u32) {
    let spanning = device.ino("chats/2026/spanning.log");
    device.files.write(spanning, 8_192, &content(seed, 9_000), false).unwrap();
    device.files.close(spanning).unwrap();
    device.link(device.ino("chats/photo.jpg"), "chats/2026/same photo.jpg");
}

/// Two files of less than a chunk: the pack that is tampered with bit by bit.
fn third_turn(device: &Device, seed: u32) {
    device.file("chats/small.txt", &content(seed, 150));
    device.file("chats/smaller.txt", &content(seed + 10, 90));
}

/// A file more, and a new version of one.
fn fourth_turn(device: &Device, seed: u32) {
    let notes = device.ino("notes.txt");
    device.files.write(notes, 0, &content(seed, 3_500), false).unwrap();
    device.files.close(notes).unwrap();
    device.file("chats/newest.bin", &content(seed + 10, 6_000));
}
