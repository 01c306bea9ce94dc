//! Changing files whose content is online only.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::process::Command;
use std::thread;

use super::cloud::Reads;
use super::place::{Place, assert_content, content, wait_until};

const BYTES: usize = 30_000;

fn opened(place: &Place, nth: usize) -> File {
    OpenOptions::new().read(true).write(true).open(place.file(nth)).unwrap()
}

#[test]
fn a_write_into_the_middle_of_a_chunk_waits_for_the_rest_of_the_chunk() {
    let Some(place) = Place::mounted_with_files(&[BYTES]) else { return };
    place.cloud.set(Reads::Wait);
    let file = opened(&place, 0);
    let writer = thread::spawn(move || {
        file.write_all_at(b"new", 5000).unwrap();
        file.sync_all().unwrap();
    });
    wait_until(|| place.status().fetches.packs == 1);
    assert!(!writer.is_finished());
    place.cloud.set(Reads::Come);
    writer.join().unwrap();
    let mut expected = content(0, BYTES);
    expected[5000..5003].copy_from_slice(b"new");
    assert_content(&place.file(0), &expected);
    assert_eq!(place.pack(0).fetches, 1);
    place.bench.unmount();
    place.cloud.evict_all();
    place.mount(&[]);
    assert_content(&place.file(0), &expected);
}

#[test]
fn a_write_that_cannot_have_the_rest_of_the_chunk_is_an_error_and_whole_chunks_are_written() {
    let Some(place) = Place::mounted_with_files(&[BYTES]) else { return };
    place.cloud.set(Reads::Fail);
    let file = opened(&place, 0);
    assert_eq!(file.write_all_at(b"new", 5000).unwrap_err().raw_os_error(), Some(5));
    file.write_all_at(&[7; 8192], 8192).unwrap();
    drop(file);
    place.bench.unmount();
    place.cloud.set(Reads::Come);
    place.mount(&[]);
    let mut expected = content(0, BYTES);
    expected[8192..16384].fill(7);
    assert_content(&place.file(0), &expected);
}

#[test]
fn cutting_renaming_and_removing_fetch_nothing() {
    let Some(place) = Place::mounted_with_files(&[BYTES, BYTES]) else { return };
    opened(&place, 0).set_len(5000).unwrap();
    opened(&place, 0).set_len(9000).unwrap();
    fs::rename(place.file(0), place.bench.at("renamed")).unwrap();
    fs::remove_file(place.file(1)).unwrap();
    place.bench.unmount();
    assert!(place.is_untouched(), "{:?}", place.cloud.packs());
    place.mount(&[]);
    let mut expected = content(0, 5000);
    expected.resize(9000, 0);
    assert_content(&place.bench.at("renamed"), &expected);
}

#[test]
fn a_copy_shares_whole_chunks_without_fetching_and_waits_for_a_part_of_one() {
    let Some(place) = Place::mounted_with_files(&[BYTES]) else { return };
    let copy = |bytes, to: &str| {
        let (from, to) =
            (File::open(place.file(0)).unwrap(), File::create(place.bench.at(to)).unwrap());
        rustix::fs::copy_file_range(&from, None, &to, None, bytes).unwrap()
    };
    assert_eq!(copy(8192, "whole"), 8192);
    assert!(place.is_untouched(), "{:?}", place.cloud.packs());
    assert_eq!(copy(100, "part"), 100);
    assert_content(&place.bench.at("part"), &content(0, 100));
    assert_eq!(place.pack(0).fetches, 1);
    assert_content(&place.bench.at("whole"), &content(0, 8192));
}

#[test]
fn a_hole_with_edges_within_chunks_waits_for_those() {
    let Some(place) = Place::mounted_with_files(&[BYTES]) else { return };
    let punched = Command::new("fallocate")
        .args(["--punch-hole", "--offset", "100", "--length", "9000"])
        .arg(place.file(0))
        .output()
        .unwrap();
    assert!(punched.status.success(), "{punched:?}");
    let mut expected = content(0, BYTES);
    expected[100..9100].fill(0);
    assert_content(&place.file(0), &expected);
    assert_eq!(place.pack(0).fetches, 1);
}

#[test]
fn a_collection_fetches_nothing() {
    // So many small packs become one where they are here.
    let Some(place) = Place::mounted_with_files(&[5000; 9]) else { return };
    fs::remove_file(place.file(8)).unwrap();
    let collect = || {
        place.bench.run("collect", &["--history".as_ref(), "0".as_ref()], |command| {
            command.arg(place.bench.mount_point());
        })
    };
    let collected = collect();
    assert!(collected.status.success(), "{collected:?}");
    assert!(place.is_untouched(), "{:?}", place.cloud.packs());
    let pack = place.pack_name(8);
    let gone = place.bench.vault().join("data").join(&pack[..2]).join(pack);
    assert!(!gone.exists(), "{collected:?}");
    for nth in 0..8 {
        assert_content(&place.file(nth), &content(nth, 5000));
    }
    let collected = String::from_utf8(collect().stdout).unwrap();
    assert!(collected.contains("packs anew"), "{collected}");
}
