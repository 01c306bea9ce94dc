//! A seed in a PKCS#11 token (SoftHSM): a copied store is worth nothing without it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::object::{Attribute, KeyType, ObjectClass};
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use hushfs::keyvault::account::GUESSES;
use hushfs::keyvault::client::{ClientError, ServerAddress, status};
use hushfs::keyvault::protocol::Refused;
use hushfs::keyvault::seed::{
    OprfSeed, Pkcs11Seed, Pkcs11Uri, SEED_BYTES, SeedError, SoftwareSeed,
};
use hushfs::keyvault::server::{Audit, Rates, ServeOptions, serve};
use hushfs::keyvault::store::{EmbeddedStore, Store};
use zeroize::Zeroizing;

use crate::program::Said;
use crate::server::{Server, command, place_at, registered, try_password};

const RIGHT: &str = "correct horse battery staple";
const PIN: &str = "1234";
/// Of who may set PINs.
const SO_PIN: &str = "5678";
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
/// For the test that runs in a process of its own, since SoftHSM reads where its tokens are from the environment.
const CONF: &str = "SOFTHSM2_CONF";

/// SoftHSM's tokens, in a temporary folder.
struct Tokens {
    folder: tempfile::TempDir,
}

impl Tokens {
    /// `None` if there is no SoftHSM here.
    fn new() -> Option<Self> {
        if !super::is_there("softhsm2-util") {
            return None;
        }
        let tokens = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(tokens.place("tokens")).unwrap();
        let conf = format!("directories.tokendir = {}\n", tokens.place("tokens").display());
        fs::write(tokens.conf(), conf).unwrap();
        fs::write(tokens.place("pin"), PIN).unwrap();
        Some(tokens)
    }

    fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn conf(&self) -> PathBuf {
        self.place("softhsm2.conf")
    }

    /// Makes a token.
    fn make(&self, label: &str) {
        let mut command = Command::new("softhsm2-util");
        command.args([
            "--init-token",
            "--free",
            "--so-pin",
            SO_PIN,
            "--pin",
            PIN,
            "--label",
            label,
        ]);
        let made = command.env(CONF, self.conf()).output().unwrap();
        assert!(made.status.success(), "{made:?}");
    }

    fn uri(&self, token: &str) -> String {
        let pin = self.place("pin");
        format!(
            "pkcs11:token={token};object=seed?module-path={MODULE}&pin-source={}",
            pin.display()
        )
    }
}

/// A server with a seed in a token, or in its store.
fn start(tokens: &Tokens, store: &Path, more: &[&str]) -> Server {
    // SoftHSM's configuration goes to the server through this program's own.
    let conf = tokens.conf();
    let flags = [&["--store", store.to_str().unwrap()], more].concat();
    Server::start_with(command(&flags).env(CONF, conf))
}

/// What somebody has who has copied the store, and claims to be the token: the answer to the check, which
/// stands in the store, and any seed for all else.
struct Claimed {
    check: [u8; 32],
    other: SoftwareSeed,
}

impl OprfSeed for Claimed {
    fn expand(&self, info: &[&[u8]]) -> Result<[u8; 32], SeedError> {
        match info {
            [_check] => Ok(self.check),
            _ => self.other.expand(info),
        }
    }
}

/// Serves a copied store that belongs to a token, without the token.
fn serve_copy(copy: &Path) -> (tokio::runtime::Runtime, ServerAddress) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (started, listening) = mpsc::channel();
    let store = EmbeddedStore::open(copy).unwrap();
    let identity = runtime.block_on(store.identity(&[])).unwrap();
    // Format (1 byte), exchange key, then that the seed is in a token, then the check; each key after its length.
    let check = identity[1 + 33 + 1 + 1..][..32].try_into().unwrap();
    let claimed = Claimed { check, other: SoftwareSeed::random() };
    let options = ServeOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        metrics: None,
        tls: None,
        rates: Rates { address_per_minute: 0, account_per_minute: 0, address_connections: 0 },
        connections_max: 100,
        idle: std::time::Duration::from_secs(60),
        audit: Audit::off(),
        secrets: None,
    };
    runtime.spawn(serve(store, Some(Box::new(claimed)), options, move |told| {
        started.send(told.address).unwrap();
    }));
    let address = listening.recv().expect("the store opens");
    (runtime, ServerAddress::parse(&address.to_string()).unwrap())
}

