//! Every way a mount can end: all of it is in the vault then, and no other mount is touched.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hushfs::fuse::mount_at;
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::process::Signal;

use super::bench::{Bench, has_ended, is_mounted, is_root, open_process, retried, said};

fn mount_tmpfs(place: &Path) {
    mount("none", place, "tmpfs", MountFlags::empty(), None::<&CStr>).unwrap();
    fs::write(place.join("foreign"), "x").unwrap();
}

/// Unmounts as somebody who knows nothing of us.
fn unmount_from_outside(place: &Path) {
    let refused = |result: &Result<(), Errno>| *result == Err(Errno::BUSY);
    retried(|| unmount(place, UnmountFlags::empty()), refused).unwrap();
}

fn tmpfs_is_there(place: &Path) -> bool {
    mount_at(place).unwrap().is_some_and(|mount| mount.fs_type == "tmpfs")
        && place.join("foreign").exists()
}

/// What another device sees in the vault.
fn assert_in_vault(bench: &Bench, file: &str, content: &[u8]) {
    bench.mount_elsewhere();
    assert!(fs::read(bench.at(file)).unwrap() == content, "{file} is not what was written");
}

#[test]
fn when_unmount_returns_everything_is_in_the_vault_and_the_daemon_is_gone() {
    let Some(bench) = Bench::mounted() else { return };
    let content: Vec<u8> = (0..20_000_000_u32).map(|at| (at / 7 % 251) as u8).collect();
    fs::write(bench.at("large"), &content).unwrap();
    let daemon = open_process(bench.status().pid);
    let (code, text) = said(&bench.try_unmount());
    assert_eq!((code, text.as_str()), (0, ""));
    assert!(has_ended(&daemon, Duration::ZERO), "the daemon is still there");
    assert!(!is_mounted(&bench.mount_point()));
    assert_in_vault(&bench, "large", &content);
}

#[test]
fn a_mount_right_after_umount_waits_until_everything_is_in_the_vault() {
    let Some(bench) = Bench::mounted() else { return };
    if !is_root() {
        return;
    }
    // So much that publishing it takes a while.
    let content: Vec<u8> = (0..60_000_000_u32).map(|at| (at / 7 % 251) as u8).collect();
    fs::write(bench.at("large"), &content).unwrap();
    unmount_from_outside(&bench.mount_point());
    bench.mount();
    assert!(fs::read(bench.at("large")).unwrap() == content);
    bench.unmount();
}

#[test]
fn every_signal_that_asks_to_end_ends_as_unmount_does() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let Some(bench) = Bench::mounted() else { return };
        fs::write(bench.at("file"), "not published yet").unwrap();
        bench.signal(signal);
        bench.wait_for_end();
        assert!(!is_mounted(&bench.mount_point()));
        assert_in_vault(&bench, "file", b"not published yet");
    }
}

#[test]
fn a_signal_ends_even_a_mount_in_use_and_nothing_written_is_lost() {
    let Some(bench) = Bench::mounted() else { return };
    let mut open = File::create(bench.at("open")).unwrap();
    open.write_all(b"written, not closed").unwrap();
    bench.signal(Signal::TERM);
    bench.wait_for_end();
    assert!(!is_mounted(&bench.mount_point()));
    assert!(open.write_all(b"more").is_err(), "nobody answers any more");
    drop(open);
    assert_in_vault(&bench, "open", b"written, not closed");
}

