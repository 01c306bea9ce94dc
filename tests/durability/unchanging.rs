//! An object appears whole, under its own name, and never changes (I1).

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::bench::Bench;
use super::device::{Device, publish};
use super::sample::{act_out_night, make_backup};
use super::vault_watch::VaultWatch;

/// Several days on one vault, watched as a sync client does.
fn watch_busy_days(bench: &Bench, state: &Path) {
    let device = Device::new(bench, state);
    let watch = VaultWatch::start(&bench.vault());
    device.mount();
    make_backup(&bench.at("chats"), "0.02");
    publish(&bench.mount_point());
    for _ in 0..2 {
        act_out_night(&bench.at("chats"));
        publish(&bench.mount_point());
    }
    device.unmount();
    device.mount();
    act_out_night(&bench.at("chats"));
    bench.kill();
    device.mount();
    fs::remove_dir_all(bench.at("chats/Telegram Desktop")).unwrap();
    device.unmount();

    let seen = watch.stop();
    assert!(seen.faults.is_empty(), "{:#?}", seen.faults);
    let packs = seen.objects.keys().filter(|path| path.extension().is_some_and(|e| e == "pack"));
    assert!(packs.count() > 5 && seen.objects.len() > 12, "{} objects", seen.objects.len());
    for (path, hash) in &seen.objects {
        let now = Sha256::digest(fs::read(path).unwrap());
        assert_eq!(now.to_vec(), *hash, "{}", path.display());
    }
}

#[test]
fn no_object_changes_once_it_is_there() {
    let Some(bench) = Bench::new() else { return };
    watch_busy_days(&bench, &bench.state());
}

#[test]
fn no_object_changes_either_where_the_state_folder_is_on_another_file_system() {
    let Ok(elsewhere) = tempfile::tempdir_in("/dev/shm") else { return };
    let Some(bench) = Bench::new() else { return };
    watch_busy_days(&bench, &elsewhere.path().join("state"));
}
