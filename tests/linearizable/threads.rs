//! Threads that make random calls to the same few names and inodes at the same time.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use hushfs::format::Ino;
use hushfs::fs::{AllocateMode, FileSystem, RenameMode, XattrMode};

use crate::calls::{Caller, History};
use crate::dice::Dice;
use crate::plain_model::{Call, Name, Number};

/// Units of a write that goes straight into a pack.
const BULK_UNITS: usize = 68;
/// The longest file; what is longer costs the checker time.
const UNITS_MAX: usize = 90;

/// What a thread knows of, and so may name in a call.
#[derive(Clone)]
struct Known {
    folders: Vec<Number>,
    numbers: Vec<Number>,
    /// What it holds open.
    open: Vec<Number>,
}

/// One history: in a folder of its own, `threads` of them make `calls_each` at the same time; what
/// is there before and afterwards is a part of it.
pub fn run(fs: &FileSystem, root: Number, threads: usize, calls_each: usize, seed: u64) -> History {
    let clock = AtomicU64::new(0);
    let caller = |thread| Caller { thread, fs, clock: &clock, calls: Vec::new() };
    let mut first = caller(0);
    let folder = first.call(Call::MakeFolder { folder: root, name: 'd' }).unwrap().0;
    let file = first.call(Call::MakeFile { folder: root, name: 'a' }).unwrap().0;
    let other = first.call(Call::MakeFile { folder, name: 'b' }).unwrap().0;
    first.call(Call::Write { number: other, unit: 0, units: 6, letter: b'x' });
    let known =
        Known { folders: vec![root, folder], numbers: vec![file, other, folder], open: Vec::new() };
    let ready = AtomicUsize::new(0);
    let mut calls = std::thread::scope(|scope| {
        let started: Vec<_> = (1..=threads)
            .map(|thread| {
                let (mut caller, mut known, ready) = (caller(thread), known.clone(), &ready);
                scope.spawn(move || {
                    let mut dice = Dice::new(seed << 8 | thread as u64);
                    ready.fetch_add(1, Ordering::SeqCst);
                    while ready.load(Ordering::SeqCst) < threads {
                        std::thread::yield_now();
                    }
                    for _ in 0..calls_each {
                        let call = random_call(&mut dice, &mut known, thread as u8);
                        let opens = matches!(call, Call::Create { .. });
                        let Some((number, is_folder)) = caller.call(call.clone()) else {
                            let answer = caller.calls.last().map(|made| &made.outcome);
                            if let Call::Open { number } = call
                                && answer.is_some_and(|answer| !answer.is_refused())
                            {
                                known.open.push(number);
                            }
                            continue;
                        };
                        known.numbers.push(number);
                        known.folders.extend(is_folder.then_some(number));
                        known.open.extend(opens.then_some(number));
                    }
                    (caller.calls, known)
                })
            })
            .collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let mut last = caller(0);
    let mut numbers: Vec<Number> =
        calls.iter().flat_map(|(_, known)| &known.numbers).copied().collect();
    numbers.sort_unstable();
    numbers.dedup();
    for number in numbers {
        last.call(Call::Attributes { number });
        last.call(Call::List { folder: number });
        last.call(Call::Read { number, unit: 0, units: UNITS_MAX });
    }
    last.call(Call::List { folder: root });
    for number in calls.iter().flat_map(|(_, known)| &known.open) {
        last.call(Call::Release { number: *number });
    }
    let mut all = first.calls;
    all.extend(calls.drain(..).flat_map(|(calls, _)| calls));
    all.extend(last.calls);
    crate::checker::History(all)
}

fn pick<T: Copy>(dice: &mut Dice, from: &[T]) -> T {
    from[dice.below(from.len() as u64) as usize]
}

fn random_call(dice: &mut Dice, known: &mut Known, letter: u8) -> Call {
    let name = |dice: &mut Dice| -> Name { pick(dice, &['a', 'b', 'd']) };
    // Names are where most can go wrong: half of all calls.
    let folder = pick(dice, &known.folders);
    let number = pick(dice, &known.numbers);
    match dice.below(30) {
        0..=2 => Call::Lookup { folder, name: name(dice) },
        3 => Call::Create { folder, name: name(dice) },
        4 => Call::MakeFile { folder, name: name(dice) },
        5 => Call::MakeFolder { folder, name: name(dice) },
        6 | 7 => Call::Link { number, folder, name: name(dice) },
        8 | 9 => Call::Unlink { folder, name: name(dice) },
        10 => Call::RemoveFolder { folder, name: name(dice) },
        11..=15 => {
            let modes = [RenameMode::Replace, RenameMode::NoReplace, RenameMode::Exchange];
            let to = (pick(dice, &known.folders), name(dice));
            Call::Rename { from: (folder, name(dice)), to, mode: pick(dice, &modes) }
        }
        16 | 17 => Call::List { folder },
        18 => Call::Attributes { number },
        19 | 20 => {
            let mode = pick(dice, &[None, Some(0o600), Some(0o640)]);
            let units = pick(dice, &[None, None, Some(0), Some(3), Some(10)]);
            let mtime = pick(dice, &[None, Some(1000 + i64::from(letter))]);
            Call::SetAttributes { number, mode, units, mtime }
        }
        21 => {
            let mode = pick(dice, &[XattrMode::Set, XattrMode::Create, XattrMode::Replace]);
            Call::SetXattr { number, name: name(dice), value: letter, mode }
        }
        22 => match dice.below(3) {
            0 => Call::RemoveXattr { number, name: name(dice) },
            1 => Call::Xattr { number, name: name(dice) },
            _ => Call::XattrNames { number },
        },
        23 => Call::Open { number },
        24 => match known.open.pop() {
            Some(number) => Call::Release { number },
            None => Call::Open { number },
        },
        25 | 26 => {
            let (unit, units) = match dice.below(4) {
                0 => (4 * dice.below(4) as usize, BULK_UNITS),
                1 => (dice.below(12) as usize, 1 + dice.below(8) as usize),
                _ => (4 * dice.below(3) as usize, 4 * (1 + dice.below(2) as usize)),
            };
            Call::Write { number, unit, units, letter: letter << 4 | dice.below(16) as u8 }
        }
        27 | 28 => Call::Read { number, unit: 2 * dice.below(4) as usize, units: UNITS_MAX },
        _ => {
            let modes = [AllocateMode::Extend, AllocateMode::PunchHole, AllocateMode::ZeroRange];
            let (unit, units) = (dice.below(8) as usize, 1 + dice.below(8) as usize);
            Call::Allocate { number, mode: pick(dice, &modes), unit, units }
        }
    }
}

/// What has no effect that a call can see, over and over: publications, syncs and flushes.
pub fn disturb(fs: &FileSystem, mut goes_on: impl FnMut() -> bool) {
    let mut dice = Dice::new(1);
    while goes_on() {
        match dice.below(3) {
            0 => fs.publish().unwrap(),
            1 => fs.fsync(Ino::ROOT).unwrap(),
            _ => fs.close(Ino::ROOT).unwrap(),
        }
    }
}
