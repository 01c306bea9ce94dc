//! What cannot be done is refused with the number that programs expect, and at once.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, symlink};
use std::path::Path;

use rustix::fs::{
    CWD, FallocateFlags, Mode, OFlags, RenameFlags, SeekFrom, XattrFlags, fallocate, fsync,
    ioctl_getflags, lsetxattr, openat, renameat_with, seek,
};
use rustix::io::Errno;
use rustix::termios::tcgetattr;

use super::bench::Bench;

/// No offset is larger.
const LARGEST: u64 = i64::MAX as u64;

fn number<T>(result: io::Result<T>) -> Result<(), Errno> {
    result.map(drop).map_err(|error| Errno::from_io_error(&error).unwrap())
}

/// A mount with a file, a full folder, an empty one and a link to itself.
fn furnished() -> Option<Bench> {
    let bench = Bench::mounted()?;
    fs::write(bench.at("file"), "x").unwrap();
    fs::create_dir_all(bench.at("full/inner")).unwrap();
    fs::create_dir(bench.at("empty")).unwrap();
    symlink("loop", bench.at("loop")).unwrap();
    Some(bench)
}

fn rename(from: &Path, to: &Path, how: RenameFlags) -> Result<(), Errno> {
    renameat_with(CWD, from, CWD, to, how)
}

#[test]
fn names_that_cannot_be_are_refused() {
    let Some(bench) = furnished() else { return };
    let at = |path: &str| bench.at(path);
    let long = bench.at(OsStr::from_bytes(&[b'x'; 256]));
    for (what, result, expected) in [
        ("create, too long", number(File::create(&long)), Errno::NAMETOOLONG),
        ("look up, too long", number(fs::metadata(&long)), Errno::NAMETOOLONG),
        ("mkdir, too long", number(fs::create_dir(&long)), Errno::NAMETOOLONG),
        ("rename, too long", number(fs::rename(at("file"), &long)), Errno::NAMETOOLONG),
        ("link, too long", number(fs::hard_link(at("file"), &long)), Errno::NAMETOOLONG),
        ("symlink, too long", number(symlink("t", &long)), Errno::NAMETOOLONG),
        ("target, too long", number(symlink("t".repeat(4096), at("s"))), Errno::NAMETOOLONG),
        ("target, empty", number(symlink("", at("s"))), Errno::NOENT),
        ("look up", number(fs::metadata(at("none"))), Errno::NOENT),
        ("create in nothing", number(File::create(at("none/file"))), Errno::NOENT),
        ("create in a file", number(File::create(at("file/file"))), Errno::NOTDIR),
        ("mkdir, taken", number(fs::create_dir(at("file"))), Errno::EXIST),
        ("create, taken", number(File::create_new(at("file"))), Errno::EXIST),
        ("link, taken", number(fs::hard_link(at("file"), at("empty"))), Errno::EXIST),
        ("symlink, taken", number(symlink("x", at("file"))), Errno::EXIST),
        ("unlink", number(fs::remove_file(at("none"))), Errno::NOENT),
        ("follow a loop", number(File::open(at("loop"))), Errno::LOOP),
    ] {
        assert_eq!(result, Err(expected), "{what}");
    }
}

#[test]
fn what_a_folder_is_not_for_is_refused_and_what_only_it_is_for() {
    let Some(bench) = furnished() else { return };
    let at = |path: &str| bench.at(path);
    for (what, result, expected) in [
        ("write a folder", number(OpenOptions::new().write(true).open(at("full"))), Errno::ISDIR),
        ("read a folder", number(fs::read(at("full"))), Errno::ISDIR),
        ("unlink a folder", number(fs::remove_file(at("empty"))), Errno::ISDIR),
        ("rmdir a file", number(fs::remove_dir(at("file"))), Errno::NOTDIR),
        ("rmdir, full", number(fs::remove_dir(at("full"))), Errno::NOTEMPTY),
        ("list a file", number(fs::read_dir(at("file"))), Errno::NOTDIR),
        ("rename over a full folder", number(fs::rename(at("empty"), at("full"))), Errno::NOTEMPTY),
        ("a folder over a file", number(fs::rename(at("empty"), at("file"))), Errno::NOTDIR),
        ("a file over a folder", number(fs::rename(at("file"), at("empty"))), Errno::ISDIR),
        ("a folder into itself", number(fs::rename(at("full"), at("full/inner/x"))), Errno::INVAL),
        ("over what holds it", number(fs::rename(at("full/inner"), at("full"))), Errno::NOTEMPTY),
        ("link a folder", number(fs::hard_link(at("empty"), at("l"))), Errno::PERM),
        ("read no link", number(fs::read_link(at("file"))), Errno::INVAL),
        ("the root", number(fs::remove_dir(at(""))), Errno::BUSY),
    ] {
        assert_eq!(result, Err(expected), "{what}");
    }
    let exchange = rename(&at("full"), &at("full/inner"), RenameFlags::EXCHANGE);
    assert_eq!(exchange, Err(Errno::INVAL));
}

