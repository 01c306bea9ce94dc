//! The whole way from one vault to the other.

use crate::crypto::ClassKeys;
use crate::format::{
    DATA_FOLDER, DESCRIPTOR_BYTES_MAX, DESCRIPTOR_NAME, Descriptor, DeviceId, Frontier,
    KEYS_FOLDER, LOG_FOLDER, LOST_FOLDER, LogKind, ObjectName, PackId, UnverifiedDescriptor,
    pack_folder, pack_path, parse_pack_name,
};
use crate::store::{DeviceIdentity, Seen, StoreError, VaultFolder, VaultListing};

use super::super::fold::{FoldGap, Folded};
use super::super::stand_ins::take_in_packs;
use super::super::verify::{DamagedObject, Verified, VerifyReport, VerifyRequest, verify_packs_if};
use super::compare::{HistoryTold, state_digest};
use super::error::RekeyError;
use super::logs::Hashed;

/// A vault's folder, and what opens it.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The folder.
    pub vault: &'a VaultFolder,
    /// The vault's keys.
    pub keys: &'a ClassKeys,
    /// What the vault is.
    pub descriptor: &'a Descriptor,
}

/// A vault that is to be sealed anew, and the folder of the new one.
#[derive(Clone, Debug)]
pub struct Rekey<'a> {
    /// The vault as it is. Nothing of it is changed.
    pub old: Side<'a>,
    /// The new one, of the same chunk size. Its slots are there already, its descriptor comes last.
    pub new: Side<'a>,
    /// What this machine has seen of the old vault.
    pub seen: Seen,
    /// This machine's device in it, if it has one.
    pub identity: Option<DeviceIdentity>,
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RekeyStep {
    /// Objects are sealed anew, or checked.
    Seal,
    /// The new vault is read as a whole.
    Verify,
}

/// How far a step has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RekeyProgress {
    /// Which.
    pub step: RekeyStep,
    /// Objects that are done.
    pub done_objects: u64,
    /// All of them.
    pub all_objects: u64,
    /// Bytes of those that are done.
    pub done_bytes: u64,
    /// Bytes of all.
    pub all_bytes: u64,
}

/// A vault that was sealed anew.
#[derive(Clone, Debug, Default)]
pub struct RekeyReport {
    /// Packs, log objects and checkpoints in the new vault.
    pub objects: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// How many of them this run has made; the others were there.
    pub made: u64,
    /// Earlier states that can be had.
    pub states: u64,
    /// What the newest state of the new vault covers.
    pub frontier: Frontier,
    /// Files in the old vault's folder that are none of its objects, and are not taken over.
    pub left: Vec<String>,
}

/// What one pass over the old vault has found.
struct Pass {
    /// The old vault's objects, with those that are read from copies.
    listing: VaultListing,
    report: VerifyReport,
    /// Its newest state.
    newest: Newest,
    hashed: Hashed,
    made: u64,
}

/// The newest state of a vault, without its tree: not both are in memory at once.
#[derive(Debug, PartialEq, Eq)]
struct Newest {
    digest: [u8; 32],
    frontier: Frontier,
    clock: u64,
}

impl From<Folded> for Newest {
    fn from(folded: Folded) -> Self {
        let digest = state_digest(&folded.tree);
        Self { digest, frontier: folded.frontier, clock: folded.clock }
    }
}

