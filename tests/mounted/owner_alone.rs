//! A mount that only its owner can enter: where that is root, the kernel checks no permissions, and
//! all is as on a disk nonetheless.

use super::access_control_lists::Both;
use super::bench::{Bench, is_root};

/// Whether the kernel checks permissions in the mount of a bench.
fn is_checked(bench: &Bench) -> bool {
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
    let place = bench.mount_point();
    let of_bench = |line: &&str| line.split(' ').nth(1) == place.to_str();
    mounts.lines().find(of_bench).unwrap().contains("default_permissions")
}

#[test]
fn permissions_are_checked_unless_only_root_gets_in() {
    let Some(bench) = Bench::mounted() else { return };
    assert_eq!(is_checked(&bench), !is_root());
    bench.unmount();
    if is_root() {
        assert!(bench.try_mount(&["--allow-other"]).status.success());
        assert!(is_checked(&bench));
    }
}

#[test]
fn in_a_mount_for_its_owner_alone_lists_change_modes_at_once_as_on_disk() {
    let Some(both) = Both::for_its_owner_alone() else { return };
    both.assert_alike(
        r#"
        touch file; mkdir folder; chmod 640 file
        stat -c %a file
        setfacl -m u:1:rwx file; stat -c %a file; ls -l file | cut -c1-10
        chmod 600 file; getfacl --numeric file
        setfacl -b file; stat -c %a file
        setfacl -m u:1:- file; setfacl -x u:1 file; stat -c %a file
        setfacl -d -m u:2:rx,g:3:w folder
        touch folder/in; mkdir folder/deeper; (umask 077; touch folder/deeper/in)
        show
        "#,
    );
}

#[test]
fn in_a_mount_for_its_owner_alone_what_may_be_done_is_as_on_disk() {
    let Some(both) = Both::for_its_owner_alone() else { return };
    both.assert_alike(
        r#"
        may() { for what in r w x; do if test -$what "$1"; then echo "$1 $what"; fi; done; }
        printf '#!/bin/sh\necho ran\n' >program; mkdir folder; ln -s program link; mkfifo pipe
        for mode in 0 100 010 001 400 644 755; do
            chmod $mode program; echo "mode $mode"
            may program; may link
            if ./program 2>/dev/null; then :; else echo "not run"; fi
        done
        for mode in 0 400 500 755; do
            chmod $mode folder pipe; echo "mode $mode"; may folder; may pipe
            try touch folder/file; try ls folder; try sh -c "cd folder"; try rm folder/file
        done
        chmod 1777 folder; touch folder/sticky; try rm folder/sticky
        chmod 644 program; echo more >>program; chmod 6755 program
        stat -c %a program; echo more >>program; stat -c %a program
        "#,
    );
}
