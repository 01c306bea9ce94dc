//! Names that steer terminals, or pass for lines of their own, in every place where a name can be: no
//! command lets them through to who reads what it says.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use hushfs::format::NodeKind;
use serde_json::Value;

use crate::bench::device::{Device, content};
use crate::bench::program::Said;
use crate::mounted;
use crate::terminal::AtTerminal;

/// Sets a terminal's title, clears it, begins a line that says something else, and turns around.
const HOSTILE: &str = "\u{1b}]0;title\u{7}\u{1b}[2J\nFORGED all is whole\r\u{202e}gpj";

fn hostile(before: &str, after: &str) -> OsString {
    OsString::from_vec([before.as_bytes(), HOSTILE.as_bytes(), after.as_bytes()].concat())
}

/// What is no line of the program's own, or steers.
#[track_caller]
fn check_text(what: &str, text: &str) {
    let steers = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!text.chars().any(steers), "{what}: {text:?}");
    assert!(!text.lines().any(|line| line.starts_with("FORGED")), "{what}: {text}");
}

/// A vault, its key, a state folder and a mount point, all with hostile names.
struct Site {
    bench: mounted::Bench,
}

impl Site {
    fn at(&self, name: &str) -> PathBuf {
        self.bench.folder().join(hostile(name, ""))
    }

    fn vault(&self) -> PathBuf {
        self.at("vault")
    }

    fn key(&self) -> PathBuf {
        self.at("key")
    }

    fn device(&self) -> Device {
        Device::open(&self.vault(), &self.key(), &self.at("device"))
    }

    fn command(&self, name: &str, arguments: &[&dyn AsRef<OsStr>]) -> Command {
        let mut command = self.bench.command(name);
        command.args(arguments.iter().map(|argument| argument.as_ref()));
        command
    }

    /// What a command of the vault says, looked through; `more` stands behind the vault.
    #[track_caller]
    fn say(&self, name: &str, code: i32, more: &[&dyn AsRef<OsStr>]) -> Said {
        let mut arguments = self.unlocking();
        arguments.push(self.vault().into_os_string());
        let mut command = self.bench.command(name);
        command.args(arguments).args(more.iter().map(|argument| argument.as_ref()));
        checked(&mut command, code)
    }

    /// The id of the state before the newest.
    fn state_before(&self) -> String {
        let told: Value =
            serde_json::from_str(&self.say("history", 0, &[&"--json"]).stdout).unwrap();
        let states = told["states"].as_array().unwrap();
        states[1]["id"].as_str().unwrap().to_owned()
    }

    fn unlocking(&self) -> Vec<OsString> {
        vec!["--key-file".into(), self.key().into()]
    }
}

#[track_caller]
fn checked(command: &mut Command, code: i32) -> Said {
    let said = Said::by(command);
    let what = format!("{command:?}");
    assert_eq!(said.code, code, "{what}: {said:?}");
    check_text(&what, &said.stdout);
    check_text(&what, &said.stderr);
    said
}

/// A vault with hostile names of everything, in two states.
fn filled() -> Option<Site> {
    let site = Site { bench: mounted::Bench::empty()? };
    let init: [&dyn AsRef<OsStr>; 4] = [&"--yes", &"--key-file", &site.key(), &site.vault()];
    checked(&mut site.command("init", &init), 0);
    let device = site.device();
    device.make(hostile("chats", "").as_bytes(), NodeKind::Folder);
    device.file([hostile("chats", "").as_bytes(), b"/a"].concat(), &content(1, 9000));
    device.file(hostile("a", ".txt").as_bytes(), &content(2, 9000));
    device.file(hostile("a", " (conflict phone 2026-11-24).txt").as_bytes(), b"other");
    device.publish();
    device.file(hostile("gone", "").as_bytes(), &content(3, 50));
    device.publish();
    device.files.unlink(device.ino(""), hostile("gone", "").as_bytes()).unwrap();
    device.unmount();
    Some(site)
}

fn pack_of(vault: &Path) -> PathBuf {
    let folders = fs::read_dir(vault.join("data")).unwrap().map(|entry| entry.unwrap().path());
    let packs = folders.flat_map(|folder| fs::read_dir(folder).unwrap());
    packs
        .map(|entry| entry.unwrap().path())
        .max_by_key(|pack| pack.metadata().unwrap().len())
        .unwrap()
}

