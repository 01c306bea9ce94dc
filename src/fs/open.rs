//! Opening a vault: fold the log, replay the journal, and say what is not right.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, RwLock};

use crate::crypto::ClassKeys;
use crate::format::{
    Descriptor, DeviceId, Frontier, Ino, LogKind, Operation, PackId, Time, log_name,
};
use crate::journal::{Journal, Replay, read_journal};
use crate::store::{
    DeviceIdentity, LockedBy, PackReader, StateFolder, StateLock, StoreError, VaultFolder,
    VaultListing,
};

use super::content::PackReaders;
use super::error::FsError;
use super::file_system::{Background, FileSystem};
use super::fold::{FoldGap, Folded, fold};
use super::live::{Live, Writing};
use super::publish::Publisher;
use super::recover::{Recovered, replay_records, staged_readers};
use super::room::RoomGauge;
use super::stage::Stage;

/// Whether a vault is opened for changing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountMode {
    /// It can be changed, where nothing speaks against it.
    ReadWrite,
    /// It cannot, and neither vault nor state folder is written to.
    ReadOnly,
}

/// What is opened, and as whom.
#[derive(Debug)]
pub struct OpenRequest {
    /// The vault.
    pub vault: VaultFolder,
    /// This machine's state folder for it; needed for changing.
    pub state: Option<StateFolder>,
    /// The lock on that folder, already taken.
    pub lock: Option<StateLock>,
    /// The vault's keys.
    pub keys: ClassKeys,
    /// Its descriptor, authenticated.
    pub descriptor: Descriptor,
    /// For changing or not.
    pub mode: MountMode,
    /// What the user calls this device.
    pub device_name: String,
    /// Names this machine, so that a copied state folder is recognised.
    pub machine: String,
    /// Owner and group of the root folder of a vault that was never mounted.
    pub owner: (u32, u32),
}

