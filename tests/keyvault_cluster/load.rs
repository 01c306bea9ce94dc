//! How many log-ins a second, and how long each takes, with a thousand clients at a time. By hand:
//!
//!     HUSHFS_PROGRAM=target/release/hushfs cargo test --locked --features keyvault-etcd,keyvault-hsm \
//!         --test keyvault_cluster load -- --ignored --nocapture --test-threads 1
//!
//! A log-in is a connection, TLS's handshake, the guess taken durably, and OPAQUE's answer. The client's
//! part of OPAQUE is left out: each has its password stretched on a device of its own.

use std::net::SocketAddr;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use hushfs::crypto::{MasterKey, RegistrationId, VaultId};
use hushfs::keyvault::account::{GUESSES, Record};
use hushfs::keyvault::accounts::Accounts;
use hushfs::keyvault::protocol::{Reply, Request, Suite, SystemRandom, message_bytes};
use hushfs::keyvault::store::{EmbeddedStore, Store};
use opaque_ke::ClientLogin;

use crate::account::Registered;
use crate::etcd::Etcd;
use crate::raw::Raw;
use crate::server::{Server, registered};
use crate::servers::{three, wait_for_majority};

const CLIENTS: usize = 1000;
const STACK_BYTES: usize = 256 << 10;

fn address(server: &Server) -> SocketAddr {
    server.address.to_string().parse().unwrap()
}

/// As many accounts as there are clients, each with a record of somebody else's.
async fn accounts_like<S: Store>(accounts: &Accounts<S>, first: Registered) -> Vec<Registered> {
    let record = accounts.take_guess(first.id, first.registration).await.unwrap().record;
    let mut made = Vec::with_capacity(CLIENTS);
    for _ in 0..CLIENTS {
        let owner = MasterKey::random().account_key(&VaultId::random()).public_key();
        let registration = RegistrationId::random();
        let record = Record { registration, ..record.clone() };
        accounts.register(owner, &record).await.unwrap();
        accounts.commit(owner, registration).await.unwrap();
        made.push(Registered { id: owner.id(), registration });
    }
    made
}

/// Every client tries a password as often as it may, at one of the servers.
fn measure(what: &str, servers: &[SocketAddr], accounts: &[Registered]) {
    let started = ClientLogin::<Suite>::start(&mut SystemRandom, b"some password").unwrap();
    let ke1 = message_bytes(&started.message.serialize());
    let all_there = Arc::new(Barrier::new(accounts.len() + 1));
    let clients: Vec<_> = accounts
        .iter()
        .enumerate()
        .map(|(nth, account)| {
            let (account, server) = (*account, servers[nth % servers.len()]);
            let all_there = Arc::clone(&all_there);
            let client = std::thread::Builder::new().stack_size(STACK_BYTES);
            let client = client.spawn(move || {
                all_there.wait();
                let mut times = Vec::new();
                for _ in 0..GUESSES {
                    let began = Instant::now();
                    let (id, registration) = (account.id, account.registration);
                    let request = Request::LoginStart { account: id, registration, ke1 };
                    let reply = Raw::connect(server).and_then(|mut raw| raw.ask(&request));
                    if matches!(reply, Ok(Reply::LoginStarted { .. })) {
                        times.push(began.elapsed());
                    }
                }
                times
            });
            client.unwrap()
        })
        .collect();
    all_there.wait();
    let began = Instant::now();
    let mut times: Vec<Duration> =
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    let seconds = began.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |percent: usize| times[times.len() * percent / 100].as_millis();
    println!(
        "{what}: {} of {} log-ins in {seconds:.1} s, {:.0} a second; median {} ms, 99th percentile {} ms",
        times.len(),
        accounts.len() * usize::from(GUESSES),
        times.len() as f64 / seconds,
        at(50),
        at(99),
    );
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
#[ignore = "measures; takes a quiet machine"]
fn on_five_machines_of_etcd_and_three_servers() {
    let Some(etcd) = Etcd::start(5) else { return };
    wait_for_majority(&etcd);
    let servers = three(&etcd);
    let (_, place, _) = registered(&servers[0], "some password");
    let first = Registered { id: place.account, registration: place.registration };
    let accounts = block_on(async { accounts_like(&etcd.accounts("load").await, first).await });
    let addresses: Vec<_> = servers.iter().map(address).collect();
    measure("etcd, 5 machines, 3 servers", &addresses, &accounts);
}

#[test]
#[ignore = "measures; takes a quiet machine"]
fn on_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("accounts");
    let start = || Server::start(&["--store", store.to_str().unwrap()]);
    let server = start();
    let (_, place, _) = registered(&server, "some password");
    drop(server);
    let first = Registered { id: place.account, registration: place.registration };
    let accounts = Accounts::new(EmbeddedStore::open(&store).unwrap());
    let made = block_on(accounts_like(&accounts, first));
    drop(accounts);
    let server = start();
    measure("one file, one server", &[address(&server)], &made);
}
