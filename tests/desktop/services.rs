//! `hushfs service`, with a `systemctl` that writes down what it is told, and units that the real
//! `systemd-analyze` reads.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hushfs::desktop::{Service, ServicePlaces, places_of_agent};

use crate::bench::{Bench, has_ended, is_mounted, open_process};
use crate::bus::has_program;
use crate::program::{Said, hushfs};

const PASSWORD: &str = "marmot brazier lectern oxbow";

struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(home.mount_point()).unwrap();
        let by = format!("--password-command=echo {PASSWORD}");
        Said::by(hushfs(&["init", "--yes", &by]).arg(home.vault())).expect(0, &[]);
        home
    }

    fn place(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.folder.path()).unwrap().join(name)
    }

    fn vault(&self) -> PathBuf {
        self.place("my vault")
    }

    fn mount_point(&self) -> PathBuf {
        self.place("Chats 100%")
    }

    /// Has a program `systemctl` found that writes its words down, says something, and ends with a code.
    fn with_systemctl(&self, says: &str, code: u8) {
        let script = format!(
            "#!/bin/sh\necho \"$@\" >>'{}'\n{says}\nexit {code}\n",
            self.place("told").display()
        );
        fs::create_dir_all(self.place("bin")).unwrap();
        fs::write(self.place("bin/systemctl"), script).unwrap();
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.place("bin/systemctl"), executable).unwrap();
    }

    /// What `systemctl` was told since the last time.
    fn told(&self) -> Vec<String> {
        let told = fs::read_to_string(self.place("told")).unwrap_or_default();
        let _ = fs::remove_file(self.place("told"));
        told.lines().map(str::to_owned).collect()
    }

    fn service(&self, words: &[&str], places: &[&Path]) -> Said {
        let mut command = hushfs(&["service"]);
        command.args(words).args(places);
        command.env("HOME", self.folder.path()).env_remove("XDG_CONFIG_HOME");
        command.env("PATH", format!("{}:/usr/bin:/bin", self.place("bin").display()));
        command.env("XDG_STATE_HOME", self.place("state-home"));
        command.env("XDG_RUNTIME_DIR", self.place("run"));
        Said::by(&mut command)
    }

    fn install(&self, words: &[&str]) -> Said {
        let words = [&["install"], words].concat();
        self.service(&words, &[&self.vault(), &self.mount_point()])
    }

    fn units(&self) -> Vec<PathBuf> {
        let folder = self.place(".config/systemd/user");
        let entries = fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

/// The last word of a unit's command.
fn quoted_as_a_word(unit: &str) -> String {
    let command = unit.lines().find(|line| line.starts_with("ExecStart=")).unwrap();
    let (_, word) = command.split_once("\"mount\" ").unwrap();
    word.to_owned()
}

fn verified(unit: &Path) -> (bool, String) {
    let mut command = Command::new("systemd-analyze");
    command.args(["verify", "--user", "--man=no"]).arg(unit);
    let output = command.env("XDG_RUNTIME_DIR", unit.parent().unwrap()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success() && text.is_empty(), text)
}

#[test]
fn a_service_is_installed_told_of_and_removed() {
    let home = Home::new();
    home.with_systemctl("[ \"$2\" = is-active ] && echo inactive", 0);
    let by = format!("--password-command=echo {PASSWORD}");
    home.install(&[&by, "--lock-on-suspend", "-o", "idle=2h,history=30d"])
        .expect(0, &["mounts the vault at login", "It is mounted now."]);
    let [unit] = &home.units()[..] else { panic!("not one unit") };
    let name = unit.file_name().unwrap().to_str().unwrap();
    let enable = format!("--user enable --now {name}");
    assert_eq!(home.told(), ["--user show-environment", "--user daemon-reload", &enable]);
    let text = fs::read_to_string(unit).unwrap();
    for word in
        ["\"--foreground\"", "\"--lock-on-suspend\"", "\"idle=2h\"", "Chats 100%%\"", "Type=notify"]
    {
        assert!(text.contains(word), "{text}");
    }
    assert_eq!(fs::metadata(unit).unwrap().permissions().mode() & 0o777, 0o600);
    let listed = home.service(&["status"], &[]);
    listed.expect(0, &["my vault at ", "inactive", name]);
    let listed = home.service(&["status", "--json"], &[]);
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(listed[0]["unit"], name);

    // Once more is one still.
    home.install(&[&by, "--no-start"]).expect(0, &["from the next login on"]);
    assert_eq!(home.units().len(), 1);
    home.told();
    home.service(&["uninstall"], &[&home.place("another")]).expect(2, &["no service mounts"]);
    home.service(&["uninstall"], &[&home.mount_point()]).expect(0, &["Removed"]);
    assert!(home.units().is_empty());
    let disable = format!("--user disable {name}");
    assert!(home.told().contains(&disable));
    home.service(&["status"], &[]).expect(0, &["no vault is mounted at login"]);
}

#[test]
fn places_are_told_as_they_are_whatever_their_names() {
    let home = Home::new();
    home.with_systemctl("[ \"$2\" = is-active ] && echo inactive", 0);
    let by = format!("--password-command=echo {PASSWORD}");
    for (name, shown) in [
        (&b"two words"[..], "two words"),
        (b"100% %h", "100% %h"),
        (b"$HOME ${x}", "$HOME ${x}"),
        (br#""say "hi"""#, r#""say "hi"""#),
        (br"a\x20b\", r"a\\x20b\\"),
        (b"line\nMountPoint=\"x\"\n", r#"line\nMountPoint="x"\n"#),
        ("é 日本".as_bytes(), "é 日本"),
        (b"caf\xe9", r"caf\xe9"),
    ] {
        let place = home.folder.path().canonicalize().unwrap().join(OsStr::from_bytes(name));
        fs::rename(home.vault(), &place).unwrap();
        fs::create_dir(place.join("mount")).unwrap();
        home.service(&["install", &by, "--no-start"], &[&place, &home.mount_point()])
            .expect(0, &[]);
        let told = home.service(&["status"], &[]);
        let line = format!(
            "{}/{shown} at {}: ",
            home.folder.path().canonicalize().unwrap().display(),
            home.mount_point().display()
        );
        assert!(told.stdout.starts_with(&line), "{told:?} does not begin with {line}");
        let listed = home.service(&["status", "--json"], &[]);
        let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
        assert_eq!(listed[0]["vault"], place.display().to_string());
        assert_eq!(listed[0]["mountpoint"], home.mount_point().display().to_string());
        home.service(&["uninstall"], &[&place]).expect(0, &["Removed"]);
        assert!(home.units().is_empty());
        fs::remove_dir(place.join("mount")).unwrap();
        fs::rename(&place, home.vault()).unwrap();
    }
}

#[test]
fn what_runs_when_it_is_uninstalled_has_a_unit_until_the_logout() {
    let home = Home::new();
    let by = format!("--password-command=echo {PASSWORD}");
    for state in ["inactive", "active", "activating"] {
        home.with_systemctl(&format!("[ \"$2\" = is-active ] && echo {state}"), 0);
        home.install(&[&by]).expect(0, &[]);
        let [unit] = &home.units()[..] else { panic!("not one unit") };
        let (name, text) = (unit.file_name().unwrap(), fs::read(unit).unwrap());
        home.service(&["uninstall"], &[&home.vault()]).expect(0, &["Removed"]);
        assert!(home.units().is_empty());
        let kept = fs::read(home.place("run/systemd/user").join(name)).ok();
        assert_eq!(kept, (state != "inactive").then_some(text), "{state}");
        home.service(&["status"], &[]).expect(0, &["no vault is mounted at login"]);
    }
}

#[test]
fn launchd_is_told_success_where_to_try_again_would_help_nobody() {
    let home = Home::new();
    let mount = |flags: &[&str], vault: &Path| {
        let mut command = hushfs(&["mount", "--foreground", "--password-command=echo wrong"]);
        command.env("XDG_STATE_HOME", home.place("state-home")).args(flags);
        Said::by(command.arg(vault).arg(home.mount_point()))
    };
    mount(&[], &home.vault()).expect(10, &["wrong password"]);
    mount(&["--under-launchd"], &home.vault()).expect(0, &["wrong password"]);
    mount(&["--under-launchd"], &home.place("no vault")).expect(0, &["is not a vault"]);
    let no_place = Path::new("/dev/null");
    let mut elsewhere =
        hushfs(&["mount", "--foreground", "--under-launchd", "--password-command=false"]);
    elsewhere.env("XDG_STATE_HOME", no_place).arg(home.vault()).arg(home.mount_point());
    Said::by(&mut elsewhere).expect(1, &[]);
}

#[test]
fn without_systemd_the_unit_is_written_and_it_is_said_what_is_left_to_do() {
    let home = Home::new();
    home.with_systemctl("echo 'Failed to connect to bus' >&2", 1);
    let by = format!("--password-command=echo {PASSWORD}");
    home.install(&[&by]).expect(0, &["does not answer here", "systemctl --user enable --now"]);
    assert_eq!(home.units().len(), 1);
    home.service(&["status"], &[]).expect(0, &["systemd does not answer here"]);
    home.service(&["uninstall"], &[&home.vault()]).expect(0, &["Removed"]);
    assert!(home.units().is_empty());
}

#[test]
fn what_could_not_work_at_login_is_refused() {
    let home = Home::new();
    home.install(&[]).expect(2, &["hushfs remember", "--password-command"]);
    let by = format!("--password-command=echo {PASSWORD}");
    let words = ["install", &by];
    home.service(&words, &[&home.vault(), &home.place("missing")]).expect(2, &["is no folder"]);
    home.service(&words, &[&home.place("missing"), &home.mount_point()])
        .expect(12, &["is not a vault"]);
    home.install(&[&by, "-o", "bogus"]).expect(2, &["no mount option “bogus”"]);
    assert!(home.units().is_empty());
}

#[test]
fn options_that_name_files_mean_in_the_unit_what_they_mean_here() {
    let home = Home::new();
    home.with_systemctl("[ \"$2\" = is-active ] && echo inactive", 0);
    home.install(&["-o", "password_file=pw,state_dir=st,idle=2h"]).expect(0, &[]);
    let [unit] = &home.units()[..] else { panic!("not one unit") };
    let text = fs::read_to_string(unit).unwrap();
    let here = std::env::current_dir().unwrap();
    for (flag, name) in [("--password-file", "pw"), ("--state-dir", "st")] {
        let words = format!("\"{flag}\" \"{}\"", here.join(name).display());
        assert!(text.contains(&words), "{words} is not in {text}");
    }
    assert!(text.contains("\"-o\" \"idle=2h\"") && !text.contains("password_file"), "{text}");
    // More than one way to unlock, which every login would refuse.
    home.install(&["--key-file=k", "-o", "password_file=pw"]).expect(2, &[]);
    home.install(&["-o", "no_keyring"]).expect(2, &["nobody is there at login"]);
}

#[test]
fn systemd_reads_units_as_they_are_meant_whatever_the_names() {
    if !has_program("systemd-analyze") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let below = |name: &str| fs::canonicalize(folder.path()).unwrap().join(name);
    let service = |program: PathBuf, argument: &Path| Service {
        id: "c0ffee".to_owned(),
        program,
        arguments: vec!["mount".into(), argument.into()],
        lasting_exit_codes: vec![10],
        places: ServicePlaces { vault: argument.to_owned(), mount_point: argument.to_owned() },
    };
    let verified = |service: &Service| {
        let unit = folder.path().join(service.unit_name());
        fs::write(&unit, service.unit().unwrap()).unwrap();
        verified(&unit)
    };
    // It is accepted only if the program is found, so only if its path is read as it is meant.
    for name in ["plain", "two words", "100% %h %%", "$HOME ${x}", "é ü 日本", "-;#"] {
        let place = below(name);
        fs::create_dir(&place).unwrap();
        let service = service(place.join("program"), &place);
        fs::write(&service.program, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&service.program, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(verified(&service), (true, String::new()), "{:?}", service.unit());
        fs::remove_file(&service.program).unwrap();
        assert!(!verified(&service).0, "a program that is missing is missed");
    }
    for name in [r#"say "hi" \ 'x'"#, "line\nend\ttab", "\\"] {
        let service = service("/bin/sh".into(), &below(name));
        assert_eq!(verified(&service), (true, String::new()), "{:?}", service.unit());
        // The path is written as another program's would be, which systemd refuses.
        let named = service.unit().unwrap();
        let refused = Service { program: below(name), ..service.clone() };
        assert!(refused.unit().is_err());
        let unit = folder.path().join(refused.unit_name());
        fs::write(&unit, named.replace("\"/bin/sh\"", &quoted_as_a_word(&named))).unwrap();
        assert!(!self::verified(&unit).0, "systemd takes what is refused here");
    }
}

/// By a reader of property lists that knows nothing of us.
#[test]
fn a_property_list_is_read_as_it_is_meant_whatever_the_names() {
    if !has_program("python3") {
        return;
    }
    let read =
        "import json, plistlib, sys; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))";
    for name in
        ["plain", "Fish & <Chips>", "</string>", "&amp;", "'\"\\", "two\nlines\t", " é 日本 👋"]
    {
        let place = Path::new("/Users/ann").join(name);
        let service = Service {
            id: "c0ffee".to_owned(),
            program: place.join("hushfs"),
            arguments: vec![
                "mount".into(),
                name.into(),
                "--".into(),
                place.clone().into(),
                "/m".into(),
            ],
            lasting_exit_codes: vec![10],
            places: ServicePlaces { vault: place.clone(), mount_point: "/m".into() },
        };
        let agent = service.agent(&place.join("log")).unwrap();
        assert_eq!(places_of_agent(&agent), Some(service.places));
        let mut python = Command::new("python3");
        python.args(["-c", read]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut python = python.spawn().unwrap();
        python.stdin.take().unwrap().write_all(agent.as_bytes()).unwrap();
        let output = python.wait_with_output().unwrap();
        assert!(output.status.success(), "{agent}");
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let place = place.to_str().unwrap();
        let words =
            serde_json::json!([format!("{place}/hushfs"), "mount", name, "--", place, "/m"]);
        assert_eq!(told["ProgramArguments"], words);
        assert_eq!(told["StandardErrorPath"], format!("{place}/log"));
        assert_eq!(told["KeepAlive"], serde_json::json!({ "SuccessfulExit": false }));
        assert_eq!((&told["Label"], &told["RunAtLoad"]), (&"hushfs.c0ffee".into(), &true.into()));
    }
}

#[test]
fn the_service_tells_when_it_is_ready_and_a_stop_brings_everything_into_the_vault() {
    let Some(bench) = Bench::new() else { return };
    let socket_path = bench.folder().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&socket_path).unwrap();
    let mut command = bench.mount_command();
    command.arg("--foreground").env("NOTIFY_SOCKET", &socket_path).stderr(Stdio::null());
    let mut mount = command.spawn().unwrap();
    let mut told = [0; 256];
    let length = socket.recv(&mut told).unwrap();
    assert_eq!(told[..length].trim_ascii(), b"READY=1");
    assert!(is_mounted(&bench.mount_point()));
    bench.note_daemon(&bench.mount_point());
    let open = fs::File::create(bench.at("open")).unwrap();
    fs::write(bench.at("file"), "not published yet").unwrap();
    // As systemd stops it; a program has a file open still.
    let daemon = open_process(mount.id());
    bench.signal(rustix::process::Signal::TERM);
    assert!(has_ended(&daemon, std::time::Duration::from_secs(60)));
    assert!(mount.wait().unwrap().success());
    drop(open);
    assert!(!is_mounted(&bench.mount_point()));
    bench.mount_elsewhere();
    assert_eq!(fs::read(bench.at("file")).unwrap(), b"not published yet");
}