/// Why a vault cannot be opened as asked.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process of this machine uses it.
    #[error(transparent)]
    Locked(#[from] LockedBy),
    /// A disk or an object in the way.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Objects are damaged or missing; mounting read-only shows what is left.
    #[error("{}", .0.join("; "))]
    Damaged(Vec<String>),
    /// The journal lacks something that had been acknowledged.
    #[error("the journal in the state folder is damaged: {0}")]
    JournalDamaged(String),
    /// The file system would not start.
    #[error(transparent)]
    Fs(#[from] FsError),
}

impl FileSystem {
    /// Opens a vault: from its log objects, and from what the journal still holds after a crash.
    ///
    /// With damage in the log, [`MountMode::ReadWrite`] is refused; where two devices changed the
    /// vault at the same time, it becomes read-only and says so.
    ///
    /// # Errors
    /// [`OpenError`]; neither vault nor journal has lost anything by it.
    pub fn open_vault(request: OpenRequest) -> Result<Arc<Self>, OpenError> {
        let OpenRequest { vault, state, lock, keys, descriptor, mode, .. } = &request;
        let listing = vault.listing()?;
        let folded = fold(vault, &listing, keys, descriptor.chunk_size);
        let records = state.as_ref().map_or(Ok((None, None)), |state| {
            Ok((state.device(keys)?, state.trusted_frontier(keys)?))
        });
        let mut state_damage = Vec::new();
        let (identity, trusted) = match records {
            // What the vault holds can be read all the same.
            Err(error @ StoreError::Format { .. }) if *mode == MountMode::ReadOnly => {
                state_damage.push(error.to_string());
                (None, None)
            }
            records => records?,
        };
        let trusted = trusted.unwrap_or_default();
        if let (MountMode::ReadWrite, Some(newer)) = (mode, folded.newer()) {
            return Err(newer.clone().into());
        }
        let lost = rollback(&trusted, &folded, identity.as_ref());
        let mut damage: Vec<String> = lost.into_iter().map(|lost| lost.sentence).collect();
        damage
            .extend(folded.gaps.iter().filter(|gap| !is_concurrency(gap)).map(FoldGap::to_string));
        let is_forked = folded.gaps.iter().any(is_concurrency);
        if *mode == MountMode::ReadWrite && !damage.is_empty() {
            return Err(OpenError::Damaged(damage));
        }
        let read_only = match mode {
            MountMode::ReadOnly => Some("mounted so".to_owned()),
            MountMode::ReadWrite if is_forked => {
                let gaps = folded.gaps.iter().map(FoldGap::to_string);
                Some(gaps.collect::<Vec<_>>().join("; "))
            }
            MountMode::ReadWrite if state.is_none() || lock.is_none() => {
                Some("there is no state folder to write to".to_owned())
            }
            MountMode::ReadWrite => None,
        };
        let replay = match state {
            Some(state) if damage.is_empty() && !is_forked => {
                let disk = state.disk();
                // A state folder that has never been written to has nothing to replay.
                if disk.list(state.root()).is_err() {
                    Replay::default()
                } else {
                    read_journal(&**disk, state.root(), keys, |device, seq| {
                        listing.logs.range((device, seq)..=(device, u64::MAX)).next().is_some()
                    })?
                }
            }
            _ => Replay::default(),
        };
        if replay.damaged {
            let error = OpenError::JournalDamaged(
                "records that had been made durable cannot be read".into(),
            );
            if *mode == MountMode::ReadWrite {
                return Err(error);
            }
            state_damage.push(error.to_string());
        }
        damage.append(&mut state_damage);
        damage.extend(folded.gaps.iter().filter(|gap| is_concurrency(gap)).map(FoldGap::to_string));
        finish(request, listing, folded, identity, trusted, replay, damage, read_only)
    }
}

/// The second half of opening: everything is read, now the parts are put together.
#[expect(clippy::too_many_arguments, reason = "each is one finding of the first half")]
fn finish(
    request: OpenRequest,
    listing: VaultListing,
    folded: Folded,
    identity: Option<DeviceIdentity>,
    trusted: Frontier,
    replay: Replay,
    damage: Vec<String>,
    read_only: Option<String>,
) -> Result<Arc<FileSystem>, OpenError> {
    let OpenRequest { vault, state, lock, keys, descriptor, device_name, machine, owner, .. } =
        request;
    let keys = Arc::new(keys);
    let Folded { tree, frontier, clock, checkpoint_bytes, bytes_since, devices, .. } = folded;
    let is_new = frontier.iter().next().is_none() && replay.generations.is_empty();
    let mut live = Live::new(tree, None, read_only.clone());
    let readers = match &state {
        Some(state) => staged_readers(state, &keys)?,
        None => HashMap::new(),
    };
    let recovered = replay_records(&mut live, &replay, readers, &listing)?;
    let mut device = identity.as_ref().map_or_else(DeviceId::random, |identity| identity.device);
    if read_only.is_none()
        && let Some(state) = &state
    {
        if is_copied_state(identity.as_ref(), &machine, &listing, &trusted, &replay) {
            device = DeviceId::random();
        }
        let wanted = DeviceIdentity { device, machine };
        if identity.as_ref() != Some(&wanted) {
            state.set_device(&keys, &wanted)?;
        }
        let writing = start_writing(
            &live,
            state,
            &keys,
            &descriptor,
            device,
            &frontier,
            &replay,
            &recovered,
            &listing,
        )?;
        live.writing = Some(writing);
        state.set_last_end(None)?;
        state.set_trusted_frontier(&keys, &frontier)?;
    }
    if live.writing.as_ref().is_some_and(|writing| !writing.log.is_empty())
        || !live.dirty.is_empty()
    {
        live.note_change();
    }
    let staged: HashMap<PackId, Arc<PackReader>> =
        if live.writing.is_some() { HashMap::new() } else { recovered.readers };
    let gauge = RoomGauge::new(
        vault.disk().clone(),
        state.as_ref().map(|state| state.root().to_owned()),
        vault.root().to_owned(),
    );
    let fs = FileSystem {
        readers: PackReaders::new(descriptor.chunk_size, staged),
        publisher: Mutex::new(Publisher {
            device,
            device_name,
            frontier,
            clock,
            checkpoint_bytes,
            bytes_since,
            devices,
            pending: None,
            last_publish: None,
            last_error: None,
        }),
        durable: Mutex::new(0),
        damage: Mutex::new(damage),
        background: Background::default(),
        live: RwLock::new(live),
        gauge,
        vault,
        state,
        keys,
        descriptor,
        lock,
    };
    fs.note_missing_packs(&listing)?;
    if is_new && read_only.is_none() {
        let operation = Operation::SetAttr {
            ino: Ino::ROOT,
            mode: Some(0o755),
            uid: Some(owner.0),
            gid: Some(owner.1),
            atime: Some(Time::now()),
            mtime: Some(Time::now()),
            ctime: Time::now(),
        };
        fs.write_live()?.perform(&operation)?;
    }
    Ok(Arc::new(fs))
}

#[expect(clippy::too_many_arguments, reason = "called once, right above")]
fn start_writing(
    live: &Live,
    state: &StateFolder,
    keys: &Arc<ClassKeys>,
    descriptor: &Descriptor,
    device: DeviceId,
    frontier: &Frontier,
    replay: &Replay,
    recovered: &Recovered,
    listing: &VaultListing,
) -> Result<Writing, StoreError> {
    let disk = state.disk();
    let packs = recovered.close_packs(live, state, keys, listing)?;
    let stage =
        Stage::new(disk.clone(), state.staged(), keys.clone(), descriptor.chunk_size, packs);
    let journal = Journal::start(
        disk.clone(),
        state.root(),
        keys.clone(),
        device,
        frontier.seq(device) + 1,
        replay,
        recovered.keep_seq,
    )?;
    let mut writing = Writing::new(stage, journal);
    writing.log.clone_from(&recovered.log);
    writing.log_operations = recovered.log_operations;
    Ok(writing)
}

fn is_concurrency(gap: &FoldGap) -> bool {
    matches!(gap, FoldGap::Concurrent { .. })
}

/// Log objects of one device that this one has seen before and does not see now.
pub(super) struct Rollback {
    /// The name of the first of them.
    pub(super) first: String,
    /// What is wrong, with their names.
    pub(super) sentence: String,
}

/// What this device has seen in the vault before and does not see now.
pub(super) fn rollback(
    trusted: &Frontier,
    folded: &Folded,
    identity: Option<&DeviceIdentity>,
) -> Vec<Rollback> {
    // With gaps in the chain, those already say what is missing.
    if !folded.gaps.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for entry in trusted.iter() {
        let now = folded.frontier.get(entry.device);
        let is_own = identity.is_some_and(|identity| identity.device == entry.device);
        let whose = if is_own { "this device" } else { "another device" };
        let name = |seq| log_name(LogKind::Increment, entry.device, seq);
        let last = name(entry.seq);
        match now {
            Some(now) if now.seq > entry.seq => {}
            Some(now) if now.seq == entry.seq && now.hash == entry.hash => {}
            Some(now) if now.seq == entry.seq => found.push(Rollback {
                sentence: format!(
                    "log object {last} of {whose} is not the one that was there before"
                ),
                first: last,
            }),
            now => {
                let first = name(now.map_or(0, |now| now.seq) + 1);
                let why = if is_own {
                    "the vault has lost it, or an older copy of the vault was put in its place"
                } else {
                    "it has not arrived, or an older copy of the vault was put in its place"
                };
                let up_to = if first == last { String::new() } else { format!(" up to {last}") };
                let sentence = format!(
                    "log object {first}{up_to} of {whose}, which was in the vault before, is \
                     gone: {why}"
                );
                found.push(Rollback { first, sentence });
            }
        }
    }
    found
}

/// Whether the state folder is another machine's, or older than what its device has published:
/// then the device's numbers may be in use elsewhere, and it must not go on with them.
fn is_copied_state(
    identity: Option<&DeviceIdentity>,
    machine: &str,
    listing: &VaultListing,
    trusted: &Frontier,
    replay: &Replay,
) -> bool {
    let Some(identity) = identity else { return false };
    let device = identity.device;
    let known = replay
        .meant_for
        .iter()
        .filter(|(meant_device, _)| *meant_device == device)
        .map(|(_, seq)| *seq)
        .chain([trusted.seq(device)])
        .max()
        .unwrap_or(0);
    let in_vault = listing.logs.range((device, 0)..=(device, u64::MAX)).next_back();
    identity.machine != machine || in_vault.is_some_and(|((_, seq), _)| *seq > known)
}

impl FileSystem {
    /// Says which packs are not there, and how many files wait for them.
    fn note_missing_packs(&self, listing: &VaultListing) -> Result<(), FsError> {
        let live = self.read_live()?;
        let is_staged = |id| {
            live.writing.as_ref().is_some_and(|writing| writing.stage.find(id).is_some())
                || self.readers.has_staged(id)
        };
        let packs: Vec<_> = live.tree.packs().filter(|pack| pack.live_bytes > 0).collect();
        let missing: Vec<PackId> = packs
            .iter()
            .map(|pack| pack.id)
            .filter(|id| !listing.packs.contains_key(id) && !is_staged(*id))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let files = live.tree.files_in_packs(&missing).len();
        drop(live);
        self.note_damage(format!(
            "{} of {} packs are not in the vault folder (not arrived yet, or lost): {files} {} \
             be read in full",
            missing.len(),
            packs.len(),
            if files == 1 { "file cannot" } else { "files cannot" },
        ));
        Ok(())
    }
}
