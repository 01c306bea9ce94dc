//! How many, how deep, how long, how large: up to the limits, and the error number beyond them.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::process::Command;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, mkdirat, openat, unlinkat};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::bench::{Bench, skip};

#[test]
fn a_file_has_up_to_65000_names() {
    let Some(bench) = Bench::mounted() else { return };
    fs::write(bench.at("file"), "x").unwrap();
    fs::create_dir(bench.at("names")).unwrap();
    let link = |number: u32| fs::hard_link(bench.at("file"), bench.at(format!("names/{number}")));
    (1..65_000).for_each(|number| link(number).unwrap());
    let refused = link(65_000).unwrap_err();
    assert_eq!(Errno::from_io_error(&refused), Some(Errno::MLINK));
    assert_eq!(fs::metadata(bench.at("file")).unwrap().nlink(), 65_000);
    bench.remount();
    assert_eq!(fs::metadata(bench.at("names/64999")).unwrap().nlink(), 65_000);
    fs::remove_file(bench.at("names/1")).unwrap();
    link(65_000).unwrap();
}

#[test]
fn a_tree_is_a_thousand_folders_deep() {
    const LEVELS: usize = 1000;
    let Some(bench) = Bench::mounted() else { return };
    let open = |folder: &OwnedFd, name: &str| {
        openat(folder, name, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap()
    };
    let root = || OwnedFd::from(File::open(bench.mount_point()).unwrap());
    let name = "a folder in a folder";
    // A path as long as this is not one that a system call takes.
    let bottom = (0..LEVELS).fold(root(), |folder, _| {
        mkdirat(&folder, name, Mode::from(0o755)).unwrap();
        open(&folder, name)
    });
    let make = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
    let file = File::from(openat(&bottom, "file", make, Mode::from(0o644)).unwrap());
    file.write_all_at(b"bottom", 0).unwrap();
    drop((file, bottom));
    bench.remount();
    let bottom = (0..LEVELS).fold(root(), |folder, _| open(&folder, name));
    let file = openat(&bottom, "file", OFlags::CLOEXEC, Mode::empty()).unwrap();
    let mut text = [0; 6];
    File::from(file).read_exact_at(&mut text, 0).unwrap();
    assert_eq!(&text, b"bottom");
    unlinkat(&bottom, "file", AtFlags::empty()).unwrap();
    (0..LEVELS).fold(bottom, |folder, _| {
        let parent = open(&folder, "..");
        unlinkat(&parent, name, AtFlags::REMOVEDIR).unwrap();
        parent
    });
    assert_eq!(bench.status().files, 0);
}

#[test]
fn a_path_has_up_to_4095_bytes() {
    let Some(bench) = Bench::mounted() else { return };
    fs::write(bench.at("file"), "x").unwrap();
    let of = |bytes: usize| {
        let end = bench.mount_point().to_str().unwrap().to_owned() + "/";
        let slashes = bytes - end.len() - "file".len();
        format!("{end}{}file", "/".repeat(slashes))
    };
    assert_eq!(fs::read(of(4095)).unwrap(), b"x");
    let refused = fs::read(of(4096)).unwrap_err();
    assert_eq!(Errno::from_io_error(&refused), Some(Errno::NAMETOOLONG));
}

#[test]
fn a_file_of_16_terabytes_costs_what_is_in_it() {
    const SIZE: u64 = 16 << 40;
    let Some(bench) = Bench::mounted() else { return };
    let path = bench.at("sparse");
    let file = File::create(&path).unwrap();
    file.set_len(SIZE).unwrap();
    assert_eq!(file.metadata().unwrap().blocks(), 0);
    file.write_all_at(b"end", SIZE - 3).unwrap();
    drop(file);
    let check = || {
        let told = fs::metadata(&path).unwrap();
        assert_eq!((told.len(), told.blocks()), (SIZE, 8));
        let mut end = [1; 4];
        File::open(&path).unwrap().read_exact_at(&mut end, SIZE - 4).unwrap();
        assert_eq!(&end, b"\0end");
    };
    check();
    bench.remount();
    check();
    let room = bench.status().object_bytes;
    assert!(room < 100_000, "{room} bytes in the vault");
}

#[test]
fn a_file_size_limit_of_the_process_holds() {
    let Some(bench) = Bench::mounted() else { return };
    // In blocks of 512 bytes; signals are ignored, or they would end the shell.
    let script = "trap '' XFSZ; ulimit -f 2; head -c 5000 /dev/zero >file; stat -c %s file";
    let output =
        Command::new("sh").args(["-c", script]).current_dir(bench.mount_point()).output().unwrap();
    let (told, said) = (output.stdout.trim_ascii(), String::from_utf8_lossy(&output.stderr));
    assert_eq!(told, b"1024", "{said}");
    assert!(said.contains("File too large"), "{said}");
}

#[test]
fn ten_thousand_files_are_open_at_once() {
    const FILES: u64 = 10_000;
    let needed = Some(FILES + 2000);
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| Some(current) < needed) {
        let maximum = limit.maximum.map(|maximum| maximum.max(FILES + 2000));
        if setrlimit(Resource::Nofile, Rlimit { current: needed, maximum }).is_err() {
            return skip("so many open files are not allowed here");
        }
    }
    let Some(bench) = Bench::mounted() else { return };
    let files: Vec<File> = (0..FILES)
        .map(|number| {
            let path = bench.at(number.to_string());
            let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path);
            let file = file.unwrap();
            file.write_all_at(&number.to_le_bytes(), 0).unwrap();
            if number % 2 == 1 {
                fs::remove_file(&path).unwrap();
            }
            file
        })
        .collect();
    for (number, file) in (0..).zip(&files) {
        let mut bytes = [0; 8];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(u64::from_le_bytes(bytes), number);
    }
    drop(files);
    bench.remount();
    assert_eq!(bench.status().files, FILES / 2);
    assert_eq!(fs::read(bench.at("9998")).unwrap(), 9998_u64.to_le_bytes());
}

#[test]
fn all_names_of_attributes_together_are_what_one_answer_holds() {
    let Some(bench) = Bench::mounted() else { return };
    fs::write(bench.at("file"), "x").unwrap();
    // 255 bytes and a zero each.
    let set = |number: u32| {
        let name = format!("user.{number:0250}");
        let how = rustix::fs::XattrFlags::empty();
        rustix::fs::lsetxattr(bench.at("file"), name, b"", how)
    };
    (0..256).for_each(|number| set(number).unwrap());
    assert_eq!(set(256), Err(Errno::TOOBIG));
    bench.remount();
    let names: BTreeSet<_> = super::snapshot::xattrs(&bench.at("file")).into_keys().collect();
    assert_eq!(names.len(), 256);
    unlinkat(CWD, bench.at("file"), AtFlags::empty()).unwrap();
}
