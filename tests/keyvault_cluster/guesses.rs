//! Guesses in a cluster of which machines fail: never one too many, and none that comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hushfs::keyvault::account::GUESSES;
use hushfs::keyvault::accounts::Accounts;
use hushfs::keyvault::store::EtcdStore;

use crate::account::{Outcome, Registered, guess, left, register, until_done};
use crate::etcd::Etcd;

const CLIENTS: usize = 8;

/// As many clients as there are servers guess until there is nothing left; how many guesses they got.
async fn guess_in_parallel(servers: &[Arc<Accounts<EtcdStore>>], account: Registered) -> usize {
    let clients: Vec<_> = (0..CLIENTS)
        .map(|nth| {
            let server = Arc::clone(&servers[nth % servers.len()]);
            tokio::spawn(async move {
                let mut taken = 0;
                loop {
                    match guess(&server, account).await {
                        Outcome::Taken(_) => taken += 1,
                        Outcome::Unknown => {}
                        Outcome::Destroyed => return taken,
                    }
                }
            })
        })
        .collect();
    let mut taken = 0;
    for client in clients {
        taken += client.await.unwrap();
    }
    taken
}

async fn three_servers(etcd: &Etcd) -> Vec<Arc<Accounts<EtcdStore>>> {
    let mut servers = Vec::new();
    for seen in ["seen-0", "seen-1", "seen-2"] {
        servers.push(Arc::new(etcd.accounts(seen).await));
    }
    servers
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_clients_at_three_servers_get_ten_guesses_together() {
    let Some(etcd) = Etcd::start(3) else { return };
    let servers = three_servers(&etcd).await;
    for _ in 0..20 {
        let account = register(&servers[0]).await;
        assert_eq!(guess_in_parallel(&servers, account).await, usize::from(GUESSES));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_machines_of_five_may_fail_and_with_three_nothing_is_said_and_nothing_lost() {
    let Some(mut etcd) = Etcd::start(5) else { return };
    let server = etcd.accounts("seen").await;
    let account = register(&server).await;
    assert_eq!(guess(&server, account).await, Outcome::Taken(9));
    etcd.kill(0);
    etcd.kill(1);
    let before = left(&server, account).await;
    assert_eq!(before, 9);
    assert_eq!(guess(&server, account).await, Outcome::Taken(8));
    etcd.kill(2);
    for _ in 0..2 {
        assert_eq!(guess(&server, account).await, Outcome::Unknown);
    }
    etcd.start_machine(0);
    // Reads that were not answered took nothing.
    assert_eq!(left(&server, account).await, 8);
    assert_eq!(guess(&server, account).await, Outcome::Taken(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_that_freeze_in_turn_give_no_further_guess() {
    let Some(etcd) = Etcd::start(5) else { return };
    let etcd = Arc::new(etcd);
    let servers = three_servers(&etcd).await;
    let done = Arc::new(AtomicBool::new(false));
    let freezing = {
        let (etcd, done) = (Arc::clone(&etcd), Arc::clone(&done));
        tokio::spawn(async move {
            // Two in turn, so that every leader is among them, and now and then a majority.
            for round in 0.. {
                let frozen: Vec<_> =
                    (0..2 + usize::from(round % 4 == 3)).map(|nth| (round * 2 + nth) % 5).collect();
                frozen.iter().for_each(|nth| etcd.freeze(*nth));
                // Longer than it takes to choose another leader.
                tokio::time::sleep(Duration::from_millis(1500)).await;
                frozen.iter().for_each(|nth| etcd.thaw(*nth));
                if done.load(Ordering::Relaxed) {
                    return round;
                }
            }
            0
        })
    };
    let mut taken_at_all = 0;
    for _ in 0..6 {
        let account = register(&servers[1]).await;
        let taken = guess_in_parallel(&servers, account).await;
        assert!(taken <= usize::from(GUESSES), "{taken} guesses");
        taken_at_all += taken;
        let told = until_done(|| servers[2].tell(account.id, account.registration)).await;
        assert_eq!(told.guesses_left, 0);
    }
    done.store(true, Ordering::Relaxed);
    let rounds = freezing.await.unwrap();
    assert!(taken_at_all > 0);
    println!("{taken_at_all} guesses at 6 accounts, {rounds} rounds of freezing");
}
