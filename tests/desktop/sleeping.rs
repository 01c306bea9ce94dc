//! `mount --lock-on-suspend`, before a sleep that a logind of the test's own announces.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::geteuid;

use crate::bench::{Bench, is_mounted, said};
use crate::bus::Bus;
use crate::logind::Logind;
use crate::notifications::Notifications;

struct Machine {
    bench: Bench,
    bus: Bus,
    logind: Logind,
}

impl Machine {
    fn new() -> Option<Self> {
        let bench = Bench::new()?;
        let bus = Bus::start(&bench.folder())?;
        let logind = Logind::on(&bus);
        Some(Self { bench, bus, logind })
    }

    fn mount_command(&self) -> Command {
        let mut command = self.bench.mount_command();
        command.env("DBUS_SYSTEM_BUS_ADDRESS", &self.bus.address).arg("--lock-on-suspend");
        command
    }

    fn mount(&self) {
        let mounted = self.mount_command().output().unwrap();
        assert!(mounted.status.success(), "{mounted:?}");
        self.bench.note_daemon(&self.bench.mount_point());
    }
}

/// A program that ends with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program with no more rights than a user's has: a mount by root keeps too few to look at root's.
fn as_user(program: &str, arguments: &[&str]) -> Command {
    let mut command = match geteuid().is_root() {
        true => Command::new("setpriv"),
        false => Command::new("env"),
    };
    if geteuid().is_root() {
        command.args(["--bounding-set=-all", "--inh-caps=-all"]);
    }
    command.arg(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
fn the_vault_is_locked_with_everything_in_it_and_only_then_may_sleep_begin() {
    let Some(machine) = Machine::new() else { return };
    let (bench, logind) = (&machine.bench, &machine.logind);
    machine.mount();
    let delay = logind.next_delay();
    assert_eq!((&*delay.what, &*delay.who, &*delay.mode), ("sleep", "hushfs", "delay"));
    fs::write(bench.at("file"), "not published yet").unwrap();
    // Sleep that is over, or was called off, locks nothing.
    logind.say(false);
    assert!(!delay.is_gone(Duration::from_secs(1)) && is_mounted(&bench.mount_point()));
    logind.say(true);
    delay.wait_until_gone();
    // At this very moment the machine may sleep.
    assert!(!is_mounted(&bench.mount_point()));
    let end = fs::read_to_string(bench.state().join("last-end")).unwrap();
    assert!(end.contains(r#""ok":true,"unpublished":false"#), "{end}");
    bench.wait_for_end();
    bench.mount_elsewhere();
    assert_eq!(fs::read(bench.at("file")).unwrap(), b"not published yet");
}

#[test]
fn where_a_program_has_a_file_open_it_is_named_and_all_is_published_before_sleep() {
    let Some(machine) = Machine::new() else { return };
    let (bench, logind) = (&machine.bench, &machine.logind);
    let desktop = Notifications::on(&machine.bus);
    let mut mount = machine.mount_command();
    mount.arg("--foreground").env("DBUS_SESSION_BUS_ADDRESS", &machine.bus.address);
    let mut mount = mount.stderr(Stdio::piped()).spawn().unwrap();
    let delay = logind.next_delay();
    while !is_mounted(&bench.mount_point()) {
        std::thread::sleep(Duration::from_millis(20));
    }
    bench.note_daemon(&bench.mount_point());
    fs::write(bench.at("private name"), "content").unwrap();
    let open = File::open(bench.at("private name")).unwrap();
    let mut program = Running(as_user("tail", &["-f", "-"]).stdin(open).spawn().unwrap());
    logind.say(true);
    delay.wait_until_gone();
    assert!(is_mounted(&bench.mount_point()));
    assert_eq!(bench.status().unpublished_operations, 0);
    let named = format!("tail (process {})", program.0.id());
    let mut lines = BufReader::new(mount.stderr.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.find(|line| line.contains("not locked before sleep")).unwrap();
    assert!(line.contains(&named) && !line.contains("private name"), "{line}");
    let (title, body) = desktop.next();
    assert_eq!(title, "Not locked before sleep");
    assert!(body.contains(&named) && !body.contains("private name"), "{body}");

    // Awake again, the next sleep waits, too.
    logind.say(false);
    let delay = logind.next_delay();
    program.0.kill().unwrap();
    program.0.wait().unwrap();
    // The kernel tells the mount of a file's last close a moment later.
    loop {
        logind.say(true);
        if delay.is_gone(Duration::from_secs(5)) {
            break;
        }
        assert!(is_mounted(&bench.mount_point()));
    }
    assert!(mount.wait().unwrap().success());
    assert!(!is_mounted(&bench.mount_point()));
}

#[test]
fn where_sleep_cannot_be_noticed_nothing_is_mounted() {
    let Some(machine) = Machine::new() else { return };
    let Machine { bench, bus, logind } = machine;
    drop(logind);
    // Neither a bus, nor a logind on it.
    let nowhere = format!("unix:path={}/no-bus", bench.folder().display());
    for address in [&nowhere, &bus.address] {
        let mut mount = bench.mount_command();
        mount.env("DBUS_SYSTEM_BUS_ADDRESS", address).arg("--lock-on-suspend");
        let (code, text) = said(&mount.output().unwrap());
        assert!(code == 1 && text.contains("logind does not answer"), "{code}: {text}");
        assert!(!is_mounted(&bench.mount_point()));
    }
    bench.mount();
}

#[test]
fn an_unmount_and_a_signal_end_a_mount_that_minds_sleep_as_any_other() {
    let Some(machine) = Machine::new() else { return };
    machine.mount();
    let delay = machine.logind.next_delay();
    machine.bench.unmount();
    delay.wait_until_gone();
    machine.mount();
    let delay = machine.logind.next_delay();
    machine.bench.signal(rustix::process::Signal::TERM);
    delay.wait_until_gone();
    machine.bench.wait_for_end();
    assert!(!is_mounted(&machine.bench.mount_point()));
}
