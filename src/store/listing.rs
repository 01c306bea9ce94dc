//! What a vault folder holds, by name: objects, what may be copies of them, litter, strangers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::format::{
    DATA_FOLDER, DESCRIPTOR_NAME, DeviceId, KEYS_FOLDER, LOG_FOLDER, LOST_FOLDER, LogKind,
    ObjectName, PackId, README_NAME, folder_named_by, is_litter, may_be_pack_folder,
    may_be_slot_name, objects_named_by, pack_folder, parse_log_name, parse_pack_name,
};

use super::disk::FolderItem;
use super::error::StoreError;
use super::presence::parse_stub_name;
use super::vault_folder::VaultFolder;

/// Files that may be objects by what their names start with, by path below the vault.
pub type Copies = BTreeMap<ObjectName, Vec<String>>;

/// Which objects a vault holds, by name and length; nothing of them was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VaultListing {
    /// Log objects by device and number, with their lengths.
    pub logs: BTreeMap<(DeviceId, u64), u64>,
    /// Checkpoints likewise.
    pub checkpoints: BTreeMap<(DeviceId, u64), u64>,
    /// Packs with their lengths.
    pub packs: BTreeMap<PackId, u64>,
    /// Those of them that only a stub of iCloud Drive's stands for; of what length is not known.
    pub stubs: BTreeSet<PackId>,
    /// Files under other names and in other places, by the objects that they may be copies of. A
    /// file that has lost its extension is there twice.
    pub copies: Arc<Copies>,
    /// Files and folders that sync clients and systems keep for themselves, by path.
    pub litter: Vec<String>,
    /// Files and folders that are no objects of ours, by path below the vault.
    pub strangers: Vec<String>,
}

impl VaultListing {
    /// Objects.
    pub fn objects(&self) -> u64 {
        (self.logs.len() + self.checkpoints.len() + self.packs.len()) as u64
    }

    /// Bytes of those.
    pub fn object_bytes(&self) -> u64 {
        total(self.logs.values().chain(self.checkpoints.values()).chain(self.packs.values()))
    }

    /// Bytes of packs.
    pub fn pack_bytes(&self) -> u64 {
        total(self.packs.values())
    }

    /// Whether an object is there under its own name; of descriptor and slots that is not told.
    pub fn holds(&self, object: &ObjectName) -> bool {
        match object {
            ObjectName::Log(LogKind::Increment, device, seq) => {
                self.logs.contains_key(&(*device, *seq))
            }
            ObjectName::Log(LogKind::Checkpoint, device, seq) => {
                self.checkpoints.contains_key(&(*device, *seq))
            }
            ObjectName::Pack(pack) => self.packs.contains_key(pack),
            ObjectName::Descriptor | ObjectName::Slot(_) => false,
        }
    }

    /// Takes an object in that is there under another name.
    pub fn take_in(&mut self, object: &ObjectName, bytes: u64) {
        match object {
            ObjectName::Log(LogKind::Increment, device, seq) => {
                self.logs.insert((*device, *seq), bytes);
            }
            ObjectName::Log(LogKind::Checkpoint, device, seq) => {
                self.checkpoints.insert((*device, *seq), bytes);
            }
            ObjectName::Pack(pack) => {
                self.packs.insert(*pack, bytes);
            }
            ObjectName::Descriptor | ObjectName::Slot(_) => {}
        }
    }

    /// Names of log objects or checkpoints that are there, or of which there may be a copy.
    pub fn log_names(&self, kind: LogKind) -> BTreeSet<(DeviceId, u64)> {
        let listed = match kind {
            LogKind::Increment => &self.logs,
            LogKind::Checkpoint => &self.checkpoints,
        };
        let copies = self.copies.keys().filter_map(|object| match object {
            ObjectName::Log(of_kind, device, seq) if *of_kind == kind => Some((*device, *seq)),
            _ => None,
        });
        listed.keys().copied().chain(copies).collect()
    }

    /// Leaves out the log objects that are not wanted, all checkpoints but one or none, and copies of
    /// what is left out.
    pub fn keep_logs_for(
        &mut self,
        checkpoint: Option<&(DeviceId, u64)>,
        is_wanted: impl Fn(DeviceId, u64) -> bool,
    ) {
        self.logs.retain(|(device, seq), _| is_wanted(*device, *seq));
        self.checkpoints.retain(|name, _| Some(name) == checkpoint);
        Arc::make_mut(&mut self.copies).retain(|object, _| match object {
            ObjectName::Log(LogKind::Increment, device, seq) => is_wanted(*device, *seq),
            ObjectName::Log(LogKind::Checkpoint, device, seq) => {
                Some(&(*device, *seq)) == checkpoint
            }
            _ => true,
        });
    }

