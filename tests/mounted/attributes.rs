//! Modes, owners, times, extended attributes, and what `statfs` tells.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FallocateFlags, FileType, Gid, Mode, StatVfsMountFlags, Timespec, Timestamps,
    UTIME_NOW, UTIME_OMIT, Uid, XattrFlags, chownat, fallocate, lgetxattr, lremovexattr, lsetxattr,
    makedev, mknodat, statvfs, utimensat,
};
use rustix::io::Errno;
use rustix::process::getgid;

use super::bench::{Bench, is_root};
use super::other_user::{mounted_for_all, run_as_other};
use super::snapshot;

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn set_times(path: &Path, atime: (i64, i64), mtime: (i64, i64)) {
    let [last_access, last_modification] =
        [atime, mtime].map(|(tv_sec, tv_nsec)| Timespec { tv_sec, tv_nsec });
    let times = Timestamps { last_access, last_modification };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

fn times(path: &Path) -> ((i64, i64), (i64, i64)) {
    let told = fs::symlink_metadata(path).unwrap();
    ((told.atime(), told.atime_nsec()), (told.mtime(), told.mtime_nsec()))
}

#[test]
fn every_mode_bit_is_kept() {
    let Some(bench) = Bench::mounted() else { return };
    fs::write(bench.at("file"), "x").unwrap();
    fs::create_dir(bench.at("folder")).unwrap();
    let modes = [0, 0o400, 0o7777, 0o4711, 0o2755, 0o1777, 0o600];
    for wanted in modes {
        set_mode(&bench.at("file"), wanted);
        set_mode(&bench.at("folder"), wanted);
        bench.remount();
        assert_eq!((mode(&bench.at("file")), mode(&bench.at("folder"))), (wanted, wanted));
    }
}

#[test]
fn a_set_gid_folder_hands_down_its_group() {
    if !is_root() {
        return;
    }
    let Some(bench) = Bench::mounted() else { return };
    fs::create_dir(bench.at("shared")).unwrap();
    let gid = Gid::from_raw(4242);
    chownat(CWD, bench.at("shared"), None, Some(gid), AtFlags::empty()).unwrap();
    set_mode(&bench.at("shared"), 0o2775);
    fs::write(bench.at("shared/file"), "").unwrap();
    fs::create_dir(bench.at("shared/inner")).unwrap();
    assert_eq!(fs::metadata(bench.at("shared/file")).unwrap().gid(), 4242);
    assert_eq!(fs::metadata(bench.at("shared/inner")).unwrap().gid(), 4242);
    assert_eq!(mode(&bench.at("shared/inner")) & 0o2000, 0o2000);
}

#[test]
fn owners_change_and_take_setuid_with_them() {
    let Some(bench) = Bench::mounted() else { return };
    let path = bench.at("file");
    fs::write(&path, "x").unwrap();
    chownat(CWD, &path, None, Some(getgid()), AtFlags::empty()).unwrap();
    if !is_root() {
        return;
    }
    set_mode(&path, 0o6755);
    let (uid, gid) = (Uid::from_raw(1234), Gid::from_raw(4_000_000_000));
    chownat(CWD, &path, Some(uid), Some(gid), AtFlags::empty()).unwrap();
    assert_eq!(mode(&path), 0o755);
    symlink("file", bench.at("link")).unwrap();
    chownat(CWD, bench.at("link"), Some(uid), None, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    bench.remount();
    let told = fs::metadata(&path).unwrap();
    assert_eq!((told.uid(), told.gid(), mode(&path)), (1234, 4_000_000_000, 0o755));
    assert_eq!(fs::symlink_metadata(bench.at("link")).unwrap().uid(), 1234);
}

#[test]
fn pipes_and_sockets_lose_setuid_with_their_owner_and_folders_do_not() {
    let Some(bench) = Bench::mounted() else { return };
    let kinds = [(FileType::Fifo, 0o777), (FileType::Socket, 0o777), (FileType::Directory, 0o6777)];
    for (kind, left) in kinds {
        let path = bench.at(format!("{kind:?}"));
        match kind {
            FileType::Directory => fs::create_dir(&path).unwrap(),
            _ => mknodat(CWD, &path, kind, Mode::from_raw_mode(0o600), 0).unwrap(),
        }
        set_mode(&path, 0o6777);
        chownat(CWD, &path, None, Some(getgid()), AtFlags::empty()).unwrap();
        assert_eq!(mode(&path), left, "{kind:?}");
    }
}

#[test]
fn times_are_kept_to_the_nanosecond_before_1970_too() {
    let Some(bench) = Bench::mounted() else { return };
    let samples = [
        ((0, 0), (0, 1)),
        ((-1, 999_999_999), (-1, 0)),
        ((-2_208_988_800, 123_456_789), (-1, 1)),
        ((1_700_000_000, 1), (1_700_000_000, 999_999_999)),
        ((4_102_444_800, 5), (253_402_300_799, 7)),
    ];
    let kinds = ["file", "folder", "link"];
    for (number, (atime, mtime)) in samples.into_iter().enumerate() {
        let folder = bench.at(number.to_string());
        fs::create_dir_all(folder.join("folder")).unwrap();
        fs::write(folder.join("file"), "x").unwrap();
        symlink("anywhere", folder.join("link")).unwrap();
        for kind in kinds {
            set_times(&folder.join(kind), atime, mtime);
            assert_eq!(times(&folder.join(kind)), (atime, mtime), "{kind}");
        }
    }
    bench.remount();
    for (number, expected) in samples.into_iter().enumerate() {
        for kind in kinds {
            let path = bench.at(number.to_string()).join(kind);
            assert_eq!(times(&path), expected, "{kind} after a new mount");
        }
    }
}

#[test]
fn times_follow_what_is_done() {
    let Some(bench) = Bench::mounted() else { return };
    let path = bench.at("file");
    fs::write(&path, "x").unwrap();
    let old = ((1000, 0), (2000, 0));
    set_times(&path, old.0, old.1);
    set_times(&path, (0, UTIME_OMIT), (3000, 5));
    assert_eq!(times(&path), ((1000, 0), (3000, 5)));
    let changed = fs::metadata(&path).unwrap();
    set_mode(&path, 0o640);
    let after = fs::metadata(&path).unwrap();
    assert_eq!(after.mtime(), 3000);
    assert!((after.ctime(), after.ctime_nsec()) > (changed.ctime(), changed.ctime_nsec()));
    // A time that was set while content waited to be flushed is not undone by it.
    let file = File::options().append(true).open(&path).unwrap();
    (&file).write_all(b"more").unwrap();
    set_times(&path, old.0, old.1);
    drop(file);
    assert_eq!(times(&path), old);
    bench.remount();
    assert_eq!(times(&path), old);
    set_times(&path, (0, UTIME_NOW), (0, UTIME_NOW));
    assert!(times(&path).1.0 > 1_700_000_000);
    fs::create_dir(bench.at("folder")).unwrap();
    set_times(&bench.at("folder"), old.0, old.1);
    fs::write(bench.at("folder/new"), "").unwrap();
    assert!(times(&bench.at("folder")).1.0 > 1_700_000_000, "a new name changes its folder");
}

#[test]
fn special_files_are_kept() {
    let Some(bench) = Bench::mounted() else { return };
    let make = |name: &str, kind: FileType, device: u64| {
        mknodat(CWD, bench.at(name), kind, Mode::from_raw_mode(0o640), device).unwrap();
    };
    make("fifo", FileType::Fifo, 0);
    make("socket", FileType::Socket, 0);
    if is_root() {
        make("null", FileType::CharacterDevice, makedev(1, 3));
        make("disk", FileType::BlockDevice, makedev(259, 70_000));
    }
    let before = snapshot::of(&bench.mount_point());
    bench.remount();
    snapshot::assert_same(&snapshot::of(&bench.mount_point()), &before);
    if is_root() {
        assert_eq!(fs::metadata(bench.at("disk")).unwrap().rdev(), makedev(259, 70_000));
        // `nodev`: made, but not to be used.
        assert!(File::open(bench.at("null")).is_err());
    }
}

#[test]
fn pipes_and_sockets_carry_what_is_put_into_them() {
    let Some(bench) = Bench::mounted() else { return };
    let listener = UnixListener::bind(bench.at("socket")).unwrap();
    let mut client = UnixStream::connect(bench.at("socket")).unwrap();
    client.write_all(b"through").unwrap();
    let mut text = [0; 7];
    listener.accept().unwrap().0.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"through");
    mknodat(CWD, bench.at("pipe"), FileType::Fifo, Mode::from(0o600), 0).unwrap();
    // Both ends at once: neither waits for the other.
    let mut pipe = File::options().read(true).write(true).open(bench.at("pipe")).unwrap();
    pipe.write_all(b"the pipe").unwrap();
    let mut text = [0; 8];
    pipe.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"the pipe");
    assert_eq!(fs::metadata(bench.at("pipe")).unwrap().len(), 0);
}

