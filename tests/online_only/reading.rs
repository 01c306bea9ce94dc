//! Reading what is online only.

use std::fs;
use std::os::unix::fs::FileExt;
use std::thread;

use super::cloud::Reads;
use super::place::{Place, assert_content, assert_unreadable, content, wait_until};

const LARGE: usize = 3 << 20;

#[test]
fn listing_stat_mounting_and_status_touch_no_pack() {
    let Some(place) = Place::mounted_with_files(&[LARGE, 100]) else { return };
    let names = || fs::read_dir(place.bench.mount_point()).unwrap().map(|entry| entry.unwrap());
    assert_eq!(names().map(|entry| entry.metadata().unwrap().len()).max(), Some(LARGE as u64));
    assert_eq!(names().count(), 2);
    let status = place.status();
    assert!(status.damage.is_empty() && status.fetches.since.is_none(), "{status:?}");
    place.bench.unmount();
    assert!(place.is_untouched(), "{:?}", place.cloud.packs());
}

#[test]
fn opening_a_small_file_fetches_nothing() {
    let Some(place) = Place::mounted_with_files(&[100]) else { return };
    let file = fs::File::open(place.file(0)).unwrap();
    drop(file);
    assert!(place.is_untouched(), "{:?}", place.cloud.packs());
    assert_content(&place.file(0), &content(0, 100));
    assert_eq!(place.pack(0).fetches, 1);
    // From here on it is as it is on a disk.
    assert_content(&place.file(0), &content(0, 100));
    assert_eq!(place.pack(0).fetches, 1);
}

#[test]
fn a_read_waits_for_the_fetch_and_gives_the_bytes() {
    let Some(place) = Place::mounted_with_files(&[LARGE]) else { return };
    place.cloud.set(Reads::Wait);
    let path = place.file(0);
    let reader = thread::spawn(move || fs::read(path).unwrap());
    wait_until(|| place.status().fetches.packs == 1);
    let status = place.status();
    let pack_bytes = status.object_bytes;
    assert!((LARGE as u64..=pack_bytes).contains(&status.fetches.all_bytes), "{status:?}");
    assert_eq!((status.fetches.done_bytes, status.fetches.failed.len()), (0, 0), "{status:?}");
    assert!(status.fetches.since.is_some(), "{status:?}");
    let shown = place.bench.run("status", &[place.bench.mount_point().as_os_str()], |_| {});
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("fetching") && shown.contains("1 pack, 0 bytes of "), "{shown}");
    assert!(!reader.is_finished());
    place.cloud.set(Reads::Come);
    assert!(reader.join().unwrap() == content(0, LARGE));
    wait_until(|| place.status().fetches.packs == 0);
    assert_eq!(place.pack(0).fetches, 1);
}

#[test]
fn a_pack_that_is_taken_away_again_is_fetched_again_and_keeps_nobody_waiting() {
    let Some(place) = Place::mounted_with_files(&[LARGE, LARGE]) else { return };
    // No reading ahead: what the kernel has, it asks nobody for.
    let files = [0, 1].map(|nth| fs::File::open(place.file(nth)).unwrap());
    let read = |nth: usize, at: usize| {
        let file = files[nth].try_clone().unwrap();
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::Random).unwrap();
        let mut piece = [0; 4096];
        file.read_exact_at(&mut piece, at as u64).unwrap();
        assert!(piece[..] == content(nth, LARGE)[at..][..4096]);
    };
    read(0, 0);
    read(1, 0);
    place.cloud.evict_all();
    place.cloud.set(Reads::Wait);
    // More than there are threads that answer requests.
    thread::scope(|scope| {
        for nth in 1..8 {
            scope.spawn(move || read(0, nth << 18));
        }
        wait_until(|| place.status().fetches.packs == 1);
        place.set_of(1, Reads::Come);
        read(1, 1 << 20);
        place.cloud.set(Reads::Come);
    });
    assert_eq!((place.pack(0).fetches, place.pack(1).fetches), (1, 1));
}

#[test]
fn two_readers_of_one_pack_make_one_fetch() {
    let Some(place) = Place::mounted_with_files(&[LARGE]) else { return };
    place.cloud.set(Reads::Wait);
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let path = place.file(0);
            thread::spawn(move || fs::read(path).unwrap())
        })
        .collect();
    wait_until(|| place.status().fetches.packs == 1);
    place.cloud.set(Reads::Come);
    for reader in readers {
        assert!(reader.join().unwrap() == content(0, LARGE));
    }
    assert_eq!(place.pack(0).fetches, 1);
}

