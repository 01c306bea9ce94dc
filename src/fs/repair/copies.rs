//! Objects by content: what stands anywhere in the vault folder under another name than its own.

use std::collections::{BTreeMap, HashMap};

use crate::crypto::{ClassKeys, SlotId};
use crate::format::{
    DATA_FOLDER, DESCRIPTOR_NAME, DeviceId, FRAME_BYTES, LOST_FOLDER, LogHash, LogKind, Magic,
    PackId, README_NAME, SLOT_BYTES_MAX, UnverifiedDescriptor, UnverifiedSlot, check_magic,
    slot_path,
};
use crate::fs::pack_copies::{PackCopy, pack_copies_at};
use crate::store::{StoreError, VaultFolder, log_path};

/// A log object or checkpoint under another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogCopy {
    pub(super) path: String,
    pub(super) hash: LogHash,
}

/// Where a log object or checkpoint belongs.
pub(super) type LogPlace = (LogKind, DeviceId, u64);

/// Everything that is authentic and not in its place.
#[derive(Debug, Default)]
pub(super) struct Copies {
    pub(super) logs: BTreeMap<LogPlace, Vec<LogCopy>>,
    /// Those in their places are among them, too.
    pub(super) packs: HashMap<PackId, Vec<PackCopy>>,
    pub(super) slots: Vec<(SlotId, String)>,
    pub(super) descriptors: Vec<String>,
}

impl Copies {
    /// Looks at every file of the vault folder, at what a repair has set aside as well: a repair
    /// that was cut off may have left there what it was about to put elsewhere.
    ///
    /// # Errors
    /// [`StoreError`] if a folder cannot be listed, or a file not be read.
    pub(super) fn find(vault: &VaultFolder, keys: &ClassKeys) -> Result<Self, StoreError> {
        let mut copies = Self::default();
        let in_place = |path: &str| path == DESCRIPTOR_NAME || path == README_NAME;
        for path in vault.files_below("")? {
            if !in_place(&path) {
                match copies.look(vault, keys, &path) {
                    // A sync client took it away since.
                    Err(StoreError::Missing(_)) => {}
                    looked => looked?,
                }
            }
        }
        Ok(copies)
    }

    fn look(
        &mut self,
        vault: &VaultFolder,
        keys: &ClassKeys,
        path: &str,
    ) -> Result<(), StoreError> {
        let mut frame = [0; FRAME_BYTES];
        let file = match vault.open(path) {
            // No plain file: nothing of ours.
            Err(StoreError::Io { .. }) => return Ok(()),
            file => file?,
        };
        match file.read_at(&mut frame, 0) {
            Ok(_) => {}
            // Online only, and not to be had: nothing is known of it.
            Err(_) if file.is_placeholder().unwrap_or(false) => return Ok(()),
            Err(error) => return Err(StoreError::io("cannot read", &vault.place(path), error)),
        }
        let is = |magic| check_magic(magic, &frame).is_ok();
        if is(Magic::Pack) || path.contains(&format!("{DATA_FOLDER}/")) {
            for copy in pack_copies_at(vault, keys, path)? {
                self.packs.entry(copy.id).or_default().push(copy);
            }
        } else if is(Magic::Log) || is(Magic::Checkpoint) {
            let kind = if is(Magic::Log) { LogKind::Increment } else { LogKind::Checkpoint };
            match vault.get_log_at(keys, kind, path) {
                Ok(log) if log_path(kind, log.device, log.seq) == path => {}
                Ok(log) => {
                    let copy = LogCopy { path: path.to_owned(), hash: log.hash };
                    self.logs.entry((kind, log.device, log.seq)).or_default().push(copy);
                }
                Err(StoreError::Format { .. } | StoreError::TooLong { .. }) => {}
                Err(error) => return Err(error),
            }
        } else if is(Magic::Slot) {
            let bytes = vault.get(path, SLOT_BYTES_MAX).unwrap_or_default();
            if let Ok(slot) = UnverifiedSlot::parse(&bytes)
                && slot.claimed_vault() == keys.vault()
                && slot_path(*slot.claimed_id()) != path
            {
                self.slots.push((*slot.claimed_id(), path.to_owned()));
            }
        } else if is(Magic::Descriptor) {
            let bytes = vault.get(path, SLOT_BYTES_MAX).unwrap_or_default();
            if UnverifiedDescriptor::parse(&bytes).is_ok_and(|it| it.verify(keys).is_ok()) {
                self.descriptors.push(path.to_owned());
            }
        }
        // Whatever else there is, is somebody else's.
        Ok(())
    }

    /// Paths of copies that are not in `used`, outside of what was set aside.
    pub(super) fn superfluous(&self, used: &dyn Fn(&str) -> bool) -> Vec<String> {
        let is_own = |copy: &PackCopy| {
            copy.footer.is_none() || copy.path == crate::format::pack_path(copy.id)
        };
        let packs = self.packs.values().flatten().filter(|copy| !is_own(copy));
        let mut paths: Vec<String> = (self.logs.values().flatten().map(|copy| &copy.path))
            .chain(packs.map(|copy| &copy.path))
            .chain(self.slots.iter().map(|(_, path)| path))
            .chain(&self.descriptors)
            .filter(|path| !path.starts_with(LOST_FOLDER) && !used(path))
            .cloned()
            .collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }
}
