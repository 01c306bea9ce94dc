//! Unison between two folders, in batch mode.

use std::process::Command;

use super::bench::{Bench, said};
use super::service::{bench_with, client};
use super::site::{Site, assert_alike};

fn unison(bench: &Bench, sites: [&Site; 2]) -> Command {
    let mut unison = client(bench, "unison");
    unison.env("UNISON", bench.folder().join("unison")).args(sites.map(Site::vault));
    unison.args(["-ui", "text", "-batch", "-auto", "-confirmbigdel=false", "-owner=false"]);
    unison
}

/// Brings both to the same; nothing is left to be asked.
fn sync(bench: &Bench, sites: [&Site; 2]) {
    let (code, text) = said(&unison(bench, sites).output().unwrap());
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("0 skipped, 0 failed"), "{text}");
}

#[test]
fn devices_take_turns_over_unison() {
    let Some(bench) = bench_with("unison") else { return };
    let (one, other) = (Site::first(&bench), Site::empty(&bench, "other"));
    let sites = [&one, &other];
    let mut last = one.first_turn();
    sync(&bench, sites);
    for turn in 1..6_u8 {
        last = sites[usize::from(turn % 2)].turn(turn, &last);
        sync(&bench, sites);
    }
    assert_alike(sites, &last, &[]);
    other.collect();
    sync(&bench, sites);
    assert_alike(sites, &last, &[]);
    for turn in 6..8_u8 {
        last = sites[usize::from(turn % 2)].turn(turn, &last);
        sync(&bench, sites);
    }
    assert_alike(sites, &last, &[]);
}
