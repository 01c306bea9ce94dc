//! What whoever runs a server sees and does.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use hushfs::keyvault::account::GUESSES;
use hushfs::keyvault::client::ClientError;
use hushfs::keyvault::protocol::{Refused, Reply, Request};
use rustix::process::{Pid, Signal, kill_process};

use crate::bench::{is_root, skip};
use crate::owner::Owner;
use crate::program::Said;
use crate::raw::Raw;
use crate::server::Server;

const RIGHT: &str = "marmot brazier lectern oxbow";
const WRONG: &str = "walnut ferry cobalt hinge";

#[test]
fn health_and_metrics_are_told_and_nothing_else() {
    let server = Server::start();
    let owner = Owner::register(&server.client_address(), server.pin(), RIGHT);
    owner.try_password(RIGHT).unwrap();
    let _ = owner.try_password(WRONG);
    assert_eq!(server.http("/health"), ("HTTP/1.1 200 OK".to_owned(), "ok\n".to_owned()));
    assert_eq!((server.metric("attempts_total"), server.metric("right_total")), (2, 1));
    assert_eq!(server.metric("registered_total"), 1);
    let (head, text) = server.http("/accounts");
    assert!(head.contains("404"), "{head} {text}");
    let (_, metrics) = server.http("/metrics");
    assert!(!metrics.contains(&owner.place.account.to_string()), "{metrics}");
}

#[test]
fn the_audit_log_has_every_change_and_attempt_and_is_its_owners_alone() {
    let server = Server::start();
    let owner = Owner::register(&server.client_address(), server.pin(), RIGHT);
    owner.try_password(RIGHT).unwrap();
    for _ in 0..GUESSES {
        let _ = owner.try_password(WRONG);
    }
    let _ = owner.try_password(RIGHT);
    // The last connections' ends are noted when the server has noticed them.
    while server.events().iter().filter(|event| *event == "broken-off").count() < 10 {}
    let events = server.events();
    let count = |name: &str| events.iter().filter(|event| *event == name).count();
    let counts = ["registered", "committed", "attempt", "right", "destroyed"].map(count);
    assert_eq!(counts, [1, 1, 11, 1, 1], "{events:?}");
    for line in server.audit() {
        assert_eq!(line["account"], owner.place.account.to_string());
        assert_eq!(line["address"], "127.0.0.1");
        assert!(line["time"].as_str().unwrap().starts_with("20"));
    }
    assert_eq!(server.place("audit").metadata().unwrap().mode() & 0o777, 0o600);
}

#[test]
fn a_server_that_is_told_to_end_lets_a_log_in_come_to_its_end() {
    let mut server = Server::start();
    let owner = Owner::register(&server.client_address(), server.pin(), RIGHT);
    let mut raw = Raw::connect(server.address()).unwrap();
    let (account, registration) = (owner.place.account, owner.place.registration);
    use hushfs::keyvault::protocol::{Suite, SystemRandom, message_bytes};
    let started =
        opaque_ke::ClientLogin::<Suite>::start(&mut SystemRandom, RIGHT.as_bytes()).unwrap();
    let ke1 = message_bytes(&started.message.serialize());
    let reply = raw.ask(&Request::LoginStart { account, registration, ke1 }).unwrap();
    assert!(matches!(reply, Reply::LoginStarted { .. }));
    let mut idle = Raw::connect(server.address()).unwrap();
    let code = std::thread::scope(|scope| {
        let ended = scope.spawn(|| server.stop());
        // An idle connection goes at once; then the server is about to end.
        assert!(idle.is_ended());
        let reply = raw.ask(&Request::LoginFinish { ke3: [1; 64] }).unwrap();
        assert!(matches!(reply, Reply::Refused(_)), "{reply:?}");
        drop(raw);
        ended.join().unwrap()
    });
    assert_eq!(code, 0);
    server.start_again();
    assert_eq!(owner.left(), GUESSES - 1);
}

#[test]
fn a_second_server_an_older_store_and_a_damaged_one_are_told_apart() {
    let mut server = Server::start();
    let owner = Owner::register(&server.client_address(), server.pin(), RIGHT);
    Said::by(&mut server.command()).expect(13, &["in use by another server"]);
    server.stop();
    let copy = server.place("copy");
    fs::copy(server.store(), &copy).unwrap();
    server.start_again();
    let _ = owner.try_password(WRONG);
    server.stop();
    let newer = fs::read(server.store()).unwrap();
    fs::copy(&copy, server.store()).unwrap();
    Said::by(&mut server.command()).expect(11, &["gone back to an older state"]);
    fs::write(server.store(), "junk").unwrap();
    Said::by(&mut server.command()).expect(11, &["damaged"]);
    fs::write(server.store(), newer).unwrap();
    server.start_again();
    assert_eq!(owner.left(), GUESSES - 1);
}

