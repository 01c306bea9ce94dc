//! Mounts of ordinary users, made by root's tests in a system of their own, where every user may
//! use `/dev/fuse`.

use std::path::Path;
use std::process::Command;

use super::bench::{Bench, skip};
use super::namespace;

/// Whoever this is, it is nobody whose files matter.
const SETUP: &str = r#"
    refused() { if "$@" >/dev/null 2>&1; then echo "not refused: $*"; exit 1; fi; }
    as_user() { setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/usr/local/sbin/home "$@"; }
    cd /usr/local/sbin
    mknod -m 666 fuse c 10 229
    mount --bind fuse /dev/fuse
    mkdir home && chown 65534:65534 home && chmod 700 home && cd home
    as_user hushfs init --yes --key-file key vault >/dev/null 2>&1
    as_user mkdir mnt
"#;

fn assert_runs(script: &str) {
    // The bench says whether there is FUSE at all; scripts bring all else along.
    if Bench::empty().is_some() && namespace::is_possible() {
        namespace::assert_runs(&format!("{SETUP}{script}"), &[]);
    }
}

#[test]
fn a_user_mounts_and_unmounts_without_root() {
    let script = r#"
        as_user hushfs mount --key-file key vault mnt
        test "$(findmnt --noheadings --output FSTYPE mnt)" = fuse.hushfs
        as_user sh -c 'echo mine >mnt/file; ln -s file mnt/link; test "$(cat mnt/link)" = mine'
        test "$(as_user stat -c %u:%a mnt)" = 65534:755
        as_user hushfs status --json mnt >/dev/null
        daemon=$(as_user sed 's/.*"pid":\([0-9]*\).*/\1/' .local/state/hushfs/*/lock)
        test "$(stat -c %u /proc/"$daemon"/environ)" = 0
        refused as_user cat /proc/"$daemon"/environ
        refused as_user ls /proc/"$daemon"/fd
        as_user hushfs unmount mnt
        refused test -e /proc/"$daemon"/exe
        as_user hushfs mount --key-file key vault mnt
        test "$(as_user cat mnt/file)" = mine
        as_user fusermount3 -u mnt
        flock .local/state/hushfs/*/lock true
        test "$(stat -c %a:%u .local/state/hushfs)" = 700:65534
        test -z "$(find vault .local/state/hushfs -type d ! -perm 700)"
        test -z "$(find vault .local/state/hushfs -type f ! -perm 600)"
    "#;
    assert_runs(script);
}

#[test]
fn a_new_vault_is_its_users_even_if_the_first_mount_fails_or_dies() {
    let script = r#"
        touch mnt/in-the-way
        refused as_user hushfs mount --key-file key vault mnt
        rm mnt/in-the-way
        as_user hushfs mount --key-file key vault mnt
        kill -9 "$(sed 's/.*"pid":\([0-9]*\).*/\1/' .local/state/hushfs/*/lock)"
        flock .local/state/hushfs/*/lock true
        as_user hushfs mount --key-file key vault mnt
        test "$(as_user stat -c %u:%g:%a mnt)" = 65534:65534:755
        as_user touch mnt/file
    "#;
    assert_runs(script);
}

#[test]
fn root_is_not_let_into_a_users_mount_but_can_ask_about_it_and_end_it() {
    let script = r#"
        as_user hushfs mount --key-file key vault mnt
        as_user sh -c 'echo mine >mnt/file'
        refused cat mnt/file
        refused ls mnt
        hushfs status --json mnt | grep -q '"files": 1'
        hushfs unmount mnt
        refused findmnt mnt
        as_user hushfs mount --key-file key vault mnt
        test "$(as_user cat mnt/file)" = mine
    "#;
    assert_runs(script);
}

#[test]
fn a_users_dead_mount_is_cleared_away_by_that_user() {
    let script = r#"
        as_user hushfs mount --key-file key vault mnt
        as_user sh -c 'echo mine >mnt/file'
        kill -9 "$(sed 's/.*"pid":\([0-9]*\).*/\1/' .local/state/hushfs/*/lock)"
        flock .local/state/hushfs/*/lock true
        refused as_user ls mnt
        as_user hushfs mount --key-file key vault mnt
        test "$(as_user cat mnt/file)" = mine
        test "$(findmnt --noheadings --output TARGET mnt | wc -l)" = 1
    "#;
    assert_runs(script);
}

#[test]
fn other_users_are_let_in_only_where_root_allows_that() {
    let script = r#"
        printf '# none\n' >../fuse.conf && mount --bind ../fuse.conf /etc/fuse.conf
        code=0
        said=$(as_user hushfs mount --allow-other --key-file key vault mnt 2>&1) || code=$?
        test "$code" = 1
        case $said in *user_allow_other*) ;; *) echo "$said"; exit 1 ;; esac
        echo user_allow_other >../fuse.conf
        as_user hushfs mount --allow-other --key-file key vault mnt
        as_user sh -c 'echo mine >mnt/file; echo mine >mnt/private; chmod 600 mnt/private'
        chmod 755 .
        as_other() { setpriv --reuid=1234 --regid=1234 --clear-groups "$@"; }
        test "$(cat mnt/file)" = mine
        test "$(as_other cat mnt/file)" = mine
        refused as_other cat mnt/private
        refused as_other touch mnt/new
        refused as_other hushfs status mnt
        refused as_other hushfs unmount mnt
        as_user hushfs unmount mnt
    "#;
    if !Path::new("/etc/fuse.conf").exists() {
        return skip("there is no /etc/fuse.conf");
    }
    assert_runs(script);
}

#[test]
fn a_file_that_is_changed_without_privilege_loses_setuid_for_all_to_see_at_once() {
    let script = r#"
        as_user hushfs mount --key-file key vault mnt
        mode_after() {
            as_user sh -ec 'echo before >mnt/file; chmod "$0" mnt/file
                test "$(stat -c %a mnt/file)" = "$0"; eval "$1"; stat -c %a mnt/file' "$@"
        }
        for change in 'echo x >mnt/file' ': >mnt/file' 'echo x >>mnt/file' 'truncate -s 2 mnt/file'
        do
            test "$(mode_after 6755 "$change")" = 755
            test "$(mode_after 4700 "$change")" = 700
        done
        as_user hushfs unmount mnt
    "#;
    assert_runs(script);
}

#[test]
fn a_users_mount_lets_in_whom_an_access_control_list_names() {
    if Command::new("setfacl").arg("--version").output().is_err() {
        return skip("setfacl is not installed");
    }
    let script = r#"
        printf 'user_allow_other\n' >../fuse.conf && mount --bind ../fuse.conf /etc/fuse.conf
        as_user hushfs mount --allow-other --key-file key vault mnt
        chmod 755 .
        as_user sh -c 'echo mine >mnt/file; chmod 600 mnt/file; mkdir mnt/shared'
        as_other() { setpriv --reuid=1234 --regid=1234 --clear-groups "$@"; }
        refused as_other cat mnt/file
        as_user setfacl -m u:1234:r mnt/file
        test "$(as_other cat mnt/file)" = mine
        refused as_other sh -c 'echo more >>mnt/file'
        refused as_other setfacl -m u:1234:rw mnt/file
        as_user setfacl -m u:1234:rwx -m d:u:1234:rwx,d:o::- mnt/shared
        as_other sh -c 'umask 0; echo theirs >mnt/shared/file'
        test "$(stat -c %u:%a mnt/shared/file)" = 1234:660
        as_user setfacl -m u:1234:- mnt/file
        refused as_other cat mnt/file
        as_user hushfs unmount mnt
        as_user hushfs mount --allow-other --key-file key vault mnt
        refused as_other cat mnt/file
        as_other sh -c 'echo more >>mnt/shared/file'
        as_user hushfs unmount mnt
    "#;
    if !Path::new("/etc/fuse.conf").exists() {
        return skip("there is no /etc/fuse.conf");
    }
    assert_runs(script);
}

#[test]
fn only_a_mounts_user_and_root_can_have_it_add_a_way_to_unlock() {
    let script = r#"
        printf 'user_allow_other\n' >../fuse.conf && mount --bind ../fuse.conf /etc/fuse.conf
        as_user hushfs mount --allow-other --key-file key vault mnt
        chmod 755 . vault vault/keys
        as_other() { setpriv --reuid=1234 --regid=1234 --clear-groups "$@"; }
        add="hushfs key add --password --yes --new-password-command"
        refused as_other $add 'echo theirs' mnt
        refused as_other $add 'echo theirs' vault
        refused as_other hushfs passwd --forgotten --yes --new-password-command 'echo theirs' vault
        refused as_other hushfs key list mnt
        test "$(ls vault/keys | wc -l)" = 1
        as_user $add 'echo mine' vault
        hushfs passwd --forgotten --yes --new-password-command 'echo reset' vault
        test "$(ls vault/keys | wc -l)" = 2
        test -z "$(find vault/keys -type f ! -uid 65534)"
        as_user hushfs key test --password-command 'echo reset' vault
        refused as_user hushfs key test --password-command 'echo mine' vault
        as_user hushfs unmount mnt
    "#;
    if !Path::new("/etc/fuse.conf").exists() {
        return skip("there is no /etc/fuse.conf");
    }
    assert_runs(script);
}
