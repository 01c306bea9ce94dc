//! Listings of folders that change meanwhile.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::mem::MaybeUninit;
use std::path::Path;

use rustix::fs::{RawDir, SeekFrom, seek};

use super::bench::Bench;

const KEPT: usize = 5000;

fn fill(folder: &Path) {
    fs::create_dir(folder).unwrap();
    for number in 0..KEPT {
        File::create(folder.join(format!("keep-{number}"))).unwrap();
        File::create(folder.join(format!("drop-{number}"))).unwrap();
    }
}

#[test]
fn each_entry_that_does_not_change_is_listed_exactly_once() {
    let Some(bench) = Bench::mounted() else { return };
    let folder = bench.at("folder");
    fill(&folder);
    let mut seen = BTreeMap::new();
    for (round, entry) in fs::read_dir(&folder).unwrap().enumerate() {
        *seen.entry(entry.unwrap().file_name().into_string().unwrap()).or_insert(0) += 1;
        // Before and behind the place where the listing is.
        let gone = folder.join(format!("drop-{}", round * 37 % KEPT));
        if round % 3 == 0 && fs::rename(&gone, folder.join(format!("moved-{round}"))).is_err() {
            assert!(!gone.exists());
        } else {
            let _ = fs::remove_file(&gone);
        }
        if round < KEPT {
            File::create(folder.join(format!("new-{round}"))).unwrap();
        }
    }
    for number in 0..KEPT {
        assert_eq!(seen.get(&format!("keep-{number}")), Some(&1), "keep-{number}");
    }
    assert!(seen.values().all(|count| *count == 1), "no name comes twice");
}

#[test]
fn a_cookie_leads_to_the_same_place_however_the_folder_changed() {
    let Some(bench) = Bench::mounted() else { return };
    let folder = bench.at("folder");
    fill(&folder);
    let handle = File::open(&folder).unwrap();
    let entries = |handle: &File| -> Vec<(u64, String)> {
        let mut buffer = vec![MaybeUninit::uninit(); 4096];
        let mut listing = RawDir::new(handle, &mut buffer);
        let mut entries = Vec::new();
        while let Some(entry) = listing.next() {
            let entry = entry.unwrap();
            entries.push((entry.next_entry_cookie(), entry.file_name().to_str().unwrap().into()));
        }
        entries
    };
    let before = entries(&handle);
    assert_eq!(before.len(), 2 * KEPT + 2);
    for number in 0..KEPT {
        fs::remove_file(folder.join(format!("drop-{number}"))).unwrap();
        File::create(folder.join(format!("new-{number}"))).unwrap();
    }
    for place in (0..before.len()).step_by(499) {
        seek(&handle, SeekFrom::Start(before[place].0)).unwrap();
        let kept = |entries: &[(u64, String)]| -> Vec<String> {
            let names = entries.iter().map(|(_, name)| name.clone());
            names.filter(|name| name.starts_with("keep")).collect()
        };
        assert_eq!(kept(&entries(&handle)), kept(&before[place + 1..]), "from {place} on");
    }
}

#[test]
fn renaming_each_entry_while_listing_comes_to_an_end() {
    let Some(bench) = Bench::mounted() else { return };
    for number in 0..3000 {
        fs::write(bench.at(number.to_string()), "").unwrap();
    }
    let mut listed = 0;
    for entry in fs::read_dir(bench.mount_point()).unwrap() {
        let path = entry.unwrap().path();
        let mut renamed = path.clone().into_os_string();
        renamed.push("+");
        fs::rename(&path, renamed).unwrap();
        listed += 1;
        assert!(listed <= 3000, "what was renamed is listed again");
    }
    assert_eq!(listed, 3000);
    assert_eq!(fs::read_dir(bench.mount_point()).unwrap().count(), 3000);
}
