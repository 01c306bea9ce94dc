//! Every call to the disk fails in turn, in every way: nothing acknowledged is lost, what failed
//! for want of room heals, and what failed otherwise stops the writing and says so.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use hushfs::fs::FsError;

use crate::bench::Bench;
use crate::dice::Dice;
use crate::image::{Call, Fault, Image};
use crate::promise::Crash;
use crate::run::Run;
use crate::steps::Step;

/// What is tried of every call.
const FAULTS: [Fault; 5] =
    [Fault::EIO, Fault::ENOSPC, Fault::EDQUOT, Fault::ShortWrite(5), Fault::ShortWrite(28)];

/// How long a call goes on failing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lasting {
    Once,
    /// Every later call that needs room fails too, until there is some.
    UntilHealed,
}

/// Faults that were injected, and mounts that stopped writing for them.
static INJECTED: AtomicU64 = AtomicU64::new(0);
static LATCHED: AtomicU64 = AtomicU64::new(0);

fn takes_room(call: Call) -> bool {
    matches!(
        call,
        Call::Create | Call::Draft | Call::Appear | Call::Rename | Call::CreateFolder | Call::Write
    )
}

/// A history in which the `nth` call fails; `None` if it has fewer calls.
fn fail(seed: u64, nth: u64, fault: Fault, lasting: Lasting) -> Option<()> {
    let mut dice = Dice::new(seed);
    let image = Image::new();
    let has_two_disks = seed.is_multiple_of(3);
    if has_two_disks {
        image.split();
    }
    let mut run = Run::on(Bench::new(), image, has_two_disks);
    // The first failure: the call, and where.
    let failed = Arc::new(Mutex::new(None));
    let is_healed = Arc::new(AtomicBool::new(false));
    let (first, healed) = (failed.clone(), is_healed.clone());
    let mut calls = 0;
    run.image.set_faults(move |call, path| {
        calls += 1;
        let is_first = calls == nth;
        let again = lasting == Lasting::UntilHealed
            && calls > nth
            && takes_room(call)
            && !healed.load(Ordering::Relaxed);
        if is_first {
            *first.lock().unwrap() = Some((call, path.to_owned()));
        }
        (is_first || again).then_some(fault)
    });
    let mut last_error = None;
    for _ in 0..14 {
        let step = loop {
            match Step::random(&mut dice) {
                Step::Crash { .. } | Step::Remount | Step::Vault { .. } => {}
                step => break step,
            }
        };
        if let Err(error) = run.apply(&step, &mut dice) {
            // Reading goes on, and gives what was there, or what was written of it.
            run.assert_as_it_should_be();
            last_error = Some(error);
        }
    }
    is_healed.store(true, Ordering::Relaxed);
    let (call, path) = failed.lock().unwrap().clone()?;
    INJECTED.fetch_add(1, Ordering::Relaxed);
    run.assert_as_it_should_be();
    let status = run.fs.status();
    let is_ours = path.starts_with("/image/state");
    if let Some(reason) = &status.read_only {
        LATCHED.fetch_add(1, Ordering::Relaxed);
        assert!(reason.contains("/image/"), "the reason names no file: {reason}");
        assert!(run.fs.publish().is_err());
        let refused = run.fs.create(hushfs::format::Ino::ROOT, b"more", crate::bench::NEW);
        assert!(matches!(refused, Err(FsError::ReadOnly(_))), "{refused:?}");
        run.assert_as_it_should_be();
    } else {
        let is_write = matches!(call, Call::Write | Call::Sync);
        let lost = is_write && is_ours && fault == Fault::EIO && last_error.is_some();
        assert!(!lost, "{call:?} of {path:?} failed, and writing went on after {last_error:?}");
        // There is room again, and nobody has to mount anew.
        let published = run.fs.publish();
        assert!(published.is_ok(), "{published:?}: {:?}", run.fs.status().read_only);
        run.history.promise_all(Crash::PowerLoss);
        run.bench.assert_healthy(&run.image);
    }
    for crash in [Crash::Kill, Crash::PowerLoss] {
        let image = match crash {
            Crash::Kill => run.image.after_kill(),
            Crash::PowerLoss => run.image.after_power_loss(&mut dice),
        };
        if has_two_disks {
            image.split();
        }
        let fs = run.bench.open(&image);
        run.history.clone().check(&fs, crash);
        fs.shut_down().unwrap();
        run.bench.assert_healthy(&image);
    }
    Some(())
}

