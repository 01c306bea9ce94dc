//! Opening a vault: fold the log, replay the journal, and say what is not right.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::crypto::ClassKeys;
use crate::format::{Descriptor, DeviceId, Ino, Operation, PackId, Time, pack_path};
use crate::journal::{Journal, Replay};
use crate::store::{
    DeviceIdentity, LockedBy, PackReader, Seen, StateFolder, StateLock, StoreError, VaultFolder,
    VaultListing,
};
use crate::tree::Tree;

use super::arriving::{Awaited, absent_packs};
use super::error::FsError;
use super::file_system::FileSystem;
use super::live::{Live, Writing};
use super::look::{Found, look};
use super::parts::Parts;
use super::publish::Publisher;
use super::recover::{Recovered, replay_records, staged_readers};
use super::recovered_files::bring_back_files;
use super::stage::Stage;
use super::trust::is_copied_state;

/// Whether a vault is opened for changing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountMode {
    /// It can be changed, where nothing speaks against it.
    ReadWrite,
    /// Likewise, from the vault as it is now: log objects that this device has seen before and that are
    /// gone without a trace are given up.
    AcceptRollback,
    /// It cannot, and neither vault nor state folder is written to.
    ReadOnly,
}

impl MountMode {
    /// Whether it can be changed.
    pub fn writes(self) -> bool {
        self != Self::ReadOnly
    }
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
    /// Log objects that this device had published are gone or others: the vault has lost them, or an older
    /// copy of it was put in its place.
    #[error("{}", .0.join("; "))]
    RolledBack(Vec<String>),
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
    /// With damage in the log, [`MountMode::ReadWrite`] is refused. What others have published while
    /// changes of this device waited is merged with them.
    ///
    /// # Errors
    /// [`OpenError`]; neither vault nor journal has lost anything by it.
    pub fn open_vault(request: OpenRequest) -> Result<Arc<Self>, OpenError> {
        let mut found = look(&request)?;
        if found.goes_back {
            return go_on_from_older(request, found);
        }
        let mut merges = found.is_behind();
        if merges && !found.go_back_to_seen(&request) {
            found.leave_waiting(request.mode);
            merges = false;
        }
        let (live, recovered) = match replay_onto(&request, &mut found) {
            Err(error @ OpenError::JournalDamaged(_)) if request.mode == MountMode::ReadOnly => {
                found.damage.push(error.to_string());
                found.replay = Replay::default();
                found.fold_again(&request);
                replay_onto(&request, &mut found)?
            }
            replayed => replayed?,
        };
        let files = put_together(request, found, live, recovered)?;
        if merges {
            // What cannot be published now is tried again while mounted.
            files.take_arrivals().unwrap_or_else(|error| log::warn!("not merged yet: {error}"));
        }
        Ok(files)
    }
}

/// Opens a vault that has gone back behind what this device had seen, as another device: numbers that
/// it had used may still be somewhere. What waits in the journal follows, if it still fits what is
/// there; otherwise its content is brought back as files. It is in the vault when this returns: only
/// then the journal, whose ground is gone, is done with.
fn go_on_from_older(request: OpenRequest, mut found: Found) -> Result<Arc<FileSystem>, OpenError> {
    let (live, recovered) = match replay_onto(&request, &mut found) {
        Err(OpenError::JournalDamaged(_)) => {
            found.fold_again(&request);
            let replay = std::mem::take(&mut found.replay);
            let (mut live, mut recovered) = replay_onto(&request, &mut found)?;
            recovered.keep_seq = replay.next_seq;
            let folder = bring_back_files(&mut live, &mut recovered, &replay, &found.listing)?;
            found.replay = replay;
            if let Some(folder) = folder {
                found.notes.push(format!(
                    "what waited in the state folder does not fit the older vault: it is in the \
                     folder {folder}"
                ));
            }
            (live, recovered)
        }
        replayed => replayed?,
    };
    let files = put_together(request, found, live, recovered)?;
    files.publish()?;
    // Where nothing was published, nothing has noted that the older vault is the one to go on from.
    files.note_ground()?;
    Ok(files)
}

/// The folded tree with the journal's records applied.
fn replay_onto(request: &OpenRequest, found: &mut Found) -> Result<(Live, Recovered), OpenError> {
    let empty = Tree::new(request.descriptor.chunk_size);
    let tree = std::mem::replace(&mut found.folded.tree, empty);
    let mut live = Live::new(tree, None, found.read_only.clone());
    let readers = match &request.state {
        Some(state) => staged_readers(state, &request.keys, request.mode)?,
        None => BTreeMap::new(),
    };
    let recovered = replay_records(&mut live, &found.replay, readers, &found.listing)?;
    Ok((live, recovered))
}

