//! Clients that do what they should not.

use std::io::{Read, Write};
use std::net::TcpStream;

use hushfs::crypto::RegistrationId;
use hushfs::keyvault::account::GUESSES;
use hushfs::keyvault::client::ClientError;
use hushfs::keyvault::protocol::{Order, Refused, Reply, Request, SignedOrder};
use rand::RngExt;

use crate::owner::{Owner, new_key};
use crate::raw::Raw;
use crate::server::Server;

const RIGHT: &str = "marmot brazier lectern oxbow";
const WRONG: &str = "walnut ferry cobalt hinge";
const UNLIMITED: [&str; 6] =
    ["--address-rate", "0", "--account-rate", "0", "--address-connections", "0"];

fn refused(reply: &Reply) -> Refused {
    match reply {
        Reply::Refused(refused) => *refused,
        other => panic!("not refused: {other:?}"),
    }
}

/// KE1 that the server takes: a point of the group, a nonce, another point.
fn ke1() -> [u8; 96] {
    use hushfs::keyvault::protocol::{Suite, SystemRandom, message_bytes};
    use opaque_ke::ClientLogin;
    let started = ClientLogin::<Suite>::start(&mut SystemRandom, b"guess").unwrap();
    message_bytes(&started.message.serialize())
}

#[test]
fn what_only_the_owner_may_ask_for_needs_the_owners_signature_for_this_connection() {
    let server = Server::start();
    let owner = Owner::register(&server.client_address(), server.pin(), RIGHT);
    let mut first = Raw::connect(server.address()).unwrap();
    let mut second = Raw::connect(server.address()).unwrap();
    let registration = owner.place.registration;
    let orders = [
        Order::Unregister,
        Order::Commit { registration },
        Order::RegisterFinish { registration, upload: [2; 192] },
        Order::RegisterStart { registration, request: ke1()[..32].try_into().unwrap() },
    ];
    for order in orders {
        // Signed for another connection.
        let signed = SignedOrder::sign(&owner.key, &first.exporter, order.clone());
        let reply = second.ask(&Request::Order(signed.clone())).unwrap();
        assert_eq!(refused(&reply), Refused::BadSignature);
        // Signed by somebody else.
        let stranger = SignedOrder::sign(&new_key(), &first.exporter, order.clone());
        let stranger = SignedOrder { owner: owner.key.public_key(), ..stranger };
        assert_eq!(refused(&first.ask(&Request::Order(stranger)).unwrap()), Refused::BadSignature);
        // Another order under the same signature.
        let other = Order::Commit { registration: RegistrationId([9; 16]) };
        let changed = SignedOrder { order: other, ..signed };
        assert_eq!(refused(&first.ask(&Request::Order(changed)).unwrap()), Refused::BadSignature);
    }
    assert_eq!(owner.left(), GUESSES);
    assert_eq!(server.metric("bad_signatures_total"), 12);
    owner.try_password(RIGHT).unwrap();
}

#[test]
fn registering_with_an_account_of_ones_own_evaluates_nothing_of_anothers() {
    use hushfs::keyvault::protocol::{Suite, SystemRandom, message_bytes};
    use opaque_ke::ClientRegistration;

    let server = Server::start();
    let key = new_key();
    let evaluated = |key: &hushfs::crypto::AccountKey, registration, request| {
        let mut raw = Raw::connect(server.address()).unwrap();
        let order = Order::RegisterStart { registration, request };
        let signed = SignedOrder::sign(key, &raw.exporter, order);
        match raw.ask(&Request::Order(signed)).unwrap() {
            Reply::RegisterStarted { response } => response,
            other => panic!("{other:?}"),
        }
    };
    let request = ClientRegistration::<Suite>::start(&mut SystemRandom, b"guess").unwrap();
    let request = message_bytes(&request.message.serialize());
    let registration = RegistrationId([7; 16]);
    let first = evaluated(&key, registration, request);
    assert_eq!(evaluated(&key, registration, request), first);
    assert_ne!(evaluated(&new_key(), registration, request)[..32], first[..32]);
    assert_ne!(evaluated(&key, RegistrationId([8; 16]), request)[..32], first[..32]);
}

