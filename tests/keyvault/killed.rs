//! kill -9 of the server at every step of an attempt: never a guess too many, never one that comes back
//! unearned.
//!
//! `HUSHFS_KILL_ROUNDS` says how often (`scripts/keyvault-kills`).

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use hushfs::format::KeyVaultPlace;
use hushfs::keyvault::account::{GUESSES, Standing};
use hushfs::keyvault::client::ClientError;
use rand::RngExt;
use rustix::process::{Pid, Signal, kill_process};

use crate::owner::Owner;
use crate::server::Server;

const RIGHT: &str = "marmot brazier lectern oxbow";
const WRONG: &str = "walnut ferry cobalt hinge";
/// Pieces of data that a whole attempt passes on, and one step more at which nothing is killed.
const STEPS: usize = 9;

/// Passes one connection on, and kills a process once so many pieces of data have been passed on.
struct KillingProxy {
    address: SocketAddr,
    thread: thread::JoinHandle<()>,
}

impl KillingProxy {
    fn start(to: SocketAddr, pid: u32, after_pieces: usize, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let thread = thread::spawn(move || {
            let (client, _) = listener.accept().unwrap();
            let server = TcpStream::connect(to).unwrap();
            let pieces = Arc::new(AtomicUsize::new(0));
            let passed = move |pieces: &AtomicUsize| {
                if pieces.fetch_add(1, Ordering::SeqCst) == after_pieces {
                    thread::sleep(delay);
                    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL).unwrap();
                }
            };
            passed(&pieces);
            let (from_client, from_server) =
                (client.try_clone().unwrap(), server.try_clone().unwrap());
            let there = Arc::clone(&pieces);
            let onwards = thread::spawn(move || pass_on(from_client, server, || passed(&there)));
            pass_on(from_server, client, || passed(&pieces));
            onwards.join().unwrap();
        });
        Self { address, thread }
    }
}

/// Passes on until one end is gone, then ends the other.
fn pass_on(mut from: TcpStream, mut to: TcpStream, passed: impl Fn()) {
    let mut piece = [0; 16 * 1024];
    while let Ok(bytes @ 1..) = from.read(&mut piece) {
        if to.write_all(&piece[..bytes]).is_err() {
            break;
        }
        passed();
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

#[test]
fn a_server_that_is_killed_at_any_step_gives_no_guess_too_many_and_none_back() {
    let rounds = std::env::var("HUSHFS_KILL_ROUNDS").map_or(18, |text| text.parse().unwrap());
    let mut server = Server::start_with(&["--address-rate", "0", "--account-rate", "0"]);
    let mut owner = Owner::register(&server.client_address(), server.pin(), RIGHT);
    let mut before = GUESSES;
    let mut outcomes: BTreeMap<(usize, &str), usize> = BTreeMap::new();
    for round in 0..rounds {
        let step = round % STEPS;
        let password = if rand::rng().random_range(0..4) == 0 { RIGHT } else { WRONG };
        let delay = Duration::from_micros(rand::rng().random_range(0..3000));
        let proxy = KillingProxy::start(server.address(), server.pid(), step, delay);
        let place = &owner.place;
        let address = proxy.address.to_string();
        let through =
            KeyVaultPlace::new(&address, place.pin, place.account, place.registration).unwrap();
        let attempt = Owner { place: through, ..owner };
        let tried = attempt.try_password_anyway(password);
        proxy.thread.join().unwrap();
        owner = Owner { place: owner.place.clone(), ..attempt };
        server.kill();
        server.start_again();

        let spent = before - 1;
        let (outcome, possible): (&str, Vec<u8>) = match (&tried, password) {
            (Err(ClientError::WrongPassword { guesses_left }), WRONG) => {
                assert_eq!(*guesses_left, spent);
                ("wrong", vec![spent])
            }
            (Ok(Some(_)), RIGHT) => ("right", vec![GUESSES]),
            (Ok(None), RIGHT) => ("right, and not told so", vec![spent, GUESSES]),
            (Err(ClientError::Unreachable { .. }), RIGHT) => {
                ("cut off, right", vec![before, spent, GUESSES])
            }
            (Err(ClientError::Unreachable { .. }), WRONG) => ("cut off", vec![before, spent]),
            (other, _) => panic!("round {round}, step {step}: {other:?}"),
        };
        *outcomes.entry((step, outcome)).or_default() += 1;
        let told = owner.told();
        assert!(
            possible.contains(&told.guesses_left),
            "round {round}, step {step}, {outcome}: {before} guesses before, {told:?} after"
        );
        assert_eq!(told.standing == Standing::Destroyed, told.guesses_left == 0);
        before = told.guesses_left;
        if before == 0 {
            owner = Owner::register(&server.client_address(), server.pin(), RIGHT);
            before = GUESSES;
        }
    }
    for ((step, outcome), count) in outcomes {
        println!("killed after {step} pieces: {count} {outcome}");
    }
}

#[test]
fn a_registration_that_is_cut_off_can_be_made_again_and_the_one_before_opens_meanwhile() {
    let mut server = Server::start();
    let owner = Owner::register(&server.client_address(), server.pin(), RIGHT);
    for step in 0..STEPS {
        let proxy =
            KillingProxy::start(server.address(), server.pid(), step, Duration::from_millis(1));
        let address = hushfs::keyvault::client::ServerAddress::parse(&proxy.address.to_string());
        let made = owner.register_anew(&address.unwrap(), server.pin(), WRONG);
        proxy.thread.join().unwrap();
        server.kill();
        server.start_again();
        let (export_key, _) = owner.try_password(RIGHT).unwrap();
        assert_eq!(export_key.bytes(), owner.export_key.bytes(), "step {step}: {made:?}");
    }
    let made = owner.register_anew(&server.client_address(), server.pin(), WRONG).unwrap();
    let new = Owner { key: owner.key, place: made.place, export_key: made.export_key };
    // Never committed: the log-in does it.
    let (export_key, _) = new.try_password(WRONG).unwrap();
    assert_eq!(export_key.bytes(), new.export_key.bytes());
    let old = Owner { place: owner.place, ..new };
    assert_eq!(old.told().standing, Standing::Gone);
}
