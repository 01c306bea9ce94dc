//! The vault takes the folder's place, and gives it back.

use std::fs;
use std::path::Path;

use hushfs::fuse::mount_at;

use crate::names::names;
use crate::place::Place;
use crate::program::{Said, hushfs};
use crate::terminal::AtTerminal;
use crate::tree;

/// Whether anything can be mounted here; unless `HUSHFS_REQUIRE_FUSE=1` says so, tests may do without.
fn can_mount() -> bool {
    let is_there = Path::new("/dev/fuse").exists();
    let must = std::env::var_os("HUSHFS_REQUIRE_FUSE").is_some_and(|value| value == "1");
    assert!(is_there || !must, "there is no /dev/fuse, and HUSHFS_REQUIRE_FUSE=1");
    is_there
}

/// Unmounts when it is dropped, also after a failure.
struct Unmounted<'a>(&'a Place);

impl Drop for Unmounted<'_> {
    fn drop(&mut self) {
        let mut command = hushfs(&["unmount"]);
        let _ = command.arg(self.0.chats()).output();
    }
}

fn is_mounted(place: &Place) -> bool {
    mount_at(&place.chats()).unwrap().is_some_and(|mount| mount.is_hushfs())
}

#[test]
fn a_program_finds_its_files_where_they_were_before_and_after() {
    if !can_mount() {
        return;
    }
    let place = Place::new();
    tree::make_everything(&place.chats());
    let before = tree::read(&place.chats(), true);
    let _unmounted = Unmounted(&place);
    let said = Said::by(&mut place.enable_command(&[]));
    said.expect(0, &["shows from now on what is in the vault"]);
    assert!(is_mounted(&place));
    assert_eq!(tree::read(&place.chats(), true), before);
    fs::write(place.chats().join("another"), b"written into the mount").unwrap();
    Said::by(&mut place.enable_command(&[])).expect(13, &["is a mount point"]);

    let key = fs::read(place.key()).unwrap();
    fs::write(place.key(), "0123 ".repeat(16)).unwrap();
    place.disable(&place.chats(), &[]).expect(10, &[]);
    assert!(is_mounted(&place), "a wrong key unmounts nothing");
    fs::write(place.key(), key).unwrap();

    let said = place.disable(&place.chats(), &[]);
    said.expect(0, &["was compared with the vault"]);
    assert!(!is_mounted(&place));
    let another = fs::read(place.chats().join("another")).unwrap();
    assert_eq!(another, b"written into the mount");
    fs::remove_file(place.chats().join("another")).unwrap();
    assert_eq!(tree::read(&place.chats(), false), tree::without_folder_times(before));
}

#[test]
fn what_stays_keeps_the_mount_away_and_old_copies_do_not() {
    if !can_mount() {
        return;
    }
    let place = Place::new();
    fs::write(place.chats().join("a"), b"a").unwrap();
    fs::create_dir(place.at("old")).unwrap();
    fs::write(place.at("old/other"), b"other").unwrap();
    let socket = std::os::unix::net::UnixListener::bind(place.chats().join("socket")).unwrap();
    let _unmounted = Unmounted(&place);
    let old = place.at("old");
    let run = || Said::by(&mut place.enable_command(&["--also-delete".as_ref(), old.as_os_str()]));
    run().expect(1, &["socket", "nothing is mounted"]);
    assert!(!is_mounted(&place));
    assert_eq!(names(&place.chats()), ["socket"]);
    drop(socket);
    fs::remove_file(place.chats().join("socket")).unwrap();
    run().expect(1, &["1 old copy stays"]);
    assert!(is_mounted(&place));
    assert_eq!(fs::read(place.chats().join("a")).unwrap(), b"a");
}

#[test]
fn a_run_whose_parent_is_killed_ends_as_well() {
    if !can_mount() {
        return;
    }
    let place = Place::new();
    place.make_vault();
    for nth in 0..50 {
        let content = crate::device::content(nth, 500_000);
        fs::write(place.chats().join(format!("{nth}")), content).unwrap();
    }
    let before = tree::read(&place.chats(), false);
    let _unmounted = Unmounted(&place);
    let mut child = place.enable_command(&[]).spawn().unwrap();
    let lock = place.at("state");
    while hushfs::store::StateLock::holder(&lock).is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    while hushfs::store::StateLock::holder(&lock).is_some() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert!(!is_mounted(&place));
    assert_eq!(tree::read(&place.chats(), false), before);
    Said::by(&mut place.enable_command(&[])).expect(0, &[]);
    assert!(is_mounted(&place));
    assert_eq!(tree::read(&place.chats(), false), before);
}

#[test]
fn a_person_at_a_terminal_is_asked_for_the_password_and_before_the_deletion() {
    if !can_mount() {
        return;
    }
    let place = Place::new();
    fs::write(place.chats().join("a"), b"a").unwrap();
    fs::create_dir(place.at("cloud")).unwrap();
    let _unmounted = Unmounted(&place);
    let mut command = hushfs(&["enable", "--state-dir"]);
    command.arg(place.at("state")).arg(place.chats()).arg("--vault").arg(place.vault());
    let mut at = AtTerminal::running(command);
    let password = "marmot brazier lectern oxbow";
    at.answer("1, 2 or 3: ", "1");
    at.answer("New password: ", password);
    at.answer("The same password again: ", password);
    at.answer("Type yes in full", "yes");
    at.wait_for("unlock it once now");
    at.answer("Password or 64-digit key: ", "wrong");
    at.answer("Password or 64-digit key: ", password);
    at.wait_for("1 file in ");
    assert_eq!(names(&place.chats()), ["a"]);
    at.answer("Type yes in full to delete this", "yes");
    at.wait_for("shows from now on what is in the vault");
    assert_eq!(at.exit_code(), 0);
    assert!(is_mounted(&place));
    assert_eq!(fs::read(place.chats().join("a")).unwrap(), b"a");
    assert!(!at.shown.contains(password), "a password was shown");
}
