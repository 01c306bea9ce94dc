//! A machine of etcd that does what it is asked, and whose answer never comes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hushfs::keyvault::account::GUESSES;
use hushfs::keyvault::store::{EtcdAddress, EtcdStore, Store, StoreError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::account::register;
use crate::etcd::Etcd;

/// Passes on all that clients say, and what is answered as long as it is not mute.
async fn proxy(machine: SocketAddr) -> (SocketAddr, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, is_mute) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
    let is_mute_there = Arc::clone(&is_mute);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let is_mute = Arc::clone(&is_mute_there);
            let (mut from_client, mut to_client) = client.into_split();
            let machine = TcpStream::connect(machine).await.unwrap();
            let (mut from_machine, mut to_machine) = machine.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_machine).await });
            tokio::spawn(async move {
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = from_machine.read(&mut bytes).await {
                    if !is_mute.load(Ordering::SeqCst) {
                        let _ = to_client.write_all(&bytes[..count]).await;
                    }
                }
            });
        }
    });
    (address, is_mute)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guess_whose_answer_is_lost_is_taken_once_and_nobody_is_told_that_it_was() {
    let Some(etcd) = Etcd::start(1) else { return };
    let plain = etcd.accounts("plain").await;
    let account = register(&plain).await;
    let url = etcd.client_urls().next().unwrap();
    let (address, is_mute) = proxy(url.strip_prefix("http://").unwrap().parse().unwrap()).await;
    let own = EtcdAddress::parse(&etcd.name()).unwrap().unwrap();
    // The one behind the proxy is asked first.
    let both =
        EtcdAddress { endpoints: vec![format!("http://{address}"), url], prefix: own.prefix };
    let store = EtcdStore::open(&both, None, &etcd.place("seen"), false).await.unwrap();
    let found = store.read(account.id).await.unwrap().unwrap();
    let (next, guess) = found.account.take_guess(account.registration).unwrap();
    assert_eq!(guess.guesses_left, GUESSES - 1);

    is_mute.store(true, Ordering::SeqCst);
    let swapped = store.swap(account.id, Some(found.version), &next).await;
    assert!(matches!(swapped, Err(StoreError::Unavailable(_))), "{swapped:?}");
    let told = plain.tell(account.id, account.registration).await.unwrap();
    assert_eq!(told.guesses_left, GUESSES - 1);
    assert_eq!(told.age.generation, next.generation());
    // It goes on by the other machine.
    let now = store.read(account.id).await.unwrap().unwrap();
    assert_eq!(now.account, next);
}
