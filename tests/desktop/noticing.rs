//! What a mount shows on the desktop when it needs somebody.

use std::fs::{self, File};
use std::io::Write;
use std::process::Output;
use std::time::Duration;

use crate::bench::{Bench, is_root, said};
use crate::bus::Bus;
use crate::copied::copy_folder;
use crate::disk::SmallDisk;
use crate::notifications::Notifications;

/// A trouble is shown when it was there for two looks in a row, which are 5 seconds apart.
const FOUR_LOOKS: Duration = Duration::from_secs(20);
const SECRET_NAME: &str = "private name";

struct Desktop {
    bench: Bench,
    bus: Bus,
    shown: Notifications,
}

impl Desktop {
    fn new() -> Option<Self> {
        let bench = Bench::new()?;
        let bus = Bus::start(&bench.folder())?;
        let shown = Notifications::on(&bus);
        Some(Self { bench, bus, shown })
    }

    fn try_mount(&self, words: &[&str]) -> Output {
        let mut command = self.bench.mount_command();
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.bus.address).args(words);
        command.output().unwrap()
    }

    fn mount(&self, words: &[&str]) {
        let mounted = self.try_mount(words);
        assert!(mounted.status.success(), "{mounted:?}");
        self.bench.note_daemon(&self.bench.mount_point());
    }

    /// The next notification has this title, says where, and names no file.
    #[track_caller]
    fn expect(&self, title: &str) {
        let shown = self.shown.next();
        assert_eq!(shown.0, title);
        let place = self.bench.mount_point().display().to_string();
        assert!(shown.1.contains(&place) && !shown.1.contains(SECRET_NAME), "{shown:?}");
    }

    fn threads(&self) -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.bench.status().pid)).unwrap();
        let names =
            tasks.map(|task| fs::read_to_string(task.unwrap().path().join("comm")).unwrap());
        names.map(|name| name.trim().to_owned()).collect()
    }
}

#[test]
fn a_vaults_folder_that_is_gone_is_told_of_once() {
    let Some(desktop) = Desktop::new() else { return };
    let bench = &desktop.bench;
    desktop.mount(&[]);
    fs::rename(bench.vault(), bench.folder().join("elsewhere")).unwrap();
    fs::write(bench.at(SECRET_NAME), "waits").unwrap();
    desktop.expect("A vault’s folder is gone");
    assert!(desktop.shown.is_quiet_for(FOUR_LOOKS), "it is told of again");
    fs::rename(bench.folder().join("elsewhere"), bench.vault()).unwrap();
    bench.unmount();
    assert!(desktop.shown.is_quiet_for(Duration::ZERO));
}

#[test]
fn damage_is_told_of_without_the_names_of_files() {
    let Some(desktop) = Desktop::new() else { return };
    let bench = &desktop.bench;
    desktop.mount(&[]);
    fs::write(bench.at(SECRET_NAME), vec![7; 100_000]).unwrap();
    bench.unmount();
    let packs = fs::read_dir(bench.vault().join("data")).unwrap();
    for pack in packs.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap()) {
        let path = pack.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        bytes[100] ^= 1;
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    desktop.mount(&[]);
    assert!(fs::read(bench.at(SECRET_NAME)).is_err());
    desktop.expect("Damage found");
}

#[test]
fn a_full_disk_is_told_of() {
    let Some(desktop) = Desktop::new() else { return };
    if !is_root() {
        return;
    }
    let bench = &desktop.bench;
    let _disk = SmallDisk::at(&bench.state(), 96).expect("root may mount");
    desktop.mount(&[]);
    // Something beside the journal takes the room away.
    let mut other = File::create(bench.state().join("other")).unwrap();
    while other.write_all(&[7; 1 << 20]).is_ok() {}
    assert!(fs::write(bench.at(SECRET_NAME), vec![7; 1 << 20]).is_err());
    desktop.expect("No room left");
    drop(other);
    fs::remove_file(bench.state().join("other")).unwrap();
    bench.unmount();
}

#[test]
fn a_vault_that_has_gone_back_is_told_of_where_nobody_sits_at_a_terminal() {
    let Some(desktop) = Desktop::new() else { return };
    let bench = &desktop.bench;
    desktop.mount(&[]);
    fs::write(bench.at(SECRET_NAME), "first").unwrap();
    bench.unmount();
    let older = bench.folder().join("older");
    copy_folder(&bench.vault(), &older);
    desktop.mount(&[]);
    fs::write(bench.at(SECRET_NAME), "second").unwrap();
    bench.unmount();
    fs::remove_dir_all(bench.vault()).unwrap();
    copy_folder(&older, &bench.vault());
    for words in [&["--foreground"][..], &[]] {
        let (code, text) = said(&desktop.try_mount(words));
        assert!(code == 11 && text.contains("older copy of the vault"), "{code}: {text}");
        desktop.expect("A vault has gone back");
    }
    assert_eq!(said(&desktop.try_mount(&["--no-notify"])).0, 11);
    assert!(desktop.shown.is_quiet_for(Duration::from_secs(1)));
}

#[test]
fn who_wants_no_notifications_has_neither_them_nor_their_thread() {
    let Some(desktop) = Desktop::new() else { return };
    let bench = &desktop.bench;
    desktop.mount(&["-o", "no_notify"]);
    assert!(!desktop.threads().iter().any(|name| name == "hushfs-notices"));
    fs::rename(bench.vault(), bench.folder().join("elsewhere")).unwrap();
    assert!(desktop.shown.is_quiet_for(FOUR_LOOKS));
    fs::rename(bench.folder().join("elsewhere"), bench.vault()).unwrap();
    bench.unmount();
    desktop.mount(&[]);
    assert!(desktop.threads().iter().any(|name| name == "hushfs-notices"));
    assert!(!desktop.threads().iter().any(|name| name.contains("zbus") || name == "async-io"));
}

#[test]
fn without_a_session_bus_nothing_is_shown_and_nothing_else_is_different() {
    let Some(desktop) = Desktop::new() else { return };
    let Desktop { bench, bus, shown } = desktop;
    let mut command = bench.mount_command();
    command.env("DBUS_SESSION_BUS_ADDRESS", &bus.address);
    let mounted = command.output().unwrap();
    assert!(mounted.status.success(), "{mounted:?}");
    bench.note_daemon(&bench.mount_point());
    drop((shown, bus));
    fs::rename(bench.vault(), bench.folder().join("elsewhere")).unwrap();
    fs::write(bench.at("file"), "waits").unwrap();
    // Nothing tells that nothing happens but time.
    std::thread::sleep(FOUR_LOOKS);
    assert_eq!(fs::read(bench.at("file")).unwrap(), b"waits");
    fs::rename(bench.folder().join("elsewhere"), bench.vault()).unwrap();
    bench.unmount();
}
