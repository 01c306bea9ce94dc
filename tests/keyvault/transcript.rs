//! What the server sees: every message in the clear, its store, its audit log; and what the network sees.
//! Nowhere is the password, the master key, what opens the slot, or anything that two accounts with the
//! same password have in common.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use hushfs::crypto::{ClassKeys, MasterKey, VaultId};
use hushfs::format::ServerPin;
use hushfs::keyvault::client::{ServerAddress, commit, log_in, register};
use hushfs::keyvault::protocol::{
    ALPN, EXPORTER_LABEL, LENGTH_BYTES, Request, body_bytes, decode, encode, pin_of,
};
use hushfs::keyvault::server::{Audit, Identity, Rates, Service, Session};
use hushfs::keyvault::store::{EmbeddedStore, Store};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::owner::{COST, password};

const PASSWORD: &str = "marmot brazier lectern oxbow";
/// Shorter pieces may be equal by chance.
const PIECE_BYTES: usize = 8;

/// Takes down what goes through a connection, each way by itself.
struct Recorded {
    stream: TcpStream,
    wires: Arc<Mutex<Vec<[Vec<u8>; 2]>>>,
    connection: usize,
}

impl Recorded {
    fn take_down(&self, way: usize, bytes: &[u8]) {
        self.wires.lock().unwrap()[self.connection][way].extend_from_slice(bytes);
    }
}

impl Read for Recorded {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let read = self.stream.read(out)?;
        self.take_down(0, &out[..read]);
        Ok(read)
    }
}

impl Write for Recorded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.stream.write(bytes)?;
        self.take_down(1, &bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

/// A server of this process that takes down all it is told, and all that is on the wire.
struct Listener {
    address: ServerAddress,
    pin: ServerPin,
    messages: Arc<Mutex<Vec<u8>>>,
    wires: Arc<Mutex<Vec<[Vec<u8>; 2]>>>,
}

impl Listener {
    fn start(folder: &std::path::Path, connections: usize) -> (Self, std::thread::JoinHandle<()>) {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(["x".to_owned()]).unwrap();
        let certificate = certificate.self_signed(&key).unwrap().der().clone();
        let pin = pin_of(&certificate).unwrap();
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_protocol_versions(&[&rustls::version::TLS13])
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(
                    vec![certificate],
                    PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
                )
                .unwrap();
        config.alpn_protocols = vec![ALPN.to_vec()];
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = ServerAddress::parse(&listener.local_addr().unwrap().to_string()).unwrap();
        let messages = Arc::new(Mutex::new(Vec::new()));
        let wires = Arc::new(Mutex::new(vec![[Vec::new(), Vec::new()]; connections]));
        let (heard, seen) = (Arc::clone(&messages), Arc::clone(&wires));
        let folder = folder.to_owned();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let store = EmbeddedStore::open(&folder.join("accounts")).unwrap();
                let identity = store.identity(&Identity::fresh(None).unwrap()).await.unwrap();
                let identity = Identity::open(&identity, None).unwrap();
                let rates =
                    Rates { address_per_minute: 0, account_per_minute: 0, address_connections: 0 };
                let audit = Audit::to_file(&folder.join("audit")).unwrap();
                let service = Service::new(store, identity, rates, audit).unwrap();
                for connection in 0..connections {
                    let (stream, peer) = listener.accept().unwrap();
                    let recorded = Recorded { stream, wires: Arc::clone(&seen), connection };
                    let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
                    let stream = StreamOwned::new(tls, recorded);
                    serve(stream, &service, peer.ip(), &heard).await;
                }
            });
        });
        (Self { address, pin, messages, wires }, thread)
    }
}

async fn serve<S: Store>(
    mut stream: StreamOwned<ServerConnection, Recorded>,
    service: &Service<S>,
    address: IpAddr,
    heard: &Mutex<Vec<u8>>,
) {
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).unwrap();
    }
    let exporter = stream.conn.export_keying_material([0; 32], EXPORTER_LABEL, None).unwrap();
    let mut session = Session::new(service, address, exporter);
    loop {
        let mut length = [0; LENGTH_BYTES];
        if stream.read_exact(&mut length).is_err() {
            return;
        }
        let mut body = vec![0; body_bytes(length).unwrap()];
        stream.read_exact(&mut body).unwrap();
        let request: Request = decode(&body).unwrap();
        let reply = encode(&session.answer(request).await).unwrap();
        heard.lock().unwrap().extend([&body[..], &reply[..]].concat());
        stream.write_all(&reply).unwrap();
        stream.flush().unwrap();
    }
}

