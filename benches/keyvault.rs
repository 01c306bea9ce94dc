//! How many log-ins a key vault takes, how long each lasts, and what an idle connection costs.
//!
//! The clients do everything but the stretching, which would take more time than all the rest; every
//! log-in is a connection of its own, with the right password, so that it is two durable changes. Servers on
//! etcd are started by `scripts/keyvault-cluster --address-rate 0 --account-rate 0 --address-connections 0`, and
//! named with `--servers`.
//! `cargo bench --features keyvault-server --bench keyvault -- --help` has the options.
#![allow(clippy::unwrap_used, reason = "a measurement that fails is none")]

#[allow(dead_code, reason = "tests need more of it than this")]
#[path = "../tests/keyvault/raw.rs"]
mod raw;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use hushfs::crypto::{AccountKey, MasterKey, RegistrationId, VaultId};
use hushfs::keyvault::protocol::{
    ALPN, EXPORTER_LABEL, LENGTH_BYTES, Order, Refused, Reply, Request, SignedOrder, SystemRandom,
    body_bytes, decode, encode, login_context, message_bytes,
};
use opaque_ke::{
    CipherSuite, ClientLogin, ClientLoginFinishParameters, ClientRegistration,
    ClientRegistrationFinishParameters, CredentialResponse, RegistrationResponse,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Idle connections from each address of loopback.
const FROM_ONE_ADDRESS: usize = 5000;

/// Load on a key vault.
#[derive(Parser)]
struct Options {
    /// Clients at a time
    #[arg(long, default_value_t = 1000)]
    clients: usize,
    /// How long they log in
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Idle connections to open, at first, and tell the memory of
    #[arg(long, default_value_t = 0)]
    idle: usize,
    /// Servers to take instead of one that is started here: clients take turns
    #[arg(long, value_delimiter = ',')]
    servers: Vec<SocketAddr>,
    /// Where the store of the server that is started here is; a temporary folder if not said
    #[arg(long)]
    store: Option<std::path::PathBuf>,
    /// As cargo passes it
    #[arg(long, hide = true)]
    bench: bool,
}

/// The suite of key vaults, without the stretching.
struct Unstretched;

impl CipherSuite for Unstretched {
    type OprfCs = opaque_ke::Ristretto255;
    type KeyExchange = opaque_ke::TripleDh<opaque_ke::Ristretto255, sha2_of_opaque::Sha512>;
    type Ksf = opaque_ke::ksf::Identity;
}

struct Connection {
    stream: TlsStream<TcpStream>,
    exporter: [u8; 32],
}

impl Connection {
    async fn open(connector: &TlsConnector, server: SocketAddr) -> Self {
        Self::over(TcpStream::connect(server).await.unwrap(), connector).await
    }

    /// From another address of loopback for every few thousand: one has not so many free ports.
    async fn open_nth(nth: usize, connector: &TlsConnector, server: SocketAddr) -> Self {
        let third = u8::try_from(2 + nth / FROM_ONE_ADDRESS).unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, third], 0).into()).unwrap();
        Self::over(socket.connect(server).await.unwrap(), connector).await
    }

    async fn over(tcp: TcpStream, connector: &TlsConnector) -> Self {
        tcp.set_nodelay(true).unwrap();
        let stream = connector.connect(ServerName::try_from("x").unwrap(), tcp).await.unwrap();
        let exporter = stream.get_ref().1.export_keying_material([0; 32], EXPORTER_LABEL, None);
        Self { stream, exporter: exporter.unwrap() }
    }

    async fn ask(&mut self, request: &Request) -> Reply {
        self.stream.write_all(&encode(request).unwrap()).await.unwrap();
        self.stream.flush().await.unwrap();
        let mut length = [0; LENGTH_BYTES];
        self.stream.read_exact(&mut length).await.unwrap();
        let mut body = vec![0; body_bytes(length).unwrap()];
        self.stream.read_exact(&mut body).await.unwrap();
        decode(&body).unwrap()
    }
}

struct Client {
    server: SocketAddr,
    key: AccountKey,
    registration: RegistrationId,
    password: String,
}

impl Client {
    async fn register(nth: usize, server: SocketAddr, connector: TlsConnector) -> Self {
        let connector = &connector;
        let key = MasterKey::random().account_key(&VaultId::random());
        let (registration, password) = (RegistrationId::random(), format!("password {nth}"));
        let mut connection = Connection::open(connector, server).await;
        let start =
            ClientRegistration::<Unstretched>::start(&mut SystemRandom, password.as_bytes());
        let start = start.unwrap();
        let request = message_bytes(&start.message.serialize());
        let order = Order::RegisterStart { registration, request };
        let order = Request::Order(SignedOrder::sign(&key, &connection.exporter, order));
        let Reply::RegisterStarted { response } = connection.ask(&order).await else { panic!() };
        let finished = start.state.finish(
            &mut SystemRandom,
            password.as_bytes(),
            RegistrationResponse::deserialize(&response).unwrap(),
            ClientRegistrationFinishParameters::default(),
        );
        let upload = message_bytes(&finished.unwrap().message.serialize());
        for order in
            [Order::RegisterFinish { registration, upload }, Order::Commit { registration }]
        {
            let order = Request::Order(SignedOrder::sign(&key, &connection.exporter, order));
            let done = connection.ask(&order).await;
            assert!(matches!(done, Reply::Done { .. }), "{done:?}");
        }
        Self { server, key, registration, password }
    }

