//! The ways in which `mount(8)` and `/etc/fstab` start a mount.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Command;

use hushfs::fuse::mount_at;
use rustix::fs::StatVfsMountFlags;

use super::bench::{Bench, HUSHFS, is_mounted, is_root, said, skip};
use super::namespace;

fn options(bench: &Bench, more: &str) -> OsString {
    let mut options = OsString::from("key_file=");
    options.push(bench.key_file());
    options.push(",state_dir=");
    options.push(bench.state());
    options.push(more);
    options
}

fn assert_mounted(bench: &Bench) {
    bench.note_daemon(&bench.mount_point());
    fs::write(bench.at("file"), "x").unwrap();
    let mount = mount_at(&bench.mount_point()).unwrap().unwrap();
    assert_eq!(mount.fs_type, "fuse.hushfs");
    assert_eq!(mount.source, bench.vault());
    bench.unmount();
}

#[test]
fn as_a_mount_helper_it_takes_what_mount_8_passes() {
    let Some(bench) = Bench::new() else { return };
    let helper = bench.folder().join("mount.fuse.hushfs");
    symlink(HUSHFS, &helper).unwrap();
    let run = |flags: &[&str]| {
        let mut command = Command::new(&helper);
        command.arg(bench.vault()).arg(bench.mount_point()).args(flags);
        command.arg("-o").arg(options(&bench, ",rw,noauto,_netdev,x-systemd.automount"));
        said(&command.output().unwrap())
    };
    assert_eq!(run(&["-f", "-t", "fuse.hushfs"]).0, 0, "-f is “fake” here");
    assert!(!is_mounted(&bench.mount_point()));
    let (code, text) = run(&["-sn", "-t", "fuse.hushfs"]);
    assert_eq!(code, 0, "{text}");
    assert_mounted(&bench);
}

#[test]
fn as_a_mount_helper_it_has_suid_and_dev_unless_told_otherwise_as_mount_8_does() {
    if !is_root() {
        return skip("only root can have suid and dev");
    }
    let Some(bench) = Bench::new() else { return };
    let helper = bench.folder().join("mount.fuse.hushfs");
    symlink(HUSHFS, &helper).unwrap();
    for (more, expected) in [(",rw", (false, false)), (",rw,nosuid,nodev", (true, true))] {
        let mut command = Command::new(&helper);
        command.arg(bench.vault()).arg(bench.mount_point());
        command.arg("-o").arg(options(&bench, more));
        let (code, text) = said(&command.output().unwrap());
        assert_eq!(code, 0, "{text}");
        let flags = rustix::fs::statvfs(bench.mount_point()).unwrap().f_flag;
        let (nosuid, nodev) = (StatVfsMountFlags::NOSUID, StatVfsMountFlags::NODEV);
        assert_eq!((flags.contains(nosuid), flags.contains(nodev)), expected, "{more}");
        assert_mounted(&bench);
    }
}

#[test]
fn through_the_helper_of_libfuse_it_mounts() {
    let Some(bench) = Bench::new() else { return };
    let helper = Path::new("/sbin/mount.fuse3");
    if !helper.exists() {
        return skip("there is no mount.fuse3 (package fuse3)");
    }
    // It starts `hushfs VAULT MOUNTPOINT -o OPTIONS` by the search path.
    let folder = bench.folder().join("bin");
    fs::create_dir(&folder).unwrap();
    symlink(HUSHFS, folder.join("hushfs")).unwrap();
    let mut path = folder.into_os_string();
    path.push(":/usr/bin:/bin");
    let output = Command::new(helper)
        .env("PATH", path)
        .arg(bench.vault())
        .arg(bench.mount_point())
        .args(["-t", "fuse.hushfs", "-o"])
        .arg(options(&bench, ",noatime"))
        .output()
        .unwrap();
    let (code, text) = said(&output);
    assert_eq!(code, 0, "{text}");
    assert_mounted(&bench);
}

#[test]
fn mount_8_mounts_by_type_and_by_a_line_of_fstab() {
    let Some(bench) = Bench::new() else { return };
    if !namespace::is_possible() {
        return;
    }
    if !Path::new("/sbin/mount.fuse").exists() {
        return skip("mount(8) has no helper mount.fuse here (package fuse3)");
    }
    let fstab = bench.folder().join("fstab");
    let options = options(&bench, "");
    let line = format!(
        "{} {} fuse.hushfs noauto,user,nofail,exec,x-systemd.automount,comment=chats,{} 0 0\n",
        bench.vault().display(),
        bench.mount_point().display(),
        options.display()
    );
    fs::write(&fstab, line).unwrap();
    let script = r#"
        mount -t fuse.hushfs "$1" "$2" -o "$3,rw"
        test "$(findmnt --noheadings --output FSTYPE "$2")" = fuse.hushfs
        echo by type >"$2/by-type"
        umount "$2"
        flock "$5/lock" true # waits for the daemon
        mount --fstab "$4" "$2"
        echo by fstab >"$2/by-fstab"
        hushfs unmount "$2"
    "#;
    let (vault, mount_point, state) = (bench.vault(), bench.mount_point(), bench.state());
    let arguments = [&*vault, &*mount_point, Path::new(&options), &*fstab, &*state];
    namespace::assert_runs(script, &arguments);
    bench.mount_elsewhere();
    assert_eq!(fs::read(bench.at("by-type")).unwrap(), b"by type\n");
    assert_eq!(fs::read(bench.at("by-fstab")).unwrap(), b"by fstab\n");
}

#[test]
fn the_options_of_a_mount_are_the_kernels_too() {
    let Some(bench) = Bench::new() else { return };
    let flags = || {
        let flags = rustix::fs::statvfs(bench.mount_point()).unwrap().f_flag;
        let known = [
            (StatVfsMountFlags::NOSUID, "nosuid"),
            (StatVfsMountFlags::NODEV, "nodev"),
            (StatVfsMountFlags::NOEXEC, "noexec"),
            (StatVfsMountFlags::RDONLY, "ro"),
        ];
        let set = known.iter().filter(|(flag, _)| flags.contains(*flag));
        set.map(|(_, name)| *name).collect::<Vec<_>>().join(",")
    };
    let mount = |options: &str| {
        let (code, text) = said(&bench.try_mount(&["-o", options]));
        assert_eq!(code, 0, "{text}");
    };
    mount("rw");
    assert_eq!(flags(), "nosuid,nodev");
    bench.unmount();
    mount("noexec,ro");
    assert_eq!(flags(), "nosuid,nodev,noexec,ro");
    bench.unmount();
    if is_root() {
        mount("suid,dev");
        assert_eq!(flags(), "");
        bench.unmount();
    }
}

#[test]
fn atime_options_are_taken_and_times_are_the_files_own() {
    let Some(bench) = Bench::new() else { return };
    for option in ["noatime", "relatime", "strictatime", "nodiratime", "diratime"] {
        assert!(bench.try_mount(&["-o", option]).status.success(), "{option}");
        fs::write(bench.at("file"), "x").unwrap();
        fs::read(bench.at("file")).unwrap();
        let times = fs::metadata(bench.at("file")).unwrap();
        assert!(times.mtime() > 1_700_000_000 && times.atime() > 1_700_000_000);
        bench.unmount();
    }
}
