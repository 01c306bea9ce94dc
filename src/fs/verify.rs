//! Verification: reads and authenticates every object of a vault.

use std::collections::{BTreeMap, BTreeSet};

use crate::crypto::ClassKeys;
use crate::format::{Descriptor, Ino, LogKind, PackId, PackSealer, log_name, pack_path};
use crate::store::{VaultFolder, VaultListing};

use super::fold::{FoldGap, fold};

/// How far a verification has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyProgress {
    /// Bytes read.
    pub done_bytes: u64,
    /// Bytes of all objects.
    pub all_bytes: u64,
}

/// An object that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedObject {
    /// Its path below the vault.
    pub object: String,
    /// What is wrong.
    pub what: String,
    /// Paths of files that lose content by it.
    pub files: Vec<String>,
}

/// What a verification found.
#[derive(Clone, Debug, Default)]
pub struct VerifyReport {
    /// Objects read.
    pub objects: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Files, folders and other inodes in the state.
    pub files: u64,
    /// What is damaged or missing; empty where all is well.
    pub damaged: Vec<DamagedObject>,
    /// Files in the vault folder that are none of ours, by path.
    pub strangers: Vec<String>,
}

/// Reads every object of `listing`, authenticates it and its place, and checks that the log
/// tells one whole story and names only content that is there.
pub fn verify(
    vault: &VaultFolder,
    listing: &VaultListing,
    keys: &ClassKeys,
    descriptor: &Descriptor,
    mut progress: impl FnMut(VerifyProgress),
) -> VerifyReport {
    let mut report = VerifyReport {
        objects: listing.objects(),
        strangers: listing.strangers.clone(),
        ..VerifyReport::default()
    };
    let all_bytes = listing.object_bytes();
    let mut done_bytes = 0;
    let mut unreadable_logs = BTreeSet::new();
    for (kind, logs) in
        [(LogKind::Increment, &listing.logs), (LogKind::Checkpoint, &listing.checkpoints)]
    {
        for ((device, seq), bytes) in logs {
            let name = log_name(kind, *device, *seq);
            let checked = vault.get_log(keys, kind, *device, *seq).map_err(|e| e.to_string());
            let checked = checked.and_then(|log| {
                let decoded = log.operations().find_map(Result::err);
                decoded.map_or(Ok(()), |error| Err(error.to_string()))
            });
            if let Err(what) = checked {
                unreadable_logs.insert(name.clone());
                let object = format!("log/{name}");
                report.damaged.push(DamagedObject { object, what, files: Vec::new() });
            }
            done_bytes += bytes;
            progress(VerifyProgress { done_bytes, all_bytes });
        }
    }
    let folded = fold(vault, listing, keys, descriptor.chunk_size);
    report.files = folded.tree.inode_count();
    for gap in &folded.gaps {
        let object = match gap {
            FoldGap::Missing { device, seq }
            | FoldGap::Replaced { device, seq }
            | FoldGap::Unfit { device, seq, .. } => log_name(LogKind::Increment, *device, *seq),
            // Named above already; two devices at once are no damage.
            FoldGap::Unreadable(_) | FoldGap::Concurrent { .. } => continue,
        };
        if !unreadable_logs.contains(&object) {
            let object = format!("log/{object}");
            let what = gap.to_string();
            report.damaged.push(DamagedObject { object, what, files: Vec::new() });
        }
    }
    let mut damaged_packs: BTreeMap<PackId, String> = BTreeMap::new();
    for (pack, bytes) in &listing.packs {
        let checked = vault.get_pack(*pack).map_err(|error| error.to_string());
        let checked = checked.and_then(|content| {
            let sealer = PackSealer::new(keys, *pack);
            let found = sealer.check_pack(&content, descriptor.chunk_size);
            found.map_err(|error| error.to_string())
        });
        match checked {
            Ok((_, bad_runs)) if bad_runs.is_empty() => {}
            Ok((footer, bad_runs)) => {
                let what = format!("{} run(s) of chunks are not authentic", bad_runs.len());
                let bad: BTreeSet<Ino> = bad_runs.iter().map(|(ino, _)| *ino).collect();
                let files = footer.files.iter().filter(|file| bad.contains(&file.ino));
                let files = files.map(|file| {
                    let now = folded.tree.path(file.ino);
                    String::from_utf8_lossy(now.as_ref().unwrap_or(&file.path)).into_owned()
                });
                let files = files.collect();
                report.damaged.push(DamagedObject { object: pack_path(*pack), what, files });
            }
            Err(what) => {
                damaged_packs.insert(*pack, what);
            }
        }
        done_bytes += bytes;
        progress(VerifyProgress { done_bytes, all_bytes });
    }
    for pack in folded.tree.packs().filter(|pack| pack.live_bytes > 0) {
        if !listing.packs.contains_key(&pack.id) {
            damaged_packs.insert(pack.id, "missing".into());
        }
    }
    for (pack, what) in damaged_packs {
        let files = folded.tree.files_in_packs(&[pack]).into_iter();
        let files = files.map(|ino| {
            String::from_utf8_lossy(&folded.tree.path(ino).unwrap_or_default()).into_owned()
        });
        let files = files.collect();
        report.damaged.push(DamagedObject { object: pack_path(pack), what, files });
    }
    report.bytes = done_bytes;
    report
}
