//! Opening a vault: fold the log, replay the journal, and say what is not right.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, RwLock};

use crate::crypto::ClassKeys;
use crate::format::{Descriptor, DeviceId, Frontier, Ino, Operation, PackId, Time};
use crate::journal::{Journal, Replay, read_journal};
use crate::store::{
    DeviceIdentity, LockedBy, PackReader, StateFolder, StateLock, StoreError, VaultFolder,
    VaultListing,
};
use crate::tree::Tree;

use super::content::PackReaders;
use super::error::FsError;
use super::file_system::{Background, FileSystem};
use super::fold::{FoldGap, Folded, fold};
use super::live::{Live, Writing};
use super::overtaken::OtherChanges;
use super::publish::Publisher;
use super::recover::{Recovered, replay_records, staged_readers};
use super::room::RoomGauge;
use super::stage::Stage;
use super::trust::{is_copied_state, rollback};

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
    /// The journal changes something that another device has changed since.
    #[error("another device has changed {0} since")]
    Overtaken(String),
    /// The file system would not start.
    #[error(transparent)]
    Fs(#[from] FsError),
}

/// What was found in vault and state folder, before it is put together.
struct Found {
    listing: VaultListing,
    folded: Folded,
    identity: Option<DeviceIdentity>,
    trusted: Frontier,
    replay: Replay,
    /// What is wrong, in sentences.
    damage: Vec<String>,
    /// Why nothing can be written, if so.
    read_only: Option<String>,
}

impl Found {
    /// Folds what the listing has by now; the tree may have had records applied.
    fn fold_again(&mut self, request: &OpenRequest) {
        let OpenRequest { vault, keys, descriptor, .. } = request;
        self.folded = fold(vault, &self.listing, keys, descriptor.chunk_size);
    }
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
        let mut found = look(&request)?;
        let others = other_changes(&request, &found)?;
        let (live, recovered) = match replay_onto(&request, &mut found, &others) {
            Err(OpenError::Overtaken(path)) => {
                overtaken(&request, &mut found, &path);
                replay_onto(&request, &mut found, &OtherChanges::default())?
            }
            Err(error @ OpenError::JournalDamaged(_)) if request.mode == MountMode::ReadOnly => {
                found.damage.push(error.to_string());
                found.replay = Replay::default();
                found.fold_again(&request);
                replay_onto(&request, &mut found, &OtherChanges::default())?
            }
            replayed => replayed?,
        };
        put_together(request, found, live, recovered)
    }
}

/// Reads the log and the journal, and finds what is not right with them.
fn look(request: &OpenRequest) -> Result<Found, OpenError> {
    let OpenRequest { vault, state, lock, keys, descriptor, mode, .. } = request;
    let listing = vault.listing()?;
    let folded = fold(vault, &listing, keys, descriptor.chunk_size);
    let records = state
        .as_ref()
        .map_or(Ok((None, None)), |state| Ok((state.device(keys)?, state.trusted_frontier(keys)?)));
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
    damage.extend(folded.gaps.iter().filter(|gap| !is_concurrency(gap)).map(FoldGap::to_string));
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
    let mut replay = match state {
        Some(state) => journal_of(state, keys, &listing)?,
        None => Replay::default(),
    };
    if replay.damaged {
        let error =
            OpenError::JournalDamaged("records that had been made durable cannot be read".into());
        if *mode == MountMode::ReadWrite {
            return Err(error);
        }
        state_damage.push(error.to_string());
    }
    if !damage.is_empty() || is_forked {
        // Its records were written onto a state that is not to be had.
        if replay.has_records() {
            state_damage.push("changes that wait in the state folder are not shown".into());
        }
        replay = Replay::default();
    }
    damage.append(&mut state_damage);
    damage.extend(folded.gaps.iter().filter(|gap| is_concurrency(gap)).map(FoldGap::to_string));
    Ok(Found { listing, folded, identity, trusted, replay, damage, read_only })
}

fn journal_of(
    state: &StateFolder,
    keys: &ClassKeys,
    listing: &VaultListing,
) -> Result<Replay, StoreError> {
    let disk = state.disk();
    // A state folder that has never been written to has nothing to replay.
    if disk.list(state.root()).is_err() {
        return Ok(Replay::default());
    }
    read_journal(&**disk, state.root(), keys, |device, seq| {
        listing.logs.range((device, seq)..=(device, u64::MAX)).next().is_some()
    })
}

