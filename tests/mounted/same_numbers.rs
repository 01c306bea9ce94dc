//! Calls that a disk's file system refuses are refused by a mount with the same number: each is
//! made in a folder on the scratch disk and in one in a mount, furnished alike.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{
    CWD, FallocateFlags, FileType, Mode, RenameFlags, SeekFrom, XattrFlags, fallocate, lgetxattr,
    lremovexattr, lsetxattr, mknodat, renameat_with, seek, statfs,
};
use rustix::io::Errno;

use super::bench::{Bench, skip};

/// What `statfs` says of ext2, ext3 and ext4.
const EXT_MAGIC: u32 = 0xEF53;

type Told = Vec<(String, Result<(), Errno>)>;

fn furnish(folder: &Path) {
    fs::create_dir_all(folder.join("full/in")).unwrap();
    for name in ["e", "e2"] {
        fs::create_dir(folder.join(name)).unwrap();
    }
    for name in ["f", "g"] {
        fs::write(folder.join(name), "0123456789").unwrap();
    }
    fs::hard_link(folder.join("f"), folder.join("same")).unwrap();
    for (target, name) in [("f", "link"), ("e", "to-e"), ("loop", "loop"), ("none", "dangling")] {
        symlink(target, folder.join(name)).unwrap();
    }
    mknodat(CWD, folder.join("pipe"), FileType::Fifo, Mode::from(0o644), 0).unwrap();
    UnixListener::bind(folder.join("socket")).unwrap();
}

fn number<T>(result: io::Result<T>) -> Result<(), Errno> {
    result.map(drop).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::INVAL))
}

/// What the calls are made on: slashes at the end of a path stay where they are.
fn at(folder: &Path, name: &str) -> PathBuf {
    PathBuf::from(format!("{}/{name}", folder.display()))
}

fn renames(folder: &Path, told: &mut Told) {
    const PLAIN: RenameFlags = RenameFlags::empty();
    const KEEP: RenameFlags = RenameFlags::NOREPLACE;
    const SWAP: RenameFlags = RenameFlags::EXCHANGE;
    let long = "n".repeat(256);
    for (from, to, how) in [
        ("f", "f", PLAIN),
        ("f", "same", PLAIN),
        ("f", "same", KEEP),
        ("f", "same", SWAP),
        ("e", "e", PLAIN),
        ("e", "e2", KEEP),
        ("e", "full", PLAIN),
        ("e", "f", PLAIN),
        ("f", "e", PLAIN),
        ("f", "pipe", KEEP),
        ("full", "full/in/x", PLAIN),
        ("full", "full/in", PLAIN),
        ("full", "full/in", KEEP),
        ("full", "full/in", SWAP),
        ("full/in", "full", PLAIN),
        ("full/in", "full", SWAP),
        ("f", "none/x", PLAIN),
        ("f", "g/x", PLAIN),
        ("none", "f", PLAIN),
        ("none", "f", KEEP),
        ("f", "none", SWAP),
        ("f", "new", KEEP | SWAP),
        ("f", "new", SWAP | RenameFlags::WHITEOUT),
        ("f", "new", RenameFlags::from_bits_retain(8)),
        ("f", ".", PLAIN),
        ("full/.", "new", PLAIN),
        ("full/..", "new", PLAIN),
        ("e", "full/..", PLAIN),
        ("f", "new/", PLAIN),
        ("f/", "new", PLAIN),
        ("f", "g/", PLAIN),
        ("none/", "new", PLAIN),
        ("f", &long, PLAIN),
        (&long, "new", PLAIN),
        ("e", "new/", PLAIN),
        ("new/", "e", PLAIN),
        ("link", "pipe", PLAIN),
    ] {
        let done = renameat_with(CWD, at(folder, from), CWD, at(folder, to), how);
        told.push((format!("rename {from} to {to}, {how:?}"), done));
    }
}

