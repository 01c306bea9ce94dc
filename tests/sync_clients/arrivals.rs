//! A vault whose files arrive one by one, in every order.

use std::fs;
use std::path::{Path, PathBuf};

use hushfs::format::{LogKind, parse_log_name, parse_pack_name};

use super::bench::{Bench, said};
use super::dice::Dice;
use super::site::{Site, listing};
use super::snapshot::{self, Snapshot, assert_same};
use super::turns::change;

/// So often a vault is looked at while it arrives.
const LOOKS: usize = 6;

/// A vault of three devices, with several packs, checkpoints and log objects of each.
fn made_by_three(bench: &Bench) -> (Site<'_>, Snapshot) {
    let one = Site::first(bench);
    let sites = [one.same_vault("second"), one.same_vault("third"), one];
    let mut last = sites[2].first_turn();
    for (turn, site) in (1..7).zip(sites.iter().cycle()) {
        site.mount();
        assert_same(&snapshot::of(&site.mount_point()), &last);
        change(&site.mount_point(), turn);
        site.publish();
        fs::write(site.mount_point().join(format!("after {turn}")), [turn; 1000]).unwrap();
        last = snapshot::of(&site.mount_point());
        site.unmount();
        if turn % 3 == 0 {
            // Makes a checkpoint, moves content, and lets nothing go so soon.
            let (code, text) = said(&site.run("collect", &[]));
            assert_eq!(code, 0, "{text}");
        }
    }
    let [_, _, one] = sites;
    (one, last)
}

/// How many log objects, checkpoints and packs there are.
fn counts(vault: &Path) -> [usize; 3] {
    let files = listing(vault).into_keys();
    let names: Vec<String> =
        files.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    let logs = |wanted| {
        let kinds = names.iter().filter_map(|name| parse_log_name(name));
        kinds.filter(|(kind, ..)| *kind == wanted).count()
    };
    let packs = names.iter().filter(|name| parse_pack_name(name).is_some()).count();
    [logs(LogKind::Increment), logs(LogKind::Checkpoint), packs]
}

/// Looks at a vault that is only partly there: it opens, or it is said what is not there yet. Nothing
/// is called damaged.
fn look(site: &Site) {
    for command in ["verify", "mount"] {
        let output = match command {
            "mount" => site.try_mount(&["--read-only"]),
            command => site.run(command, &[]),
        };
        let (code, text) = said(&output);
        let reason = match code {
            0 => "",
            11 => "holds no slots: they have not been downloaded yet",
            12 => "has no hushfs.vault",
            14 => "not arrived",
            _ => panic!("{code}: {text}"),
        };
        let is_told = text.contains(reason) && !text.contains("DAMAGED");
        assert!(is_told && !text.contains("panicked"), "{command}: {code}: {text}");
        if command == "mount" && code == 0 {
            read_what_there_is(&site.mount_point());
            site.unmount();
        }
    }
}

/// Reads every file; what has not arrived cannot be read, and that is all that may be wrong.
fn read_what_there_is(folder: &Path) {
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if metadata.is_file() {
            match fs::read(&path) {
                Ok(content) => assert_eq!(content.len() as u64, metadata.len()),
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::IO.raw_os_error()));
                }
            }
        }
    }
}

fn arrives(from: &Site, to: &Site, files: &[PathBuf], last: &Snapshot) {
    let step = files.len().div_ceil(LOOKS);
    for (nth, path) in files.iter().enumerate() {
        if nth % step == step / 2 {
            look(to);
        }
        let place = to.vault().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(from.vault().join(path), place).unwrap();
    }
    to.mount();
    assert_same(&snapshot::of(&to.mount_point()), last);
    to.unmount();
    to.assert_whole(&[]);
}

#[test]
fn a_vault_is_whole_when_its_files_have_arrived_in_whatever_order() {
    let Some(bench) = Bench::new() else { return };
    let (from, last) = made_by_three(&bench);
    let [logs, checkpoints, packs] = counts(from.vault());
    assert!(logs > 6 && checkpoints > 1 && packs > 6, "{logs} {checkpoints} {packs}");
    let sorted: Vec<PathBuf> = from.listing().into_keys().collect();
    let mut orders = vec![sorted.clone(), sorted.iter().rev().cloned().collect()];
    for seed in 1..5 {
        let mut dice = Dice::new(seed);
        let mut files = sorted.clone();
        for end in (1..=files.len()).rev() {
            let nth = usize::try_from(dice.below(end as u64)).unwrap();
            files.swap(nth, end - 1);
        }
        if seed % 2 == 0 {
            // What unlocks it comes first, so that the rest can be looked at.
            files.sort_by_key(|path| !path.starts_with("keys") && !path.ends_with("hushfs.vault"));
        }
        orders.push(files);
    }
    let names = ["sorted", "reversed", "order 1", "order 2", "order 3", "order 4"];
    for (name, files) in names.into_iter().zip(orders) {
        arrives(&from, &Site::empty(&bench, name), &files, &last);
    }
}
