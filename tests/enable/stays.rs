//! What is not proven stays, is named, and keeps the folder from being replaced.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use crate::device::content;
use crate::names::names;
use crate::place::Place;
use crate::terminal::AtTerminal;
use crate::tree;

/// A folder with a few files, in a vault that is made already.
fn filled() -> Place {
    let place = Place::new();
    place.make_vault();
    for nth in 0..4 {
        fs::write(place.chats().join(format!("{nth}")), content(nth, 5000)).unwrap();
    }
    place
}

/// `enable` up to the question before deleting.
fn up_to_the_question(place: &Place) -> AtTerminal {
    let mut command = place.command("enable");
    command.arg("--no-mount").arg(place.chats()).arg("--vault").arg(place.vault());
    let mut terminal = AtTerminal::running(command);
    terminal.wait_for("Type yes in full to delete this");
    terminal
}

#[test]
fn a_file_that_changes_between_copy_and_deletion_stays_and_goes_with_the_next_run() {
    let place = filled();
    let mut terminal = up_to_the_question(&place);
    let path = place.chats().join("1");
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    // The same length and time of content, so nothing but its bytes tells.
    fs::write(&path, content(100, 5000)).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    fs::write(place.chats().join("new"), b"new").unwrap();
    fs::create_dir(place.chats().join("new folder")).unwrap();
    terminal.type_line("yes");
    terminal.wait_for("1: it has changed meanwhile");
    terminal.wait_for("new: it was not there");
    assert_eq!(terminal.exit_code(), 1);
    assert_eq!(names(&place.chats()), ["1", "new", "new folder"]);
    assert!(fs::read(&path).unwrap() == content(100, 5000));

    place.enable(&[]).expect(0, &[]);
    assert!(names(&place.chats()).is_empty());
    let restored = place.restored("restored");
    assert_eq!(names(&restored), ["0", "1", "2", "3", "new", "new folder"]);
    assert!(fs::read(restored.join("1")).unwrap() == content(100, 5000));
}

#[test]
fn who_says_no_keeps_everything() {
    let place = filled();
    let before = tree::read(&place.chats(), true);
    let mut terminal = up_to_the_question(&place);
    terminal.type_line("y");
    terminal.wait_for("Please type yes or no.");
    terminal.type_line("no");
    terminal.wait_for("nothing was deleted");
    assert_eq!(terminal.exit_code(), 1);
    assert_eq!(tree::read(&place.chats(), true), before);
}

#[test]
fn a_folder_that_is_swapped_for_a_link_leads_to_no_deletion_elsewhere() {
    let place = filled();
    let (folder, away) = (place.chats().join("folder"), place.at("away"));
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("file"), b"precious").unwrap();
    let mut terminal = up_to_the_question(&place);
    fs::rename(&folder, &away).unwrap();
    std::os::unix::fs::symlink(&away, &folder).unwrap();
    terminal.type_line("yes");
    terminal.wait_for("folder/file: ");
    assert_eq!(terminal.exit_code(), 1);
    assert_eq!(fs::read(away.join("file")).unwrap(), b"precious");
    assert_eq!(names(&place.chats()), ["folder"]);
}

#[test]
fn a_file_that_is_open_for_writing_stays() {
    let place = filled();
    let mut writer = OpenOptions::new().append(true).open(place.chats().join("2")).unwrap();
    place.enable(&[]).expect(1, &["STAYS", "2: a program has it open for writing"]);
    assert_eq!(names(&place.chats()), ["2"]);
    writer.write_all(b" and more").unwrap();
    drop(writer);
    place.enable(&[]).expect(0, &[]);
    let found = fs::read(place.restored("restored").join("2")).unwrap();
    assert!(found.ends_with(b" and more"));
}

#[test]
fn a_file_that_is_opened_for_writing_before_its_deletion_stays() {
    let place = filled();
    let mut terminal = up_to_the_question(&place);
    let _writer = OpenOptions::new().append(true).open(place.chats().join("2")).unwrap();
    terminal.type_line("yes");
    terminal.wait_for("2: ");
    terminal.wait_for("has it open");
    assert_eq!(terminal.exit_code(), 1);
    assert_eq!(names(&place.chats()), ["2"]);
}

#[test]
fn sockets_and_devices_stay() {
    let place = filled();
    let _socket = UnixListener::bind(place.chats().join("socket")).unwrap();
    let mut left = vec!["socket"];
    if rustix::process::geteuid().is_root() {
        let (kind, mode) = (rustix::fs::FileType::CharacterDevice, rustix::fs::Mode::RUSR);
        let number = rustix::fs::makedev(1, 3);
        let path = place.chats().join("null");
        rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, number).unwrap();
        left.insert(0, "null");
    }
    place.enable(&[]).expect(1, &["socket: a socket cannot be kept in a vault"]);
    assert_eq!(names(&place.chats()), left);
}

#[test]
fn what_a_killed_run_had_taken_the_name_from_gets_it_back() {
    let place = filled();
    let name = |name: &str| place.chats().join(name);
    fs::rename(name("0"), name(".hushfs-removing.0")).unwrap();
    // The name of this one is taken: both stay what they are.
    fs::rename(name("1"), name(".hushfs-removing.1")).unwrap();
    fs::write(name("1"), b"another").unwrap();
    place.enable(&[]).expect(0, &[]);
    let restored = place.restored("restored");
    assert_eq!(names(&restored), [".hushfs-removing.1", "0", "1", "2", "3"]);
    assert!(fs::read(restored.join("0")).unwrap() == content(0, 5000));
    assert!(fs::read(restored.join(".hushfs-removing.1")).unwrap() == content(1, 5000));
}

#[test]
fn a_program_that_keeps_writing_meets_no_lost_byte() {
    let place = filled();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let path = place.chats().join("diary");
    fs::write(&path, b"").unwrap();
    let written = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = 0_u32;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                // As programs do that open, append and close; once it is gone, it is gone.
                let Ok(mut file) = OpenOptions::new().append(true).open(&path) else { break };
                file.write_all(&written.to_le_bytes()).unwrap();
                written += 1;
                std::thread::sleep(Duration::from_micros(100));
            }
            written
        });
        for _ in 0..3 {
            place.enable(&[]);
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        writer.join().unwrap()
    });
    place.enable(&[]).expect(0, &[]);
    let found = fs::read(place.restored("restored").join("diary")).unwrap();
    let expected: Vec<u8> = (0..written).flat_map(u32::to_le_bytes).collect();
    assert_eq!(found.len(), expected.len());
    assert!(found == expected);
}