impl Rekey<'_> {
    /// Seals everything anew that the new vault does not have, reads that as a whole, compares, and puts
    /// its descriptor: only with that it is a vault.
    ///
    /// # Errors
    /// [`RekeyError`].
    pub fn carry_out(
        &self,
        progress: &mut dyn FnMut(RekeyProgress),
    ) -> Result<RekeyReport, RekeyError> {
        let mut made = 0;
        let pass = loop {
            let pass = self.pass(progress)?;
            made += pass.made;
            // What has come meanwhile from other devices.
            if self.missing()?.is_empty() {
                break pass;
            }
        };
        self.settle()?;
        let Verified { report, folded, .. } = self.verify_new(progress)?;
        let new = Newest::from(folded);
        let left = left_behind(&pass).chain(self.set_aside()?).collect();
        let frontier = pass.hashed.frontier(&pass.newest.frontier).map_err(RekeyError::Differs)?;
        if new != (Newest { frontier, ..pass.newest }) {
            return Err(RekeyError::Differs("the newest state is another".to_owned()));
        }
        let states = HistoryTold::of(self.new)?;
        states.tells_all_of(&HistoryTold::of(self.old)?, &pass.hashed)?;
        self.put_descriptor()?;
        let listing = self.new.vault.listing()?;
        Ok(RekeyReport {
            objects: listing.objects(),
            bytes: report.bytes,
            made,
            states: states.count(),
            frontier: new.frontier,
            left,
        })
    }

    /// Objects that the old vault has and the new one has not, by path.
    ///
    /// # Errors
    /// [`StoreError`] if one of the folders cannot be listed.
    pub fn missing(&self) -> Result<Vec<String>, StoreError> {
        lacking(self.old.vault, self.new.vault)
    }

    /// Looks at all of the old vault, and puts what the new one lacks. Packs come before the log objects
    /// that name them (I4).
    fn pass(&self, progress: &mut dyn FnMut(RekeyProgress)) -> Result<Pass, RekeyError> {
        let Verified { report, folded, mut listing } = self.verify_old()?;
        let newest = Newest::from(folded);
        // Copies that only an older state needs.
        let copies = listing.copies.clone();
        let copies = copies.keys().filter_map(|object| match object {
            ObjectName::Pack(pack) => Some(*pack),
            _ => None,
        });
        take_in_packs(self.old.vault, self.old.keys, &mut listing, copies);
        let there = self.new.vault.as_named().listing()?;
        let mut now = RekeyProgress {
            step: RekeyStep::Seal,
            done_objects: 0,
            all_objects: listing.objects(),
            done_bytes: 0,
            all_bytes: listing.object_bytes(),
        };
        progress(now);
        let mut made = 0;
        let mut done = |(bytes, is_made): (u64, bool)| {
            made += u64::from(is_made);
            now.done_objects += 1;
            now.done_bytes = now.done_bytes.saturating_add(bytes);
            progress(now);
        };
        for pack in listing.packs.keys() {
            done(self.pack(*pack, there.packs.contains_key(pack))?);
        }
        let mut hashed = self.hashes_of_collected(&listing, &there)?;
        for place in self.logs_in_order(&listing)? {
            let (kind, device, seq) = place;
            let is_there = there.holds(&ObjectName::Log(kind, device, seq));
            done(self.log(place, &listing, is_there, &mut hashed)?);
        }
        Ok(Pass { listing, report, newest, hashed, made })
    }

    /// Whether the old vault's log tells one whole story, and what it names is there. Its packs are not
    /// read yet.
    fn verify_old(&self) -> Result<Verified, RekeyError> {
        let listing = self.old.vault.listing()?;
        let verified = verify_packs_if(&self.request(self.old, &listing), false, &mut |_| {})?;
        check_disk(&verified)?;
        let VerifyReport { damaged, awaited, newer, .. } = &verified.report;
        // The new vault has slots of its own.
        let is_slot = |object: &&DamagedObject| object.object.starts_with(KEYS_FOLDER);
        let damaged: Vec<_> = damaged.iter().filter(|it| !is_slot(it)).cloned().collect();
        if !damaged.is_empty() {
            return Err(RekeyError::Damaged(damaged));
        }
        if !newer.is_empty() {
            return Err(RekeyError::Newer(newer.clone()));
        }
        match awaited.is_empty() {
            true => without_gaps(verified),
            false => Err(RekeyError::NotArrived(awaited.clone())),
        }
    }

    fn verify_new(&self, progress: &mut dyn FnMut(RekeyProgress)) -> Result<Verified, RekeyError> {
        // What is read instead of an object would not move with it.
        let vault = self.new.vault.as_named();
        let listing = vault.listing()?;
        let mut now = RekeyProgress {
            step: RekeyStep::Verify,
            done_objects: 0,
            all_objects: listing.objects(),
            done_bytes: 0,
            all_bytes: listing.object_bytes(),
        };
        let request = self.request(Side { vault: &vault, ..self.new }, &listing);
        let verified = verify_packs_if(&request, true, &mut |bytes| {
            now.done_objects += 1;
            now.done_bytes = bytes.done_bytes;
            progress(now);
        })?;
        check_disk(&verified)?;
        let VerifyReport { damaged, awaited, .. } = &verified.report;
        match damaged.iter().chain(awaited).cloned().collect::<Vec<_>>() {
            objects if objects.is_empty() => without_gaps(verified),
            objects => Err(RekeyError::NotWhole(objects)),
        }
    }

    fn request<'a>(&self, side: Side<'a>, listing: &'a VaultListing) -> VerifyRequest<'a> {
        let Side { vault, keys, descriptor } = side;
        let is_old = *keys.vault() == self.old.descriptor.vault;
        let seen = if is_old { self.seen.clone() } else { Seen::default() };
        let identity = self.identity.clone().filter(|_| is_old);
        // Before anything is sealed anew, what waits is published.
        VerifyRequest { vault, listing, keys, descriptor, seen, identity, has_work: false }
    }

    /// Makes all names durable: a run that was killed may have left some without that.
    fn settle(&self) -> Result<(), StoreError> {
        let vault = &self.new.vault.as_named();
        let listing = vault.listing()?;
        let mut packs: Vec<&PackId> = listing.packs.keys().collect();
        packs.dedup_by_key(|pack| pack_folder(**pack));
        for pack in packs {
            vault.settle_name(&pack_path(*pack))?;
        }
        for folder in [DATA_FOLDER, LOG_FOLDER] {
            vault.make_folder(folder)?;
            vault.settle_name(&format!("{folder}/{DESCRIPTOR_NAME}"))?;
        }
        Ok(())
    }

    fn put_descriptor(&self) -> Result<(), RekeyError> {
        let Side { vault, keys, descriptor } = self.new;
        match vault.put_new(DESCRIPTOR_NAME, &descriptor.seal(keys)) {
            Err(StoreError::Exists(_)) => {}
            put => return Ok(put?),
        }
        let bytes = vault.as_named().get(DESCRIPTOR_NAME, DESCRIPTOR_BYTES_MAX)?;
        let there = UnverifiedDescriptor::parse(&bytes).and_then(|there| there.verify(keys));
        match there.is_ok_and(|there| there.chunk_size == descriptor.chunk_size) {
            true => Ok(vault.settle_name(DESCRIPTOR_NAME)?),
            false => Err(RekeyError::NotTheSame {
                object: DESCRIPTOR_NAME.to_owned(),
                why: "it was not made with the new keys".to_owned(),
            }),
        }
    }

    /// What a repair of the old vault has set aside.
    fn set_aside(&self) -> Result<Vec<String>, StoreError> {
        self.old.vault.files_below(LOST_FOLDER)
    }
}

