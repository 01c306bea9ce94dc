//! What a folder holds, and what of it stands in the vault only once for several.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::format::{ChunkSize, Ino};
use crate::tree::{Attributes, Extent, FileKind, PackSlot};

use super::error::FsError;
use super::file_system::FileSystem;
use super::live::Live;

/// What is in a folder and all below it, or what one file is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Files, links and the like; a file of several names is one.
    pub files: u64,
    /// Folders, the one that was asked for included.
    pub folders: u64,
    /// What the sizes of those files add up to, in bytes.
    pub size_bytes: u64,
    /// What they hold, in bytes: holes are nothing.
    pub held_bytes: u64,
    /// How much of that is in the vault only once although several places of these files have it, in
    /// bytes: what the second and each further one would take by itself.
    pub shared_bytes: u64,
}

/// The part of a pack that some file needs.
type Part = (PackSlot, u64, u64);

impl FileSystem {
    /// What is at an inode and below it.
    ///
    /// # Errors
    /// [`FsError::NotFound`].
    pub fn usage(&self, ino: Ino) -> Result<Usage, FsError> {
        let live = self.read_live()?;
        let mut usage = Usage::default();
        let mut parts: Vec<Part> = Vec::new();
        let mut several_names = HashSet::new();
        let mut found = vec![live.attributes(ino)?];
        while let Some(attributes) = found.pop() {
            if attributes.kind == FileKind::Folder {
                usage.folders += 1;
                let entries = live.tree.entries(attributes.ino, 0)?;
                found.extend(entries.map(|(_, _, attributes)| live.with_pending(attributes)));
            } else if attributes.nlink < 2 || several_names.insert(attributes.ino) {
                usage.add(&attributes);
                add_parts(&live, &attributes, &mut parts)?;
            }
        }
        usage.shared_bytes = shared_bytes(parts, live.tree.chunk_size()).min(usage.held_bytes);
        Ok(usage)
    }
}

impl Usage {
    fn add(&mut self, attributes: &Attributes) {
        self.files += 1;
        self.size_bytes = self.size_bytes.saturating_add(attributes.size);
        self.held_bytes = self.held_bytes.saturating_add(attributes.held_bytes());
    }
}

fn add_parts(live: &Live, attributes: &Attributes, parts: &mut Vec<Part>) -> Result<(), FsError> {
    if attributes.kind == FileKind::File {
        let chunk_size = live.tree.chunk_size();
        let part = |extent: &Extent| {
            let start = u64::from(extent.pack_offset);
            (extent.pack, start, start + extent.sealed_bytes(chunk_size))
        };
        parts.extend(live.tree.extents(attributes.ino)?.iter().map(part));
    }
    Ok(())
}

/// Content bytes of what is in several of these parts, counted once for each beyond the first.
fn shared_bytes(mut parts: Vec<Part>, chunk_size: ChunkSize) -> u64 {
    parts.sort_unstable();
    let mut shared = 0;
    // Up to where in which pack something was met.
    let mut met: Option<(PackSlot, u64)> = None;
    for (pack, start, end) in parts {
        let until = met.filter(|(of, _)| *of == pack).map_or(0, |(_, until)| until);
        let again = until.min(end).saturating_sub(start);
        shared += chunk_size.plain_in_sealed(again);
        met = Some((pack, until.max(end)));
    }
    shared
}
