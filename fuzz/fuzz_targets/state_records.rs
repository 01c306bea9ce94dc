//! The state folder's records: `device`, `seen`, `reminder`, `last-end` and who holds the lock.
#![no_main]

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use hushfs::store::{StateFolder, StateLock, holds_unpublished};
use hushfs_fuzz::disk::MemoryDisk;
use hushfs_fuzz::input::Input;
use hushfs_fuzz::{sample, seal};
use libfuzzer_sys::fuzz_target;
use rustix::fs::{FlockOperation, flock};

/// A real folder: these two are read by commands that know no other disk.
static FOLDER: LazyLock<(PathBuf, File)> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("state-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("lock")).unwrap();
    flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
    (folder, lock)
});

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let kind = input.choice(7);
    let bytes = input.rest();
    let state = |name: &str, bytes: &[u8]| {
        let disk = MemoryDisk::new();
        disk.put_file(format!("/state/{name}"), bytes);
        StateFolder::existing(Arc::new(disk), "/state")
    };
    match kind {
        0 => drop(state("device", bytes).device(sample::keys())),
        1 => drop(state("seen", bytes).seen(sample::keys())),
        2 => {
            let state = state("device", &seal::state_record("device", bytes));
            if let Ok(Some(identity)) = state.device(sample::keys()) {
                state.set_device(sample::keys(), &identity).unwrap();
                assert_eq!(state.device(sample::keys()).unwrap(), Some(identity));
            }
        }
        3 => {
            let state = state("seen", &seal::state_record("seen", bytes));
            if let Ok(Some(seen)) = state.seen(sample::keys()) {
                for entry in seen.frontier.iter() {
                    let _ = seen.frontier.seq(entry.device);
                }
                state.set_seen(sample::keys(), &seen).unwrap();
                assert_eq!(state.seen(sample::keys()).unwrap(), Some(seen));
            }
        }
        6 => {
            let state = state("reminder", &seal::state_record("reminder", bytes));
            if let Ok(Some(reminder)) = state.reminder(sample::keys()) {
                state.set_reminder(sample::keys(), reminder).unwrap();
                assert_eq!(state.reminder(sample::keys()).unwrap(), Some(reminder));
            }
        }
        4 => {
            let (folder, _) = &*FOLDER;
            std::fs::write(folder.join("last-end"), bytes).unwrap();
            std::fs::write(folder.join("device"), "").unwrap();
            let end = StateFolder::last_end(folder);
            assert_eq!(holds_unpublished(folder), end.is_none_or(|end| end.unpublished));
        }
        _ => {
            let (folder, _) = &*FOLDER;
            std::fs::write(folder.join("lock"), bytes).unwrap();
            assert!(StateLock::holder(folder).is_some());
            let refused = StateLock::take(folder).unwrap_err();
            assert!(refused.to_string().starts_with("the vault is in use"));
        }
    }
});