#[test]
fn a_copied_store_is_worth_nothing_without_the_token() {
    let Some(tokens) = Tokens::new() else { return };
    tokens.make("ours");
    tokens.make("theirs");
    let store = tokens.place("accounts");
    let (ours, theirs) = (tokens.uri("ours"), tokens.uri("theirs"));
    let server = start(&tokens, &store, &["--hsm", &ours, "--hsm-make-key"]);
    let (_, place, _) = registered(&server, RIGHT);
    drop(server);
    let server = start(&tokens, &store, &["--hsm", &ours]);
    try_password(&server.place_of(&place), RIGHT).unwrap();
    let pin = server.pin;
    drop(server);
    let copy = tokens.place("copy");
    fs::copy(&store, &copy).unwrap();

    let refused = |more: &[&str]| {
        let flags = [&["--store", copy.to_str().unwrap()], more].concat();
        Said::by(command(&flags).env(CONF, tokens.conf()))
    };
    refused(&[]).expect(1, &["pass --hsm"]);
    refused(&["--hsm", &theirs]).expect(1, &["no such secret key"]);
    refused(&["--hsm", &theirs, "--hsm-make-key"]).expect(1, &["not the one"]);

    // Even with a program that asks no token, and with the right password at the first try.
    let (_runtime, address) = serve_copy(&copy);
    let tried = try_password(&place_at(&address, pin, &place), RIGHT);
    assert!(matches!(tried, Err(ClientError::WrongPassword { .. })), "{tried:?}");
}

#[test]
fn a_copied_store_without_a_token_can_be_guessed_at() {
    let Some(tokens) = Tokens::new() else { return };
    let store = tokens.place("accounts");
    let server = start(&tokens, &store, &[]);
    let (_, place, _) = registered(&server, RIGHT);
    drop(server);
    fs::copy(&store, tokens.place("copy")).unwrap();
    let server = start(&tokens, &tokens.place("copy"), &[]);
    try_password(&server.place_of(&place), RIGHT).unwrap();
}

#[test]
fn a_token_gives_what_hkdf_expands_and_a_key_that_can_leave_it_is_refused() {
    let Some(tokens) = Tokens::new() else { return };
    tokens.make("ours");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "token::with_softhsm_in_this_process", "--nocapture"]);
    command.env(CONF, tokens.conf()).env("HUSHFS_TEST_TOKEN", tokens.uri("ours"));
    let said = Said::from(&command.output().unwrap());
    said.expect(0, &["1 passed"]);
}