/// Opening a vault that holds unpublished changes, with the `nth` call failing.
fn fail_to_open(seed: u64, nth: u64, fault: Fault) -> Option<()> {
    let mut dice = Dice::new(seed);
    let mut run = Run::new();
    for _ in 0..14 {
        let step = Step::random(&mut dice);
        if !matches!(step, Step::Remount | Step::Vault { .. }) {
            run.apply(&step, &mut dice).unwrap();
        }
    }
    let image = run.image.after_kill();
    let is_reached = Arc::new(AtomicBool::new(false));
    let (reached, mut calls) = (is_reached.clone(), 0);
    image.set_faults(move |_, _| {
        calls += 1;
        reached.fetch_or(calls == nth, Ordering::Relaxed);
        (calls == nth).then_some(fault)
    });
    // It opens or it does not; either way nothing is lost.
    drop(run.bench.try_open(&image, "state"));
    if !is_reached.load(Ordering::Relaxed) {
        return None;
    }
    INJECTED.fetch_add(1, Ordering::Relaxed);
    let image = image.after_kill();
    let fs = run.bench.open(&image);
    run.history.clone().check(&fs, Crash::Kill);
    fs.shut_down().unwrap();
    run.bench.assert_healthy(&image);
    Some(())
}

/// Goes through the calls of a history, `step` apart, until there are no more.
fn fail_each(
    seed: u64,
    from: u64,
    step: u64,
    what: &str,
    mut fail_nth: impl FnMut(u64, Fault, Lasting) -> Option<()>,
) {
    for nth in (from..).step_by(step as usize) {
        // A short history tries one fault a call, a long one all of them.
        let all = FAULTS.into_iter().cycle().skip((seed + nth) as usize % FAULTS.len());
        for fault in all.take(if step == 1 { FAULTS.len() } else { 1 }) {
            let wants_room = matches!(fault, Fault::ENOSPC | Fault::EDQUOT);
            let lasting = if wants_room && (seed + nth).is_multiple_of(2) {
                Lasting::UntilHealed
            } else {
                Lasting::Once
            };
            let tried = catch_unwind(AssertUnwindSafe(|| fail_nth(nth, fault, lasting)));
            match tried {
                Ok(Some(())) => {}
                Ok(None) => return,
                Err(_) => panic!(
                    "{what}, call {nth}, {fault:?} {lasting:?}; replay with: \
                     HUSHFS_FAULT_HISTORIES=1 HUSHFS_FIRST_SEED={seed} HUSHFS_NTH={nth}"
                ),
            }
        }
    }
}

/// Histories and how densely their calls are gone through: `HUSHFS_FAULT_HISTORIES` tries every
/// fault of every call.
#[test]
fn whatever_call_fails_nothing_acknowledged_is_lost() {
    let many = crate::histories::number("HUSHFS_FAULT_HISTORIES", 0);
    let (count, step) = if many > 0 { (many, 1) } else { (3, 7) };
    let first = crate::histories::number("HUSHFS_FIRST_SEED", 0);
    let from = crate::histories::number("HUSHFS_NTH", 1);
    for seed in first..first + count {
        #[cfg(simulation)]
        hushfs::crypto::simulated::seed(seed);
        fail_each(seed, from, step, "running", |nth, fault, lasting| {
            fail(seed, nth, fault, lasting)
        });
        fail_each(seed, from, step, "opening", |nth, fault, _| fail_to_open(seed, nth, fault));
    }
    let told = [&INJECTED, &LATCHED].map(|counter| counter.load(Ordering::Relaxed));
    println!("{} faults injected, {} times writing stopped", told[0], told[1]);
}