    /// A whole log-in, from the connection to the restored count; or why the server would not.
    async fn log_in(&self, connector: &TlsConnector) -> Result<(), Refused> {
        let (account, registration) = (self.key.public_key().id(), self.registration);
        let mut connection = Connection::open(connector, self.server).await;
        let password = self.password.as_bytes();
        let start = ClientLogin::<Unstretched>::start(&mut SystemRandom, password).unwrap();
        let ke1 = message_bytes(&start.message.serialize());
        let reply = connection.ask(&Request::LoginStart { account, registration, ke1 }).await;
        let ke2 = match reply {
            Reply::LoginStarted { ke2, .. } => ke2,
            Reply::Refused(refused) => return Err(refused),
            other => panic!("{other:?}"),
        };
        let context = login_context(&account, &registration, &connection.exporter);
        let parameters = ClientLoginFinishParameters {
            context: Some(&context),
            ..ClientLoginFinishParameters::default()
        };
        let ke2 = CredentialResponse::deserialize(&ke2).unwrap();
        let finished = start.state.finish(&mut SystemRandom, password, ke2, parameters).unwrap();
        let ke3 = message_bytes(&finished.message.serialize());
        match connection.ask(&Request::LoginFinish { ke3 }).await {
            Reply::LoggedIn { .. } => {}
            Reply::Refused(refused) => return Err(refused),
            other => panic!("{other:?}"),
        }
        let _ = connection.stream.shutdown().await;
        Ok(())
    }
}

/// A server that goes with this program.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(store: &std::path::Path) -> (Started, SocketAddr) {
    let none = ["--address-rate", "0", "--account-rate", "0", "--address-connections", "0"];
    let mut child = Command::new(env!("CARGO_BIN_EXE_hushfs"))
        .args(["keyvault", "serve", "--listen", "127.0.0.1:0", "--idle", "1h", "--connections"])
        .args(["100000", "--store"])
        .arg(store)
        .args(none)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let line = BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    (Started(child), line.strip_prefix("listening at ").unwrap().parse().unwrap())
}

fn memory_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

async fn measure(options: &Options, servers: &[SocketAddr], pid: Option<u32>) {
    let connector = TlsConnector::from(raw::config(ALPN));
    let mut idle = Vec::new();
    let before = pid.map(memory_kib);
    for nth in 0..options.idle {
        idle.push(Connection::open_nth(nth, &connector, servers[nth % servers.len()]).await);
    }
    if let (Some(pid), Some(before), true) = (pid, before, options.idle > 0) {
        let after = memory_kib(pid);
        let each = (after - before) as f64 / options.idle as f64;
        println!(
            "{} idle connections: {before} KiB, then {after} KiB: {each:.1} each",
            options.idle
        );
    }
    let registering: Vec<_> = (0..options.clients)
        .map(|nth| {
            let server = servers[nth % servers.len()];
            tokio::spawn(Client::register(nth, server, connector.clone()))
        })
        .collect();
    let mut clients = Vec::new();
    for client in registering {
        clients.push(client.await.unwrap());
    }
    let end = Instant::now() + Duration::from_secs(options.seconds);
    let started = Instant::now();
    let working: Vec<_> = clients
        .into_iter()
        .map(|client| {
            let connector = connector.clone();
            tokio::spawn(async move {
                let (mut took, mut refused) = (Vec::new(), 0);
                while Instant::now() < end {
                    let from = Instant::now();
                    match client.log_in(&connector).await {
                        Ok(()) => took.push(from.elapsed()),
                        Err(_) => refused += 1,
                    }
                }
                (took, refused)
            })
        })
        .collect();
    let (mut took, mut refused) = (Vec::new(), 0);
    for client in working {
        let (times, times_refused) = client.await.unwrap();
        took.extend(times);
        refused += times_refused;
    }
    let seconds = started.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |share: f64| took[(took.len() as f64 * share) as usize].as_secs_f64() * 1000.0;
    println!(
        "{} clients at {} servers: {:.0} log-ins a second; {:.0} ms median, {:.0} ms at the 99th \
         percentile; {refused} refused",
        options.clients,
        servers.len(),
        took.len() as f64 / seconds,
        at(0.5),
        at(0.99)
    );
    if let Some(pid) = pid {
        println!("the server has {} KiB", memory_kib(pid));
    }
}

fn main() {
    let options = Options::parse();
    // Each connection is an open file, here and at the server, which inherits the limit.
    let wanted = Some(100_000);
    if setrlimit(Resource::Nofile, Rlimit { current: wanted, maximum: wanted }).is_err() {
        let most = getrlimit(Resource::Nofile).maximum;
        setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let store = options.store.clone().unwrap_or_else(|| folder.path().join("accounts"));
    let (started, servers) = match &options.servers[..] {
        [] => {
            let (started, address) = start(&store);
            (Some(started), vec![address])
        }
        servers => (None, servers.to_vec()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let pid = started.as_ref().map(|started| started.0.id());
    runtime.block_on(measure(&options, &servers, pid));
}
