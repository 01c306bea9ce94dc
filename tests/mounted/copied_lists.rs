//! Access control lists on their way: through programs, out of a vault, and over crashes.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::access_control_lists::{Both, run};
use super::bench::{Bench, skip};
use super::namespace;

#[test]
fn lists_go_through_programs_into_a_mount_and_out_of_it() {
    let Some(both) = Both::new() else { return };
    let furnish = r#"
        mkdir -p source/a/b source/handing-down
        echo x >source/a/file; echo y >source/a/b/file; ln -s a source/link
        setfacl -m u:1000:rwx,g:2000:r source/a/file
        setfacl -m u:1000:rwx,g::-,m::rx source/a/b
        setfacl -d -m u:1000:rwx,g:2000:- source/handing-down
        : >source/handing-down/file; mkdir source/handing-down/folder
        setfacl -d -b -m u::rwx,g::rx,o::- source/a
        find source -exec touch -h -d 2001-02-03T04:05:06.789 {} +
    "#;
    run(&both.plain(), furnish);
    let (plain, mounted) = (both.plain(), both.mounted());
    let expected = run(&plain.join("source"), "show source");
    let at = |folder: &Path| run(folder, "show source");
    let go = |script: String| run(&both.bench.folder(), &script);
    let (from, to) = (plain.display(), mounted.display());

    go(format!(
        "cp -a {from}/source {to}/cp; cp -a {to}/cp {to}/again; cp -a {to}/again {from}/cp"
    ));
    for copy in [mounted.join("cp"), mounted.join("again"), plain.join("cp")] {
        assert_eq!(at(&copy), expected, "{}", copy.display());
    }
    go(format!(
        "tar --acls -C {from}/source -cf {to}/all.tar . && mkdir {to}/tar {from}/tar
         tar --acls -C {to}/tar -xpf {to}/all.tar
         tar --acls -C {to}/tar -cf {from}/back.tar . && tar --acls -C {from}/tar -xpf {from}/back.tar"
    ));
    assert_eq!(at(&mounted.join("tar")), expected);
    assert_eq!(at(&plain.join("tar")), expected);
    if Command::new("rsync").arg("--version").output().is_err() {
        return skip("rsync is not installed");
    }
    let rsync = |from: &Path, to: &Path| {
        go(format!("rsync -aHAX -i --delete {}/ {}", from.display(), to.display()))
    };
    let [source, copy, back] = [plain.join("source"), mounted.join("rsync"), plain.join("rsync")];
    assert_ne!(rsync(&source, &copy), "");
    assert_eq!(rsync(&source, &copy), "", "right away");
    both.bench.remount();
    assert_eq!(rsync(&source, &copy), "", "after a new mount");
    assert_eq!(at(&copy), expected);
    go(format!("setfacl -m u:1001:r {to}/rsync/a/b/file"));
    assert_ne!(rsync(&source, &copy), "", "a list alone is something to do");
    assert_eq!(rsync(&source, &copy), "");
    assert_ne!(rsync(&copy, &back), "");
    assert_eq!(at(&back), expected);
}

#[test]
fn lists_are_restored() {
    let Some(both) = Both::new() else { return };
    let furnish = r#"
        mkdir -p a/b; echo x >a/file; echo y >a/b/file; ln -s a link; mkfifo pipe
        setfacl -m u:1000:rwx,g:2000:r a/file pipe
        setfacl -m u:1000:rwx,g::-,m::rx a/b
        setfacl -d -m u:1000:rwx,g:2000:- a; : >a/later; mkdir a/folder
        chmod 2751 a/later
    "#;
    both.assert_alike(furnish);
    both.bench.unmount();
    let expected = run(&both.plain(), "show all");
    let bench = &both.bench;
    let restore = |destination: &Path| {
        let output = bench.run("restore", &["--key-file".as_ref()], |command| {
            command.arg(bench.key_file()).arg("--state-dir").arg(bench.state());
            command.arg(bench.vault()).arg(destination);
        });
        assert!(output.status.success(), "{output:?}");
        run(&destination.join("top"), "show all")
    };
    assert_eq!(restore(&bench.folder().join("restored")), expected);
    // Whatever the destination hands down, or grants already, is not the vault's.
    let other = bench.folder().join("other");
    fs::create_dir(&other).unwrap();
    run(
        &other,
        "setfacl -m u:1003:rwx . && setfacl -d -m u:1003:rwx,o::rwx .
          mkdir top top/a; setfacl -b -k top/a; setfacl -m g::-,u:1004:rwx top/a",
    );
    assert_eq!(restore(&other), expected);
}

#[test]
fn a_killed_daemon_leaves_lists_and_modes_that_agree() {
    let Some(both) = Both::new() else { return };
    let script = r#"
        mkdir folder; setfacl -d -m u:1000:rwx folder
        for n in 0 1 2 3 4 5 6 7; do
            : >folder/$n; setfacl -m u:100$n:rw folder/$n; chmod 6${n}0 folder/$n
        done
        sync .
    "#;
    let [here, there] =
        [both.mounted(), both.plain()].map(|folder| run(&folder, &format!("{script}show all")));
    assert_eq!(here, there);
    both.bench.kill();
    both.bench.mount();
    assert_eq!(run(&both.mounted(), "show all"), run(&both.plain(), "show all"));
}

/// Without its list, the middle of a mode would be the owning group's: what the list's mask was.
#[test]
fn a_disk_that_takes_no_lists_is_not_made_to_grant_more_and_that_is_said() {
    if Bench::empty().is_none() || !namespace::is_possible() {
        return;
    }
    let script = r#"
        mkdir /usr/local/sbin/d && cd /usr/local/sbin/d
        hushfs init --yes --key-file key vault >/dev/null 2>&1
        mkdir mnt old
        hushfs mount --key-file key --state-dir state vault mnt
        echo x >mnt/file; mkdir mnt/folder; echo y >mnt/plain
        setfacl -m u::rw,u:1000:rwx,g::r,m::rwx,o::- mnt/file
        setfacl -m u:1000:rwx,g::-,o::x mnt/folder
        chmod 664 mnt/plain
        test "$(stat -c %a mnt/file mnt/folder | tr '\n' ' ')" = '670 771 '
        hushfs unmount mnt
        mount -t ramfs none old
        if setfacl -m u:1:r old 2>/dev/null; then exit 1; fi
        code=0
        said=$(hushfs restore --key-file key --state-dir state vault old/out 2>&1) || code=$?
        test "$code" != 0
        case $said in *file:*system.posix_acl_access*) ;; *) echo "$said" >&2; exit 1 ;; esac
        test "$(stat -c %a old/out/file old/out/folder old/out/plain | tr '\n' ' ')" = '640 701 664 '
        test "$(cat old/out/file)" = x
    "#;
    namespace::assert_runs(script, &[]);
}