#[test]
fn messages_out_of_turn_are_refused_and_each_log_in_ends_once() {
    let server = Server::start();
    let owner = Owner::register(&server.client_address(), server.pin(), RIGHT);
    let mut raw = Raw::connect(server.address()).unwrap();
    let finish = Request::LoginFinish { ke3: [1; 64] };
    assert_eq!(refused(&raw.ask(&finish).unwrap()), Refused::Malformed);
    let (account, registration) = (owner.place.account, owner.place.registration);
    // What OPAQUE does not take costs no guess.
    let none = Request::LoginStart { account, registration, ke1: [0xFF; 96] };
    assert_eq!(refused(&raw.ask(&none).unwrap()), Refused::Malformed);
    assert_eq!(owner.left(), GUESSES);
    let start = Request::LoginStart { account, registration, ke1: ke1() };
    for spent in 1..=3 {
        let reply = raw.ask(&start).unwrap();
        assert!(
            matches!(reply, Reply::LoginStarted { guesses_left, .. } if guesses_left == GUESSES - spent)
        );
    }
    assert_eq!(refused(&raw.ask(&finish).unwrap()), Refused::WrongPassword);
    assert_eq!(refused(&raw.ask(&finish).unwrap()), Refused::Malformed);
    assert_eq!(owner.left(), GUESSES - 3);
    let events = server.events();
    let count = |name: &str| events.iter().filter(|event| *event == name).count();
    assert_eq!((count("attempt"), count("broken-off"), count("wrong")), (3, 2, 1));
}

#[test]
fn an_attempt_that_is_broken_off_costs_a_guess_however_often_and_at_once() {
    let server = Server::start_with(&UNLIMITED);
    let owner = Owner::register(&server.client_address(), server.pin(), RIGHT);
    let (account, registration) = (owner.place.account, owner.place.registration);
    let address = server.address();
    let started = std::thread::scope(|scope| {
        let guessers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(move || {
                    let mut started = 0;
                    for _ in 0..5 {
                        let mut raw = Raw::connect(address).unwrap();
                        let start = Request::LoginStart { account, registration, ke1: ke1() };
                        match raw.ask(&start).unwrap() {
                            Reply::LoginStarted { .. } => started += 1,
                            Reply::Refused(Refused::Destroyed) => {}
                            other => panic!("{other:?}"),
                        }
                    }
                    started
                })
            })
            .collect();
        guessers.into_iter().map(|guesser| guesser.join().unwrap()).sum::<u8>()
    });
    assert_eq!(started, GUESSES);
    let right = owner.try_password(RIGHT);
    assert!(matches!(right, Err(ClientError::Refused(Refused::Destroyed))), "{right:?}");
}

#[test]
fn garbage_ends_its_connection_and_nothing_else() {
    let server = Server::start_with(&UNLIMITED);
    let owner = Owner::register(&server.client_address(), server.pin(), RIGHT);
    let mut rng = rand::rng();
    for nth in 0..200_usize {
        let mut bytes = vec![0; rng.random_range(1..3000)];
        rng.fill(&mut bytes[..]);
        if nth % 2 == 0 {
            // Not even TLS.
            let mut tcp = TcpStream::connect(server.address()).unwrap();
            let _ = tcp.write_all(&bytes);
            let _ = tcp.shutdown(std::net::Shutdown::Write);
            let _ = tcp.read_to_end(&mut Vec::new());
        } else {
            let length = u32::try_from(bytes.len()).unwrap();
            let mut raw = Raw::connect(server.address()).unwrap();
            let frame = [&length.to_le_bytes()[..], &bytes].concat();
            raw.say(&frame).unwrap();
            assert!(raw.is_ended());
        }
    }
    for length in [8193_u32, u32::MAX] {
        let mut raw = Raw::connect(server.address()).unwrap();
        raw.say(&length.to_le_bytes()).unwrap();
        assert!(raw.is_ended(), "it waits for {length} bytes");
    }
    assert!(Raw::connect_speaking(server.address(), b"h2").is_err());
    assert!(server.metric("malformed_total") >= 102);
    assert!(server.metric("handshakes_failed_total") >= 101);
    assert!(server.memory_kib() < 100 * 1024, "{} KiB", server.memory_kib());
    assert_eq!(owner.left(), GUESSES);
    owner.try_password(RIGHT).unwrap();
}