#[test]
fn no_command_lets_a_name_steer_a_terminal_or_forge_a_line() {
    let Some(site) = filled() else { return };
    let (a, copy) = (hostile("a", ".txt"), hostile("a", " (conflict phone 2026-11-24).txt"));
    let gone = hostile("gone", "");
    let (out, here) = (site.at("out"), site.vault());

    checked(&mut site.command("init", &[&"--yes", &"--key-file", &site.at("k2"), &here]), 1);
    checked(&mut site.command(HOSTILE, &[]), 2);
    checked(&mut site.command("status", &[&here]), 0);
    site.say("history", 0, &[]);
    site.say("history", 0, &[&gone]);
    site.say("diff", 0, &[&site.state_before()]).expect(0, &[r"removed  gone\x1b"]);
    site.say("conflicts", 0, &[]).expect(0, &[r"a\x1b]0;title\x07"]);
    site.say("conflicts", 2, &[&hostile("nothing", ""), &"--keep", &"A"]);
    checked(
        &mut site.command("undelete", &[&"--key-file", &site.key(), &"--vault", &here, &gone]),
        0,
    )
    .expect(0, &[r"gone\x1b]0;title\x07"]);
    site.say("undelete", 2, &[]);
    for missing in ["ls", "cat", "find", "du"] {
        site.say(missing, 1, &[&hostile("nothing", "")]);
    }
    site.say("restore", 0, &[&out]);
    fs::write(out.join(&a), "mine").unwrap();
    site.say("restore", 1, &[&out]).expect(1, &[r"IN THE WAY a\x1b"]);
    site.say("restore", 1, &[&out, &hostile("nothing", "")]);
    site.say("key", 2, &[]);
    site.say("verify", 0, &[]);
    site.say("collect", 0, &[]);
    site.say("conflicts", 0, &[&copy, &"--keep", &"B"]).expect(0, &[r"kept “a\x1b"]);

    fs::write(here.join(hostile("x", "")), "a stranger").unwrap();
    let pack = pack_of(&here);
    let mut bytes = fs::read(&pack).unwrap();
    bytes[5000] ^= 1;
    fs::write(&pack, bytes).unwrap();
    site.say("verify", 11, &[]).expect(11, &[r"loses content: "]);
    site.say("restore", 11, &[&site.at("out2")]).expect(11, &["DAMAGED"]);
    site.say("salvage", 11, &[&site.at("out3")]).expect(11, &["DAMAGED"]);
    site.say("repair", 11, &[]).expect(11, &["loses content"]);
    fs::remove_dir_all(here.join("log")).unwrap();
    site.say("repair", 11, &[]).expect(11, &[r"as “gone\x1b"]);
    site.say("salvage", 11, &[&site.at("out4")]).expect(11, &["DAMAGED"]);
}

#[test]
fn a_terminal_is_shown_escaped_names_by_what_gives_a_pipe_the_bytes() {
    let Some(site) = filled() else { return };
    for (name, more) in [("ls", &["-l"][..]), ("find", &[]), ("du", &["--depth", "9"])] {
        let mut command = site.bench.command(name);
        command.args(site.unlocking()).args(more).arg(site.vault());
        let mut terminal = AtTerminal::running(command);
        terminal.wait_for(r"chats\x1b]0;title\x07\x1b[2J\nFORGED all is whole\x0d\u{202e}gpj");
        assert_eq!(terminal.exit_code(), 0);
        check_text(name, &terminal.shown.replace("\r\n", "\n"));
    }
}

#[test]
fn json_has_the_names_and_no_control_characters() {
    let Some(site) = filled() else { return };
    for (name, more) in [
        ("history", &[][..]),
        ("diff", &[&*site.state_before()]),
        ("conflicts", &[]),
        ("ls", &[]),
        ("find", &[]),
        ("du", &[]),
        ("verify", &[]),
    ] {
        let mut command = site.bench.command(name);
        command.args(site.unlocking()).arg("--json").arg(site.vault()).args(more);
        let said = checked(&mut command, 0);
        serde_json::from_str::<Value>(&said.stdout).unwrap();
    }
    let told = site.say("conflicts", 0, &[&"--json"]).stdout;
    let told: Value = serde_json::from_str(&told).unwrap();
    let path = told["conflicts"][0]["named"]["path"].as_str().unwrap();
    assert_eq!(path, hostile("a", ".txt").to_str().unwrap());
}

#[test]
fn a_mount_and_turning_on_and_off_show_no_name_as_it_is() {
    let Some(site) = filled() else { return };
    let (mount_point, folder) = (site.at("mnt"), site.at("folder"));
    fs::create_dir(&mount_point).unwrap();
    site.say("mount", 0, &[&mount_point]);
    site.bench.note_daemon(&mount_point);
    let a = mount_point.join(hostile("a", ".txt"));
    checked(&mut site.command("status", &[&mount_point]), 0).expect(0, &[r"mnt\x1b]0"]);
    checked(&mut site.command("conflicts", &[&mount_point]), 0).expect(0, &[r"mnt\x1b]0"]);
    checked(&mut site.command("fetch", &[&a, &mount_point]), 0);
    checked(&mut site.command("fetch", &[&site.vault()]), 2);
    checked(&mut site.command("undelete", &[&mount_point.join(hostile("gone", ""))]), 0);
    checked(&mut site.command("undelete", &[&mount_point.join(hostile("nothing", ""))]), 1);
    site.say("mount", 13, &[&site.at("elsewhere")]);
    let open = fs::File::open(&a).unwrap();
    checked(&mut site.command("unmount", &[&mount_point]), 13).expect(13, &[r"mnt\x1b]0"]);
    drop(open);
    checked(&mut site.command("unmount", &[&mount_point]), 0);
    checked(&mut site.command("unmount", &[&mount_point]), 1);

    fs::create_dir(&folder).unwrap();
    fs::write(folder.join(hostile("a", ".txt")), "not the vault's").unwrap();
    let written = fs::File::create(folder.join(hostile("written", ""))).unwrap();
    let mut arguments = site.unlocking();
    arguments.extend(["--yes".into(), "--no-mount".into(), folder.clone().into_os_string()]);
    arguments.extend(["--vault".into(), site.vault().into_os_string()]);
    let mut enable = site.bench.command("enable");
    checked(enable.args(&arguments), 1).expect(1, &[r"STAYS      written\x1b]0", "it is “a"]);
    drop(written);
    fs::write(folder.join(hostile("another", "")), "").unwrap();
    site.say("disable", 2, &[&folder]).expect(2, &[r"has no “another\x1b]0"]);
    site.say("disable", 0, &[&site.at("back")]).expect(0, &[r"back\x1b]0"]);
}
