//! Syncthing between two machines: turns, a connection that is cut, a transfer that is.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use super::service::{bench_with, wait_for};
use super::site::{Site, assert_alike, assert_same_objects};
use super::snapshot::{self, assert_same};
use super::syncthing_pair::Pair;
use super::turns::{bytes, change};

/// What Syncthing knows its folders by.
const MARKER: &str = ".stfolder";
/// Where it keeps what the other one deleted.
const VERSIONS: &str = ".stversions";
/// Longer than a mount waits before it publishes.
const A_WHILE: Duration = Duration::from_secs(6);

/// What Syncthing is receiving at a machine.
fn arriving(site: &Site) -> Vec<PathBuf> {
    let is_temporary = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with(".syncthing.") && name.ends_with(".tmp")
    };
    site.listing().into_keys().filter(is_temporary).collect()
}

#[test]
fn devices_take_turns_over_syncthing() {
    let Some(bench) = bench_with("syncthing") else { return };
    let (one, other) = (Site::first(&bench), Site::empty(&bench, "other"));
    let sites = [&one, &other];
    let pair = Pair::start(sites, "");
    let mut last = one.first_turn();
    pair.sync();
    for turn in 1..5_u8 {
        last = sites[usize::from(turn % 2)].turn(turn, &last);
        pair.sync();
    }
    assert_alike(sites, &last, &[MARKER]);

    // What one lets go of goes at the other, too.
    one.collect();
    pair.sync();
    assert_alike(sites, &last, &[MARKER]);
    for turn in 5..7_u8 {
        last = sites[usize::from(turn % 2)].turn(turn, &last);
        pair.sync();
    }
    assert_alike(sites, &last, &[MARKER]);
}

#[test]
fn a_device_that_was_cut_off_has_all_when_syncthing_joins_it_again() {
    let Some(bench) = bench_with("syncthing") else { return };
    let (one, other) = (Site::first(&bench), Site::empty(&bench, "other"));
    let pair = Pair::start([&one, &other], "");
    let mut last = one.first_turn();
    pair.sync();
    let phases = [
        (1..4_u8, [&one, &other], true),
        (4..6, [&other, &one], false),
        (6..9, [&other, &one], true),
    ];
    for (turns, [works, waits], is_cut_off) in phases {
        // Who waits has it mounted all the while, and changes nothing.
        waits.mount();
        works.mount();
        if is_cut_off {
            pair.cut_off();
        }
        let before = waits.listing();
        for turn in turns {
            change(&works.mount_point(), turn);
            works.publish();
        }
        last = snapshot::of(&works.mount_point());
        if is_cut_off {
            assert_eq!(waits.listing(), before);
            pair.join();
        }
        pair.sync();
        waits.wait_for_news_of(works);
        assert_same(&snapshot::of(&waits.mount_point()), &last);
        // Both stay mounted, and neither has anything more to tell.
        let joined = [works, waits].map(Site::listing);
        assert_ne!(joined[1], before);
        thread::sleep(A_WHILE);
        works.unmount();
        waits.unmount();
        pair.sync();
        assert_eq!([works, waits].map(Site::listing), joined);
    }
    assert_alike([&one, &other], &last, &[MARKER]);
}

#[test]
fn devices_that_stay_mounted_take_turns_over_syncthing() {
    let Some(bench) = bench_with("syncthing") else { return };
    let (one, other) = (Site::first(&bench), Site::empty(&bench, "other"));
    let sites = [&one, &other];
    let pair = Pair::start(sites, "");
    let mut last = one.first_turn();
    pair.sync();
    sites.iter().for_each(|site| site.mount());
    for turn in 1..7_u8 {
        let [works, waits] = if turn % 2 == 0 { [&one, &other] } else { [&other, &one] };
        assert_same(&snapshot::of(&works.mount_point()), &last);
        change(&works.mount_point(), turn);
        works.publish();
        last = snapshot::of(&works.mount_point());
        pair.sync();
        waits.wait_for_news_of(works);
    }
    sites.iter().for_each(|site| site.unmount());
    assert_alike(sites, &last, &[MARKER]);
}

#[test]
fn devices_that_write_at_the_same_time_give_syncthing_nothing_to_copy_beside() {
    let Some(bench) = bench_with("syncthing") else { return };
    let (one, other) = (Site::first(&bench), Site::empty(&bench, "other"));
    let sites = [&one, &other];
    let pair = Pair::start(sites, "");
    let last = one.first_turn();
    pair.sync();
    pair.cut_off();
    for site in sites {
        site.turn(1, &last);
    }
    pair.join();
    pair.sync();
    for site in sites {
        let (code, told) = site.verify();
        assert_eq!((code, &told["litter"]), (0, &serde_json::json!([MARKER])), "{told}");
        assert_eq!(told["strangers"], serde_json::json!([]), "{told}");
    }
    assert_same_objects(sites);
    let trees = sites.map(|site| {
        site.mount();
        let tree = snapshot::of(&site.mount_point());
        site.unmount();
        tree
    });
    snapshot::assert_same(&trees[0], &trees[1]);
}

#[test]
fn a_half_done_transfer_of_syncthing_is_no_damage_and_goes_on() {
    let Some(bench) = bench_with("syncthing") else { return };
    let (one, other) = (Site::first(&bench), Site::empty(&bench, "other"));
    let sites = [&one, &other];
    let pair = Pair::start(sites, "");
    one.first_turn();
    pair.sync();
    other.assert_whole(&[MARKER]);

    pair.limit_sending(3000);
    one.mount();
    fs::write(one.mount_point().join("large too"), bytes(7, 20 << 20)).unwrap();
    let last = snapshot::of(&one.mount_point());
    one.unmount();
    pair.look();
    wait_for(|| match arriving(&other).is_empty() {
        true => Err("something to arrive".to_owned()),
        false => Ok(()),
    });
    pair.cut_off();
    let arriving = arriving(&other);
    assert!(!arriving.is_empty());
    let (code, told) = other.verify();
    // A log object may be there before the packs that it tells of.
    assert!([0, 14].contains(&code), "{told}");
    assert_eq!(told["damaged"], serde_json::json!([]));
    for path in &arriving {
        let path = path.to_str().unwrap();
        assert!(told["litter"].as_array().unwrap().iter().any(|it| it == path), "{told}");
    }
    pair.limit_sending(0);
    pair.join();
    pair.sync();
    assert_alike(sites, &last, &[MARKER]);
}

#[test]
fn what_syncthing_keeps_of_collected_objects_is_no_part_of_the_vault() {
    let Some(bench) = bench_with("syncthing") else { return };
    let (one, other) = (Site::first(&bench), Site::empty(&bench, "other"));
    let sites = [&one, &other];
    let pair = Pair::start(sites, "trashcan");
    let mut last = one.first_turn();
    for turn in 1..4 {
        last = one.turn(turn, &last);
    }
    pair.sync();
    one.collect();
    pair.sync();
    one.assert_whole(&[MARKER]);
    other.assert_whole(&[MARKER, VERSIONS]);
    assert_same_objects(sites);
    last = other.turn(4, &last);
    pair.sync();
    one.turn(5, &last);
}
