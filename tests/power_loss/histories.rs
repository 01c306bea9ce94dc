//! Random histories from a seed: the power fails at every sync in turn and in the middle of other
//! calls, the process is killed there, and what comes back must be what was promised.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hushfs::format::Ino;

use crate::bench::{Bench, PLAIN, names, read};
use crate::dice::Dice;
use crate::image::Image;
use crate::kept::Kept;
use crate::promise::{Crash, History};
use crate::run::Run;
use crate::steps::Step;

/// What was tried.
#[derive(Debug, Default)]
pub struct Tally {
    histories: AtomicU64,
    steps: AtomicU64,
    /// Disks that lost their power, and processes that were killed, and opened again.
    power_losses: AtomicU64,
    kills: AtomicU64,
}

impl Tally {
    fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub fn told(&self) -> String {
        let [histories, steps, power_losses, kills] =
            [&self.histories, &self.steps, &self.power_losses, &self.kills]
                .map(|counter| counter.load(Ordering::Relaxed));
        format!("{histories} histories, {steps} steps, {power_losses} power losses, {kills} kills")
    }
}

/// What is left of a disk after a crash of either kind.
fn crashed(kept: Kept, dice: &mut Dice) -> (Image, Crash) {
    let image = Image::of(kept);
    if dice.below(3) == 0 {
        (image, Crash::Kill)
    } else {
        (image.after_power_loss(dice), Crash::PowerLoss)
    }
}

/// Opens what is left after a crash and checks it; now and then, also that it is all in the vault
/// after a clean end.
fn check(run: &Run, history: &History, kept: Kept, tally: &Tally, dice: &mut Dice) {
    let mut history = history.clone();
    let (image, crash) = crashed(kept, dice);
    Tally::count(if crash == Crash::Kill { &tally.kills } else { &tally.power_losses });
    if run.has_two_disks {
        image.split();
    }
    let fs = run.bench.open(&image);
    history.check(&fs, crash);
    if dice.below(8) == 0 {
        fs.shut_down().unwrap();
        run.bench.assert_healthy(&image);
        assert_same_elsewhere(&run.bench, &image, &fs);
    }
}

/// Another device that opens the vault sees the same.
fn assert_same_elsewhere(bench: &Bench, image: &Image, fs: &hushfs::fs::FileSystem) {
    let elsewhere = bench.try_open(image, "other device").unwrap();
    let here = names(fs);
    assert_eq!(names(&elsewhere), here);
    let root = elsewhere.attributes(Ino::ROOT).unwrap();
    assert_eq!(root, fs.attributes(Ino::ROOT).unwrap());
    for named in here.values() {
        let attributes = fs.attributes(named.ino).unwrap();
        assert_eq!(elsewhere.attributes(named.ino).unwrap(), attributes);
        if !named.is_folder {
            assert!(read(&elsewhere, named.ino) == read(fs, named.ino));
        }
    }
}

/// One history.
pub fn simulate(seed: u64, tally: &Tally) {
    #[cfg(simulation)]
    hushfs::crypto::simulated::seed(seed);
    let mut dice = Dice::new(seed);
    let image = Image::new();
    let has_two_disks = dice.below(3) == 0;
    if has_two_disks {
        image.split();
    }
    let mut run = Run::on(Bench::new(), image, has_two_disks);
    let mut first = run.captured();
    if dice.coin() {
        // The first mount ever ends early.
        let kept = first.swap_remove(dice.below(first.len() as u64) as usize);
        run.mount(Image::of(kept), Crash::Kill);
    }
    for _ in 0..5 + dice.below(40) {
        let step = Step::random(&mut dice);
        // Shown only if the history fails.
        println!("{step:?}");
        let before = run.history.clone();
        run.capture(6, &mut dice);
        Tally::count(&tally.steps);
        let done = run.apply(&step, &mut dice);
        assert!(done.is_ok() || !run.vault_works || matches!(step, Step::Remount), "{done:?}");
        let during = match step {
            // What came back is what there is from now on.
            Step::Crash { .. } => run.history.clone(),
            // In the middle of the step: what it promises is not promised yet.
            _ => run.history.promising_as(&before),
        };
        let mut captured = run.captured();
        for kept in &captured {
            check(&run, &during, kept.clone(), tally, &mut dice);
        }
        if !captured.is_empty() && dice.below(12) == 0 {
            // One of these crashes is what happened; the history goes on from there.
            let kept = captured.swap_remove(dice.below(captured.len() as u64) as usize);
            run.history = during;
            let (image, crash) = crashed(kept, &mut dice);
            run.mount(image, crash);
            continue;
        }
        if dice.below(4) == 0 {
            check(&run, &run.history, run.image.kept(), tally, &mut dice);
        }
        if dice.below(8) == 0 {
            run.assert_as_it_should_be();
        }
        assert!(!run.image.kept().holds_any(&[PLAIN.as_bytes()]), "plaintext is on the disk");
    }
    run.image.clear_faults();
    run.fs.shut_down().unwrap();
    run.bench.assert_healthy(&run.image);
    assert_same_elsewhere(&run.bench, &run.image, &run.fs);
    Tally::count(&tally.histories);
}

/// Runs the histories of `seeds` on every core. Of those that fail, the first is named.
fn simulate_all(seeds: std::ops::Range<u64>) {
    let (tally, next) = (Arc::new(Tally::default()), Arc::new(AtomicU64::new(seeds.start)));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let failed = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= seeds.end {
                            return None;
                        }
                        let tally = tally.clone();
                        // A thread of its own: what it draws hangs on the seed alone.
                        if std::thread::spawn(move || simulate(seed, &tally)).join().is_err() {
                            next.store(seeds.end, Ordering::Relaxed);
                            return Some(seed);
                        }
                    }
                })
            })
            .collect();
        workers.into_iter().filter_map(|worker| worker.join().unwrap()).min()
    });
    println!("{}", tally.told());
    if let Some(seed) = failed {
        panic!("replay with: scripts/soak histories --first-seed {seed} --count 1");
    }
}

pub fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |value| value.parse().expect("a number"))
}

/// The seeds from `HUSHFS_FIRST_SEED` on, `HUSHFS_HISTORIES` of them.
#[test]
fn what_was_promised_survives_kills_and_power_losses_at_any_call() {
    let first = number("HUSHFS_FIRST_SEED", 0);
    simulate_all(first..first + number("HUSHFS_HISTORIES", 60));
}
