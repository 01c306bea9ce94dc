//! Objects that are read from another path than their own: a sync client has renamed them, or left
//! a whole copy beside a damaged one. Nothing in the vault folder changes by that.
//!
//! A copy is only ever used if it is authentic as that very object (I2): who can put it there could
//! put the object there.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::crypto::ClassKeys;
use crate::format::{DeviceId, LogKind, ObjectName, OpenedLog};

use super::error::StoreError;
use super::listing::{Copies, VaultListing};
use super::vault_folder::VaultFolder;

/// More copies of one object than this are not tried (I8).
const COPIES_TRIED_MAX: usize = 16;

/// Where objects are read from, and where else they could be.
#[derive(Debug, Default)]
pub(super) struct StandIns {
    /// Paths to read from, by the objects' own paths.
    in_use: BTreeMap<String, StandIn>,
    /// What the last listing found.
    copies: Arc<Copies>,
    /// Copies are not looked at.
    as_named: bool,
}

/// Where an object is read from.
#[derive(Clone, Debug)]
struct StandIn {
    path: String,
    object: Option<ObjectName>,
    /// The object itself is not there.
    is_missing: bool,
}

impl VaultFolder {
    /// The same folder as it would be if each object (a path below the vault) had the content
    /// that now stands at another path. Only reading objects goes by it, not listing them, and
    /// other copies are not looked at.
    pub fn with_stand_ins(&self, stand_ins: HashMap<String, String>) -> Self {
        let stand_in = |path| StandIn { path, object: None, is_missing: false };
        let in_use = stand_ins.into_iter().map(|(object, path)| (object, stand_in(path))).collect();
        let stand_ins = StandIns { in_use, as_named: true, ..StandIns::default() };
        let mut folder = self.clone();
        folder.stand_ins = Arc::new(Mutex::new(stand_ins));
        folder
    }

    /// The same folder where every object is only what stands under its own name.
    pub fn as_named(&self) -> Self {
        self.with_stand_ins(HashMap::new())
    }

    /// Objects that are read from elsewhere, by path, each with where from.
    pub fn stand_ins(&self) -> Vec<(String, String)> {
        let stand_ins = self.lock_stand_ins();
        let in_use = stand_ins.in_use.iter();
        in_use.map(|(object, stand_in)| (object.clone(), stand_in.path.clone())).collect()
    }

    /// Whether the object `path` is read from elsewhere.
    pub fn has_stand_in(&self, path: &str) -> bool {
        self.lock_stand_ins().in_use.contains_key(path)
    }

    /// From now on an object is read from `path`, where it was found to be.
    pub fn read_from(&self, object: &ObjectName, path: &str) {
        let own = object.path();
        let opened = self.disk().open(&self.place(&own), false);
        let is_missing = opened.is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound);
        let mut stand_ins = self.lock_stand_ins();
        if own == path {
            stand_ins.in_use.remove(&own);
        } else {
            let stand_in = StandIn { path: path.to_owned(), object: Some(*object), is_missing };
            stand_ins.in_use.insert(own, stand_in);
        }
    }

    /// Paths of what may be copies of an object, by the last listing; the first ones.
    pub fn copies_of(&self, object: &ObjectName) -> Vec<String> {
        let stand_ins = self.lock_stand_ins();
        let mut paths = stand_ins.copies.get(object).cloned().unwrap_or_default();
        drop(stand_ins);
        paths.sort_unstable();
        paths.truncate(COPIES_TRIED_MAX);
        paths
    }

    /// The log object or checkpoint as a copy has it, and the path of that; `None` where there is no
    /// whole copy, or where copies are different versions of it: which one is right is not to be
    /// guessed.
    pub fn log_copy(
        &self,
        keys: &ClassKeys,
        kind: LogKind,
        device: DeviceId,
        seq: u64,
    ) -> Option<(OpenedLog, String)> {
        let mut found: Option<(OpenedLog, String)> = None;
        for path in self.copies_of(&ObjectName::Log(kind, device, seq)) {
            let Ok(log) = self.get_log_at(keys, kind, &path) else { continue };
            if (log.device, log.seq) != (device, seq) {
                continue;
            }
            match &found {
                Some((known, _)) if known.hash != log.hash => return None,
                Some(_) => {}
                None => found = Some((log, path)),
            }
        }
        found
    }

    /// Reads, authenticates and places a log object or checkpoint; from a copy, if it cannot be had
    /// under its own name.
    ///
    /// # Errors
    /// [`StoreError`], as for [`Self::get_log_as_named`].
    pub fn get_log(
        &self,
        keys: &ClassKeys,
        kind: LogKind,
        device: DeviceId,
        seq: u64,
    ) -> Result<OpenedLog, StoreError> {
        let error = match self.get_log_as_named(keys, kind, device, seq) {
            Err(error) if !error.is_newer() => error,
            read => return read,
        };
        let (log, path) = self.log_copy(keys, kind, device, seq).ok_or(error)?;
        self.read_from(&ObjectName::Log(kind, device, seq), &path);
        Ok(log)
    }

    /// From now on the object `path` is read from where it should be.
    pub(super) fn read_as_named(&self, path: &str) {
        self.lock_stand_ins().in_use.remove(path);
    }

    /// Takes note of what may be read instead of objects. What is read from elsewhere is no longer,
    /// if the object has come back, or the copy has gone.
    pub(super) fn know_copies(&self, listing: &VaultListing) {
        let mut stand_ins = self.lock_stand_ins();
        if stand_ins.as_named {
            return;
        }
        stand_ins.copies = listing.copies.clone();
        stand_ins.in_use.retain(|_, stand_in| {
            let Some(object) = &stand_in.object else { return true };
            let is_back = stand_in.is_missing && listing.holds(object);
            let copies = listing.copies.get(object);
            !is_back && copies.is_some_and(|paths| paths.contains(&stand_in.path))
        });
    }

    /// Takes note of what may be read instead of log objects.
    pub(super) fn know_copies_of_logs(&self, listing: &VaultListing) {
        let is_log = |object: &ObjectName| matches!(object, ObjectName::Log(..));
        let mut stand_ins = self.lock_stand_ins();
        let no_news = || listing.copies.is_empty() && !stand_ins.copies.keys().any(is_log);
        if stand_ins.as_named || no_news() {
            return;
        }
        let copies = Arc::make_mut(&mut stand_ins.copies);
        copies.retain(|object, _| !is_log(object));
        let logs = listing.copies.iter().filter(|(object, _)| is_log(object));
        copies.extend(logs.map(|(object, paths)| (*object, paths.clone())));
    }

    /// The place to read the object `path` from.
    pub(super) fn place_to_read(&self, path: &str) -> PathBuf {
        match self.lock_stand_ins().in_use.get(path) {
            Some(stand_in) => self.place(&stand_in.path),
            None => self.place(path),
        }
    }

    fn lock_stand_ins(&self) -> MutexGuard<'_, StandIns> {
        self.stand_ins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