/// What others did since this device last saw the vault, where it matters: the journal's records
/// were written onto what was there before.
fn other_changes(request: &OpenRequest, found: &Found) -> Result<OtherChanges, OpenError> {
    if !found.replay.has_records() {
        return Ok(OtherChanges::default());
    }
    let own = found.identity.as_ref().map(|identity| identity.device);
    let changes = OtherChanges::between(
        &request.vault,
        &request.keys,
        own,
        &found.trusted,
        &found.folded.frontier,
    );
    Ok(changes?)
}

/// The folded tree with the journal's records applied.
fn replay_onto(
    request: &OpenRequest,
    found: &mut Found,
    others: &OtherChanges,
) -> Result<(Live, Recovered), OpenError> {
    let empty = Tree::new(request.descriptor.chunk_size);
    let tree = std::mem::replace(&mut found.folded.tree, empty);
    let mut live = Live::new(tree, None, found.read_only.clone());
    let readers = match &request.state {
        Some(state) => staged_readers(state, &request.keys)?,
        None => HashMap::new(),
    };
    let recovered = replay_records(&mut live, &found.replay, readers, &found.listing, others)?;
    Ok((live, recovered))
}

/// Others have changed what the journal changes too, and this version cannot merge the two. Who
/// wanted to write gets the vault as the others left it, and what waits in the journal stays
/// there; who only wanted to look, as a restore does, gets it as this device left it.
fn overtaken(request: &OpenRequest, found: &mut Found, path: &str) {
    let since = format!(
        "another device changed {path} while changes of this device to it waited in the state \
         folder"
    );
    let sentence = match request.mode {
        MountMode::ReadWrite => {
            found.replay = Replay::default();
            format!(
                "{since}; they are kept there and not shown: a mount with --read-only, or a \
                 restore, shows the vault with them instead"
            )
        }
        MountMode::ReadOnly => {
            let trusted = &found.trusted;
            let is_seen = |(device, seq): &(DeviceId, u64)| *seq <= trusted.seq(*device);
            found.listing.logs.retain(|name, _| is_seen(name));
            found.listing.checkpoints.retain(|name, _| is_seen(name));
            format!("{since}; this shows the vault with them, as it was before the other device")
        }
    };
    found.fold_again(request);
    if request.mode == MountMode::ReadWrite {
        found.read_only = Some(sentence.clone());
    }
    found.damage.push(sentence);
}

/// Makes the file system of what was found, ready to be written to unless something speaks
/// against it.
fn put_together(
    request: OpenRequest,
    found: Found,
    mut live: Live,
    recovered: Recovered,
) -> Result<Arc<FileSystem>, OpenError> {
    let Found { listing, folded, identity, trusted, replay, damage, read_only } = found;
    let Folded { frontier, clock, checkpoint_bytes, bytes_since, devices, .. } = folded;
    let OpenRequest { vault, state, lock, keys, descriptor, device_name, machine, owner, .. } =
        request;
    let keys = Arc::new(keys);
    let is_new = frontier.iter().next().is_none() && recovered.log.is_empty();
    let mut device = identity.as_ref().map_or_else(DeviceId::random, |identity| identity.device);
    if read_only.is_none()
        && let Some(state) = &state
    {
        if is_copied_state(identity.as_ref(), &machine, &listing, &trusted) {
            device = DeviceId::random();
        }
        let wanted = DeviceIdentity { device, machine };
        if identity.as_ref() != Some(&wanted) {
            state.set_device(&keys, &wanted)?;
        }
        let packs = recovered.close_packs(&live, state, &keys, device, &listing)?;
        let (disk, chunk_size) = (state.disk().clone(), descriptor.chunk_size);
        let stage =
            Stage::new(disk.clone(), state.staged(), keys.clone(), device, chunk_size, packs);
        let (next, keep) = (frontier.seq(device) + 1, recovered.keep_seq);
        let journal =
            Journal::start(disk, state.root(), keys.clone(), device, next, &replay, keep)?;
        let mut writing = Writing::new(stage, journal);
        writing.log.clone_from(&recovered.log);
        writing.log_operations = recovered.log_operations;
        live.writing = Some(writing);
        state.set_last_end(None)?;
        state.set_trusted_frontier(&keys, &frontier)?;
    }
    if !recovered.log.is_empty() || !live.dirty.is_empty() {
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

fn is_concurrency(gap: &FoldGap) -> bool {
    matches!(gap, FoldGap::Concurrent { .. })
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