fn names(folder: &Path, told: &mut Told) {
    let at = |name: &str| at(folder, name);
    let long = "n".repeat(256);
    let mut tell = |what: &str, result| told.push((what.to_owned(), number(result)));
    for name in ["e/.", "e/..", "full/in/..", "to-e", "to-e/", "full", "f", "f/", "none"] {
        tell(&format!("rmdir {name}"), fs::remove_dir(at(name)));
    }
    for name in ["f/", "e", "e/.", "e/", "none", "none/", "to-e/", &long] {
        tell(&format!("unlink {name}"), fs::remove_file(at(name)));
    }
    for name in ["e/.", "e/..", "e", "f", "f/x", "none/x", "dangling", "loop/x", &long] {
        tell(&format!("mkdir {name}"), fs::create_dir(at(name)));
        tell(&format!("symlink {name}"), symlink("x", at(name)));
        tell(&format!("link f to {name}"), fs::hard_link(at("f"), at(name)));
    }
    tell("a symlink of 4,096 bytes", symlink("t".repeat(4096), at("s")));
    tell("a symlink of 4,095 bytes", symlink("t".repeat(4095), at("s")));
    tell("an empty symlink", symlink("", at("s2")));
    tell("link with a slash", fs::hard_link(at("f"), at("new/")));
    tell("link a folder", fs::hard_link(at("e"), at("new")));
    for name in ["f", "e", "none"] {
        tell(&format!("readlink {name}"), fs::read_link(at(name)).map(drop));
        tell(&format!("list {name}"), fs::read_dir(at(name)).map(drop));
    }
    tell("a path of many parts", fs::metadata(at(&"./".repeat(2100))).map(drop));
    for kind in [FileType::Directory, FileType::Symlink] {
        let made = mknodat(CWD, at("node"), kind, Mode::from(0o644), 0);
        told.push((format!("mknod {kind:?}"), made));
    }
}

fn opening(folder: &Path, told: &mut Told) {
    let at = |name: &str| at(folder, name);
    let open = |name: &str, flags: i32| {
        let access = flags & libc::O_ACCMODE;
        let mut options = OpenOptions::new();
        options.read(access != libc::O_WRONLY).write(access != libc::O_RDONLY);
        options.create(flags & libc::O_CREAT != 0 && access != libc::O_RDONLY);
        options.custom_flags(flags).open(at(name))
    };
    const CREATE: i32 = libc::O_CREAT | libc::O_WRONLY;
    for (name, flags) in [
        ("f", libc::O_DIRECTORY),
        ("f/", 0),
        ("f/x", 0),
        ("e", libc::O_RDWR),
        ("e", libc::O_WRONLY | libc::O_TRUNC),
        ("e", CREATE),
        ("f", CREATE | libc::O_EXCL),
        ("dangling", CREATE | libc::O_EXCL),
        ("dangling", 0),
        ("loop", 0),
        ("loop", CREATE),
        ("link", libc::O_NOFOLLOW),
        ("to-e", libc::O_NOFOLLOW | libc::O_DIRECTORY),
        ("none", 0),
        ("none/x", CREATE),
        ("new/", CREATE),
        ("socket", 0),
        ("pipe", libc::O_WRONLY | libc::O_NONBLOCK),
        ("f", libc::O_NOATIME),
        ("f", libc::O_DIRECT | libc::O_RDWR),
    ] {
        told.push((format!("open {name} with {flags:o}"), number(open(name, flags))));
    }
}

