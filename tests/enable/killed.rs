//! Killed at many moments, and run again until it is done.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use hushfs::format::Ino;
use hushfs::fs::FileSystem;

use crate::device::{content, look};
use crate::names::names;
use crate::place::Place;
use crate::tree;

const FILES: u32 = 150;

/// Many files, some of them large, with contents by path.
fn fill(chats: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for nth in 0..FILES {
        let path = PathBuf::from(format!("folder {}/file {nth}", nth % 7));
        let bytes = if nth % 50 == 0 { 2_000_000 } else { 3000 };
        files.insert(path, content(nth, bytes));
    }
    for (path, content) in &files {
        fs::create_dir_all(chats.join(path).parent().unwrap()).unwrap();
        fs::write(chats.join(path), content).unwrap();
        tree::set_time(&chats.join(path), 1_600_000_000);
    }
    files
}

/// What the published vault has at a path.
fn in_vault(files: &FileSystem, path: &Path) -> Option<Vec<u8>> {
    let found = path.iter().try_fold(files.attributes(Ino::ROOT).unwrap(), |folder, name| {
        files.lookup(folder.ino, name.as_encoded_bytes())
    });
    let found = found.ok()?;
    let mut bytes = vec![0; usize::try_from(found.size).unwrap()];
    (files.read(found.ino, 0, &mut bytes).ok()? == bytes.len()).then_some(bytes)
}

/// Every byte is in the folder or in the vault; tells how many files are in the folder still.
fn check_nothing_is_lost(place: &Place, files: &BTreeMap<PathBuf, Vec<u8>>) -> usize {
    let mut left = 0;
    let vault = look(&place.vault(), &place.key()).ok();
    for (path, content) in files {
        let there = place.chats().join(path);
        let name = there.file_name().unwrap().to_str().unwrap();
        let going = there.with_file_name(format!(".hushfs-removing.{name}"));
        match fs::read(&there).or_else(|_| fs::read(&going)) {
            Ok(found) => {
                assert!(found == *content, "{} has changed", path.display());
                left += 1;
            }
            Err(_) => {
                let found = vault.as_ref().and_then(|vault| in_vault(vault, path));
                assert!(found.as_ref() == Some(content), "{} is lost", path.display());
            }
        }
    }
    left
}

fn started(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Kills it; tells how it had ended if it was done before.
fn killed_after(delay: Duration, mut child: Child) -> Option<ExitStatus> {
    thread::sleep(delay);
    let ended = child.try_wait().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    ended
}

#[test]
fn a_run_that_is_killed_at_any_moment_goes_on_and_loses_and_doubles_nothing() {
    let place = Place::new();
    let files = fill(&place.chats());
    let before = tree::read(&place.chats(), false);
    // The vault is there: `init` takes back what it has begun, or says what to do.
    place.make_vault();
    let (mut kills, mut delay) = (0, Duration::from_millis(4));
    loop {
        let child = started(&mut place.enable_command(&["--no-mount".as_ref()]));
        let ended = killed_after(delay, child);
        check_nothing_is_lost(&place, &files);
        if let Some(status) = ended {
            assert!(status.success(), "after {kills} kills: {status}");
            break;
        }
        kills += 1;
        delay += Duration::from_millis(4);
    }
    assert!(kills > 5);
    assert!(names(&place.chats()).is_empty());
    assert_eq!(tree::read(&place.restored("restored"), false), before);
    place.enable(&[]).expect(0, &[]);
}

#[test]
fn a_run_that_is_killed_while_it_deletes_goes_on_and_loses_nothing() {
    let place = Place::new();
    let files = fill(&place.chats());
    let before = tree::read(&place.chats(), true);
    place.enable(&["--keep-originals"]).expect(0, &[]);
    fs::remove_dir(place.chats()).unwrap();
    fs::rename(place.at("Chats (originals)"), place.chats()).unwrap();
    let mut partly = 0;
    // In the order in which they go.
    for path in files.keys().step_by(10) {
        let mut child = started(&mut place.enable_command(&["--no-mount".as_ref()]));
        while place.chats().join(path).exists() && child.try_wait().unwrap().is_none() {}
        child.kill().unwrap();
        child.wait().unwrap();
        let left = check_nothing_is_lost(&place, &files);
        partly += usize::from(0 < left && left < files.len());
    }
    assert!(partly > 0, "no kill came between the first deletion and the last");
    place.enable(&[]).expect(0, &[]);
    assert!(names(&place.chats()).is_empty());
    assert_eq!(tree::read(&place.restored("restored"), true), before);
}

#[test]
fn a_way_back_that_is_killed_at_any_moment_goes_on_and_deletes_the_vault_last() {
    let place = Place::new();
    let files = fill(&place.chats());
    let before = tree::read(&place.chats(), false);
    place.enable(&[]).expect(0, &[]);
    let mut delay = Duration::from_millis(4);
    loop {
        let mut command = place.command("disable");
        command.args(["--delete-vault", "--yes"]).arg(place.vault()).arg(place.chats());
        let ended = killed_after(delay, started(&mut command));
        let is_vault = place.vault().join("hushfs.vault").exists();
        if is_vault {
            check_nothing_is_lost(&place, &files);
        } else {
            // Its deletion has begun: everything is back.
            assert_eq!(tree::read(&place.chats(), false), before);
        }
        if ended.is_some() || !is_vault {
            break;
        }
        delay += Duration::from_millis(4);
    }
    assert_eq!(tree::read(&place.chats(), false), before);
}