    /// Leaves out the log objects, checkpoints and copies of those that are not wanted.
    pub fn keep_logs(&mut self, is_wanted: impl Fn(DeviceId, u64) -> bool) {
        self.logs.retain(|(device, seq), _| is_wanted(*device, *seq));
        self.checkpoints.retain(|(device, seq), _| is_wanted(*device, *seq));
        Arc::make_mut(&mut self.copies).retain(|object, _| match object {
            ObjectName::Log(_, device, seq) => is_wanted(*device, *seq),
            _ => true,
        });
    }
}

/// The sum of these lengths, as far as it goes: a few sparse files can be longer than any number.
fn total<'a>(lengths: impl Iterator<Item = &'a u64>) -> u64 {
    lengths.fold(0, |sum, bytes| sum.saturating_add(*bytes))
}

impl VaultFolder {
    /// Which objects there are. What may be copies of objects is looked for in the vault itself, in
    /// its folders, and in folders that may be renamings of those, no deeper than objects are.
    ///
    /// From then on, objects that cannot be read are read from copies, where there are whole ones.
    ///
    /// # Errors
    /// [`StoreError`] if a folder cannot be listed; one that is missing counts as empty, and one
    /// under another name that cannot be listed as a stranger.
    pub fn listing(&self) -> Result<VaultListing, StoreError> {
        let mut scan = Scan::of(self);
        scan.beside(Scope::All)?;
        scan.logs()?;
        scan.packs()?;
        let listing = scan.finish();
        self.know_copies(&listing);
        Ok(listing)
    }

    /// What may be copies of the descriptor and of slots, in the vault itself and in folders of slots.
    ///
    /// # Errors
    /// [`StoreError`], as for [`Self::listing`].
    pub fn copies_beside(&self) -> Result<Arc<Copies>, StoreError> {
        let mut scan = Scan::of(self);
        scan.beside(Scope::Keys)?;
        Ok(scan.finish().copies)
    }

    /// Which log objects there are. What may be copies of them is looked for in the vault itself, in
    /// the folder of log objects, and in folders that may be renamings of that.
    ///
    /// # Errors
    /// [`StoreError`], as for [`Self::listing`].
    pub fn logs_listing(&self) -> Result<VaultListing, StoreError> {
        let mut scan = Scan::of(self);
        scan.beside(Scope::Logs)?;
        scan.logs()?;
        let listing = scan.finish();
        self.know_copies_of_logs(&listing);
        Ok(listing)
    }

    /// Paths of files that may be slots, those in their own folder first: there, and where a renamed
    /// one mostly is.
    ///
    /// # Errors
    /// [`StoreError`], as for [`Self::listing`].
    pub fn slot_paths(&self) -> Result<Vec<String>, StoreError> {
        let own = self.items(KEYS_FOLDER)?.into_iter().filter(|item| may_be_slot_name(&item.name));
        let mut paths: Vec<String> = own.map(|item| below(KEYS_FOLDER, &item.name)).collect();
        paths.sort_unstable();
        paths.append(&mut copies_of_slots(&*self.copies_beside()?));
        Ok(paths)
    }

    /// Paths of files anywhere in the vault that may be slots by another name than their own.
    ///
    /// # Errors
    /// [`StoreError`], as for [`Self::listing`].
    pub fn renamed_slot_paths(&self) -> Result<Vec<String>, StoreError> {
        Ok(copies_of_slots(&self.listing()?.copies))
    }

    /// How many slots there are, by name.
    ///
    /// # Errors
    /// [`StoreError`] if the folder cannot be listed.
    pub fn slot_count(&self) -> Result<u64, StoreError> {
        let items = self.items(KEYS_FOLDER)?;
        Ok(items.iter().filter(|item| item.name.ends_with(".key")).count() as u64)
    }
}

fn copies_of_slots(copies: &Copies) -> Vec<String> {
    let slots = copies.iter().filter(|(object, _)| matches!(object, ObjectName::Slot(_)));
    let mut paths: Vec<String> = slots.flat_map(|(_, paths)| paths).cloned().collect();
    paths.sort_unstable();
    paths
}

/// What is looked for beside the objects: the vault itself always is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// Slots in renamed folders.
    Keys,
    /// Log objects in renamed folders.
    Logs,
    All,
}

impl Scope {
    /// Whether folders that may be renamings of this one are looked into.
    fn covers(self, folder: &str) -> bool {
        match self {
            Self::Keys => folder == KEYS_FOLDER,
            Self::Logs => folder == LOG_FOLDER,
            Self::All => true,
        }
    }
}

/// A listing in the making.
struct Scan<'a> {
    vault: &'a VaultFolder,
    copies: Copies,
    listing: VaultListing,
}