#[test]
fn extended_attributes_of_every_length_are_kept() {
    let Some(bench) = Bench::mounted() else { return };
    fs::write(bench.at("file"), "x").unwrap();
    fs::create_dir(bench.at("folder")).unwrap();
    let values: BTreeMap<OsString, Vec<u8>> = [
        ("user.empty".into(), vec![]),
        ("user.bytes".into(), (0..=255).collect()),
        ("user.long".into(), vec![7; 65_536]),
        (format!("user.{}", "n".repeat(250)).into(), b"x".to_vec()),
        ("user.\u{1F5E8}".into(), b"name of any bytes".to_vec()),
    ]
    .into();
    for name in ["file", "folder"] {
        for (attribute, value) in &values {
            lsetxattr(bench.at(name), &**attribute, value, XattrFlags::empty()).unwrap();
        }
    }
    assert_eq!(snapshot::xattrs(&bench.at("file")), values);
    bench.remount();
    assert_eq!(snapshot::xattrs(&bench.at("file")), values);
    assert_eq!(snapshot::xattrs(&bench.at("folder")), values);

    let path = &bench.at("file");
    let set = |name: &str, how| lsetxattr(path, name, b"y", how);
    assert_eq!(set("user.empty", XattrFlags::CREATE), Err(Errno::EXIST));
    assert_eq!(set("user.none", XattrFlags::REPLACE), Err(Errno::NODATA));
    set("user.empty", XattrFlags::REPLACE).unwrap();
    let mut short = [0; 100];
    assert_eq!(lgetxattr(path, "user.bytes", &mut short[..]), Err(Errno::RANGE));
    assert_eq!(lgetxattr(path, "user.none", &mut short[..]), Err(Errno::NODATA));
    assert_eq!(lremovexattr(path, "user.none"), Err(Errno::NODATA));
    lremovexattr(path, "user.long").unwrap();
    bench.remount();
    let left = snapshot::xattrs(path);
    assert_eq!(left.len(), values.len() - 1);
    assert_eq!(left[OsStr::new("user.empty")], b"y");
}