#[test]
fn an_unmount_from_outside_ends_as_cleanly() {
    let fusermount: &[&str] = &["fusermount3", "-u"];
    let umount: &[&str] = &["umount"];
    for outside in [fusermount, umount] {
        if outside == umount && !is_root() {
            continue;
        }
        let Some(bench) = Bench::mounted() else { return };
        fs::write(bench.at("file"), "not published yet").unwrap();
        let output =
            Command::new(outside[0]).args(&outside[1..]).arg(bench.mount_point()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        bench.wait_for_end();
        assert_in_vault(&bench, "file", b"not published yet");
    }
}

#[test]
fn a_mount_in_use_stays_and_whoever_uses_it_is_named() {
    let Some(bench) = Bench::mounted() else { return };
    let mut open = File::create(bench.at("open")).unwrap();
    let output = bench.run("unmount", &[bench.mount_point().as_os_str()], |_| {});
    let (code, text) = said(&output);
    assert_eq!(code, 13, "{text}");
    assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
    assert!(text.contains(&bench.at("open").display().to_string()), "{text}");
    open.write_all(b"it goes on").unwrap();
    drop(open);
    bench.unmount();
    assert_in_vault(&bench, "open", b"it goes on");
}

#[test]
fn a_shell_in_the_mount_can_unmount_it() {
    let Some(bench) = Bench::mounted() else { return };
    let unmount = || {
        bench.run("unmount", &[".".as_ref()], |command| {
            command.current_dir(bench.mount_point());
        })
    };
    let output = retried(unmount, |output| output.status.code() == Some(13));
    assert!(output.status.success(), "{output:?}");
    assert!(!is_mounted(&bench.mount_point()));
}

#[test]
fn a_dead_mount_is_unmounted_with_a_word_about_what_is_safe() {
    let Some(bench) = Bench::mounted() else { return };
    fs::write(bench.at("file"), "closed").unwrap();
    bench.kill();
    let (code, text) = said(&bench.try_unmount());
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("is safe"), "{text}");
    assert!(!is_mounted(&bench.mount_point()));
    bench.mount();
    assert_eq!(fs::read(bench.at("file")).unwrap(), b"closed");
}

#[test]
fn another_mount_made_where_ours_was_unmounted_from_outside_stays() {
    if !is_root() {
        return;
    }
    let Some(bench) = Bench::mounted() else { return };
    let place = bench.mount_point();
    // Enough for the daemon to be busy with while the other mount appears.
    fs::write(bench.at("file"), vec![7; 8_000_000]).unwrap();
    unmount_from_outside(&place);
    mount_tmpfs(&place);
    bench.wait_for_end();
    assert!(tmpfs_is_there(&place));
    unmount_from_outside(&place);
    assert_in_vault(&bench, "file", &vec![7; 8_000_000]);
}

#[test]
fn another_mount_stays_while_files_keep_ours_alive_that_was_unmounted_lazily() {
    if !is_root() {
        return;
    }
    let Some(bench) = Bench::mounted() else { return };
    let place = bench.mount_point();
    let mut open = File::create(bench.at("open")).unwrap();
    unmount(&place, UnmountFlags::DETACH).unwrap();
    mount_tmpfs(&place);
    open.write_all(b"still answered").unwrap();
    open.sync_all().unwrap();
    drop(open);
    bench.wait_for_end();
    assert!(tmpfs_is_there(&place));
    unmount_from_outside(&place);
    assert_in_vault(&bench, "open", b"still answered");
}

#[test]
fn another_mount_on_top_of_ours_stays_whatever_is_asked_of_us() {
    if !is_root() {
        return;
    }
    let Some(bench) = Bench::mounted() else { return };
    let place = bench.mount_point();
    fs::write(bench.at("file"), "beneath").unwrap();
    mount_tmpfs(&place);
    let (code, text) = said(&bench.try_unmount());
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("tmpfs"), "{text}");
    bench.signal(Signal::TERM);
    bench.wait_for_end();
    assert!(tmpfs_is_there(&place));
    unmount_from_outside(&place);
    // What is left beneath is a dead mount, as any other.
    assert_in_vault(&bench, "file", b"beneath");
}

#[test]
fn a_second_mount_at_the_same_place_is_not_taken_for_the_first() {
    let Some(bench) = Bench::mounted() else { return };
    fs::write(bench.at("first"), "x").unwrap();
    // Lazily, so that the first daemon is still there when the second comes.
    let open = File::open(bench.at("first")).unwrap();
    let output = Command::new("fusermount3").arg("-uz").arg(bench.mount_point()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let Some(other) = Bench::new() else { return };
    let output = other.mount_command_at(&bench.mount_point()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    fs::write(bench.at("second"), "y").unwrap();
    bench.signal(Signal::TERM);
    drop(open);
    bench.wait_for_end();
    assert_eq!(fs::read(bench.at("second")).unwrap(), b"y", "the second goes on");
    bench.note_daemon(&bench.mount_point());
}
