//! Two crashes in a row: what a killed process left is only as durable as it had made it, and the
//! next one builds on it.

use std::sync::{Arc, Mutex};

use hushfs::format::Ino;

use crate::bench::{Bench, NEW, content, names, read};
use crate::dice::Dice;
use crate::image::{Call, Fault, Image};
use crate::kept::Kept;
use crate::run::Run;
use crate::steps::{Place, Step};

/// The disk before each call that `act` makes.
fn before_each_call(image: &Image, act: impl FnOnce()) -> Vec<Kept> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let watched = seen.clone();
    image.watch(move |_, kept| watched.lock().unwrap().push(kept.clone()));
    act();
    image.watch(|_, _| {});
    std::mem::take(&mut seen.lock().unwrap())
}

#[test]
fn regression_what_a_kill_left_half_durable_is_not_built_upon() {
    for has_two_disks in [false, true] {
        let (bench, image) = (Bench::new(), Image::new());
        if has_two_disks {
            image.split();
        }
        let mut killed = before_each_call(&image, || drop(bench.open(&image)));
        let fs = bench.open(&image);
        let made = fs.create(Ino::ROOT, b"first", NEW).unwrap();
        fs.write(made.ino, 0, &content(1, 100_000), false).unwrap();
        killed.extend(before_each_call(&image, || fs.fsync(made.ino).unwrap()));
        let promised_from = killed.len();
        killed.extend(before_each_call(&image, || fs.publish().unwrap()));
        for (nth, kept) in killed.into_iter().enumerate() {
            let image = Image::of(kept);
            if has_two_disks {
                image.split();
            }
            let fs = bench.open(&image);
            let second = fs.create(Ino::ROOT, b"second", NEW).unwrap();
            fs.write(second.ino, 0, &content(2, 5000), false).unwrap();
            fs.fsync(second.ino).unwrap();
            if nth % 2 == 0 {
                fs.publish().unwrap();
            }
            for seed in 0..4 {
                let image = image.after_power_loss(&mut Dice::new(seed));
                let fs = bench.open(&image);
                let names = names(&fs);
                assert!(read(&fs, names["second"].ino) == content(2, 5000));
                if nth >= promised_from {
                    assert!(read(&fs, names["first"].ino) == content(1, 100_000));
                }
            }
        }
    }
}

#[test]
fn regression_records_are_not_replayed_without_those_before_them() {
    for seed in 0..60 {
        let mut run = Run::new();
        let mut dice = Dice::new(seed);
        let (file, at) = (0, Place { folder: 0, name: 0 });
        for step in [
            Step::Create { at },
            Step::Publish,
            Step::Write { file, offset: 24_000, bytes: 1500, seed: 1 },
            Step::Close { file },
            Step::Crash { power_loss: false },
            Step::Write { file, offset: 7000, bytes: 3000, seed: 2 },
            Step::Close { file },
            Step::Crash { power_loss: true },
        ] {
            run.apply(&step, &mut dice).unwrap();
        }
    }
}

#[test]
fn regression_a_record_that_was_given_up_does_not_come_back() {
    for seed in 0..60 {
        let mut run = Run::new();
        let mut dice = Dice::new(seed);
        let (file, at) = (0, Place { folder: 0, name: 0 });
        let bulk =
            |chunk: usize, seed| Step::Write { file, offset: chunk * 4096, bytes: 70_000, seed };
        for step in [
            Step::Create { at },
            Step::Publish,
            bulk(0, 1),
            Step::Fsync { file },
            bulk(30, 2),
            Step::Close { file },
            Step::Crash { power_loss: true },
        ] {
            run.apply(&step, &mut dice).unwrap();
        }
        // The pack that was cut to what counts moves, and its log object does not.
        run.image.set_faults(|call, path| {
            let is_log = path.starts_with("/image/vault/log");
            (is_log && call == Call::Draft).then_some(Fault::EIO)
        });
        let _ = run.apply(&Step::Publish, &mut dice);
        run.image.clear_faults();
        run.apply(&Step::Crash { power_loss: true }, &mut dice).unwrap();
    }
}