#[test]
fn attributes_of_trusted_are_roots_alone_and_those_of_security_are_listed_for_all() {
    let Some(bench) = mounted_for_all() else { return };
    fs::write(bench.at("file"), "x").unwrap();
    for name in ["user.a", "trusted.a", "security.a"] {
        lsetxattr(bench.at("file"), name, b"value", XattrFlags::empty()).unwrap();
    }
    bench.unmount();
    assert!(bench.try_mount(&["--allow-other"]).status.success());
    assert_eq!(snapshot::xattrs(&bench.at("file")).len(), 3);
    let asked = "import os; print(sorted(os.listxattr('file')), os.getxattr('file', 'user.a'))";
    let told = run_as_other(&bench.mount_point(), &format!("python3 -c \"{asked}\""));
    assert_eq!(told, "['security.a', 'user.a'] b'value'");
    for call in ["getxattr('file', 'trusted.a')", "setxattr('file', 'trusted.b', b'')"] {
        let script = format!("! python3 -c \"import os; os.{call}\" 2>/dev/null");
        run_as_other(&bench.mount_point(), &script);
    }
}

#[test]
fn what_a_program_may_do_beyond_its_user_goes_with_a_change_of_the_program() {
    if !is_root() {
        return;
    }
    let Some(bench) = Bench::mounted() else { return };
    let path = &bench.at("program");
    fs::write(path, "x").unwrap();
    // Version 2 of `security.capability`: CAP_CHOWN, permitted and in effect.
    let capability: Vec<u8> =
        [0x0200_0001_u32, 1, 0, 0, 0].iter().flat_map(|word| word.to_le_bytes()).collect();
    let name = "security.capability";
    let set = || lsetxattr(path, name, &capability, XattrFlags::empty()).unwrap();
    let mut value = [0; 100];
    let write = || fs::write(path, "changed").unwrap();
    let append = || File::options().append(true).open(path).unwrap().write_all(b"more").unwrap();
    let cut = || File::options().write(true).open(path).unwrap().set_len(1).unwrap();
    let give = || chownat(CWD, path, Some(Uid::from_raw(3)), None, AtFlags::empty()).unwrap();
    let punch = || {
        let file = File::options().write(true).open(path).unwrap();
        let how = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        fallocate(&file, how, 0, 1).unwrap();
    };
    for change in [&write as &dyn Fn(), &append, &punch, &cut, &give] {
        set();
        assert_eq!(lgetxattr(path, name, &mut value[..]), Ok(capability.len()));
        change();
        assert_eq!(lgetxattr(path, name, &mut value[..]), Err(Errno::NODATA));
    }
    bench.remount();
    assert!(snapshot::xattrs(path).is_empty());
}

