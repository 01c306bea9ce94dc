//! A device that comes back from a crash after another one took its turn.

use hushfs::format::Ino;
use hushfs::fs::FileSystem;

use crate::bench::{Bench, NEW, content, names, read};
use crate::image::Image;

#[test]
fn a_device_that_crashed_can_come_back_after_another_one_took_its_turn() {
    let (bench, image) = (Bench::new(), Image::new());
    let a = bench.open(&image);
    let made = a.create(Ino::ROOT, b"of both", NEW).unwrap();
    a.write(made.ino, 0, &content(1, 20_000), false).unwrap();
    a.publish().unwrap();
    let mine = a.create(Ino::ROOT, b"of a alone", NEW).unwrap();
    a.write(mine.ino, 0, &content(2, 70_000), false).unwrap();
    a.fsync(mine.ino).unwrap();
    let image = image.after_kill();
    let b = bench.try_open(&image, "other device").unwrap();
    b.write(made.ino, 0, &content(3, 20_000), false).unwrap();
    b.create(Ino::ROOT, b"of b alone", NEW).unwrap();
    b.shut_down().unwrap();
    // Different files: both sides stay, and A goes on.
    let a = bench.open(&image);
    assert_eq!(read(&a, made.ino), content(3, 20_000));
    assert_eq!(read(&a, mine.ino), content(2, 70_000));
    assert_eq!(names(&a).len(), 3);
    a.shut_down().unwrap();
    bench.assert_healthy(&image);
}

/// What A does to “of both” and B does too, each a way to meet.
type Meeting = (&'static str, fn(&FileSystem, Ino), fn(&FileSystem, Ino));

#[test]
fn what_waited_while_another_took_its_turn_is_merged_with_that_and_nothing_is_mixed() {
    let write: fn(&FileSystem, Ino) = |fs, ino| {
        fs.write(ino, 4096, &content(2, 4096), false).unwrap();
    };
    let make: fn(&FileSystem, Ino) = |fs, _| {
        fs.create(Ino::ROOT, b"same name", NEW).unwrap();
    };
    let remove: fn(&FileSystem, Ino) = |fs, _| fs.unlink(Ino::ROOT, b"of both").unwrap();
    let meetings: [Meeting; 4] = [
        ("both write", write, write),
        ("both make", make, make),
        ("A removes what B wrote", remove, write),
        ("A writes what B removed", write, remove),
    ];
    for (meeting, of_a, of_b) in meetings {
        let (bench, image) = (Bench::new(), Image::new());
        let a = bench.open(&image);
        let made = a.create(Ino::ROOT, b"of both", NEW).unwrap();
        a.write(made.ino, 0, &content(1, 20_000), false).unwrap();
        a.publish().unwrap();
        of_a(&a, made.ino);
        for ino in [made.ino, Ino::ROOT] {
            let _ = a.fsync(ino);
        }
        let as_a_left_it = contents(&a);
        let image = image.after_kill();
        let b = bench.try_open(&image, "other device").unwrap();
        of_b(&b, made.ino);
        b.shut_down().unwrap();
        let as_b_left_it = contents(&b);
        let a = bench.open(&image);
        assert!(a.status().read_only.is_none(), "{meeting}");
        let merged = contents(&a);
        let before = [content(1, 20_000)];
        for left in as_a_left_it.iter().chain(&as_b_left_it).filter(|left| !before.contains(left)) {
            assert!(merged.contains(left), "{meeting}");
        }
        assert!(merged.iter().all(|it| as_a_left_it.contains(it) || as_b_left_it.contains(it)));
        a.create(Ino::ROOT, b"new", NEW).unwrap();
        a.shut_down().unwrap();
        let b = bench.try_open(&image, "other device").unwrap();
        assert_eq!(names(&a), names(&b), "{meeting}");
        b.shut_down().unwrap();
        bench.assert_healthy(&image);
    }
}

/// What the files in the root hold.
fn contents(fs: &FileSystem) -> Vec<Vec<u8>> {
    let names = names(fs);
    let inos =
        names.keys().map(|name| fs.lookup(Ino::ROOT, name.trim_start_matches('/').as_bytes()));
    inos.map(|found| read(fs, found.unwrap().ino)).collect()
}
