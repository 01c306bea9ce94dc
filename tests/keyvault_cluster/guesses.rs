//! Guesses in a cluster of which machines fail: never one too many, and none that comes back.

use std::sync::Arc;
use std::time::Duration;

use hushfs::keyvault::account::GUESSES;
use hushfs::keyvault::accounts::Accounts;
use hushfs::keyvault::store::EtcdStore;

use crate::account::{Outcome, Registered, guess, left, register};
use crate::etcd::Etcd;

const CLIENTS: usize = 8;
/// How often machines freeze, for a second and a half.
const FREEZES: usize = 8;

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
    let freezing = {
        let etcd = Arc::clone(&etcd);
        tokio::spawn(async move {
            // Two in turn, so that every leader is among them, and now and then a majority.
            for round in 0..FREEZES {
                let majority = usize::from(round % 4 == 3);
                let frozen: Vec<_> = (0..2 + majority).map(|nth| (round * 2 + nth) % 5).collect();
                frozen.iter().for_each(|nth| etcd.freeze(*nth));
                // Longer than it takes to choose another leader.
                tokio::time::sleep(Duration::from_millis(1500)).await;
                frozen.iter().for_each(|nth| etcd.thaw(*nth));
            }
        })
    };
    let (mut accounts, mut taken_at_all) = (0, 0);
    while !freezing.is_finished() {
        let account = register(&servers[accounts % 3]).await;
        let taken = guess_in_parallel(&servers, account).await;
        assert!(taken <= usize::from(GUESSES), "{taken} guesses");
        assert_eq!(left(&servers[(accounts + 1) % 3], account).await, 0);
        accounts += 1;
        taken_at_all += taken;
    }
    freezing.await.unwrap();
    println!("{taken_at_all} guesses at {accounts} accounts");
    assert!(taken_at_all > 0);
}