/// Objects of one vault that another one does not have, by path and name alone.
///
/// # Errors
/// [`StoreError`] if one of the folders cannot be listed.
pub fn lacking(old: &VaultFolder, new: &VaultFolder) -> Result<Vec<String>, StoreError> {
    let (old, new) = (old.listing()?, new.as_named().listing()?);
    let log = |kind| move |(device, seq): &(DeviceId, u64)| ObjectName::Log(kind, *device, *seq);
    let logs = old.logs.keys().map(log(LogKind::Increment));
    let checkpoints = old.checkpoints.keys().map(log(LogKind::Checkpoint));
    let packs = old.packs.keys().map(|pack| ObjectName::Pack(*pack));
    let objects = logs.chain(checkpoints).chain(packs).filter(|object| !new.holds(object));
    Ok(objects.map(|object| object.path()).collect())
}

/// Where the disk failed while the log was folded, what comes of that is neither damaged nor missing.
fn check_disk(verified: &Verified) -> Result<(), RekeyError> {
    let failures = verified.folded.gaps.iter().filter_map(|gap| match gap {
        FoldGap::Unreadable { error, .. } => Some(error),
        _ => None,
    });
    let is_disk =
        |error: &&StoreError| matches!(error, StoreError::Io { .. } | StoreError::Full(_));
    failures.filter(is_disk).take(1).try_for_each(|error| Err(error.clone().into()))
}

/// What was whole when it was read by itself was perhaps not read when the log was folded.
fn without_gaps(verified: Verified) -> Result<Verified, RekeyError> {
    match verified.folded.gaps.first() {
        None => Ok(verified),
        Some(gap) => Err(RekeyError::Unread(gap.to_string())),
    }
}

/// What was found in the old vault's folder and is no object of it.
fn left_behind(pass: &Pass) -> impl Iterator<Item = String> {
    let is_taken = |object: &str| {
        let pack = object.rsplit('/').next().and_then(parse_pack_name);
        pack.is_some_and(|pack| pass.listing.packs.contains_key(&pack))
    };
    let copies = pass.report.copies.iter().filter(move |copy| !is_taken(&copy.object));
    pass.report.strangers.iter().cloned().chain(copies.map(|copy| copy.path.clone()))
}
