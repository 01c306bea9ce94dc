//! Carrying a plan out, step by step.
//!
//! Each step leaves a vault for which another repair can be planned: objects appear whole (I1),
//! files move by rename, packs come before the log object that mentions them (I4), and what a log
//! object takes the place of moves away only when that is durable (I7).

use std::collections::HashMap;

use crate::format::{DESCRIPTOR_NAME, DeviceId, LOST_FOLDER, LogHash, LogKind, pack_path};
use crate::store::{DeviceIdentity, StateFolder, StoreError, VaultFolder};

use super::plan::{RepairError, RepairPlan, RepairRequest};

impl RepairPlan {
    /// Does what the plan says. The request is the one that it was made for.
    ///
    /// # Errors
    /// [`RepairError`]; the vault then is in a state from which a repair that is planned anew gets
    /// to the same end.
    pub fn carry_out(&self, request: &RepairRequest<'_>) -> Result<(), RepairError> {
        if self.report.is_nothing() {
            return Ok(());
        }
        let RepairRequest { vault, keys, descriptor, .. } = request;
        let state = request.state.ok_or(RepairError::NoState)?;
        let vault = &vault.as_named();
        let mut hand = Hand { vault, moved: HashMap::new() };
        if self.fixed.makes_descriptor {
            hand.replace(DESCRIPTOR_NAME, &descriptor.seal(keys))?;
        }
        for (object, from) in &self.fixed.heals {
            let bytes = hand.get(from)?;
            hand.replace(object, &bytes)?;
        }
        let pack_heals = self.packs.heals.iter();
        let pack_heals = pack_heals.map(|(id, from, hash)| (pack_path(*id), from.clone(), *hash));
        for (object, from, hash) in self.log_heals.iter().cloned().chain(pack_heals) {
            let bytes = hand.get(&from)?;
            if LogHash::of(&bytes) != hash {
                return Err(RepairError::Changed(from));
            }
            hand.replace(&object, &bytes)?;
        }
        for rebuild in &self.packs.rebuilds {
            let vault = hand.redirected();
            let bytes = rebuild.bytes(&vault, keys, descriptor.chunk_size)?;
            hand.replace(&pack_path(rebuild.id), &bytes)?;
        }
        self.publish(request, state, &mut hand)?;
        for moved in &self.set_aside {
            hand.set_aside(&moved.object)?;
        }
        if let Some(publication) = &self.publication {
            let (device, bytes) = (publication.device, &publication.checkpoint);
            vault.put_log(LogKind::Checkpoint, device, 1, bytes)?;
        }
        if let Some(seen) = &self.seen {
            // Last: until then a mount for writing is refused, and a repair goes on.
            state.set_seen(keys, seen)?;
        }
        Ok(())
    }

    /// Brings what was rebuilt into the vault, by a device that nobody has seen before.
    fn publish(
        &self,
        request: &RepairRequest<'_>,
        state: &StateFolder,
        hand: &mut Hand<'_>,
    ) -> Result<(), RepairError> {
        let RepairRequest { vault, keys, machine, .. } = request;
        if self.seen.is_some() {
            let device = self.publication.as_ref().map_or_else(DeviceId::random, |it| it.device);
            state.set_device(keys, &DeviceIdentity { device, machine: machine.clone() })?;
        }
        if let Some(publication) = &self.publication {
            hand.put(&pack_path(publication.story.id), &publication.story.bytes)?;
            vault.put_log(LogKind::Increment, publication.device, 1, &publication.log)?;
        }
        Ok(())
    }
}

/// Puts and moves files of a vault.
struct Hand<'a> {
    vault: &'a VaultFolder,
    /// Where files are now that stood elsewhere when the plan was made.
    moved: HashMap<String, String>,
}

impl Hand<'_> {
    /// The vault, with files that moved since the plan was made under their old paths too.
    fn redirected(&self) -> VaultFolder {
        self.vault.with_stand_ins(self.moved.clone())
    }

    fn get(&self, path: &str) -> Result<Vec<u8>, StoreError> {
        self.redirected().get(path, VaultFolder::OBJECT_BYTES_MAX)
    }

    /// An object appears in its place; what stood there is set aside.
    fn replace(&mut self, object: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.set_aside(object)?;
        self.put(object, bytes)
    }

    fn put(&self, object: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let folder = object.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.make_folders(folder)?;
        self.vault.put_new(object, bytes)
    }

    /// A file moves into `lost+found`, under its own path or the first one like it that is free.
    fn set_aside(&mut self, object: &str) -> Result<(), StoreError> {
        let own = format!("{LOST_FOLDER}/{object}");
        let is_there = match self.vault.open(object) {
            Err(StoreError::Missing(_)) => false,
            // What cannot be opened can still be moved.
            _ => true,
        };
        if !is_there {
            return Ok(());
        }
        self.make_folders(own.rsplit_once('/').map_or("", |(folder, _)| folder))?;
        for nth in 1_u64.. {
            let to = if nth == 1 { own.clone() } else { format!("{own}-{nth}") };
            match self.vault.move_within(object, &to) {
                Err(StoreError::Exists(_)) => {}
                moved => {
                    moved?;
                    self.moved.insert(object.to_owned(), to);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn make_folders(&self, folder: &str) -> Result<(), StoreError> {
        let ends = folder.match_indices('/').map(|(at, _)| at).chain([folder.len()]);
        ends.filter(|end| *end > 0).try_for_each(|end| self.vault.make_folder(&folder[..end]))
    }
}