impl<'a> Scan<'a> {
    fn of(vault: &'a VaultFolder) -> Self {
        Self { vault, copies: Copies::new(), listing: VaultListing::default() }
    }

    fn finish(mut self) -> VaultListing {
        self.listing.strangers.sort_unstable();
        self.listing.litter.sort_unstable();
        VaultListing { copies: Arc::new(self.copies), ..self.listing }
    }

    /// The vault itself, the slots, and folders under other names.
    fn beside(&mut self, scope: Scope) -> Result<(), StoreError> {
        let known =
            [README_NAME, DESCRIPTOR_NAME, KEYS_FOLDER, LOG_FOLDER, DATA_FOLDER, LOST_FOLDER];
        for item in self.vault.items("")? {
            if known.contains(&item.name.as_str()) {
                continue;
            }
            let folder = folder_named_by(&item.name).filter(|_| item.is_folder);
            match folder {
                Some(folder) if scope.covers(folder) => {
                    self.renamed(&item.name, folder == DATA_FOLDER);
                }
                Some(_) => {}
                None if item.is_folder && may_be_pack_folder(&item.name) => {
                    if scope.covers(DATA_FOLDER) {
                        self.renamed(&item.name, false);
                    }
                }
                None => self.other("", &item),
            }
        }
        if !scope.covers(KEYS_FOLDER) {
            return Ok(());
        }
        for item in self.vault.items(KEYS_FOLDER)? {
            if !may_be_slot_name(&item.name) {
                self.other(KEYS_FOLDER, &item);
            }
        }
        Ok(())
    }

    fn logs(&mut self) -> Result<(), StoreError> {
        for item in self.vault.items(LOG_FOLDER)? {
            match parse_log_name(&item.name) {
                Some((kind, device, seq)) if !item.is_folder => {
                    self.listing.take_in(&ObjectName::Log(kind, device, seq), item.bytes);
                }
                _ => self.other(LOG_FOLDER, &item),
            }
        }
        Ok(())
    }

    fn packs(&mut self) -> Result<(), StoreError> {
        for folder in self.vault.items(DATA_FOLDER)? {
            if !folder.is_folder || is_litter(&folder.name) {
                self.other(DATA_FOLDER, &folder);
                continue;
            }
            let path = below(DATA_FOLDER, &folder.name);
            for item in self.vault.items(&path)? {
                if let Some(pack) = parse_stub_name(&item.name)
                    && !item.is_folder
                    && pack_folder(pack) == folder.name
                {
                    self.listing.stubs.insert(pack);
                    continue;
                }
                match parse_pack_name(&item.name) {
                    Some(pack) if !item.is_folder && pack_folder(pack) == folder.name => {
                        self.listing.take_in(&ObjectName::Pack(pack), item.bytes);
                    }
                    _ => self.other(&path, &item),
                }
            }
        }
        let VaultListing { packs, stubs, .. } = &mut self.listing;
        stubs.retain(|pack| !packs.contains_key(pack));
        packs.extend(stubs.iter().map(|pack| (*pack, 0)));
        Ok(())
    }

    /// A folder that is none of the vault's by its name: nothing in it is an object, and it keeps
    /// nobody from reading those.
    fn renamed(&mut self, path: &str, has_folders: bool) {
        let Ok(items) = self.vault.items(path) else {
            self.listing.strangers.push(path.to_owned());
            return;
        };
        for item in items {
            match item.is_folder && has_folders && !is_litter(&item.name) {
                true => self.renamed(&below(path, &item.name), false),
                false => self.other(path, &item),
            }
        }
    }

    /// A file or folder that is no object in its place.
    fn other(&mut self, folder: &str, item: &FolderItem) {
        let path = below(folder, &item.name);
        if is_litter(&item.name) {
            self.listing.litter.push(path);
            return;
        }
        let objects = if item.is_folder { Vec::new() } else { objects_named_by(&item.name) };
        if objects.is_empty() {
            self.listing.strangers.push(path);
            return;
        }
        for object in objects {
            self.copies.entry(object).or_default().push(path.clone());
        }
    }
}

/// The path of a name in a folder of the vault (`""`: the vault itself).
fn below(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_objects_add_up_whatever_they_are() {
        let mut listing = VaultListing::default();
        listing.logs.insert((DeviceId(1), 1), 5);
        listing.packs.insert(PackId::random(), 7);
        assert_eq!((listing.object_bytes(), listing.pack_bytes()), (12, 7));
        listing.packs.insert(PackId::random(), u64::MAX);
        assert_eq!((listing.object_bytes(), listing.pack_bytes()), (u64::MAX, u64::MAX));
    }
}
