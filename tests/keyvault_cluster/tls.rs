//! TLS to an etcd that wants to know who asks.

use std::path::Path;

use hushfs::keyvault::account::GUESSES;
use hushfs::keyvault::client::ClientError;
use hushfs::keyvault::protocol::Refused;

use crate::certificates::{Authority, Good, Issued};
use crate::etcd::Etcd;
use crate::program::Said;
use crate::server::{Server, command, registered, try_password};
use crate::servers::wait_for_majority;

const RIGHT: &str = "correct horse battery staple";

/// What a server is told about TLS to etcd.
fn flags(ca: &Path, shown: Option<&Issued>) -> Vec<String> {
    let mut flags = vec!["--etcd-ca".to_owned(), ca.display().to_string()];
    if let Some(Issued { certificate, key }) = shown {
        let files = [certificate, key].map(|file| file.display().to_string());
        let [certificate, key] = files;
        flags.extend(["--etcd-cert".to_owned(), certificate, "--etcd-key".to_owned(), key]);
    }
    flags
}

/// A server's command on this etcd.
fn serve(etcd: &Etcd, store: &str, more: &[String]) -> std::process::Command {
    let mut command = command(&["--store", store, "--secrets"]);
    command.arg(etcd.place("secrets")).arg("--seen").arg(etcd.place("seen")).args(more);
    command
}

/// Starts a server once its etcd has found a majority.
fn start(etcd: &Etcd, more: &[String]) -> Server {
    wait_for_majority(etcd);
    Server::start_with(&mut serve(etcd, &etcd.name(), more))
}

#[test]
fn guesses_are_counted_in_an_etcd_that_wants_to_see_certificates() {
    let folder = tempfile::tempdir().unwrap();
    let ours = Authority::new(folder.path(), "ours");
    let tls = ours.of_server(ours.issue("127.0.0.1", Good::Now));
    let Some(etcd) = Etcd::start_with(3, Some(tls)) else { return };
    let server = start(&etcd, &flags(&ours.file(), Some(&ours.issue("server", Good::Now))));
    let (_, place, _) = registered(&server, RIGHT);
    try_password(&place, RIGHT).unwrap();
    for _ in 0..GUESSES {
        let tried = try_password(&place, "a wrong one");
        assert!(matches!(tried, Err(ClientError::WrongPassword { .. })), "{tried:?}");
    }
    let refused = try_password(&place, RIGHT);
    assert!(matches!(refused, Err(ClientError::Refused(Refused::Destroyed))), "{refused:?}");
}

#[test]
fn what_is_wrong_with_tls_to_etcd_is_said_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) =
        (Authority::new(folder.path(), "ours"), Authority::new(folder.path(), "theirs"));
    let tls = ours.of_server(ours.issue("127.0.0.1", Good::Now));
    let Some(etcd) = Etcd::start_with(1, Some(tls)) else { return };
    let own = ours.issue("server", Good::Now);
    drop(start(&etcd, &flags(&ours.file(), Some(&own))));

    let store = etcd.name();
    let said =
        |ca: &Path, shown: Option<&Issued>| Said::by(&mut serve(&etcd, &store, &flags(ca, shown)));
    let other = theirs.file();
    said(&other, Some(&own)).expect(1, &["not by the authority that --etcd-ca names", "127.0.0.1"]);
    said(&ours.file(), None).expect(1, &["wants to see a certificate: pass --etcd-cert"]);
    let foreign = theirs.issue("server", Good::Now);
    said(&ours.file(), Some(&foreign)).expect(1, &["does not take the certificate of --etcd-cert"]);
    let expired = ours.issue("server", Good::Once);
    let name = expired.certificate.display().to_string();
    said(&ours.file(), Some(&expired)).expect(1, &["has expired", &name]);

    let mixed = Issued { certificate: own.certificate.clone(), key: foreign.key.clone() };
    said(&ours.file(), Some(&mixed)).expect(1, &["and its key cannot be used"]);
    let none = Issued { certificate: own.key.clone(), key: own.key.clone() };
    said(&ours.file(), Some(&none)).expect(1, &["holds no certificate"]);
    said(&folder.path().join("nowhere"), None).expect(1, &["nowhere holds no certificate"]);

    Said::by(&mut serve(&etcd, &store, &[])).expect(2, &["needs --etcd-ca"]);
    let plain = store.replace("https://", "http://");
    let more = flags(&ours.file(), None);
    Said::by(&mut serve(&etcd, &plain, &more)).expect(2, &["--etcd-ca is for"]);
    Said::by(&mut serve(&etcd, &plain, &[])).expect(1, &["does not answer"]);
}

#[test]
fn an_etcd_that_shows_what_is_not_its_own_is_not_spoken_to() {
    let folder = tempfile::tempdir().unwrap();
    let ours = Authority::new(folder.path(), "ours");
    for (shown, expected) in [
        (ours.issue("10.9.8.7", Good::Now), "for another name than --store has"),
        (ours.issue("127.0.0.1", Good::Once), "certificate has expired, or is not valid yet"),
    ] {
        let Some(etcd) = Etcd::start_with(1, Some(ours.of_server(shown))) else { return };
        let flags = flags(&ours.file(), Some(&ours.issue("server", Good::Now)));
        // Until it listens, that is what is said.
        let said = loop {
            let said = Said::by(&mut serve(&etcd, &etcd.name(), &flags));
            if !said.stderr.contains("refused") {
                break said;
            }
        };
        said.expect(1, &[expected]);
    }
    let Some(etcd) = Etcd::start(1) else { return };
    let store = etcd.name().replace("http://", "https://");
    Said::by(&mut serve(&etcd, &store, &flags(&ours.file(), None))).expect(1, &["does not answer"]);
}
