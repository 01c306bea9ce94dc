//! Publications beside writes, reads and crashes.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use hushfs::format::Ino;

use crate::bench::{Bench, NEW, content, names, read};
use crate::dice::Dice;
use crate::image::Image;
use crate::promise::{Crash, Versions};

/// Two files that are written and read while a third thread publishes and a fourth crashes.
#[test]
fn publications_beside_writes_and_reads_break_no_promise() {
    let (bench, image) = (Bench::new(), Image::new());
    let fs = bench.open(&image);
    let until = Instant::now() + Duration::from_secs(2);
    let files: Vec<(Ino, Mutex<Versions<Vec<u8>>>)> = (0..2)
        .map(|nth| {
            let made = fs.create(Ino::ROOT, format!("file-{nth}").as_bytes(), NEW).unwrap();
            fs.fsync(made.ino).unwrap();
            (made.ino, Mutex::new(Versions::new(Vec::new())))
        })
        .collect();
    std::thread::scope(|scope| {
        for (nth, (ino, versions)) in files.iter().enumerate() {
            let fs = &fs;
            scope.spawn(move || {
                let mut dice = Dice::new(nth as u64);
                let mut now: Vec<u8> = Vec::new();
                while Instant::now() < until {
                    let offset = dice.below(40_000) as usize;
                    let bytes = [dice.below(9000), dice.below(200_000)][dice.below(2) as usize];
                    let data = content(dice.below(256) as u8, 1 + bytes as usize);
                    now.resize(now.len().max(offset + data.len()), 0);
                    now[offset..offset + data.len()].copy_from_slice(&data);
                    // Known to the one who crashes before it is done: it may come back or not.
                    versions.lock().unwrap().all.push(now.clone());
                    fs.write(*ino, offset as u64, &data, false).unwrap();
                    assert!(read(fs, *ino) == now);
                    match dice.below(6) {
                        0 => {
                            fs.fsync(*ino).unwrap();
                            versions.lock().unwrap().promise(Crash::PowerLoss);
                        }
                        1 => {
                            fs.close(*ino).unwrap();
                            versions.lock().unwrap().promise(Crash::Kill);
                        }
                        _ => {}
                    }
                }
            });
        }
        scope.spawn(|| {
            while Instant::now() < until {
                fs.publish().unwrap();
            }
        });
        let mut dice = Dice::new(77);
        while Instant::now() < until {
            let promised: Vec<_> = files.iter().map(|(_, v)| v.lock().unwrap().clone()).collect();
            let crash = if dice.below(2) == 0 { Crash::Kill } else { Crash::PowerLoss };
            let image = match crash {
                Crash::Kill => image.after_kill(),
                Crash::PowerLoss => image.after_power_loss(&mut dice),
            };
            let versions: Vec<_> = files.iter().map(|(_, v)| v.lock().unwrap().clone()).collect();
            let fs = bench.open(&image);
            for (nth, (ino, _)) in files.iter().enumerate() {
                let mut versions = versions[nth].clone();
                versions.after_kill = promised[nth].after_kill;
                versions.after_power_loss = promised[nth].after_power_loss;
                versions.come_back(&read(&fs, *ino), crash, "content");
            }
            fs.shut_down().unwrap();
            bench.assert_healthy(&image);
        }
    });
    fs.shut_down().unwrap();
    bench.assert_healthy(&image);
}

#[test]
fn what_is_taken_while_a_mount_ends_is_in_the_vault() {
    for _ in 0..20 {
        let (bench, image) = (Bench::new(), Image::new());
        let fs = bench.open(&image);
        fs.create(Ino::ROOT, b"first", NEW).unwrap();
        let taken = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut taken = 1;
                while fs.create(Ino::ROOT, format!("{taken}").as_bytes(), NEW).is_ok() {
                    taken += 1;
                    std::thread::sleep(Duration::from_millis(1));
                }
                taken
            });
            std::thread::sleep(Duration::from_millis(3));
            fs.shut_down().unwrap();
            writer.join().unwrap()
        });
        let other = bench.try_open(&image, "other device").unwrap();
        assert_eq!(names(&other).len(), taken);
    }
}