#[test]
fn idle_connections_take_little_and_only_as_many_are_let_in_as_may_be() {
    let server =
        Server::start_with(&["--address-connections", "0", "--connections", "300", "--idle", "1h"]);
    let owner = Owner::register(&server.client_address(), server.pin(), RIGHT);
    let before = server.memory_kib();
    // What has ended counts until the server has noticed.
    let connected = || loop {
        if let Ok(raw) = Raw::connect(server.address()) {
            return raw;
        }
    };
    let idle: Vec<_> = (0..299).map(|_| connected()).collect();
    let each = (server.memory_kib() - before) / 299;
    assert!(each < 100, "{each} KiB for each");
    let last = connected();
    assert!(Raw::connect(server.address()).is_err());
    assert!(server.metric("connections_refused_total") >= 1);
    drop((idle, last));
    while owner.try_password(RIGHT).is_err() {}
}

#[test]
fn a_connection_on_which_nothing_happens_ends() {
    let server = Server::start_with(&["--idle", "1s"]);
    let mut raw = Raw::connect(server.address()).unwrap();
    assert!(raw.is_ended());
    let mut silent = TcpStream::connect(server.address()).unwrap();
    assert_eq!(silent.read(&mut [0; 8]).unwrap(), 0, "also one that never speaks TLS");
}

#[test]
fn who_asks_too_often_is_refused_and_no_guess_is_taken() {
    let server = Server::start_with(&["--account-rate", "3"]);
    let owner = Owner::register(&server.client_address(), server.pin(), RIGHT);
    for _ in 0..3 {
        assert!(matches!(owner.try_password(WRONG), Err(ClientError::WrongPassword { .. })));
    }
    let refused = owner.try_password(RIGHT);
    let Err(ClientError::Refused(Refused::TooOften { wait_secs })) = refused else {
        panic!("{refused:?}")
    };
    assert!((1..=20).contains(&wait_secs), "{wait_secs}");
    assert_eq!(owner.left(), GUESSES - 3);
    let other = Owner::register(&server.client_address(), server.pin(), RIGHT);
    other.try_password(RIGHT).unwrap();

    let server = Server::start_with(&["--address-rate", "4", "--address-connections", "1"]);
    let mut raw = Raw::connect(server.address()).unwrap();
    assert!(Raw::connect(server.address()).is_err(), "one connection");
    let status =
        Request::Status { account: owner.place.account, registration: owner.place.registration };
    for nth in 0..6 {
        let reply = raw.ask(&status).unwrap();
        assert_eq!(matches!(reply, Reply::Status(_)), nth < 4, "{reply:?}");
    }
}

#[test]
fn who_is_refused_cannot_fill_the_audit_log() {
    let server = Server::start_with(&["--address-rate", "20"]);
    let owner = Owner::register(&server.client_address(), server.pin(), RIGHT);
    let mut raw = Raw::connect(server.address()).unwrap();
    let status =
        Request::Status { account: owner.place.account, registration: owner.place.registration };
    let mut refused = 0;
    let mut ask = |times: u64| {
        for _ in 0..times {
            refused += u64::from(matches!(raw.ask(&status).unwrap(), Reply::Refused(_)));
        }
    };
    ask(3000);
    let of = |name: &str| server.audit().into_iter().filter(|line| line["event"] == name).count();
    // A minute's notes, and those of the time that it takes.
    let noted = of("too-often");
    assert!((6..30).contains(&noted), "{noted}");
    // What was left out is told with the next line, whatever that is.
    while of("too-often") == noted {
        ask(1);
    }
    let lines = server.audit();
    let left_out: u64 = lines.iter().filter_map(|line| line["left_out"].as_u64()).sum();
    assert_eq!(left_out + of("too-often") as u64, refused);
    assert_eq!((of("registered"), of("committed")), (1, 1));
}