/// Makes the file system of what was found, ready to be written to unless something speaks
/// against it.
fn put_together(
    request: OpenRequest,
    found: Found,
    mut live: Live,
    recovered: Recovered,
) -> Result<Arc<FileSystem>, OpenError> {
    let Found {
        listing,
        folded,
        identity,
        trusted,
        generation,
        unsettled_log,
        replay,
        mut awaited,
        mut damage,
        notes,
        goes_back,
        read_only,
    } = found;
    let OpenRequest { vault, state, lock, keys, descriptor, device_name, machine, owner, .. } =
        request;
    let keys = Arc::new(keys);
    let is_new = folded.frontier.iter().next().is_none() && recovered.log.is_empty();
    let mut device = identity.as_ref().map_or_else(DeviceId::random, |identity| identity.device);
    if read_only.is_none()
        && let Some(state) = &state
    {
        if goes_back || is_copied_state(identity.as_ref(), &machine, &listing, &trusted) {
            device = DeviceId::random();
        }
        let wanted = DeviceIdentity { device, machine };
        if identity.as_ref() != Some(&wanted) {
            state.set_device(&keys, &wanted)?;
        }
        let unsettled = recovered.unsettled_packs.iter().map(|id| pack_path(*id));
        for path in unsettled.chain(unsettled_log) {
            vault.settle_name(&path)?;
        }
        let packs = recovered.close_packs(&live, state, &keys, device, &listing)?;
        let (disk, chunk_size) = (state.disk().clone(), descriptor.chunk_size);
        let stage =
            Stage::new(disk.clone(), state.staged(), keys.clone(), device, chunk_size, packs);
        let keep = recovered.keep_seq;
        let journal = Journal::start(disk, state.root(), keys.clone(), &replay, keep)?;
        let mut writing = Writing::new(stage, journal);
        writing.log.clone_from(&recovered.log);
        writing.log_operations = recovered.log_operations;
        live.writing = Some(writing);
        state.set_last_end(None)?;
    }
    note_absent_packs(&live, &recovered, &listing, &mut awaited, &mut damage);
    // One that goes back has to be told so again, should it not come to publishing.
    if live.writing.is_some()
        && !goes_back
        && let Some(state) = &state
    {
        let (frontier, awaited) = (folded.frontier.clone(), awaited.to_keep());
        state.set_seen(&keys, &Seen { frontier, generation, awaited, publishing: None })?;
    }
    if !recovered.log.is_empty() || !live.dirty.is_empty() {
        live.note_change();
    }
    let shows_unpublished = live.writing.is_none() && !recovered.log.is_empty();
    let staged: BTreeMap<PackId, Arc<PackReader>> =
        if live.writing.is_some() { BTreeMap::new() } else { recovered.readers };
    let publisher = Publisher::after(&folded, device, device_name, generation);
    let fs = Parts {
        vault,
        state,
        lock,
        keys,
        descriptor,
        live,
        publisher,
        staged,
        awaited,
        damage,
        notes,
        shows_unpublished,
        past: None,
    }
    .assemble();
    fs.note_removed_packs(&listing)?;
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

impl FileSystem {
    /// Takes note of the packs that collections have removed.
    pub(super) fn note_removed_packs(&self, listing: &VaultListing) -> Result<(), FsError> {
        let mut live = self.write_live()?;
        let unused = live.tree.unused_packs().map(|(id, _)| id);
        let gone: Vec<PackId> = unused.filter(|id| !listing.packs.contains_key(id)).collect();
        gone.into_iter().for_each(|id| live.tree.note_pack_removed(id));
        Ok(())
    }
}

/// Finds the packs that files need and that are not there.
fn note_absent_packs(
    live: &Live,
    recovered: &Recovered,
    listing: &VaultListing,
    awaited: &mut Awaited,
    damage: &mut Vec<String>,
) {
    let is_staged = |id| match &live.writing {
        Some(writing) => writing.stage.find(id).is_some(),
        None => recovered.readers.contains_key(&id),
    };
    let (absent, lost) = absent_packs(&live.tree, listing, &awaited.unseen, is_staged);
    awaited.packs = absent;
    if !lost.is_empty() {
        let needed = live.tree.needed_packs().count();
        let files = live.tree.files_in_packs(&lost).len();
        damage.push(format!(
            "{} of {needed} packs are gone from the vault folder: {files} {} be read in full",
            lost.len(),
            if files == 1 { "file cannot" } else { "files cannot" },
        ));
    }
}
