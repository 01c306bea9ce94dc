//! What devices do to their files when it is their turn.

use std::ffi::OsStr;
use std::fs::{self, File, FileTimes, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, FileType, Mode, XattrFlags, lremovexattr, lsetxattr, mknodat};

use super::dice::Dice;

/// More than two packs of 16 MiB.
const LARGE_BYTES: u64 = 36 << 20;
/// Names that some program or file system does not like, and names that clients give their own.
const STRANGE_NAMES: [&[u8]; 13] = [
    b"\xFF\xFE not UTF-8",
    b"two\nlines",
    b"-rf",
    b" ",
    b"dot at the end.",
    b"a:b*?\"<>|\\",
    b"CON",
    "na\u{ef}ve \u{1F42D}".as_bytes(),
    "nai\u{308}ve \u{1F42D}".as_bytes(),
    b".stfolder",
    b".syncthing.name.tmp",
    b"name.sync-conflict-20260101-120000-ABCDEFG.txt",
    b".unison.name.0123456789abcdef0123456789abcdef.unison.tmp",
];

/// Bytes that do not repeat, the same for the same seed.
pub fn bytes(seed: u64, length: u64) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    let words = usize::try_from(length.div_ceil(8)).unwrap();
    let mut bytes: Vec<u8> =
        std::iter::repeat_with(|| dice.next().to_le_bytes()).take(words).flatten().collect();
    bytes.truncate(usize::try_from(length).unwrap());
    bytes
}

/// Makes files of every kind.
pub fn begin(folder: &Path) {
    let at = |name: &str| folder.join(name);
    fs::write(at("empty"), "").unwrap();
    fs::create_dir(at("empty folder")).unwrap();
    for nth in 0..8 {
        fs::write(at(&format!("small {nth}")), bytes(nth, nth * 700 + 1)).unwrap();
    }
    fs::write(at("large"), bytes(100, LARGE_BYTES)).unwrap();
    fs::write(at("moving 0"), "x").unwrap();

    let sparse = File::create(at("sparse")).unwrap();
    sparse.set_len(24 << 20).unwrap();
    sparse.write_all_at(b"an island", 10 << 20).unwrap();

    symlink("small 1", at("link")).unwrap();
    symlink("/nowhere/at all", at("dangling")).unwrap();
    mknodat(CWD, at("pipe"), FileType::Fifo, Mode::from_raw_mode(0o640), 0).unwrap();

    let mut deep = at("deep");
    for level in 0..24 {
        deep.push(format!("{level:02} {}", "d".repeat(60)));
    }
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("bottom"), bytes(101, 5000)).unwrap();
    fs::hard_link(at("small 2"), deep.join("small 2 as well")).unwrap();
    fs::hard_link(at("small 2"), at("small 2 once more")).unwrap();

    fs::create_dir(at("strange")).unwrap();
    for (nth, name) in (0..).zip(STRANGE_NAMES) {
        let path = at("strange").join(OsStr::from_bytes(name));
        fs::write(path, bytes(200 + nth, 300)).unwrap();
    }
    fs::write(at("strange").join("n".repeat(255)), "the longest name").unwrap();

    set_xattr(&at("small 3"), "user.colour", b"green");
    set_xattr(&at("small 3"), "user.large", &bytes(102, 4000));
    set_xattr(&at("empty folder"), "user.of a folder", b"");
    for (name, mode) in
        [("small 4", 0o400), ("small 5", 0o4711), ("empty folder", 0o1777), ("strange", 0o2750)]
    {
        set_mode(&at(name), mode);
    }
    let early = SystemTime::UNIX_EPOCH - Duration::new(86_400, 1);
    let late = SystemTime::UNIX_EPOCH + Duration::new(1 << 32, 123_456_789);
    for (name, time) in [("small 6", early), ("small 7", late), ("empty folder", late)] {
        File::open(at(name)).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
    }
}

/// Changes something of every kind; another thing in every turn. They are counted from 1.
pub fn change(folder: &Path, turn: u8) {
    let at = |name: &str| folder.join(name);
    let before = turn - 1;
    let seed = 1000 * u64::from(turn);

    let large = OpenOptions::new().write(true).open(at("large")).unwrap();
    large.write_all_at(&bytes(seed, 5000), u64::from(turn) * 1_000_000).unwrap();
    large.set_len(LARGE_BYTES - u64::from(turn) * 1000).unwrap();
    let sparse = OpenOptions::new().write(true).open(at("sparse")).unwrap();
    sparse.write_all_at(b"another island", u64::from(turn) << 20).unwrap();
    let mut grows = OpenOptions::new().create(true).append(true).open(at("grows")).unwrap();
    grows.write_all(&bytes(seed + 1, 100_000)).unwrap();

    let of_turn = at(&format!("of turn {turn}"));
    fs::create_dir(&of_turn).unwrap();
    for nth in 0..12 {
        fs::write(of_turn.join(format!("new {nth}")), bytes(seed + 2 + nth, 3000 * nth)).unwrap();
    }
    fs::hard_link(at("grows"), of_turn.join("grows as well")).unwrap();
    symlink(format!("../of turn {before}"), of_turn.join("before")).unwrap();

    fs::rename(at(&format!("moving {before}")), at(&format!("moving {turn}"))).unwrap();
    if turn > 1 {
        let last = at(&format!("of turn {before}"));
        fs::remove_file(last.join("new 3")).unwrap();
        fs::rename(last.join("new 4"), last.join("new 5")).unwrap();
        fs::rename(last.join("new 6"), of_turn.join("of the other device")).unwrap();
    }
    if turn > 2 {
        fs::remove_dir_all(at(&format!("of turn {}", turn - 2))).unwrap();
    }

    fs::remove_file(at("link")).unwrap();
    symlink(format!("small {}", turn % 8), at("link")).unwrap();
    let marked = at("small 3");
    set_xattr(&marked, &format!("user.turn {turn}"), &[turn]);
    if turn > 1 {
        lremovexattr(&marked, format!("user.turn {before}")).unwrap();
    }
    let mode = fs::metadata(at("small 4")).unwrap().mode() & 0o7777;
    set_mode(&at("small 4"), mode ^ 0o044);
    let time = SystemTime::UNIX_EPOCH + Duration::new(seed, 987_654_321);
    File::open(at("small 6")).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
}

fn set_xattr(path: &PathBuf, name: &str, value: &[u8]) {
    lsetxattr(path, name, value, XattrFlags::empty()).unwrap();
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}