#[test]
fn the_mounts_own_attributes_are_not_listed_and_not_changed() {
    let Some(bench) = Bench::mounted() else { return };
    assert!(snapshot::xattrs(&bench.mount_point()).is_empty());
    let root = bench.mount_point();
    assert_eq!(lremovexattr(&root, "system.hushfs.status"), Err(Errno::PERM));
    let set = lsetxattr(&root, "system.hushfs.other", b"x", XattrFlags::empty());
    assert_eq!(set, Err(Errno::PERM));
}

#[test]
fn other_attributes_of_the_system_are_refused_rather_than_dropped() {
    let Some(bench) = Bench::mounted() else { return };
    fs::create_dir(bench.at("folder")).unwrap();
    for name in ["system.nfs4_acl", "system.other", "system.posix_acl_other"] {
        let set = lsetxattr(bench.at("folder"), name, b"x", XattrFlags::empty());
        assert_eq!(set, Err(Errno::OPNOTSUPP), "{name}");
        let mut value = [0; 100];
        let got = lgetxattr(bench.at("folder"), name, &mut value[..]);
        assert_eq!(got, Err(Errno::OPNOTSUPP), "{name}");
    }
}

#[test]
fn the_room_is_that_of_the_vaults_disk() {
    let Some(bench) = Bench::mounted() else { return };
    let ours = statvfs(bench.mount_point()).unwrap();
    let disk = statvfs(bench.vault()).unwrap();
    let bytes = |told: &rustix::fs::StatVfs| told.f_blocks * told.f_frsize;
    assert!(bytes(&ours).abs_diff(bytes(&disk)) < 1 << 20);
    assert!(ours.f_bavail > 0 && ours.f_bavail <= ours.f_bfree && ours.f_bfree <= ours.f_blocks);
    assert!(ours.f_ffree > 0);
    assert_eq!(ours.f_namemax, 255);
    assert!(!ours.f_flag.contains(StatVfsMountFlags::RDONLY));
}
