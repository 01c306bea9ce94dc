//! `hushfs fetch`.

use std::fs;
use std::path::Path;

use super::bench::said;
use super::cloud::Reads;
use super::place::{Place, assert_content, assert_unreadable, content};

#[test]
fn fetch_brings_everything_in_and_the_second_time_has_nothing_to_do() {
    let Some(place) = Place::mounted_with_files(&[3 << 20, 5000, 100, 5000, 5000, 5000]) else {
        return;
    };
    fs::create_dir(place.bench.at("folder")).unwrap();
    for nth in 1..5 {
        fs::rename(place.file(nth), place.bench.at("folder").join(nth.to_string())).unwrap();
    }
    let (code, text) = said(&place.fetch(&[&place.bench.at("folder"), &place.file(0)]));
    assert!(code == 0 && text.starts_with("fetched 5 packs, "), "{code}: {text}");
    for nth in 0..5 {
        assert_eq!((place.pack(nth).is_online_only, place.pack(nth).fetches), (false, 1), "{nth}");
    }
    assert!(place.pack(5).is_online_only);
    let packs = place.cloud.packs();
    let (code, text) = said(&place.fetch(&[&place.bench.at("folder"), &place.file(0)]));
    assert_eq!((code, text.as_str()), (0, "nothing to fetch: 5 files are here\n"));
    // Nothing that is here is fetched by reading it.
    place.cloud.set(Reads::Fail);
    assert_content(&place.file(0), &content(0, 3 << 20));
    assert_eq!(place.cloud.packs(), packs);
}

#[test]
fn fetch_tells_which_files_it_could_not_bring_in() {
    let Some(place) = Place::mounted_with_files(&[5000, 5000]) else { return };
    place.set_of(0, Reads::Fail);
    let told = place.fetch(&["--json".as_ref(), &place.bench.mount_point()]);
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    let json: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(
        (&json["ok"], &json["files"], &json["packs"]),
        (&false.into(), &2.into(), &1.into())
    );
    let failed = json["failed"].as_array().unwrap();
    assert_eq!(failed.len(), 1, "{json}");
    assert_eq!(failed[0]["path"], place.file(0).to_str().unwrap());
    assert_unreadable(&place.file(0));
    assert_content(&place.file(1), &content(1, 5000));
}

#[test]
fn a_mount_that_is_read_only_fetches_too() {
    let Some(place) = Place::with_files(&[5000]) else { return };
    place.mount(&["--read-only"]);
    let (code, text) = said(&place.fetch(&[&place.bench.mount_point()]));
    assert!(code == 0 && text.starts_with("fetched 1 pack, "), "{code}: {text}");
    assert!(!place.pack(0).is_online_only);
}

#[test]
fn what_is_not_in_the_vault_yet_needs_no_fetching() {
    let Some(place) = Place::mounted_with_files(&[100]) else { return };
    fs::write(place.bench.at("new"), content(1, 300_000)).unwrap();
    let (code, text) = said(&place.fetch(&[&place.bench.at("new")]));
    assert_eq!((code, text.as_str()), (0, "nothing to fetch: 1 file is here\n"));
    assert!(place.is_untouched(), "{:?}", place.cloud.packs());
}

#[test]
fn only_what_is_in_a_mount_is_fetched() {
    let Some(place) = Place::with_files(&[100]) else { return };
    let (code, text) = said(&place.fetch(&[Path::new("/proc/self/status")]));
    assert!(code == 2 && text.contains("in no mount of a vault"), "{code}: {text}");
    let (code, text) = said(&place.fetch(&[&place.bench.key_file()]));
    assert!(code == 2 && text.contains("in no mount of a vault"), "{code}: {text}");
}