#[test]
#[ignore = "is run by the test above, with a token"]
fn with_softhsm_in_this_process() {
    let uri = Pkcs11Uri::parse(&std::env::var("HUSHFS_TEST_TOKEN").unwrap()).unwrap();
    let library = Pkcs11::new(MODULE).unwrap();
    library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
    let slot = library.get_slots_with_initialized_token().unwrap()[0];
    let session = library.open_rw_session(slot).unwrap();
    session.login(UserType::User, Some(&AuthPin::from(PIN))).unwrap();
    let put = |label: &str, value: &[u8], can_leave: bool| {
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::GENERIC_SECRET),
            Attribute::Label(label.into()),
            Attribute::Value(value.to_vec()),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(!can_leave),
            Attribute::Extractable(can_leave),
            Attribute::Sign(true),
        ];
        session.create_object(&template).unwrap();
    };
    let bytes = [7; SEED_BYTES];
    put("seed", &bytes, false);
    put("short", &bytes[1..], false);
    put("loose", &bytes, true);

    let here = SoftwareSeed::from_bytes(Zeroizing::new(bytes));
    let token = Pkcs11Seed::open(uri.clone()).unwrap();
    std::thread::scope(|scope| {
        for nth in 0..8_u8 {
            let (here, token) = (&here, &token);
            scope.spawn(move || {
                for round in 0..50_u8 {
                    let info: [&[u8]; 2] = [&[nth, round], b"OprfKey"];
                    assert_eq!(token.expand(&info).unwrap(), here.expand(&info).unwrap());
                }
            });
        }
    });

    let refused = |object: &str| {
        let uri = Pkcs11Uri { object: object.into(), ..uri.clone() };
        Pkcs11Seed::open(uri).unwrap_err().to_string()
    };
    assert!(refused("short").contains("shorter"), "{}", refused("short"));
    assert!(refused("loose").contains("can be copied"), "{}", refused("loose"));
    assert!(refused("none").contains("no such"), "{}", refused("none"));
    let again = Pkcs11Seed::make(uri.clone()).unwrap_err().to_string();
    assert!(again.contains("already"), "{again}");
    Pkcs11Seed::make(Pkcs11Uri { object: "made".into(), ..uri.clone() }).unwrap();
    Pkcs11Seed::open(Pkcs11Uri { object: "made".into(), ..uri.clone() }).unwrap();

    // All sessions end, as with a token that is pulled out and put back.
    drop(session);
    let restart = |library: Pkcs11| {
        library.finalize().unwrap();
        let library = Pkcs11::new(MODULE).unwrap();
        library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
        library
    };
    let library = restart(library);
    let info: [&[u8]; 1] = [b"after that"];
    assert_eq!(token.expand(&info).unwrap(), here.expand(&info).unwrap());

    // A wrong PIN is tried once: it stays refused although the token would take it by now.
    let pin_file = &uri.pin_file;
    std::fs::write(pin_file, "4321").unwrap();
    let library = restart(library);
    let said = token.expand(&info).unwrap_err();
    assert!(matches!(said, SeedError::Pin { .. }), "{said}");
    let set_pin = |pin: &str| {
        let session = library.open_rw_session(slot).unwrap();
        session.login(UserType::So, Some(&AuthPin::from(SO_PIN))).unwrap();
        session.init_pin(&AuthPin::from(pin)).unwrap();
        session.logout().unwrap();
    };
    set_pin("4321");
    let said = token.expand(&info).unwrap_err().to_string();
    assert!(said.contains("would lock it"), "{said}");
    set_pin(PIN);
    std::fs::write(pin_file, "").unwrap();
    let said = token.expand(&info).unwrap_err().to_string();
    assert!(said.contains("there is none"), "{said}");
    std::fs::write(pin_file, format!("{PIN}\n")).unwrap();
    assert_eq!(token.expand(&info).unwrap(), here.expand(&info).unwrap());

    // Another key of that name, in a token that has come back or under the sessions that there are.
    let session = library.open_rw_session(slot).unwrap();
    let seed = [Attribute::Label(b"seed".to_vec())];
    session.destroy_object(session.find_objects(&seed).unwrap()[0]).unwrap();
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::GENERIC_SECRET),
        Attribute::Label(b"seed".to_vec()),
        Attribute::Value(vec![8; SEED_BYTES]),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
    ];
    session.create_object(&template).unwrap();
    for _ in 0..2 {
        let said = token.expand(&info).unwrap_err().to_string();
        assert!(said.contains("another key"), "{said}");
    }
}

#[test]
fn a_token_that_does_not_answer_costs_no_guess() {
    let Some(tokens) = Tokens::new() else { return };
    tokens.make("ours");
    let store = tokens.place("accounts");
    let server = start(&tokens, &store, &["--hsm", &tokens.uri("ours"), "--hsm-make-key"]);
    let (_, place, _) = registered(&server, RIGHT);
    fs::rename(tokens.place("tokens"), tokens.place("pulled out")).unwrap();
    for _ in 0..2 {
        let tried = try_password(&place, RIGHT);
        assert!(matches!(tried, Err(ClientError::Refused(Refused::Unavailable))), "{tried:?}");
    }
    fs::rename(tokens.place("pulled out"), tokens.place("tokens")).unwrap();
    assert_eq!(status(&place).unwrap().guesses_left, GUESSES);
    drop(server);
    let server = start(&tokens, &store, &["--hsm", &tokens.uri("ours")]);
    try_password(&server.place_of(&place), RIGHT).unwrap();
    drop(server);
    fs::write(tokens.place("pin"), "9999").unwrap();
    let mut again = command(&["--store", store.to_str().unwrap(), "--hsm", &tokens.uri("ours")]);
    Said::by(again.env(CONF, tokens.conf())).expect(10, &["does not open the token", "pin"]);
}
