//! Where inodes stand, and putting them elsewhere without a trace in anybody's times.

use crate::format::{DeviceId, Ino};

use super::super::apply::ApplyError;
use super::super::folder::InodeSlot;
use super::super::state::Tree;

impl Tree {
    /// A folder and name by which an inode goes: of several names the one given last, if it is there
    /// still, else the first in the order of folders. `None` if it has none.
    pub(super) fn place_of(&self, ino: Ino) -> Option<(Ino, Vec<u8>)> {
        if self.name_count(ino) == 0 {
            return None;
        }
        let slot = self.slot(ino).ok()?;
        self.last_place(slot).or_else(|| {
            let folders = self.inodes.iter().flatten();
            let folders = folders.filter_map(|inode| Some((inode.ino, inode.folder()?)));
            let places = folders.flat_map(|(folder, entries)| {
                let of_it = entries.list_from(0).filter(|(_, _, child)| *child == slot);
                of_it.map(move |(_, name, _)| (folder, name))
            });
            places.min().map(|(folder, name)| (folder, name.to_vec()))
        })
    }

    fn last_place(&self, slot: InodeSlot) -> Option<(Ino, Vec<u8>)> {
        let inode = self.at(slot);
        let parent = self.inodes.get(inode.parent.0 as usize)?.as_ref()?;
        let folder = parent.folder()?;
        let name = folder.name_at(inode.cookie)?;
        let is_it = folder.find(&self.hasher, name) == Some(slot);
        is_it.then(|| (parent.ino, name.to_vec()))
    }

    /// How many names an inode has.
    pub(super) fn name_count(&self, ino: Ino) -> u32 {
        self.inode(ino).map_or(0, |inode| inode.names)
    }

    /// Gives a name that is not taken to an inode that has this one name less than it should.
    pub(in super::super) fn attach(
        &mut self,
        parent: Ino,
        name: &[u8],
        ino: Ino,
    ) -> Result<(), ApplyError> {
        let (parent, slot) = (self.slot(parent)?, self.slot(ino)?);
        let is_folder = self.at(slot).is_folder();
        self.add_entry(parent, name, slot);
        self.count_subfolder(parent, is_folder, 1);
        let inode = self.at_mut(slot);
        inode.names += 1;
        if let Some(folder) = inode.folder_mut() {
            folder.parent = parent;
        }
        Ok(())
    }

    /// Takes a name away from the inode that has it; the inode stays, even without any.
    pub(in super::super) fn detach(&mut self, parent: Ino, name: &[u8]) -> Result<Ino, ApplyError> {
        let ino = self.lookup(parent, name)?;
        let (parent, slot) = (self.slot(parent)?, self.slot(ino)?);
        let is_folder = self.at(slot).is_folder();
        self.remove_entry(parent, name);
        self.count_subfolder(parent, is_folder, -1);
        self.at_mut(slot).names -= 1;
        Ok(ino)
    }

    /// Whether a folder is `within` another, or the same.
    pub(super) fn is_within(&self, folder: Ino, within: Ino) -> bool {
        let mut at = folder;
        loop {
            if at == within {
                return true;
            }
            match self.parent(at) {
                Ok(parent) if parent != at => at = parent,
                _ => return false,
            }
        }
    }
}

/// The number of what a merge makes anew of `ino` and of what one author did. The same on every
/// device, and as good as random.
pub(super) fn derived(ino: Ino, device: DeviceId, seq: u64, salt: u64) -> Ino {
    let mut mixed = 0x6875_7368_6673_6d31;
    for word in [ino.0, device.0, seq, salt] {
        mixed = mix(mixed ^ word);
    }
    // 0 is no inode, 1 the root, all ones some programs' error.
    Ino(if mixed < 2 || mixed == u64::MAX { 2 + salt } else { mixed })
}

/// One step of SplitMix64 (Steele et al., 2014).
fn mix(word: u64) -> u64 {
    let mut z = word.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
