//! Disks that fail, and crashes at the moments that have gone wrong before.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hushfs::format::Ino;
use hushfs::fs::FsError;

use crate::bench::{Bench, NEW, content, read};
use crate::dice::Dice;
use crate::image::{Call, Fault, Image};
use crate::run::Run;
use crate::steps::{Place, Step};

#[test]
fn a_first_mount_that_was_killed_at_once_still_gives_the_root_to_its_owner() {
    let (bench, image) = (Bench::new(), Image::new());
    drop(bench.open(&image));
    let fs = bench.open(&image);
    assert_eq!(fs.attributes(Ino::ROOT).unwrap().uid, 1000);
}

#[test]
fn a_full_disk_under_the_journal_heals() {
    let (bench, image) = (Bench::new(), Image::new());
    let fs = bench.open(&image);
    let made = fs.create(Ino::ROOT, b"file", NEW).unwrap();
    fs.write(made.ino, 0, &content(1, 5000), false).unwrap();
    image.set_faults(|call, path| {
        let is_journal = path.to_string_lossy().contains("journal-1");
        (is_journal && call == Call::Write).then_some(Fault::ENOSPC)
    });
    assert!(matches!(fs.publish(), Err(FsError::NoSpace)));
    image.clear_faults();
    fs.publish().unwrap();
    assert!(read(&fs, made.ino) == content(1, 5000));
}

#[test]
fn a_pack_that_had_moved_before_an_error_came_is_not_moved_again() {
    let (bench, image) = (Bench::new(), Image::new());
    let fs = bench.open(&image);
    let made = fs.create(Ino::ROOT, b"file", NEW).unwrap();
    fs.write(made.ino, 0, &content(1, 5000), false).unwrap();
    let mut is_first = true;
    image.set_faults(move |call, _| {
        let fails = call == Call::Renamed && std::mem::take(&mut is_first);
        fails.then_some(Fault::EIO)
    });
    assert!(fs.publish().is_err());
    fs.publish().unwrap();
    bench.assert_healthy(&image);
}

#[test]
fn nothing_is_published_after_a_sync_has_failed() {
    let (bench, image) = (Bench::new(), Image::new());
    let fs = bench.open(&image);
    let made = fs.create(Ino::ROOT, b"file", NEW).unwrap();
    fs.write(made.ino, 0, &content(1, 5000), false).unwrap();
    let mut is_first = true;
    image.set_faults(move |call, path| {
        let is_pack = path.extension().is_some_and(|extension| extension == "pack");
        let fails = is_pack && call == Call::Sync && std::mem::take(&mut is_first);
        fails.then_some(Fault::EIO)
    });
    assert!(fs.publish().is_err());
    // A second sync may lie about what the first one lost.
    assert!(fs.shut_down().is_err());
    let listing = bench.vault(&image).listing().unwrap();
    assert!(listing.packs.is_empty() && listing.logs.is_empty());
}

#[test]
fn regression_generations_that_became_one_log_object_are_all_let_go_of_or_none() {
    for seed in 0..40 {
        let mut run = Run::new();
        let mut dice = Dice::new(seed);
        // A crash with a log object on its way leaves two generations; a third joins them.
        for step in [
            Step::Create { at: Place { folder: 0, name: 0 } },
            Step::Vault { works: false },
            Step::Publish,
            Step::Create { at: Place { folder: 0, name: 1 } },
            Step::Close { file: 0 },
            Step::Crash { power_loss: false },
            Step::Create { at: Place { folder: 0, name: 2 } },
            Step::Publish,
            Step::Create { at: Place { folder: 0, name: 3 } },
            Step::Fsync { file: 0 },
            Step::Crash { power_loss: true },
        ] {
            let _ = run.apply(&step, &mut dice);
        }
        assert_eq!(run.history.names.now().len(), 4);
    }
}

#[test]
fn a_bulk_write_that_fails_halfway_reads_the_same_after_a_crash() {
    let (bench, image) = (Bench::new(), Image::new());
    let fs = bench.open(&image);
    let made = fs.create(Ino::ROOT, b"file", NEW).unwrap();
    // Fills a pack but for less than the next write.
    fs.write(made.ino, 0, &content(1, 16_600_000), false).unwrap();
    let at = 4096 * 10_000;
    fs.write(made.ino, at, &content(2, 4096), false).unwrap();
    fs.fsync(made.ino).unwrap();
    image.set_faults(|call, path| {
        let is_staged = path.starts_with("/image/state/staged");
        (is_staged && call == Call::Create).then_some(Fault::ENOSPC)
    });
    let written = fs.write(made.ino, at, &content(3, 1 << 20), false);
    assert!(matches!(written, Err(FsError::NoSpace)), "{written:?}");
    image.clear_faults();
    fs.fsync(made.ino).unwrap();
    let before = read(&fs, made.ino);
    let fs = bench.open(&image.after_kill());
    assert!(read(&fs, made.ino) == before);
}

/// A read that failed was once taken for content that had never reached the disk: the record that
/// told of it was given up, and the pack removed.
/// Fails each of these calls in turn while a vault is opened that a killed process left: opening is
/// refused each time, and nothing is lost by it. Gives how many calls there were, and what was said.
fn fail_each_while_opening(
    is_one: impl Fn(Call, &Path) -> bool + Clone + Send + 'static,
) -> Vec<String> {
    let (bench, image) = (Bench::new(), Image::new());
    let fs = bench.open(&image);
    let made = fs.create(Ino::ROOT, b"file", NEW).unwrap();
    fs.write(made.ino, 0, &content(1, 100_000), false).unwrap();
    fs.close(made.ino).unwrap();
    let image = image.after_kill();
    let mut refused = Vec::new();
    loop {
        let (is_reached, mut calls) = (Arc::new(AtomicBool::new(false)), 0);
        let (reached, is_one, nth) = (is_reached.clone(), is_one.clone(), refused.len() + 1);
        image.set_faults(move |call, path| {
            let counts = is_one(call, path);
            calls += usize::from(counts);
            let fails = counts && calls == nth;
            reached.fetch_or(fails, Ordering::Relaxed);
            fails.then_some(Fault::EIO)
        });
        let opened = bench.try_open(&image, "state").map(drop);
        image.clear_faults();
        if !is_reached.load(Ordering::Relaxed) {
            break;
        }
        refused.push(opened.unwrap_err().to_string());
    }
    let fs = bench.open(&image.after_kill());
    assert!(read(&fs, made.ino) == content(1, 100_000));
    refused
}

#[test]
fn regression_a_read_that_fails_while_opening_gives_nothing_up() {
    let refused = fail_each_while_opening(|call, path| {
        call == Call::Read && path.extension().is_some_and(|extension| extension == "pack")
    });
    assert!(refused.len() > 20, "each chunk is read by itself");
    assert!(refused.iter().all(|said| said.contains(".pack")), "{refused:?}");
}

#[test]
fn regression_a_listing_that_fails_while_opening_gives_nothing_up() {
    let refused = fail_each_while_opening(|call, path| {
        call == Call::List && path.starts_with("/image/state")
    });
    assert!(!refused.is_empty(), "the state folder is listed");
}