#[test]
fn what_cannot_be_fetched_is_an_error_soon_and_is_not_asked_for_at_every_read() {
    let Some(place) = Place::with_files(&[LARGE, 5000]) else { return };
    // Nobody who is told at once waits for this.
    place.mount(&["--fetch-limit", "1d"]);
    place.set_of(0, Reads::Fail);
    for _ in 0..3 {
        assert_unreadable(&place.file(0));
    }
    assert_eq!(place.pack(0).fetches, 1);
    assert_content(&place.file(1), &content(1, 5000));
    let status = place.status();
    let told = &status.fetches.failed[..];
    assert!(told.len() == 1 && told[0].contains(place.pack_name(0)), "{status:?}");
    assert!(status.damage.is_empty(), "{status:?}");
    // It is tried again after a while.
    place.cloud.set(Reads::Come);
    wait_until(|| fs::read(place.file(0)).is_ok());
    assert_content(&place.file(0), &content(0, LARGE));
    assert!(place.status().fetches.failed.is_empty());
}

#[test]
fn while_fetches_hang_other_files_are_read_and_written() {
    let Some(place) = Place::with_files(&[LARGE, LARGE, LARGE, 5000]) else { return };
    place.mount(&["--fetch-limit", "1d"]);
    assert_content(&place.file(3), &content(3, 5000));
    place.cloud.set(Reads::Wait);
    // More than there are threads that answer requests.
    let readers: Vec<_> = (0..12)
        .map(|nth| {
            let path = place.file(nth % 3);
            thread::spawn(move || fs::read(path).unwrap())
        })
        .collect();
    wait_until(|| place.status().fetches.packs == 3);
    for round in 0..8 {
        assert_content(&place.file(3), &content(3, 5000));
        let path = place.bench.at(format!("new-{round}"));
        fs::write(&path, content(round, 200_000)).unwrap();
        fs::File::open(&path).unwrap().sync_all().unwrap();
        assert_content(&path, &content(round, 200_000));
    }
    assert!(readers.iter().all(|reader| !reader.is_finished()));
    place.cloud.set(Reads::Come);
    for (nth, reader) in readers.into_iter().enumerate() {
        assert!(reader.join().unwrap() == content(nth % 3, LARGE));
    }
}

#[test]
fn a_fetch_that_hangs_is_an_error_after_the_limit_and_keeps_nobody_from_unmounting() {
    let Some(place) = Place::with_files(&[LARGE, 5000]) else { return };
    place.mount(&["--fetch-limit", "1s"]);
    place.set_of(0, Reads::Wait);
    assert_unreadable(&place.file(0));
    assert_content(&place.file(1), &content(1, 5000));
    wait_until(|| !place.status().fetches.failed.is_empty());
    // The second time nobody waits.
    assert_unreadable(&place.file(0));
    assert_eq!(place.status().fetches.packs, 1);
    fs::write(place.bench.at("new"), content(7, 5000)).unwrap();
    place.bench.unmount();
    // While the fetch of the old mount still hangs.
    place.mount(&[]);
    assert_content(&place.bench.at("new"), &content(7, 5000));
    assert_eq!(place.pack(0).fetches, 1);
    place.cloud.set(Reads::Come);
    assert_content(&place.file(0), &content(0, LARGE));
}

#[test]
fn a_stub_of_icloud_drive_is_an_error_at_once_and_is_told() {
    let Some(place) = Place::with_files(&[5000, 5000]) else { return };
    let name = place.pack_name(0);
    let folder = place.bench.vault().join("data").join(&name[..2]);
    fs::rename(folder.join(name), folder.join(format!(".{name}.icloud"))).unwrap();
    place.mount(&["--fetch-limit", "1d"]);
    assert!(place.status().damage.is_empty(), "{:?}", place.status());
    assert_unreadable(&place.file(0));
    assert_content(&place.file(1), &content(1, 5000));
    let status = place.status();
    let told = &status.fetches.failed[..];
    assert!(told.len() == 1 && told[0].contains("iCloud Drive"), "{status:?}");
    let fetched = place.fetch(&[&place.file(0)]);
    assert_eq!(fetched.status.code(), Some(1), "{fetched:?}");
}