/// What the server of one account has seen, and what it must not have.
struct Seen {
    messages: Vec<u8>,
    store: Vec<u8>,
    wire: Vec<u8>,
    sealed_on_wire: Vec<u8>,
    audit: Vec<u8>,
    secrets: Vec<(&'static str, Vec<u8>)>,
}

/// Registers twice and logs in, with the right password and a wrong one.
fn seen_of_one_account(text: &str) -> Seen {
    let folder = tempfile::tempdir().unwrap();
    let (listener, thread) = Listener::start(folder.path(), 5);
    let (vault, master) = (VaultId::random(), MasterKey::random());
    let keys: ClassKeys = master.class_keys(&vault);
    let key = master.account_key(&vault);
    let made = register(&listener.address, listener.pin, &key, &password(text), COST).unwrap();
    commit(&made.place, &key).unwrap();
    let logged_in = log_in(&made.place, &password(text), COST).unwrap();
    assert_eq!(logged_in.export_key.bytes(), made.export_key.bytes());
    log_in(&made.place, &password("another one"), COST).unwrap_err();
    register(&listener.address, listener.pin, &key, &password(text), COST).unwrap();
    thread.join().unwrap();
    let secret = master_bytes(&keys, &made.export_key, &vault);
    let messages = listener.messages.lock().unwrap().clone();
    let wires = listener.wires.lock().unwrap().concat();
    Seen {
        messages,
        wire: wires.concat(),
        sealed_on_wire: wires.iter().flat_map(|wire| application_data(wire)).collect(),
        store: std::fs::read(folder.path().join("accounts")).unwrap(),
        audit: std::fs::read(folder.path().join("audit")).unwrap(),
        secrets: vec![
            ("password", text.as_bytes().to_vec()),
            ("export key", made.export_key.bytes().to_vec()),
            ("master key", secret),
        ],
    }
}

/// The master key as a slot gives it back.
fn master_bytes(
    keys: &ClassKeys,
    export_key: &hushfs::crypto::SecretKey,
    vault: &VaultId,
) -> Vec<u8> {
    use hushfs::crypto::{AccountId, RegistrationId, SALT_BYTES, SlotWrap};
    use hushfs::format::{ChunkSize, KeyVaultPlace, SlotDraft, SlotWay, Time};
    let place =
        KeyVaultPlace::new("a:1", ServerPin([0; 32]), AccountId([0; 32]), RegistrationId([0; 16]));
    let way = SlotWay::of_key_vault(vault, export_key, COST, place.unwrap());
    let draft = SlotDraft {
        vault,
        created: Time::now(),
        chunk_size: ChunkSize::DEFAULT,
        label: "",
        device: None,
        device_name: "",
        replaces: None,
    };
    let sealed = draft.seal(keys, &way);
    // docs/format.md: salt at 56, body behind the commitment and what a key vault's slot has besides.
    let salt: [u8; SALT_BYTES] = sealed.bytes[56..88].try_into().unwrap();
    let wrap = SlotWrap::new(export_key, &salt, vault, &sealed.id);
    let (header, rest) = sealed.bytes.split_at(120 + 336);
    let mut body = [0; 112];
    wrap.sealer().open_into(hushfs::crypto::Nonce::at(0), header, &rest[..128], &mut body).unwrap();
    body[..32].to_vec()
}

/// What one way of a connection carries in TLS's sealed records (RFC 8446, 5.1), without their headers. What
/// goes before is greetings: nothing was made of a password when they are sent.
fn application_data(mut wire: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    while let [kind, _, _, high, low, rest @ ..] = wire {
        let (body, behind) = rest.split_at(u16::from_be_bytes([*high, *low]).into());
        if *kind == 23 {
            sealed.extend_from_slice(body);
        }
        wire = behind;
    }
    sealed
}

fn pieces(bytes: &[u8]) -> HashSet<&[u8]> {
    // Lengths and counts are alike everywhere; what is secret or random has hardly a byte twice.
    let is_telling = |piece: &&[u8]| piece.iter().collect::<HashSet<_>>().len() + 1 >= PIECE_BYTES;
    bytes.windows(PIECE_BYTES).filter(is_telling).collect()
}

#[test]
fn neither_server_nor_network_sees_the_password_the_master_key_or_what_equal_passwords_share() {
    let [first, second, third] =
        [PASSWORD, PASSWORD, "lectern oxbow tundra gimlet"].map(seen_of_one_account);
    for seen in [&first, &second] {
        assert!(seen.messages.len() > 2000 && seen.wire.len() > seen.messages.len());
        for (place, bytes) in [
            ("messages", &seen.messages),
            ("store", &seen.store),
            ("wire", &seen.wire),
            ("audit log", &seen.audit),
        ] {
            let there = pieces(bytes);
            for (name, secret) in &seen.secrets {
                let shown = secret.windows(PIECE_BYTES).any(|piece| there.contains(piece));
                assert!(!shown, "the {name} is in the {place}");
            }
        }
    }
    let shared = |bytes: fn(&Seen) -> &[u8]| -> HashSet<Vec<u8>> {
        let there = pieces(bytes(&second));
        let shared = pieces(bytes(&first)).into_iter().filter(|piece| there.contains(piece));
        shared.map(<[u8]>::to_vec).collect()
    };
    for (place, bytes) in [
        ("messages", (|seen| &seen.messages) as fn(&Seen) -> &[u8]),
        ("sealed part of the wire", |seen| &seen.sealed_on_wire),
    ] {
        assert!(bytes(&first).len() > 2000);
        let alike = shared(bytes);
        assert!(alike.is_empty(), "in the {place}: {alike:02x?}");
    }
    // What another password's account has too is of the store.
    let anyway = pieces(&third.store);
    let of_password: Vec<_> = shared(|seen| &seen.store)
        .into_iter()
        .filter(|piece| !anyway.contains(&piece[..]))
        .collect();
    assert!(of_password.is_empty(), "in the store: {of_password:02x?}");
}