#[test]
fn what_goes_over_the_mounts_edge_is_refused() {
    let Some(bench) = furnished() else { return };
    let outside = bench.folder().join("outside");
    fs::write(&outside, "x").unwrap();
    assert_eq!(number(fs::rename(bench.at("file"), &outside)), Err(Errno::XDEV));
    assert_eq!(number(fs::rename(&outside, bench.at("in"))), Err(Errno::XDEV));
    assert_eq!(number(fs::hard_link(&outside, bench.at("in"))), Err(Errno::XDEV));
}

#[test]
fn renames_that_no_backup_needs_are_refused() {
    let Some(bench) = furnished() else { return };
    let (file, new) = (bench.at("file"), bench.at("new"));
    assert_eq!(rename(&file, &new, RenameFlags::WHITEOUT), Err(Errno::INVAL));
    let both = RenameFlags::NOREPLACE | RenameFlags::EXCHANGE;
    assert_eq!(rename(&file, &new, both), Err(Errno::INVAL));
    assert!(file.exists() && !new.exists());
}

#[test]
fn the_largest_file_is_as_large_as_offsets_go_and_no_larger() {
    let Some(bench) = furnished() else { return };
    let file = OpenOptions::new().read(true).write(true).open(bench.at("file")).unwrap();
    file.set_len(LARGEST).unwrap();
    file.write_all_at(b"end", LARGEST - 3).unwrap();
    assert_eq!(number(file.write_at(b"beyond", LARGEST - 3)), Err(Errno::INVAL));
    assert_eq!(fallocate(&file, FallocateFlags::empty(), LARGEST, 1), Err(Errno::FBIG));
    drop(file);
    bench.remount();
    let file = File::open(bench.at("file")).unwrap();
    assert_eq!(file.metadata().unwrap().len(), LARGEST);
    let mut end = [0; 4];
    file.read_exact_at(&mut end, LARGEST - 4).unwrap();
    assert_eq!(&end, b"\0end");
}

#[test]
fn requests_that_only_disks_answer_are_refused() {
    let Some(bench) = furnished() else { return };
    let file = File::open(bench.at("file")).unwrap();
    assert_eq!(tcgetattr(&file).map(drop), Err(Errno::NOTTY));
    assert_eq!(ioctl_getflags(&file).map(drop), Err(Errno::NOTTY));
    assert_eq!(seek(&file, SeekFrom::Data(1)), Err(Errno::NXIO));
    assert_eq!(seek(&file, SeekFrom::Hole(2)), Err(Errno::NXIO));
    // No file without a name: programs then make one with a name and remove it.
    let unnamed =
        OpenOptions::new().write(true).custom_flags(libc::O_TMPFILE).open(bench.mount_point());
    assert_eq!(number(unnamed), Err(Errno::OPNOTSUPP));
    assert_eq!(number(file.write_at(b"x", 0)), Err(Errno::BADF));
}

#[test]
fn attributes_that_do_not_fit_are_refused() {
    let Some(bench) = furnished() else { return };
    let set = |name: &str, bytes: usize| {
        lsetxattr(bench.at("file"), name, &vec![0; bytes], XattrFlags::empty())
    };
    assert_eq!(set("user.x", 65_537), Err(Errno::TOOBIG));
    assert_eq!(set(&format!("user.{}", "x".repeat(251)), 1), Err(Errno::RANGE));
    // All names together are no more than one answer can hold.
    let mut last = Ok(());
    for number in 0..300 {
        last = set(&format!("user.{number:0250}"), 1);
        if last.is_err() {
            break;
        }
    }
    assert!(matches!(last, Err(Errno::TOOBIG | Errno::NOSPC)), "{last:?}");
    assert!(super::snapshot::xattrs(&bench.at("file")).len() > 200);
}

#[test]
fn syncs_of_files_and_folders_are_answered() {
    let Some(bench) = furnished() else { return };
    for path in ["file", "full", ""] {
        let open = File::open(bench.at(path)).unwrap();
        fsync(&open).unwrap();
        open.sync_data().unwrap();
        rustix::fs::syncfs(&open).unwrap();
    }
    let folder = File::open(bench.at("full")).unwrap();
    fs::remove_dir_all(bench.at("full")).unwrap();
    fsync(&folder).unwrap();
    assert_eq!(folder.metadata().unwrap().nlink(), 0);
    assert_eq!(number(File::create(bench.at("full/late"))), Err(Errno::NOENT));
    let in_gone = openat(&folder, "late", OFlags::CREATE | OFlags::WRONLY, Mode::RWXU);
    assert_eq!(in_gone.map(drop), Err(Errno::NOENT));
}
