//! Three servers on one etcd, and clients that speak to any of them.

use std::sync::atomic::{AtomicUsize, Ordering};

use hushfs::keyvault::account::GUESSES;
use hushfs::keyvault::client::ClientError;
use hushfs::keyvault::protocol::Refused;

use crate::etcd::Etcd;
use crate::server::{Server, registered, try_password};

const RIGHT: &str = "correct horse battery staple";

pub fn three(etcd: &Etcd) -> Vec<Server> {
    let start = |seen: &str| {
        let (store, seen, secrets) = (etcd.name(), etcd.place(seen), etcd.place("secrets"));
        let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
        let (seen, secrets) = (path(&seen), path(&secrets));
        Server::start(&["--store", &store, "--seen", &seen, "--secrets", &secrets])
    };
    ["seen-0", "seen-1", "seen-2"].map(start).into()
}

/// Until there is a majority, servers do not start.
pub fn wait_for_majority(etcd: &Etcd) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { drop(etcd.accounts("first").await) });
}

#[test]
fn what_one_server_registers_all_open_and_ten_wrong_guesses_destroy_it_for_all() {
    let Some(etcd) = Etcd::start(3) else { return };
    wait_for_majority(&etcd);
    let mut servers = three(&etcd);
    let (_, place, _) = registered(&servers[0], RIGHT);
    let opened: Vec<_> = servers
        .iter()
        .map(|server| try_password(&server.place_of(&place), RIGHT).is_ok())
        .collect();
    assert_eq!(opened, [true, true, true]);

    // Killed in the midst of it: whatever it had taken is gone, and nothing more.
    let answered = AtomicUsize::new(0);
    let mut killed = servers.pop().unwrap();
    let killed_place = killed.place_of(&place);
    std::thread::scope(|scope| {
        for nth in 0..8 {
            let place = match nth % 3 {
                2 => killed_place.clone(),
                other => servers[other].place_of(&place),
            };
            let answered = &answered;
            scope.spawn(move || {
                loop {
                    match try_password(&place, "a wrong one") {
                        Err(ClientError::WrongPassword { .. }) => {
                            answered.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(ClientError::Refused(Refused::Destroyed)) => return,
                        // Others change the account at the same moment.
                        Err(ClientError::Refused(Refused::TooOften { .. })) => {}
                        // The server that was killed.
                        Err(_) if nth % 3 == 2 => return,
                        outcome => panic!("{outcome:?}"),
                    }
                }
            });
        }
        while answered.load(Ordering::Relaxed) < 3 {
            std::thread::yield_now();
        }
        killed.kill();
    });
    let answered = answered.into_inner();
    assert!((3..=usize::from(GUESSES)).contains(&answered), "{answered} guesses");
    for server in &servers {
        let refused = try_password(&server.place_of(&place), RIGHT);
        assert!(matches!(refused, Err(ClientError::Refused(Refused::Destroyed))), "{refused:?}");
    }
}