/// A small disk in a folder; unmounted when dropped.
struct SmallDisk(std::path::PathBuf);

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn on_a_full_disk_nobody_gets_a_guess_and_health_says_so_and_nothing_is_lost() {
    if !is_root() {
        return;
    }
    let mut server = Server::start();
    server.stop();
    let disk = SmallDisk(server.place(""));
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(&disk.0);
    if !mount.status().is_ok_and(|status| status.success()) {
        return skip("no tmpfs can be mounted here");
    }
    server.start_again();
    let owner = Owner::register(&server.client_address(), server.pin(), RIGHT);
    let filler = server.place("filler");
    let full = fs::write(&filler, vec![0; 2 << 20]).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    let refused = |tried: Result<_, ClientError>| {
        matches!(tried.map(drop), Err(ClientError::Refused(Refused::Unavailable)))
    };
    while !refused(owner.try_password(RIGHT)) {}
    assert!(refused(owner.try_password(WRONG)));
    assert!(server.http("/health").0.contains("503"));
    assert!(server.metric("store_errors_total") >= 2);
    fs::remove_file(filler).unwrap();
    server.stop();
    server.start_again();
    assert!(server.http("/health").0.contains("200"));
    owner.try_password(RIGHT).unwrap();
    assert_eq!(owner.left(), GUESSES);
    server.stop();
}

#[test]
fn the_servers_keys_can_be_kept_in_a_file_of_their_own() {
    let keys = tempfile::tempdir().unwrap();
    let secrets = keys.path().join("secrets");
    let mut server = Server::start_with(&["--secrets", secrets.to_str().unwrap()]);
    let owner = Owner::register(&server.client_address(), server.pin(), RIGHT);
    assert_eq!(secrets.metadata().unwrap().mode() & 0o777, 0o600);
    let bytes = fs::read(&secrets).unwrap();
    let store = fs::read(server.store()).unwrap();
    assert!(
        !store.windows(16).any(|window| bytes.windows(16).step_by(16).any(|part| part == window))
    );
    server.stop();
    server.start_again();
    owner.try_password(RIGHT).unwrap();
    server.stop();
    fs::write(&secrets, &bytes[..bytes.len() / 2]).unwrap();
    Said::by(&mut server.command()).expect(1, &["keys in the store are damaged"]);
}

#[test]
fn a_certificate_of_ones_own_is_shown_and_its_key_pinned() {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let write = |certificate: &str| {
        let certificate_path = folder.path().join("cert");
        fs::write(&certificate_path, certificate).unwrap();
        fs::write(folder.path().join("key"), key.serialize_pem()).unwrap();
    };
    let certificate = |name: &str| {
        let params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
        params.self_signed(&key).unwrap().pem()
    };
    write(&certificate("first.example"));
    let paths = [folder.path().join("cert"), folder.path().join("key")];
    let [cert, key_path] = paths.each_ref().map(|path| path.to_str().unwrap());
    let mut server = Server::start_with(&["--tls-cert", cert, "--tls-key", key_path]);
    let owner = Owner::register(&server.client_address(), server.pin(), RIGHT);
    // Another certificate of the same key, as every renewal is.
    server.stop();
    write(&certificate("second.example"));
    server.start_again();
    owner.try_password(RIGHT).unwrap();
    server.stop();
    fs::write(cert, "no certificate").unwrap();
    Said::by(&mut server.command()).expect(1, &["holds no certificate"]);
}

#[test]
fn an_audit_log_that_is_renamed_or_cut_goes_on_in_the_file_of_that_name() {
    let server = Server::start();
    let owner = Owner::register(&server.client_address(), server.pin(), RIGHT);
    let attempts = |file: &str| {
        let text = fs::read_to_string(server.place(file)).unwrap_or_default();
        text.lines().filter(|line| line.contains("\"attempt\"")).count()
    };
    owner.try_password(RIGHT).unwrap();
    fs::rename(server.place("audit"), server.place("audit.1")).unwrap();
    owner.try_password(RIGHT).unwrap();
    assert_eq!(attempts("audit.1"), 2, "until it is told, it is the same file");
    let pid = Pid::from_raw(server.pid().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
    while attempts("audit") == 0 {
        owner.try_password(RIGHT).unwrap();
    }
    let before = (attempts("audit.1"), attempts("audit") + 1);
    owner.try_password(RIGHT).unwrap();
    assert_eq!((attempts("audit.1"), attempts("audit")), before);

    // As “copytruncate” does.
    let file = fs::File::options().write(true).open(server.place("audit")).unwrap();
    file.set_len(0).unwrap();
    owner.try_password(RIGHT).unwrap();
    let text = fs::read(server.place("audit")).unwrap();
    assert!(text.starts_with(b"{") && attempts("audit") == 1);
}
