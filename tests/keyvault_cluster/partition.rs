//! A network that is cut in two: guesses at both sides, and never more than there are.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hushfs::format::KeyVaultPlace;
use hushfs::keyvault::account::GUESSES;
use hushfs::keyvault::client::status;
use hushfs::keyvault::protocol::{Refused, Reply, Request, Suite, SystemRandom, message_bytes};
use opaque_ke::ClientLogin;

use crate::etcd::Etcd;
use crate::network::{Host, Network, own_namespace};
use crate::program::Said;
use crate::raw::Raw;
use crate::server::{Server, command_at, registered, try_password};
use crate::servers::wait_for_majority;

const RIGHT: &str = "correct horse battery staple";
const MACHINES: usize = 5;
const CLIENTS: usize = 8;

#[test]
fn a_network_cut_in_two_gives_no_further_guess_and_goes_on_when_it_is_whole() {
    if !super::is_there("etcd") || !super::is_there("ip") {
        return;
    }
    let Some(mut own) = own_namespace() else { return };
    own.arg(std::env::current_exe().unwrap()).args(["--ignored", "--exact", "--nocapture"]);
    let said = Said::by(own.arg("partition::in_a_network_of_its_own"));
    println!("{}", said.stdout);
    said.expect(0, &["1 passed"]);
}

#[test]
#[ignore = "is run by the test above, in a network of its own"]
fn in_a_network_of_its_own() {
    let network = Network::new();
    let machines: Vec<_> =
        (0..MACHINES).map(|nth| network.host(&format!("m{nth}"), 1 + nth)).collect();
    let etcd = Etcd::start_at(&machines);
    wait_for_majority(&etcd);
    let hosts: Vec<_> = (0..3).map(|nth| network.host(&format!("s{nth}"), 11 + nth)).collect();
    let servers: Vec<_> =
        hosts.iter().enumerate().map(|(nth, host)| start(&etcd, nth, host)).collect();

    let leader = leader(&etcd);
    // The first cut takes the leader away, the second one does not.
    for (round, first) in [leader, leader + 1].into_iter().enumerate() {
        let lone = round;
        let apart = [&machines[first % MACHINES], &machines[(first + 1) % MACHINES], &hosts[lone]];
        let (_, place, _) = registered(&servers[(lone + 1) % 3], RIGHT);
        network.cut_off(&apart);
        let guesses = Guesses::default();
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|nth| {
                    let (server, place, guesses) = (&servers[nth % 3], &place, &guesses);
                    let is_apart = nth % 3 == lone;
                    (is_apart, scope.spawn(move || guess(server, place, is_apart, guesses)))
                })
                .collect();
            let (apart_clients, clients): (Vec<_>, Vec<_>) =
                clients.into_iter().partition(|(is_apart, _)| *is_apart);
            // The majority goes on alone, down to the last guess; the others are told nothing.
            clients.into_iter().for_each(|(_, client)| client.join().unwrap());
            let has_ended = || apart_clients.iter().any(|(_, client)| client.is_finished());
            while guesses.refused.load(Ordering::Relaxed) < apart_clients.len() && !has_ended() {
                std::thread::yield_now();
            }
            assert!(!has_ended(), "the smaller side has said something");
            guesses.is_healed.store(true, Ordering::Relaxed);
            network.heal(&apart);
        });
        let (taken, refused) = (guesses.taken.into_inner(), guesses.refused.into_inner());
        println!("cut {round}: {taken} guesses; {refused} refused at the smaller side");
        assert!((1..=usize::from(GUESSES)).contains(&taken), "{taken} guesses");
        for server in &servers {
            assert_eq!(status(&server.place_of(&place)).unwrap().guesses_left, 0);
        }
        // All three go on.
        let (_, place, _) = registered(&servers[lone], RIGHT);
        for server in &servers {
            try_password(&server.place_of(&place), RIGHT).unwrap();
        }
    }
}

fn start(etcd: &Etcd, nth: usize, host: &Host) -> Server {
    let mut command = command_at(&format!("{}:0", host.client_address()), &["--store"]);
    command.arg(etcd.name()).arg("--seen").arg(etcd.place(&format!("seen-{nth}")));
    command.arg("--secrets").arg(etcd.place("secrets"));
    Server::start_with(&mut host.running(&command))
}

/// Index of the machine that leads.
fn leader(etcd: &Etcd) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for (nth, url) in etcd.client_urls().enumerate() {
            let mut client = etcd_client::Client::connect([url], None).await.unwrap();
            let told = client.status().await.unwrap();
            if told.header().unwrap().member_id() == told.leader() {
                return nth;
            }
        }
        panic!("a majority has a leader");
    })
}

/// What came of guesses that were not wrong ones: nobody had a password to try.
#[derive(Default)]
struct Guesses {
    taken: AtomicUsize,
    /// By servers that were cut off.
    refused: AtomicUsize,
    is_healed: AtomicBool,
}

/// Begins log-ins until there is nothing left to guess at.
fn guess(server: &Server, place: &KeyVaultPlace, is_apart: bool, guesses: &Guesses) {
    let address: SocketAddr = server.address.to_string().parse().unwrap();
    let started = ClientLogin::<Suite>::start(&mut SystemRandom, b"a guess").unwrap();
    let ke1 = message_bytes(&started.message.serialize());
    let (account, registration) = (place.account, place.registration);
    loop {
        let request = Request::LoginStart { account, registration, ke1 };
        let reply = Raw::connect(address).unwrap().ask(&request).unwrap();
        match reply {
            Reply::LoginStarted { .. } => {
                let is_healed = guesses.is_healed.load(Ordering::Relaxed);
                assert!(!is_apart || is_healed, "a guess at the side without a majority");
                guesses.taken.fetch_add(1, Ordering::Relaxed);
            }
            Reply::Refused(Refused::Destroyed) => return,
            Reply::Refused(Refused::Unavailable) => {
                guesses.refused.fetch_add(usize::from(is_apart), Ordering::Relaxed);
            }
            // Others change the account at the same moment.
            Reply::Refused(Refused::TooOften { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}