fn content(folder: &Path, told: &mut Told) {
    let file = OpenOptions::new().read(true).write(true).open(folder.join("f")).unwrap();
    let readable = File::open(folder.join("f")).unwrap();
    let listed = File::open(folder.join("e")).unwrap();
    let mut tell = |what: &str, result| told.push((what.to_owned(), result));
    for (what, from) in [
        ("data at the end", SeekFrom::Data(10)),
        ("a hole at the end", SeekFrom::Hole(10)),
        ("data past it", SeekFrom::Data(1 << 40)),
        ("a hole past it", SeekFrom::Hole(1 << 40)),
        ("data in it", SeekFrom::Data(9)),
        ("a hole in it", SeekFrom::Hole(9)),
        ("before the start", SeekFrom::End(-11)),
    ] {
        tell(what, seek(&file, from).map(drop));
    }
    tell("write what is read", number(readable.write_at(b"x", 0)));
    tell("cut what is read", number(readable.set_len(0)));
    tell("read a folder", number(listed.read_at(&mut [0; 9], 0)));
    tell("room in what is read", fallocate(&readable, FallocateFlags::empty(), 0, 9));
    tell("no room", fallocate(&file, FallocateFlags::empty(), 0, 0));
    tell("room in a folder", fallocate(&listed, FallocateFlags::empty(), 0, 9));
    tell("a hole and more", fallocate(&file, FallocateFlags::PUNCH_HOLE, 0, 9));
    let odd = FallocateFlags::from_bits_retain(1 << 9);
    tell("an unknown kind of room", fallocate(&file, odd, 0, 9));
    let cut = |name: &str, bytes: u64| {
        let file = OpenOptions::new().write(true).open(folder.join(name));
        number(file.and_then(|file| file.set_len(bytes)))
    };
    tell("cut a folder", cut("e", 0));
}

fn attributes(folder: &Path, told: &mut Told) {
    let at = |name: &str| folder.join(name);
    let mut value = [0; 100];
    let mut short = [0; 1];
    for (path, name, bytes, how) in [
        ("f", "user.a", 3, XattrFlags::REPLACE),
        ("f", "user.a", 3, XattrFlags::CREATE),
        ("f", "user.a", 3, XattrFlags::CREATE),
        ("f", "user.", 3, XattrFlags::empty()),
        ("f", "trusted.", 3, XattrFlags::empty()),
        ("f", "", 3, XattrFlags::empty()),
        ("f", "user", 3, XattrFlags::empty()),
        ("f", "strange.a", 3, XattrFlags::empty()),
        ("f", "system.a", 3, XattrFlags::empty()),
        ("f", "user.b", 65_537, XattrFlags::empty()),
        ("f", &format!("user.{}", "n".repeat(251)), 3, XattrFlags::empty()),
        ("f", "user.b", 3, XattrFlags::from_bits_retain(8)),
        ("link", "user.a", 3, XattrFlags::empty()),
        ("pipe", "user.a", 3, XattrFlags::empty()),
        ("e", "user.a", 3, XattrFlags::empty()),
    ] {
        let set = lsetxattr(at(path), name, &vec![1; bytes], how);
        told.push((format!("set {name} of {path}, {bytes} bytes, {how:?}"), set));
    }
    for name in ["user.a", "user.none", "strange.a", "system.a", ""] {
        let got = lgetxattr(at("f"), name, &mut value[..]).map(drop);
        told.push((format!("get {name}"), got));
    }
    told.push(("get too much".into(), lgetxattr(at("f"), "user.a", &mut short[..]).map(drop)));
    for name in ["user.none", "user.a", "user.a", "strange.a"] {
        told.push((format!("remove {name}"), lremovexattr(at("f"), name)));
    }
}

#[test]
fn refusals_have_the_numbers_that_ext4_gives() {
    let Some(bench) = Bench::mounted() else { return };
    if statfs(bench.folder()).unwrap().f_type as u32 != EXT_MAGIC {
        return skip("the scratch folder is not on ext4");
    }
    let [plain, ours] = [bench.folder().join("plain"), bench.at("ours")].map(|folder| {
        fs::create_dir(&folder).unwrap();
        furnish(&folder);
        let mut told = Told::new();
        for make in [opening, content, attributes, names, renames] {
            make(&folder, &mut told);
        }
        told
    });
    let refused = plain.iter().filter(|(_, result)| result.is_err()).count();
    assert!(refused > 90, "only {refused} calls are refused");
    let others: Vec<_> = plain.iter().zip(&ours).filter(|(plain, ours)| plain != ours).collect();
    assert!(others.is_empty(), "{others:#?}");
}
